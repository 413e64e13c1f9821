//! Runs of every shape, with hostile text wherever a guest may speak.

use coexist_model::{
    AbandonedAttempt, Arm, ArmOutcome, ArmRecord, Bucket, Cell, CheckOutcome, CheckRecord, Ending, Evidence,
    EvidenceKind, FailureState, FaultKind, LabFault, Run, Rung, RungOutcome, RungRecord, Seconds, StepFailure,
};
use proptest::prelude::*;

use crate::samples;

/// Text that has broken reports before.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "]]>",
        "]]",
        ">",
        "<![CDATA[",
        "</system-out></testcase><testcase name=\"forged\"/>",
        "&#27;",
        "&lt;",
        "\u{1b}[31m",
        "\u{1b}]0;x\u{7}",
        "\u{1b}",
        "\0",
        "\u{8}",
        "\r\n",
        "\r",
        "\n",
        "\t",
        "\u{fffe}",
        "\u{ffff}",
        "\u{9b}",
        "\u{202e}",
        "[[ATTACHMENT|/etc/passwd]]",
        "[[PROPERTY|a=b]]",
        "\"",
        "'",
        "<",
        "&",
        "|",
        "`",
        "日本",
        "😀",
        "]",
        "[",
        "::error::",
        "##vso[x]",
        "<script>",
        "-->",
        "<!--",
        "<?xml?>",
        "word ",
    ]);
    prop_oneof![
        8 => prop::collection::vec(bits, 0..12).prop_map(|bits| bits.concat()),
        8 => any::<String>(),
        1 => Just("\u{1b}[1mlong ]]>".repeat(7_000)),
    ]
}

fn failure() -> impl Strategy<Value = StepFailure> {
    let states = prop::sample::select(vec![
        FailureState::Bugcheck,
        FailureState::Loop,
        FailureState::Install,
        FailureState::Unhealthy,
    ]);
    let bucket = prop::option::of(prop::sample::select(vec!["A", "B"]));
    (states, hostile(), bucket, any::<bool>()).prop_map(|(state, message, bucket, crashed)| {
        let crash = crashed.then(|| {
            let ArmOutcome::Failed { failure, .. } = &samples::run().cells[2].candidate.outcome else { unreachable!() };
            let mut crash = failure.crash.clone().unwrap();
            crash.stop_name = Some(message.clone());
            crash.blame.module = Some(message.clone());
            crash.blame.vendor = Some(message.clone());
            crash
        });
        StepFailure { state, message, bucket: bucket.map(|it| Bucket(it.to_owned())), crash }
    })
}

fn fault() -> impl Strategy<Value = LabFault> {
    let kinds = prop::sample::select(vec![FaultKind::QemuDied, FaultKind::HostDiskFull, FaultKind::NotAsConfigured]);
    (kinds, hostile()).prop_map(|(kind, message)| LabFault { kind, message })
}

fn outcome(cell: &Cell) -> impl Strategy<Value = ArmOutcome> + use<> {
    let steps: Vec<_> = cell.arms.baseline.iter().map(|it| it.id.clone()).collect();
    let step = prop::sample::select(steps);
    prop_oneof![
        3 => Just(ArmOutcome::Up),
        3 => (step.clone(), failure()).prop_map(|(step, failure)| ArmOutcome::Failed { step, failure }),
        1 => (step, fault()).prop_map(|(step, fault)| ArmOutcome::Fault { step, fault }),
        1 => hostile().prop_map(|reason| ArmOutcome::NotRun { reason }),
    ]
}

fn check() -> impl Strategy<Value = CheckOutcome> {
    prop_oneof![
        1 => Just(CheckOutcome::Passed),
        1 => failure().prop_map(|failure| CheckOutcome::Failed { failure }),
        1 => fault().prop_map(|fault| CheckOutcome::Faulted { fault }),
        1 => hostile().prop_map(|reason| CheckOutcome::NotRun { reason }),
    ]
}

/// What an executor leaves behind: checks before the end pass, the step's own tells, the rest is not run.
fn as_an_executor_would(cell: &Cell, arm: Arm, record: &mut ArmRecord) {
    let ended_at = record.outcome.step().and_then(|it| cell.position(it));
    for (index, step) in cell.arms[arm].iter().enumerate() {
        for check in &step.checks {
            let outcome = match (&record.outcome, ended_at) {
                (ArmOutcome::NotRun { reason }, _) => CheckOutcome::NotRun { reason: reason.clone() },
                (ArmOutcome::Failed { failure, .. }, Some(end)) if end == index => {
                    CheckOutcome::Failed { failure: failure.clone() }
                }
                (ArmOutcome::Fault { fault, .. }, Some(end)) if end == index => {
                    CheckOutcome::Faulted { fault: fault.clone() }
                }
                (_, Some(end)) if end < index => CheckOutcome::NotRun { reason: "after the end".to_owned() },
                _ => CheckOutcome::Passed,
            };
            set(record, &check.name, outcome);
        }
    }
}

