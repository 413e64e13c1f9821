//! What a misfortune does to the machine, apart from the kernel that decides on it.

use std::time::Duration;

use standin_formats::dump::SmallDump;

/// A bugcheck on its way to the disk.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Everything that goes into the dump.
    pub(crate) dump: SmallDump,
    /// Image that the blue screen names, where one is to blame.
    pub(crate) failed: Option<String>,
}

/// The machine under the kernel. The real one never returns from the first three; the one in tests takes notes.
pub(crate) trait Machine: Send + Sync {
    /// The system stops: blue screen, dump, panic device, reset.
    fn stop(&self, stop: Stop);
    /// Nothing makes progress any more, nothing answers, nothing resets.
    fn hang(&self);
    /// The system was shut down properly and its volume is to be closed: restart or switch off.
    fn end(&self, restart: bool);
    /// The network falls silent.
    fn silence(&self);
    /// Time since the machine started.
    fn uptime(&self) -> Duration;
}
