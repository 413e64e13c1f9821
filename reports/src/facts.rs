//! What there is to say of a cell beyond its verdict, as named lines: every format for people shows these.

use coexist_model::{AbandonedAttempt, Arm, ArmOutcome, Crash, FaultKind, LabFault, StepFailure, StepId};

use crate::Report;
use crate::view::{Row, driver_words, stop_words, strength_words};

/// A name of ours, and what belongs to it: foreign, to be sanitised by who shows it.
pub(crate) type Fact = (&'static str, String);

/// What happened where, what to look at, and how to see it again.
pub(crate) fn facts(report: Report<'_>, row: Row<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((arm, step, failure)) = row.failure() {
        facts.extend(failure_facts(arm, step, failure));
    }
    for arm in Arm::BOTH {
        if let ArmOutcome::Fault { step, fault } = &row.arms[arm].outcome {
            facts.extend(fault_facts(arm, step, fault));
        }
    }
    facts.extend(attempts(row).map(|words| ("attempt", words)));
    facts.push(("repeat", report.repeat(row.cell)));
    facts
}

fn failure_facts(arm: Arm, step: &StepId, failure: &StepFailure) -> Vec<Fact> {
    let mut facts = vec![
        ("seen", format!("{} in step {step} of the {arm} arm", failure.state)),
        ("message", failure.message.clone()),
    ];
    if let Some(crash) = &failure.crash {
        facts.extend(crash_facts(crash));
    }
    facts.push(("look at", failure.state.look_at().to_owned()));
    facts
}

fn crash_facts(crash: &Crash) -> Vec<Fact> {
    let mut facts = vec![("stop code", stop_words(crash))];
    if let Some(driver) = driver_words(crash) {
        facts.push(("driver", driver));
        facts.push(("vendor", crash.blame.vendor.clone().unwrap_or_else(|| "unknown".to_owned())));
    }
    let strength = strength_words(crash.blame.strength);
    facts.push(("blame", format!("{strength}: {}", crash.blame.reason)));
    facts
}

fn fault_facts(arm: Arm, step: &StepId, fault: &LabFault) -> [Fact; 3] {
    [
        ("lab fault", format!("{} in step {step} of the {arm} arm", fault.kind)),
        ("message", fault.message.clone()),
        ("look at", advice(fault.kind)),
    ]
}

/// What to do about a kind of fault, and where there is more of it.
pub(crate) fn advice(kind: FaultKind) -> String {
    format!("{} (docs/faults.md#{kind})", kind.facts().look_at)
}

/// The attempts that the lab itself failed and that were begun anew, a line each.
pub(crate) fn attempts(row: Row<'_>) -> impl Iterator<Item = String> {
    Arm::BOTH.into_iter().flat_map(move |arm| {
        let numbered = (1..).zip(&row.arms[arm].abandoned);
        numbered.map(move |(number, attempt)| format!("{number} of the {arm} arm: {}", attempt_words(attempt)))
    })
}

/// `qemu-died in step dwell: QEMU is gone; begun anew`.
pub(crate) fn attempt_words(attempt: &AbandonedAttempt) -> String {
    let AbandonedAttempt { step, fault, .. } = attempt;
    format!("{} in step {step}: {}; begun anew", fault.kind, fault.message)
}
