//! From a whole run to verdicts: what each arm's record proves, then the table.

use std::borrow::Cow;

use coexist_model::{Arm, ArmOutcome, ArmRecord, CheckOutcome, Judgement, Run, Step, Verdict};

use crate::judge;

/// The verdicts of a run, whole or cut off anywhere: one per planned cell, in the plan's order.
pub(crate) fn judge_run(run: &Run) -> Vec<Judgement> {
    run.records()
        .map(|(cell, records)| {
            if let Some(held) = run.held.as_ref().filter(|_| Arm::BOTH.iter().all(|arm| records[*arm].never_began())) {
                return Judgement { verdict: Verdict::NotRun, reason: held.reason() };
            }
            let baseline = proved(&cell.arms.baseline, &records.baseline);
            let candidate = proved(&cell.arms.candidate, &records.candidate);
            judge(cell, &baseline, &candidate)
        })
        .collect()
}

/// The outcome that the record of an arm proves. `up` takes every planned check to have passed: a record that says `up`
/// beside a check that did not pass is taken at the check's word, so that nothing unproved looks green.
#[must_use]
pub fn proved<'a>(steps: &[Step], record: &'a ArmRecord) -> Cow<'a, ArmOutcome> {
    if record.outcome != ArmOutcome::Up {
        return Cow::Borrowed(&record.outcome);
    }
    let checks = steps.iter().flat_map(|step| step.checks.iter().map(move |check| (step, check)));
    for (step, check) in checks {
        let outcome = match record.checks.get(&check.name).map(|it| &it.outcome) {
            Some(CheckOutcome::Passed) => continue,
            Some(CheckOutcome::Failed { failure }) => {
                ArmOutcome::Failed { step: step.id.clone(), failure: failure.clone() }
            }
            Some(CheckOutcome::Faulted { fault }) => ArmOutcome::Fault { step: step.id.clone(), fault: fault.clone() },
            Some(CheckOutcome::NotRun { reason }) => {
                ArmOutcome::NotRun { reason: format!("check `{}` was not run: {reason}", check.name) }
            }
            None => ArmOutcome::NotRun { reason: format!("check `{}` has no record", check.name) },
        };
        return Cow::Owned(outcome);
    }
    Cow::Borrowed(&record.outcome)
}
