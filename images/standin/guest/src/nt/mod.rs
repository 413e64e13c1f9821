//! The little Windows kernel: drivers in memory, what they do, and what happens when they do it badly.
//!
//! ```text
//! face ─► Nt (loads, unloads, tells of content) ─► conduct: a card's misfortunes ─► Machine: stop, hang, go silent
//!                     │                                       ▲
//!                     └── memory: addresses    history: boots with driver, with content
//! ```

mod bugcheck;
mod conduct;
mod fill;
mod history;
mod image;
mod inbox;
mod kernel;
mod live_report;
mod machine;
mod memory;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use kernel::Nt;
pub(crate) use machine::{Hang, Machine, Stop};