fn set(record: &mut ArmRecord, name: &str, outcome: CheckOutcome) {
    let at = jiff::Timestamp::UNIX_EPOCH;
    record.checks.insert(name.to_owned(), CheckRecord { outcome, at, took_s: Seconds::from_millis(1234) });
}

fn arm(cell: Cell, arm: Arm) -> impl Strategy<Value = ArmRecord> {
    let names: Vec<_> = cell.arms[arm].iter().flat_map(|it| &it.checks).map(|it| it.name.clone()).collect();
    // A record that contradicts itself, now and then: bugs happen, and reports must not turn green by them.
    let contradictions = prop_oneof![
        2 => Just(Vec::new()),
        // The dead machine's records could not be fetched: a lab fault after the failure, and no contradiction.
        1 => check().prop_map(|it| vec![("7-collect: the guest's records are here".to_owned(), Some(it))]),
        1 => prop::collection::vec((prop::sample::select(names), prop::option::of(check())), 1..4),
    ];
    let abandoned = prop::collection::vec(fault(), 0..3);
    let parts = (outcome(&cell), contradictions, hostile(), hostile(), abandoned);
    parts.prop_map(move |(outcome, contradictions, note, path, abandoned)| {
        let mut record = samples::run().cells[5][arm].clone();
        record.outcome = outcome;
        as_an_executor_would(&cell, arm, &mut record);
        for (name, outcome) in contradictions {
            match outcome {
                Some(outcome) => set(&mut record, &name, outcome),
                None => drop(record.checks.remove(&name)),
            }
        }
        record.notes = vec![note];
        record.evidence = [EvidenceKind::SerialLog, EvidenceKind::KernelDump]
            .map(|kind| Evidence { path: path.clone(), kind, rung: Rung::Host, sha256: path.clone().into(), size: 9 })
            .to_vec();
        record.ladder = ladder(&record.notes[0]);
        record.abandoned = abandoned.into_iter().map(|fault| attempt(fault, &record)).collect();
        record
    })
}

/// Rungs whose reasons quote the guest.
fn ladder(foreign: &str) -> Vec<RungRecord> {
    let quoted = || foreign.to_owned();
    let gave = RungOutcome::Gave { files: 1, what: Some(quoted()), lacks: Some(quoted()) };
    [
        (Rung::Panic, gave),
        (Rung::Sftp, RungOutcome::Failed { why: quoted() }),
        (Rung::Nmi, RungOutcome::Skipped { why: quoted() }),
        (Rung::Memory, RungOutcome::Nothing { why: quoted() }),
        (Rung::Disk, RungOutcome::Encrypted),
    ]
    .map(|(rung, outcome)| RungRecord { rung, outcome, took_s: Seconds::from_millis(7) })
    .to_vec()
}

/// An attempt before the one of the record, which left what the record has.
fn attempt(fault: LabFault, record: &ArmRecord) -> AbandonedAttempt {
    AbandonedAttempt {
        at: jiff::Timestamp::UNIX_EPOCH,
        step: "provision".into(),
        fault,
        evidence: record.evidence.clone(),
        ladder: record.ladder.clone(),
        notes: record.notes.clone(),
    }
}

/// A run of one to three cells.
pub(crate) fn run() -> impl Strategy<Value = Run> {
    let cells = samples::run().plan.cells;
    let arms: Vec<_> = cells
        .into_iter()
        .take(3)
        .map(|cell| (arm(cell.clone(), Arm::Baseline), arm(cell.clone(), Arm::Candidate), any::<bool>(), Just(cell)))
        .collect();
    let ending = prop::option::of(Just(Ending::Completed));
    (arms, 1..=3_usize, hostile(), ending).prop_map(|(arms, count, name, ending)| {
        let mut run = samples::run();
        run.plan.cells.clear();
        run.cells.clear();
        for (baseline, mut candidate, alike, cell) in arms.into_iter().take(count) {
            if alike {
                candidate.outcome = baseline.outcome.clone();
                as_an_executor_would(&cell, Arm::Candidate, &mut candidate);
            }
            run.plan.cells.push(cell);
            run.cells.push(coexist_model::Arms { baseline, candidate });
        }
        run.host.name = name.clone();
        run.plan.matrix.name = name.clone();
        run.plan.matrix.path = name;
        run.ending = ending;
        run
    })
}
