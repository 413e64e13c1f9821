//! Bodies of cases: what a reader needs who sees nothing but the report.

use std::fmt::Write as _;

use coexist_model::{
    Arm, ArmOutcome, ArmRecord, Boot, BootEnd, BootState, CheckOutcome, Crash, Evidence, EvidenceKind, FailureState,
    LabFault, MachineEvent, MachineSign, Step, StepFailure, boot_edges, crashes, ladder_words,
};

use super::mapping::joined;
use crate::Report;
use crate::facts::{advice, attempts_at};
use crate::view::{Row, driver_words, number_of, stop_words, strength_words};

/// QEMU's word for a power cut by the lab, which ends QEMU over its control socket (`qapi/run-state.json`,
/// `ShutdownCause`).
const CUT_BY_THE_LAB: &str = "host-qmp-quit";

/// Larger files are named in the text only: Jenkins copies attachments to its controller.
const ATTACHMENT_LIMIT: u64 = 5_000_000;

/// The body of a failed check.
pub(super) fn failure(
    report: Report<'_>,
    row: Row<'_>,
    arm: Arm,
    step: &Step,
    failure: &StepFailure,
    main: bool,
) -> String {
    let mut body = String::new();
    put(&mut body, "step", step.id.as_str());
    put(&mut body, "state", failure.state.as_str());
    put(&mut body, "message", &failure.message);
    put(&mut body, "look at", failure.state.look_at());
    let arm_failure = match &row.arms[arm].outcome {
        ArmOutcome::Failed { failure, .. } if main => Some(failure),
        ArmOutcome::Failed { .. } | ArmOutcome::Up | ArmOutcome::Fault { .. } | ArmOutcome::NotRun { .. } => None,
    };
    // The arm's outcome is decided after its evidence was read, so it may know more than the check did.
    let crash = failure.crash.as_deref().or(arm_failure.and_then(|it| it.crash.as_deref()));
    if let Some(crash) = crash {
        put_crash(&mut body, crash);
    }
    if let Some(bucket) = failure.bucket().or(arm_failure.and_then(StepFailure::bucket)) {
        put(&mut body, "signature", &bucket.0);
    }
    if main {
        put_rest(&mut body, report, row, arm);
    }
    body
}

/// The body of a check that met a lab fault.
pub(super) fn fault(report: Report<'_>, row: Row<'_>, arm: Arm, step: &Step, fault: &LabFault, main: bool) -> String {
    let mut body = String::new();
    put(&mut body, "step", step.id.as_str());
    put(&mut body, "lab fault", fault.kind.as_str());
    put(&mut body, "message", &fault.message);
    put(&mut body, "look at", &advice(fault.kind));
    if main {
        put_rest(&mut body, report, row, arm);
    }
    body
}

/// The body of the compare check: what passed without the candidate and no longer does, and both arms in a line.
pub(super) fn comparison(report: Report<'_>, row: Row<'_>) -> String {
    let mut body = String::new();
    for arm in Arm::BOTH {
        put(&mut body, arm.as_str(), &outcome_words(&row.arms[arm].outcome));
    }
    for check in row.cell.arms.candidate.iter().flat_map(|step| &step.checks) {
        let [before, after] = Arm::BOTH.map(|arm| row.arms[arm].checks.get(&check.name).map(|it| &it.outcome));
        if let (Some(before), Some(after)) = (before.map(check_words), after.map(check_words))
            && before != after
        {
            let _ = writeln!(body, "{before} -> {after}: {}", check.name);
        }
    }
    put(&mut body, "repeat", &report.repeat(row.cell));
    body
}

