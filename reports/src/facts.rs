//! What there is to say of a cell beyond its verdict, as named lines: every format for people shows these.

use coexist_model::{AbandonedAttempt, Arm, ArmOutcome, Crash, FaultKind, LabFault, StepFailure, StepId, ladder_words};

use crate::view::{Row, driver_words, stop_words, strength_words};

/// A name of ours, and what belongs to it: foreign, to be sanitised by who shows it.
pub(crate) type Fact = (&'static str, String);

/// Title of the cells that are listed only because an attempt at them was given up.
pub(crate) const BEGUN_ANEW: &str = "begun anew, because of the lab";

/// What happened where, and what to look at. How to see it again is for each format to add, at the end.
pub(crate) fn facts(row: Row<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((arm, step, failure)) = row.failure() {
        facts.extend(failure_facts(arm, step, failure));
        facts.extend(ladder_words(&row.arms[arm].ladder).map(|words| ("ladder", words)));
        facts.push(("look at", failure.state.look_at().to_owned()));
    }
    for arm in Arm::BOTH {
        if let ArmOutcome::Fault { step, fault } = &row.arms[arm].outcome {
            facts.extend(fault_facts(arm, step, fault));
        }
    }
    facts.extend(attempts(row).map(|words| ("attempt", words)));
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

/// Where there is more of a kind of fault, and what to do about it unless its message says so already.
pub(crate) fn advice(kind: FaultKind) -> String {
    let more = format!("docs/faults.md#{kind}");
    if message_advises(kind) { more } else { format!("{} ({more})", kind.facts().look_at) }
}

/// Whether messages of this kind end with what to do. The host's and the image's do, because whoever writes them knows
/// the path, the port or the limit; what the guest did is told as it was seen.
fn message_advises(kind: FaultKind) -> bool {
    match kind {
        FaultKind::QemuStart
        | FaultKind::QemuDied
        | FaultKind::QemuHung
        | FaultKind::HostMemory
        | FaultKind::HostDiskFull
        | FaultKind::HostFileHandles
        | FaultKind::HostFile
        | FaultKind::PortTaken
        | FaultKind::WrongMachine
        | FaultKind::ImageMissing
        | FaultKind::ImageAltered
        | FaultKind::ImageExpired
        | FaultKind::GuestClock
        | FaultKind::BlockedByAgent => true,
        FaultKind::NoAnswer
        | FaultKind::SshRefused
        | FaultKind::SshWrongKey
        | FaultKind::SshAuthentication
        | FaultKind::ExecCut
        | FaultKind::TransferCut
        | FaultKind::ShortWrite
        | FaultKind::GuestDiskFull
        | FaultKind::NotAsConfigured
        | FaultKind::GuestDisagrees
        | FaultKind::Deadline => false,
    }
}

fn attempts(row: Row<'_>) -> impl Iterator<Item = String> {
    Arm::BOTH.into_iter().flat_map(move |arm| attempts_at(row, arm))
}

/// The attempts at an arm that the lab itself failed and that were begun anew, a line each.
pub(crate) fn attempts_at(row: Row<'_>, arm: Arm) -> impl Iterator<Item = String> {
    let numbered = (1..).zip(&row.arms[arm].abandoned);
    numbered.map(move |(number, attempt)| format!("{number} of the {arm} arm: {}", attempt_words(attempt)))
}

/// `qemu-died in step dwell: QEMU is gone; begun anew`.
pub(crate) fn attempt_words(attempt: &AbandonedAttempt) -> String {
    let AbandonedAttempt { step, fault, .. } = attempt;
    format!("{} in step {step}: {}; begun anew", fault.kind, fault.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_leads_to_the_page_and_says_nothing_that_the_message_says() {
        for kind in FaultKind::ALL {
            let advice = advice(kind);
            assert!(advice.contains(&format!("docs/faults.md#{kind}")), "{advice}");
            assert_eq!(advice.contains(kind.facts().look_at), !message_advises(kind), "{advice}");
        }
    }
}
