//! What an event log tells of a system's boots. Field names are those of the `coexist.triage/1` contract.

use serde::{Deserialize, Serialize};

use crate::Hex;

/// The boots an event log tells of, in the order of its records: a clock that was set changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BootHistory {
    /// One entry per boot, oldest first. The first may have begun before the log does.
    pub boots: Vec<LoggedBoot>,
    /// Time of the newest record, by the guest's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<jiff::Timestamp>,
    /// Whether records could not be read or are missing; the notes say which.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Remarks on how far the facts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One boot as the log has it. Unknown is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LoggedBoot {
    /// Number of its first record; absent for a boot that left none and is only told of by the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_record: Option<u64>,
    /// When it began, by the guest's own clock; absent where the log does not hold its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<jiff::Timestamp>,
    /// How it ended; absent where the records that would tell are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<LoggedEnd>,
    /// When it ended: the kernel's word of a shutdown, else the last moment at which it was known to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<jiff::Timestamp>,
    /// Stop code of a bugcheck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_code: Option<Hex>,
    /// The stop code's four parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Hex>,
    /// Path of the dump in the guest, as it was reported there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<String>,
}

/// How a boot ended, as far as its system could tell afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoggedEnd {
    /// Shut down or restarted in order.
    Clean,
    /// With a stop code.
    Bugcheck,
    /// Without a word, and Windows recorded no stop: its power went, or it was reset, or it hung before somebody did
    /// either.
    PowerLoss,
    /// Somebody held the power button.
    PowerButton,
    /// Not in order, and the log does not say how.
    Unexpected,
    /// The log ends in it.
    Running,
}

impl LoggedEnd {
    /// Its name in published facts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Bugcheck => "bugcheck",
            Self::PowerLoss => "power-loss",
            Self::PowerButton => "power-button",
            Self::Unexpected => "unexpected",
            Self::Running => "running",
        }
    }
}
