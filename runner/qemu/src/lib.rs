//! Machines as QEMU processes.
//!
//! ```text
//!                    start                cut_power, or the process ended
//!   create ─► ready ───────► on ───────────────────────────────► off ─┐
//!               │            ▲                                    │   │ destroy
//!               │            └──────────────── start ─────────────┘   ▼
//!               └─────────────────────── destroy ──────────────────► gone
//! ```
//!
//! A machine's folder holds `serial.log` and `qemu.log`, which stay, and `vm/` with the overlay and the firmware's
//! variables, which [`Machine::destroy`](coexist_lab::Machine::destroy) removes. QEMU's control socket and the guest's
//! serial port are the process's own standard input and output: no socket has a name, so no path is too long, nothing is
//! left behind, and nobody else on the host can connect.
//!
//! The guest is hostile. Its logs are bounded, its signs are bounded, its network reaches nothing, and QEMU itself runs
//! under its seccomp filter, without privileges and as another user where the host allows; [`QemuProvider::restrictions`]
//! tells where it does not.

mod cgroup;
mod command;
mod control;
mod digest;
mod events;
mod faults;
mod host;
mod identity;
mod limits;
mod log;
mod machine;
mod memory;
mod overlay;
mod port;
mod process;
mod proof;
mod provider;
mod room;
mod signs;
mod spawner;
#[cfg(test)]
mod transcripts;
mod waits;
mod watchdog;

pub use digest::check_disk;
pub use host::{DiscoverError, FirmwareFiles, HostReport, Version, missing_programs};
pub use limits::{Limits, Storage};
pub use proof::{Acceleration, Accelerator};
pub use provider::{QemuOptions, QemuProvider};
pub use room::{Fit, Memory, Processors, Room, Scarce};