/// Properties of the check that tells the arm's story: the crash's names, and dumps, which are never attached.
pub(super) fn properties(record: &ArmRecord) -> Vec<(String, String)> {
    let mut list = Vec::new();
    if let ArmOutcome::Failed { failure, .. } = &record.outcome {
        if let Some(crash) = failure.crash.as_deref() {
            list.push(("stop.code".to_owned(), crash.stop_code.to_string()));
            list.extend(crash.stop_name.clone().map(|name| ("stop.name".to_owned(), name)));
            list.extend(driver_words(crash).map(|driver| ("driver".to_owned(), driver)));
            list.extend(crash.blame.vendor.clone().map(|vendor| ("driver.vendor".to_owned(), vendor)));
        }
        list.extend(failure.bucket().map(|it| ("signature".to_owned(), it.0.clone())));
    }
    let dumps = record.evidence.iter().filter(|it| is_dump(it.kind));
    for (index, dump) in dumps.enumerate() {
        // One property per name: some readers keep the last only.
        let name = if index == 0 { "artifact.dump".to_owned() } else { format!("artifact.dump.{}", index + 1) };
        list.push((name, format!("{} ({} bytes, sha256 {})", dump.path, dump.size, dump.sha256)));
    }
    list
}

/// Memory of a guest, in whatever form: named by its digest.
fn is_dump(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::KernelDump | EvidenceKind::UserDump | EvidenceKind::MemoryDump)
}

/// Files that readers may attach, screenshots first because GitLab takes one only. A second file of the same base name
/// would be dropped by Jenkins, so it is left to the body.
pub(super) fn attachments(record: &ArmRecord, folder: &str) -> Vec<String> {
    let rank = |kind| match kind {
        EvidenceKind::Screenshot => Some(0),
        EvidenceKind::SerialLog => Some(1),
        EvidenceKind::SetupLog => Some(2),
        EvidenceKind::EventLog => Some(3),
        EvidenceKind::QemuLog => Some(4),
        EvidenceKind::KernelDump
        | EvidenceKind::UserDump
        | EvidenceKind::MemoryDump
        | EvidenceKind::RegistryHive
        | EvidenceKind::Driver => None,
    };
    let mut small: Vec<_> = record
        .evidence
        .iter()
        .filter(|it| it.size <= ATTACHMENT_LIMIT)
        .filter_map(|it| Some((rank(it.kind)?, it.path.as_str())))
        .collect();
    small.sort_by_key(|(rank, _)| *rank);
    let mut names: Vec<&str> = Vec::new();
    let mut paths = Vec::new();
    for (_, path) in small {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(path) = joined(folder, path)
            && !names.contains(&name)
        {
            names.push(name);
            paths.push(path);
        }
    }
    paths
}

/// Remarks of the arm, for the output of its main check.
pub(super) fn notes(record: &ArmRecord) -> Option<String> {
    (!record.notes.is_empty()).then(|| record.notes.join("\n"))
}

fn put(body: &mut String, what: &str, value: &str) {
    let _ = writeln!(body, "{what}: {value}");
}

fn put_crash(body: &mut String, crash: &Crash) {
    let parameters: Vec<_> = crash.parameters.iter().map(ToString::to_string).collect();
    match parameters.is_empty() {
        true => put(body, "stop", &stop_words(crash)),
        false => put(body, "stop", &format!("{} ({})", stop_words(crash), parameters.join(", "))),
    }
    if let Some(driver) = driver_words(crash) {
        let vendor = crash.blame.vendor.as_deref().unwrap_or("vendor unknown");
        put(body, "driver", &format!("{driver}, {vendor}"));
    }
    put(body, "blame", &format!("{}: {}", strength_words(crash.blame.strength), crash.blame.reason));
    for note in &crash.notes {
        put(body, "note", note);
    }
}

fn put_rest(body: &mut String, report: Report<'_>, row: Row<'_>, arm: Arm) {
    let record = &row.arms[arm];
    let other = match arm {
        Arm::Baseline => Arm::Candidate,
        Arm::Candidate => Arm::Baseline,
    };
    put(body, other.as_str(), &outcome_words(&row.arms[other].outcome));
    put_boots(body, record);
    put_signs(body, record);
    for attempt in attempts_at(row, arm) {
        put(body, "attempt", &attempt);
    }
    if let Some(ladder) = ladder_words(&record.ladder) {
        put(body, "ladder", &ladder);
    }
    for it in record.all_evidence() {
        put(body, "evidence", &evidence_words(it));
    }
    put(body, "repeat", &report.repeat(row.cell));
}

