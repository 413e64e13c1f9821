//! What earlier runs tell a planner: which cells were tested, when and with what, and what they cost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{AgentChoice, Arms, CellId, ImageId, RunId, Seconds, Sha256, Verdict};

/// One cell of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCell {
    /// The run it was in.
    pub run: RunId,
    /// When that run ended.
    pub at: Timestamp,
    /// Its name.
    pub id: CellId,
    /// The image it started from.
    pub image: ImageId,
    /// Setting to value.
    pub settings: BTreeMap<String, String>,
    /// Agents in the order they were installed, at the versions that the baseline held.
    pub agents: Vec<AgentChoice>,
    /// What the judge said.
    pub verdict: Verdict,
    /// Whether its combinations were tested.
    pub standing: Standing,
    /// Digest of the candidate's package.
    pub candidate: Option<Sha256>,
    /// What each arm cost; absent for one that never ran to an end.
    pub cost: Arms<Option<ArmCost>>,
}

/// Whether the combinations of a cell were tested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Both arms reached a verdict with every agent and setting attested.
    Tested,
    /// The cell was broken or inconclusive: whatever stood in it beside the cause was not tested.
    Masked,
}

/// What one arm of a cell cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmCost {
    /// From its first step to its machine given back.
    pub took: Seconds,
    /// Starts of its machine.
    pub boots: u32,
    /// Bytes that its disk grew over the image's, where that was measured.
    pub disk: Option<u64>,
}
