//! What earlier runs tell a planner: which cells were tested, when and with what, and what they cost.
//!
//! [`past_run`] makes it of a record and its verdicts; `standing.rs` has the rule of what counts as tested.

mod met;
mod standing;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    Action, AgentChoice, AgentId, Arm, ArmOutcome, ArmRecord, Arms, CandidateRef, Cell, CellId, ImageId, MatrixRef,
    Run, RunId, Seconds, Sha256, Verdict, Verdicts,
};

pub use met::{Met, Part, PartKind};
pub use standing::{Standing, standing};

/// An earlier run, with those of its cells that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its name.
    pub run: RunId,
    /// When it ended; of a run that was cut off, when it was last heard of.
    pub at: Timestamp,
    /// The matrix it was planned from.
    pub matrix: MatrixRef,
    /// What it tried.
    pub candidate: CandidateRef,
    /// Its cells in the plan's order, without those that never ran.
    pub cells: Vec<PastCell>,
}

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
    /// Digests of what stood in the cell.
    pub digests: Digests,
    /// What each arm cost; absent for one that never ran to an end.
    pub cost: Arms<Option<ArmCost>>,
}

/// What exactly stood in a cell: a name and a version may be built anew. Settings have no digest of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digests {
    /// Of the image's disk.
    pub image: Option<Sha256>,
    /// Of the package by which the baseline installed each agent.
    pub agents: BTreeMap<AgentId, Sha256>,
}

/// What one arm of a cell cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArmCost {
    /// All its steps together, those of its last attempt where it was begun anew.
    pub took: Seconds,
    /// Starts of its machine.
    pub boots: u32,
    /// Bytes that its disk grew over the image's, where that was measured.
    pub disk: Option<u64>,
}

/// What a run leaves for those that come after it. A cell that never ran is not in it: nothing was tried there.
#[must_use]
pub fn past_run(run: &Run, verdicts: &Verdicts) -> PastRun {
    let judged = run.records().zip(&verdicts.cells).filter(|(_, it)| it.verdict != Verdict::NotRun);
    let cells = judged.map(|((cell, records), judgement)| past_cell(run, cell, records, judgement.verdict)).collect();
    PastRun {
        run: run.id.clone(),
        at: run.ended,
        matrix: run.plan.matrix.clone(),
        candidate: run.plan.candidate.clone(),
        cells,
    }
}

fn past_cell(run: &Run, cell: &Cell, records: &Arms<ArmRecord>, verdict: Verdict) -> PastCell {
    PastCell {
        run: run.id.clone(),
        at: run.ended,
        id: cell.id.clone(),
        image: cell.image.clone(),
        settings: cell.settings.clone(),
        agents: cell.agents.clone(),
        verdict,
        standing: standing(cell, records, verdict),
        candidate: run.plan.candidate.sha256.clone(),
        digests: Digests {
            image: run.plan.images.get(&cell.image).map(|image| image.disk.sha256.clone()),
            agents: cell.agents.iter().filter_map(|agent| Some((agent.id.clone(), package(cell, agent)?))).collect(),
        },
        cost: Arms { baseline: cost(&records.baseline), candidate: cost(&records.candidate) },
    }
}

/// The package by which the baseline installs an agent, wherever in the arm it does.
fn package(cell: &Cell, agent: &AgentChoice) -> Option<Sha256> {
    cell.arms[Arm::Baseline].iter().find_map(|step| match &step.action {
        Action::Install(install) if install.agent == agent.id && install.version == agent.version => {
            Some(install.package.clone())
        }
        _ => None,
    })
}

/// What an arm cost that a product brought to its end, or that came to it; how long a fault of the lab took says nothing
/// of the next time.
fn cost(record: &ArmRecord) -> Option<ArmCost> {
    match record.outcome {
        ArmOutcome::Up | ArmOutcome::Failed { .. } if record.ended => Some(ArmCost {
            took: record.steps.values().copied().sum(),
            boots: u32::try_from(record.boots.len()).unwrap_or(u32::MAX),
            disk: None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
