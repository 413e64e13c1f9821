//! Combinations as a memory of runs tells them: what stood together, when, and whether that tested it.

use jiff::Timestamp;

use super::Standing;
use crate::{Sha256, Verdict};

/// What a part of a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The image it started from; has no name.
    Image,
    /// A setting.
    Setting,
    /// An agent; its value is the version that the baseline held.
    Agent,
}

impl PartKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Image, Self::Setting, Self::Agent];

    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Setting => "setting",
            Self::Agent => "agent",
        }
    }
}

/// One part of a combination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Name of the setting or agent; empty for the image.
    pub name: String,
    /// The image's id, the setting's value or the agent's version.
    pub value: String,
    /// Digest it was on, where that is known.
    pub digest: Option<Sha256>,
}

/// A combination that stood in cells of one standing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Met {
    /// What stood together: by kind and name, or in the order of installation where that was asked for.
    pub parts: Vec<Part>,
    /// Whether these cells tested it.
    pub standing: Standing,
    /// Runs in which it stood so.
    pub runs: u64,
    /// Cells in which it stood so.
    pub cells: u64,
    /// When the last of these runs ended.
    pub last: Timestamp,
    /// The verdict in the last of these runs, of several the one that needs a reader most.
    pub verdict: Verdict,
}
