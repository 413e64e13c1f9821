//! The ports through which a run reaches the world: machines seen from outside, guests seen from inside, time.
//!
//! Everything here is a trait or a value. Who stands behind a port (QEMU, SSH, a script in a test) is chosen by the
//! command line alone.

mod clock;
mod guest;
mod journal;
mod machine;

pub use clock::{Clock, SystemClock};
pub use guest::{
    BootRecord, Door, Guest, GuestError, InstallReport, Reading, RemoteFile, Unanswered, UnexpectedEnd, Whose,
};
pub use journal::Journal;
pub use machine::{Activity, DiskFiles, LogFile, Machine, MachineSpec, MemoryForm, Provider, memory_dump_time};
