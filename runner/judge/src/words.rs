//! Reasons in plain words: step, state, stop code, driver, vendor.

use coexist_model::{ArmOutcome, Crash, FailureState, Strength};

use crate::table::{Change, Failed, Rule};

/// The reason of a rule, one line.
pub(crate) fn reason(rule: &Rule<'_>) -> String {
    match rule {
        Rule::BothUp => "every check passed in both arms".to_owned(),
        Rule::Broke { candidate } => format!("{}; the baseline passed", failed(*candidate)),
        Rule::Mended { baseline } => format!("the candidate passed; the baseline has {}", failed(*baseline)),
        Rule::Same { candidate } => format!("the same in both arms: {}", failed(*candidate)),
        Rule::Changed { change, baseline, candidate } => {
            let difference = match change {
                Change::Earlier => "at a later step",
                Change::State => "in another state",
                Change::Bucket => "with another signature",
                Change::UnknownBucket => "not provably the same",
            };
            format!("changed: {}; baseline, {difference}: {}", failed(*candidate), failed(*baseline))
        }
        Rule::Masked { baseline, candidate } => format!(
            "masked: {}; the baseline fails earlier, so nothing shows whether it would pass there: {}",
            failed(*candidate),
            failed(*baseline)
        ),
        Rule::BaselineFault { step, fault, candidate } => format!(
            "{}: the lab failed in the baseline's step {step}: {fault}; no verdict on the candidate, which {}",
            fault.kind,
            fate(candidate)
        ),
        Rule::CandidateFault { step, fault, baseline } => format!(
            "{}: the lab failed in the candidate's step {step}: {fault}; the baseline {}",
            fault.kind,
            fate(baseline)
        ),
        Rule::NotRun { arm, reason } => format!("the {arm} arm has no outcome: {reason}"),
        Rule::OutsideThePlan { step } => {
            format!("the record speaks of step {step}, which the plan of this cell does not have")
        }
    }
}

fn fate(outcome: &ArmOutcome) -> String {
    match outcome {
        ArmOutcome::Up => "passed".to_owned(),
        ArmOutcome::Failed { step, failure } => format!("has {}", failed(Failed { step, failure })),
        ArmOutcome::Fault { step, fault } => format!("met {} in step {step}", fault.kind),
        ArmOutcome::NotRun { reason } => format!("has no outcome: {reason}"),
    }
}

fn failed(Failed { step, failure }: Failed<'_>) -> String {
    let seen = seen(failure.state);
    match &failure.crash {
        Some(crash) => format!("{seen} in step {step}: {}", stop(crash)),
        None => format!("{seen} in step {step}: {}", failure.message),
    }
}

fn seen(state: FailureState) -> &'static str {
    match state {
        FailureState::Bugcheck => "a bugcheck",
        FailureState::Loop => "a boot loop",
        FailureState::Hang => "a hang",
        FailureState::Recovery => "the recovery screen",
        FailureState::Unreachable => "a guest without network",
        FailureState::UnexpectedRestart => "an unexplained restart",
        FailureState::Install => "a failed installation",
        FailureState::InstallTimeout => "an installer that did not end",
        FailureState::Unhealthy => "a product that is not whole",
        FailureState::Exercise => "a failed exercise",
    }
}

/// `stop 0x1000007e NAME in acmeflt.sys+0x1a2b (Acme)`.
fn stop(crash: &Crash) -> String {
    let mut words = format!("stop {}", crash.stop_code);
    if let Some(name) = &crash.stop_name {
        words.push(' ');
        words.push_str(name);
    }
    let Some(module) = &crash.blame.module else {
        return words + ", no driver named by the evidence";
    };
    words.push_str(match crash.blame.strength {
        Strength::Strong => " in ",
        Strength::Likely => ", likely in ",
        Strength::Weak | Strength::None => ", perhaps in ",
    });
    words.push_str(module);
    if let Some(offset) = crash.blame.offset {
        words.push_str(&format!("+{offset}"));
    }
    match &crash.blame.vendor {
        Some(vendor) => words + &format!(" ({vendor})"),
        None => words + " (vendor unknown)",
    }
}