fn put_boots(body: &mut String, record: &ArmRecord) {
    if record.boots.is_empty() {
        return;
    }
    let words = |boot: &Boot| match (boot.state, boot.ended) {
        (BootState::Up, _) => format!("up after {} s (reached {})", boot.took_s, boot.reached),
        (_, BootEnd::PowerLoss) => {
            format!("no answer until the power was lost after {} s (reached {})", boot.took_s, boot.reached)
        }
        (state, _) => format!("{state} after {} s (reached {})", boot.took_s, boot.reached),
    };
    // Once a loop is proved, the lab cuts the power of the boot that has just begun: that one proves nothing.
    let looped = matches!(&record.outcome, ArmOutcome::Failed { failure, .. } if failure.state == FailureState::Loop);
    let told =
        record.boots.iter().filter(|boot| !(looped && boot.ended == BootEnd::PowerLoss && boot.state != BootState::Up));
    let boots: Vec<_> = told.clone().map(words).collect();
    let good = told.filter(|boot| boot.state == BootState::Up).count();
    put(body, "boots", &format!("{good} of {} good: {}", boots.len(), boots.join(", ")));
}

fn put_signs(body: &mut String, record: &ArmRecord) {
    if record.signs.is_empty() {
        return;
    }
    let mut words = format!(
        "{}, {} told of",
        number_of(boot_edges(&record.signs), "boot edge"),
        number_of(crashes(&record.signs), "crash").replace("crashs", "crashes")
    );
    let before = std::iter::once(None).chain(record.signs.iter().map(Some));
    for (sign, before) in record.signs.iter().zip(before) {
        match &sign.what {
            MachineSign::Paused { host_full: true, .. } => words += ", paused: the host's disk is full",
            MachineSign::Paused { state, host_full: false } => words += &format!(", paused: {state}"),
            MachineSign::Exited { status } if !is_ours(record, before) => {
                words += &format!(", process ended: {status}");
            }
            MachineSign::Exited { .. }
            | MachineSign::Started
            | MachineSign::Answered
            | MachineSign::Stage { .. }
            | MachineSign::Concluded { .. }
            | MachineSign::RestartAsked
            | MachineSign::NmiInjected
            | MachineSign::Reset { .. }
            | MachineSign::Panicked { .. }
            | MachineSign::CrashLoaded
            | MachineSign::Shutdown { .. } => {}
        }
    }
    put(body, "machine", &words);
}

/// Whether the end of the machine's process was the lab's doing. A process that ends by itself makes its arm meet a
/// fault; in any other arm it is the lab that ended it, and so it is where QEMU says so.
fn is_ours(record: &ArmRecord, before: Option<&MachineEvent>) -> bool {
    let cut = before.is_some_and(
        |it| matches!(&it.what, MachineSign::Shutdown { guest: false, reason } if reason == CUT_BY_THE_LAB),
    );
    cut || !matches!(record.outcome, ArmOutcome::Fault { .. })
}

fn evidence_words(it: &Evidence) -> String {
    format!("{} ({}, {} bytes, sha256 {})", it.path, kind_words(it.kind), it.size, it.sha256)
}

pub(crate) fn kind_words(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::KernelDump => "kernel dump",
        EvidenceKind::UserDump => "user-mode dump",
        EvidenceKind::MemoryDump => "memory of the guest",
        EvidenceKind::EventLog => "event log",
        EvidenceKind::RegistryHive => "registry hive",
        EvidenceKind::Driver => "driver file",
        EvidenceKind::Screenshot => "screenshot",
        EvidenceKind::SerialLog => "serial log",
        EvidenceKind::QemuLog => "QEMU log",
        EvidenceKind::SetupLog => "setup log",
    }
}

fn outcome_words(outcome: &ArmOutcome) -> String {
    match outcome {
        ArmOutcome::Up => "passed".to_owned(),
        ArmOutcome::Failed { step, failure } => {
            format!("failed in step {step} ({}): {}", failure.state, failure.message)
        }
        ArmOutcome::Fault { step, fault } => format!("lab fault in step {step} ({}): {}", fault.kind, fault.message),
        ArmOutcome::NotRun { reason } => format!("not run: {reason}"),
    }
}

fn check_words(outcome: &CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Passed => "passed",
        CheckOutcome::Failed { .. } => "failed",
        CheckOutcome::Faulted { .. } => "lab fault",
        CheckOutcome::NotRun { .. } => "not run",
    }
}
