//! Problems: cells that fail alike.

use coexist_model::{ArmOutcome, Judgement, Problem, ProblemState, Run, Verdict};

use crate::proved;

/// The problems of a run: its regressed cells, grouped by the candidate's bucket, in the order of their first cells.
pub(crate) fn problems(run: &Run, judgements: &[Judgement]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for ((cell, records), judgement) in run.records().zip(judgements) {
        if !matches!(judgement.verdict, Verdict::Regressed | Verdict::Flaky) {
            continue;
        }
        let bucket = match &*proved(&cell.arms.candidate, &records.candidate) {
            ArmOutcome::Failed { failure, .. } => failure.bucket().cloned(),
            ArmOutcome::Up | ArmOutcome::Fault { .. } | ArmOutcome::NotRun { .. } => None,
        };
        match problems.iter_mut().find(|it| bucket.is_some() && it.bucket == bucket) {
            Some(known) => known.cells.push(cell.id.clone()),
            None => problems.push(Problem { bucket, cells: vec![cell.id.clone()], state: ProblemState::New }),
        }
    }
    problems
}
