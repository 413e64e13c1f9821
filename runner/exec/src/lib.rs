//! A plan and the ports to a stream of events.
//!
//! ```text
//! run ─► waves, while each is clean ─► cell by cell ─► both arms ─► step by step ─► checks
//!                          │             └ any loss of the guest ─► judged by the machine's signs, then by its own log
//!                          └ always: evidence first, then the machine is given back
//! ```
//!
//! The executor makes no choice: the plan says what is done, the ports do it, [`Event`](coexist_model::Event)s say what
//! came of it. Time comes from the clock port alone.

mod arm;
mod arrival;
mod boot;
mod folder;
mod health;
mod ladder;
mod log;
mod loss;
mod progress;
mod record;
mod run;
mod signs;
mod silence;
mod step;
mod stop;
mod wait;

pub use folder::RunFolder;
pub use log::{EventLog, LogError, read_log};
pub use record::{Recorder, Sink};
pub use run::{Gate, Halt, HaltSwitch, Options, Ports, run};
