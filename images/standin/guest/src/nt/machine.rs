//! What a misfortune does to the machine, apart from the kernel that decides on it.

use std::time::Duration;

use standin_behaviour::CutShort;
use standin_formats::dump::SmallDump;

/// A bugcheck on its way to the disk.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Everything that goes into the dump.
    pub(crate) dump: SmallDump,
    /// Image that the blue screen names, where one is to blame.
    pub(crate) failed: Option<String>,
    /// How the machine ends when the power fails while the dump is written.
    pub(crate) cut: Option<CutShort>,
}

/// A system that makes no progress any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hang {
    /// A non-maskable interrupt still stops it.
    Interruptible,
    /// Nothing does.
    Deaf,
}

/// The machine under the kernel. The real one never returns from the first three; the one in tests takes notes.
pub(crate) trait Machine: Send + Sync {
    /// The system stops: blue screen, dump, panic device, reset.
    fn stop(&self, stop: Stop);
    /// Nothing makes progress any more, nothing answers, nothing resets.
    fn hang(&self, hang: Hang);
    /// The system was shut down properly and its volume is to be closed: restart or switch off.
    fn end(&self, restart: bool);
    /// The network falls silent.
    fn silence(&self);
    /// The network falls silent for a while; returns at once.
    fn silence_for(&self, time: Duration);
    /// Whether the system neither hangs nor stops.
    fn is_alive(&self) -> bool;
    /// Time since the machine started.
    fn uptime(&self) -> Duration;
}
