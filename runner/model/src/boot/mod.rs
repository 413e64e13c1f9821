//! Boots: how far one start of a machine came, what it led to, and the signs that tell it.
//!
//! A boot climbs through [stages](BootStage), each shown by a sign, none guessed from how long it took:
//!
//! ```text
//! firmware ─► kernel ─► network ─► ssh ─► services ─► settled
//!     │          │         │        │        │           └ the step that started the boot has passed
//!     │          │         │        │        └ every service and filter that the plan looks at is there
//!     │          │         │        └ a session began, or the guest answered in it
//!     │          │         └ the guest's system refused a connection: it has a network
//!     │          └ the panic device was spoken to, which only a kernel does
//!     └ the machine started, or was reset
//! ```
//!
//! A boot leads to a [state](BootState). Which one is decided as early as it is proved, and no earlier:
//!
//! | state | decided | by |
//! |---|---|---|
//! | `up` | when the guest answers in a new boot | its own boot identity; `settled` once its step has passed |
//! | `bugcheck` | when it came back and stayed, powered off, or did not come back in its time | the panic device, or the guest's own log |
//! | `loop` | at the third boot in a row that ended by itself before it had settled; at the sixth, or at the end of its time, where these may be servicing's restarts | resets; a boot that answered in between counts like any other; the guest's own log, once it answers |
//! | `hang` | at the end of its time | silence, while disk, console and screen stand still or cannot be seen; of a guest that had answered, only if they were seen to stand still |
//! | `unreachable` | at the end of its time | silence, while disk or console go on; or the system's log on the disk did; or the guest had answered, and nothing shows that it stands still |
//! | `recovery` | at the end of its time | the log of automatic repair on the disk; or two failed boots and then a picture that stands still |
//!
//! The time a boot has is its matrix' author's. No state but `bugcheck` and `loop` is decided before it is over: a guest
//! that shows nothing for minutes may be one that checks its disk, and only the author knows how long is too long. At its
//! end a guest that still moves gets half as much again, as it is slow rather than hung; that is all it gets, since a
//! system that runs with a dead network moves for ever.

mod course;
mod disk;
mod signs;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Seconds;

pub use course::{Failing, boots, failing, reached};
pub use disk::{DiskWitness, LogSpan, Proof, RepairLog, what_the_disk_proves};
pub use signs::{MachineEvent, MachineSign, boot_edges, crashes};

/// What one start of the machine led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootState {
    /// The guest answered under a new boot identity; whether it settled is [`Boot::reached`].
    Up,
    /// It stopped with a stop code.
    Bugcheck,
    /// It restarted again and again without ever settling.
    Loop,
    /// It stopped making progress.
    Hang,
    /// It shows the recovery screen.
    Recovery,
    /// It runs but its network does not answer.
    Unreachable,
}

impl BootState {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Bugcheck => "bugcheck",
            Self::Loop => "loop",
            Self::Hang => "hang",
            Self::Recovery => "recovery",
            Self::Unreachable => "unreachable",
        }
    }
}

impl std::fmt::Display for BootState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a boot came: the last stage that something proved. It may have come further, never less far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootStage {
    /// The machine started or was reset.
    #[default]
    Firmware,
    /// A kernel runs.
    Kernel,
    /// The guest's system answers on its network, be it with a refusal.
    Network,
    /// Its SSH service began a session.
    Ssh,
    /// Every service and filter that the plan looks at is there.
    Services,
    /// The step that started the boot has passed: the boot stays.
    Settled,
}

impl BootStage {
    /// All of them, in the order of a boot.
    pub const ALL: [Self; 6] = [Self::Firmware, Self::Kernel, Self::Network, Self::Ssh, Self::Services, Self::Settled];

    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Kernel => "kernel",
            Self::Network => "network",
            Self::Ssh => "ssh",
            Self::Services => "services",
            Self::Settled => "settled",
        }
    }
}

impl std::fmt::Display for BootStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootEnd {
    /// Shut down or restarted in order.
    Clean,
    /// With a stop code.
    Bugcheck,
    /// It reset without any word of why.
    Unexpected,
    /// Its power went: the lab cut it, or its machine's process ended.
    PowerLoss,
    /// It still runs as far as the record goes.
    Running,
}

/// One boot of a guest, as its machine's signs tell of it; see [`boots`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// What the start led to.
    pub state: BootState,
    /// How far it came.
    #[serde(default)]
    pub reached: BootStage,
    /// How it ended.
    pub ended: BootEnd,
    /// From power-on or reset until the guest answered; until the boot's end when it never did.
    pub took_s: Seconds,
}

/// What makes one boot different from another (`LastBootId` and `StartTime` of the guest's own log).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootIdentity {
    /// The guest's own count of its boots.
    pub boot_id: u32,
    /// When the guest says it started; text as the guest wrote it, compared only for equality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
}

/// The time from one moment to a later one; nothing where a clock was set back in between.
fn between(from: Timestamp, to: Timestamp) -> std::time::Duration {
    std::time::Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
