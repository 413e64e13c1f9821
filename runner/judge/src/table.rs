//! The table of verdict rules: which rule speaks for a pair of outcomes.

use std::cmp::Ordering;

use coexist_model::{Arm, ArmOutcome, Bucket, Cell, LabFault, StepFailure, StepId};

/// A failure and where it happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed<'a> {
    pub(crate) step: &'a StepId,
    pub(crate) failure: &'a StepFailure,
}

/// How the candidate's failure differs from the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It comes at an earlier step.
    Earlier,
    /// Same step, another state.
    State,
    /// Same step and state, another bucket.
    Bucket,
    /// Same step and state, but a bucket is unknown, so nothing proves the failures equal.
    UnknownBucket,
}

/// The rule that speaks, with what its reason needs. One variant per row of the table.
#[derive(Debug)]
pub(crate) enum Rule<'a> {
    BothUp,
    Broke {
        candidate: Failed<'a>,
    },
    Mended {
        baseline: Failed<'a>,
    },
    Same {
        candidate: Failed<'a>,
    },
    Changed {
        change: Change,
        baseline: Failed<'a>,
        candidate: Failed<'a>,
    },
    Masked {
        baseline: Failed<'a>,
        candidate: Failed<'a>,
    },
    BaselineFault {
        step: &'a StepId,
        fault: &'a LabFault,
        candidate: &'a ArmOutcome,
    },
    CandidateFault {
        step: &'a StepId,
        fault: &'a LabFault,
        baseline: &'a ArmOutcome,
    },
    NotRun {
        arm: Arm,
        reason: &'a str,
    },
    /// A record that names a step its plan lacks: no row can be chosen, so nobody is accused or cleared.
    OutsideThePlan {
        step: &'a StepId,
    },
}

/// Chooses the rule. Exhaustive over both outcomes.
pub(crate) fn rule<'a>(cell: &Cell, baseline: &'a ArmOutcome, candidate: &'a ArmOutcome) -> Rule<'a> {
    use ArmOutcome::{Failed as Fail, Fault, NotRun, Up};
    match (baseline, candidate) {
        (NotRun { reason }, _) => Rule::NotRun { arm: Arm::Baseline, reason },
        (_, NotRun { reason }) => Rule::NotRun { arm: Arm::Candidate, reason },
        (Fault { step, fault }, Up | Fail { .. } | Fault { .. }) => Rule::BaselineFault { step, fault, candidate },
        (Up | Fail { .. }, Fault { step, fault }) => Rule::CandidateFault { step, fault, baseline },
        (Up, Up) => Rule::BothUp,
        (Up, Fail { step, failure }) => Rule::Broke { candidate: Failed { step, failure } },
        (Fail { step, failure }, Up) => Rule::Mended { baseline: Failed { step, failure } },
        (Fail { step: before, failure: old }, Fail { step, failure }) => {
            compare(cell, Failed { step: before, failure: old }, Failed { step, failure })
        }
    }
}

fn compare<'a>(cell: &Cell, baseline: Failed<'a>, candidate: Failed<'a>) -> Rule<'a> {
    let Some(before) = cell.position(baseline.step) else {
        return Rule::OutsideThePlan { step: baseline.step };
    };
    let Some(after) = cell.position(candidate.step) else {
        return Rule::OutsideThePlan { step: candidate.step };
    };
    match after.cmp(&before) {
        Ordering::Less => Rule::Changed { change: Change::Earlier, baseline, candidate },
        Ordering::Greater => Rule::Masked { baseline, candidate },
        Ordering::Equal => match difference(baseline.failure, candidate.failure) {
            None => Rule::Same { candidate },
            Some(change) => Rule::Changed { change, baseline, candidate },
        },
    }
}

/// The bucket of a failure, where equal ones prove equal failures: one of a stop has to name the place.
fn proving(failure: &StepFailure) -> Option<&Bucket> {
    failure.bucket().filter(|bucket| failure.crash.is_none() || bucket.names_a_place())
}

/// What tells two failures of the same step apart; `None` when they are proved to be the same.
fn difference(baseline: &StepFailure, candidate: &StepFailure) -> Option<Change> {
    if baseline.state != candidate.state {
        return Some(Change::State);
    }
    match (proving(baseline), proving(candidate)) {
        (Some(before), Some(after)) if before == after => None,
        (Some(_), Some(_)) => Some(Change::Bucket),
        _ => Some(Change::UnknownBucket),
    }
}
