//! Bytes that a crashed machine left behind, read as facts.
//!
//! ```text
//! disk image ─► disk::GuestDisk ─► raw dump bytes ─► dump::read_kernel_dump ─┬► KernelDump
//!                                  file of any size ─► dump::read_dump_file ─┘
//!                                                    KernelDump + DriverOwners ─► crash_from ─► model::Crash
//! event log ─► event_log::read_event_log ─► model::BootHistory
//! ```
//!
//! - [`dump`]: bytes to facts. Says only what the bytes say.
//! - [`stop_codes`]: what is publicly known of a stop code: its name, which parameter is the faulting instruction,
//!   what tells two crashes of one code apart, whether anybody can be blamed for it at all, and what its parameters
//!   stand for.
//! - [`DriverOwners`]: who makes a driver. [`stack_candidates`]: what on the stack may be a return address into one.
//! - [`blame()`], [`bucket()`]: conclusions, each with its reason; [`crash_from`] puts facts and conclusions together.
//! - [`read_user_dump`]: one process's dump to published facts.
//! - [`read_driver_file`]: who made a program or driver, as its file says.
//! - [`console_stop`]: a stop code from the serial console's log.
//! - [`read_hive`]: a registry hive: what Windows does at a stop, which drivers it loads.
//! - [`event_log`]: the boots a log tells of.
//! - [`triage()`]: any file to what it is and what it proves.
//! - [`packed`]: big files kept compressed, written piece by piece and read here and there.
//! - [`disk`]: files of a powered-off guest, read from its disk image.
//!
//! All input is the guest's and hostile. Everything but `disk` and `packed` is a pure function of bytes or of a file's;
//! nothing here panics or allocates more than a small multiple of what it was given (for files of any size: more than a
//! stated bound), and damage gives fewer facts and a note, not an error, as long as there is a stop code to report.

mod blame;
mod bucket;
mod bytes;
mod console;
mod crash;
pub mod disk;
pub mod dump;
pub mod event_log;
mod fault;
mod frameworks;
mod guard;
mod hive;
pub mod packed;
mod pe;
mod stack;
pub mod stop_codes;
mod triage;
mod user_dump;
mod vendors;

pub use blame::blame;
pub use bucket::bucket;
pub use console::{ConsoleStop, console_stop};
pub use crash::crash_from;
pub use dump::{DumpError, KernelDump, read_dump_file, read_kernel_dump};
pub use event_log::{EventLogError, read_event_log};
pub use hive::{HiveError, read_hive};
pub use pe::{DriverFileError, read_driver_file};
pub use stack::stack_candidates;
pub use triage::triage;
pub use user_dump::{UserDumpError, read_user_dump};
pub use vendors::{DriverOwners, FileAtHand, ImageId};
