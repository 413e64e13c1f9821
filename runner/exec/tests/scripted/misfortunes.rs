//! Everything that can befall an arm, by name: alone, one after another, in both arms, at every pace.

use coexist_model::{ArmOutcome, ArmRecord, Arms, CheckOutcome, FailureState, FaultKind, Pace};
use proptest::prelude::*;
use std::time::Duration;

use crate::script::{Blow, Fate, Script};
use crate::{Stage, blow, boots, play_on};

/// How an attempt ends that follows a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Up,
    /// The product's failure, at this step.
    Failed(&'static str, FailureState),
    /// The lab's fault, at this step.
    Fault(&'static str, FaultKind),
}

/// A script, and how it ends.
type Misfortune = (&'static str, Script, End);

fn no_machine(kind: FaultKind) -> Script {
    Script { no_machine: Some(kind), ..Script::default() }
}

fn image_boots(fate: Fate) -> Script {
    Script { boots: vec![fate], ..Script::default() }
}

fn dwell(blow: Blow) -> Script {
    Script { dwell: Some(blow), ..Script::default() }
}

fn no_restart(instead: Blow) -> Script {
    Script { no_restart: Some(instead), ..Script::default() }
}

/// This many questions for the log's word on boots break; the candidate's restart leads to these boots.
fn untold(questions: u32, fates: &[Fate]) -> Script {
    Script { records_break: questions, ..boots(&[&[Fate::Good], fates].concat()) }
}

/// What the lab does wrong.
fn faults() -> Vec<Misfortune> {
    use End::Fault;
    use FaultKind as Kind;
    // What a provider says is passed on by its name.
    let provider = [
        ("QEMU does not start", Kind::QemuStart),
        ("the host has no memory", Kind::HostMemory),
        ("the host's disk is full before the start", Kind::HostDiskFull),
        ("the host has no file handles", Kind::HostFileHandles),
        ("a file of the host is refused", Kind::HostFile),
        ("every port is taken", Kind::PortTaken),
        ("the image is missing", Kind::ImageMissing),
        ("the image was altered", Kind::ImageAltered),
        ("the image expired", Kind::ImageExpired),
    ];
    let mut all: Vec<Misfortune> =
        provider.map(|(name, kind)| (name, no_machine(kind), Fault("provision", kind))).into();
    let hung = Script { hung_machine: true, ..boots(&[Fate::Good, Fate::Hang]) };
    let starved = Script { starved_machine: true, ..blow(Blow::Die) };
    all.extend([
        ("QEMU is killed for its memory", starved, Fault("candidate", Kind::HostMemory)),
        ("QEMU dies as the image boots", image_boots(Fate::Die), Fault("provision", Kind::QemuDied)),
        ("QEMU dies under an installer", blow(Blow::Die), Fault("candidate", Kind::QemuDied)),
        ("QEMU dies in the dwell", dwell(Blow::Die), Fault("dwell", Kind::QemuDied)),
        (
            "QEMU dies after an installer's own restart",
            Script { candidate: Some(Blow::RestartUnheard), ..boots(&[Fate::Good, Fate::Good, Fate::Die]) },
            Fault("reboot-1", Kind::QemuDied),
        ),
        (
            "QEMU dies after servicing's restarts",
            Script { candidate: Some(Blow::Code(3010)), ..boots(&[Fate::Good, Fate::Restart, Fate::Good, Fate::Die]) },
            Fault("reboot-1", Kind::QemuDied),
        ),
        ("QEMU hangs", hung, Fault("reboot-1", Kind::QemuHung)),
        ("the host's disk is full", blow(Blow::NoSpace), Fault("candidate", Kind::HostDiskFull)),
        ("the image does not come up", image_boots(Fate::Hang), Fault("provision", Kind::NoAnswer)),
        ("a banner that never comes", image_boots(Fate::LateBanner(9_999)), Fault("provision", Kind::NoAnswer)),
        ("SSH is refused by the image", image_boots(Fate::Refuse), Fault("provision", Kind::SshRefused)),
        ("another host key", image_boots(Fate::WrongKey), Fault("provision", Kind::SshWrongKey)),
        ("another host key after a restart", boots(&[Fate::WrongKey]), Fault("configure", Kind::SshWrongKey)),
        ("the lab's key is not accepted", image_boots(Fate::Lockout), Fault("provision", Kind::SshAuthentication)),
        ("the session drops in an exec", blow(Blow::Cut), Fault("candidate", Kind::ExecCut)),
        ("the session drops in a transfer", blow(Blow::CutTransfer), Fault("candidate", Kind::TransferCut)),
        ("a short write", blow(Blow::ShortWrite), Fault("candidate", Kind::ShortWrite)),
        ("the guest's disk is full", blow(Blow::GuestFull), Fault("candidate", Kind::GuestDiskFull)),
        ("another machine on the forward", dwell(Blow::Stranger), Fault("dwell", Kind::WrongMachine)),
        (
            "the guest's clock is behind",
            Script { clock_off: -48, ..Script::default() },
            Fault("provision", Kind::GuestClock),
        ),
        (
            "the guest's clock is ahead",
            Script { clock_off: 48, ..Script::default() },
            Fault("provision", Kind::GuestClock),
        ),
        (
            "a setting does not take",
            Script { stubborn: true, ..Script::default() },
            Fault("configure", Kind::NotAsConfigured),
        ),
        ("an agent closes SSH", blow(Blow::Refuse), Fault("candidate", Kind::BlockedByAgent)),
        ("an agent closes SSH later", dwell(Blow::Refuse), Fault("dwell", Kind::BlockedByAgent)),
        ("an agent closes SSH at boot", boots(&[Fate::Good, Fate::Refuse]), Fault("reboot-1", Kind::BlockedByAgent)),
        ("an agent locks the account", boots(&[Fate::Good, Fate::Lockout]), Fault("reboot-1", Kind::BlockedByAgent)),
        (
            "an agent contains the runner from a boot on",
            boots(&[Fate::Good, Fate::Contain]),
            Fault("reboot-1", Kind::BlockedByAgent),
        ),
        ("the image runs nothing", image_boots(Fate::Contain), Fault("provision", Kind::SshRefused)),
        ("an agent contains the runner", blow(Blow::Contain), Fault("candidate", Kind::BlockedByAgent)),
        ("an agent locks the account at once", blow(Blow::Lockout), Fault("candidate", Kind::BlockedByAgent)),
        ("a look takes too long", Script { slow: true, ..Script::default() }, Fault("probe", Kind::Deadline)),
        ("the log is never told of after a restart", untold(99, &[]), Fault("reboot-1", Kind::ExecCut)),
        (
            "the log is told in a way nobody understands",
            Script { records_odd: true, ..untold(99, &[]) },
            Fault("reboot-1", Kind::GuestDisagrees),
        ),
        (
            "an answer nobody understands",
            Script { odd: true, ..Script::default() },
            Fault("probe", Kind::GuestDisagrees),
        ),
    ]);
    all
}

/// What a product does wrong.
fn failures() -> Vec<Misfortune> {
    use End::Failed;
    use FailureState as State;
    use Fate::{Crash, CrashLater, EarlyReset, Good, Hang, NoNetwork, Reset, ResetLater};
    vec![
        ("a crash under the installer", blow(Blow::Crash), Failed("candidate", State::Bugcheck)),
        ("a crash that cuts the package short", blow(Blow::ShortWriteInCrash), Failed("candidate", State::Bugcheck)),
        ("the network goes silent", blow(Blow::Silence), Failed("candidate", State::Unreachable)),
        ("a hang a moment after the session drops", blow(Blow::CutThenHang), Failed("candidate", State::Hang)),
        (
            "silence a moment after the session drops",
            blow(Blow::CutThenSilence),
            Failed("candidate", State::Unreachable),
        ),
        (
            "a hang a moment after a look took too long",
            // The third: each quiet time looks once, and a look that is slow then is left to the probes.
            Script { slow: true, hangs_after_slow: 3, ..Script::default() },
            Failed("probe", State::Hang),
        ),
        ("a guest that does not go down", no_restart(Blow::Cut), Failed("reboot-1", State::Hang)),
        ("a guest that hangs as it goes down", no_restart(Blow::Hang), Failed("reboot-1", State::Hang)),
        // Its services were stopped, as they are when a guest goes down: nobody keeps the lab out.
        ("a guest that stops its services alone", no_restart(Blow::Refuse), Failed("reboot-1", State::Hang)),
        ("a guest that stops its accounts alone", no_restart(Blow::Lockout), Failed("reboot-1", State::Hang)),
        ("an installer never ends", blow(Blow::Never), Failed("candidate", State::InstallTimeout)),
        ("an installer fails", blow(Blow::Code(1603)), Failed("candidate", State::Install)),
        ("an unknown exit code", blow(Blow::Code(77)), Failed("candidate", State::Install)),
        ("another installation never ends", blow(Blow::Code(1618)), Failed("candidate", State::Install)),
        // An earlier product's restart, or a code that was heard: the exception for restarts of the installer's own does
        // not hold.
        (
            "a restart while the package is sent",
            blow(Blow::RestartInTransfer),
            Failed("candidate", State::UnexpectedRestart),
        ),
        (
            "a restart beside a failing exit code",
            blow(Blow::CodeAndRestart(1603)),
            Failed("candidate", State::UnexpectedRestart),
        ),
        ("a crash in the dwell", dwell(Blow::Crash), Failed("dwell", State::Bugcheck)),
        ("a restart in the dwell", dwell(Blow::Restart), Failed("dwell", State::UnexpectedRestart)),
        ("a crash at boot", boots(&[Good, Crash]), Failed("reboot-1", State::Bugcheck)),
        ("a boot loop", boots(&[Good, Crash, Crash, Crash]), Failed("reboot-1", State::Loop)),
        // What the log would have said of a restart that nobody asked for is the product's to explain.
        (
            "a reset at boot, and the log is never told",
            untold(99, &[Reset]),
            Failed("reboot-1", State::UnexpectedRestart),
        ),
        (
            "a reset at boot, and a log that nobody understands",
            Script { records_odd: true, ..untold(99, &[Reset]) },
            Failed("reboot-1", State::UnexpectedRestart),
        ),
        ("a crash at boot, and the log is never told", untold(99, &[Crash]), Failed("reboot-1", State::Bugcheck)),
        (
            "a reset at boot, and a hang under the question for it",
            Script { at_record: Some(Blow::Hang), ..untold(1, &[Reset]) },
            Failed("reboot-1", State::UnexpectedRestart),
        ),
        (
            "a hang under the question for the log",
            Script { at_record: Some(Blow::Hang), ..untold(1, &[]) },
            Failed("reboot-1", State::Hang),
        ),
        (
            "a crash under the question for the log",
            Script { at_record: Some(Blow::Crash), ..untold(1, &[]) },
            Failed("reboot-1", State::Bugcheck),
        ),
        (
            "a restart in the dwell, and the log is never told",
            Script { dwell: Some(Blow::Restart), ..untold(99, &[]) },
            Failed("dwell", State::UnexpectedRestart),
        ),
        ("a reset at boot", boots(&[Good, Reset]), Failed("reboot-1", State::UnexpectedRestart)),
        ("a boot that hangs", boots(&[Good, Hang]), Failed("reboot-1", State::Hang)),
        ("a hang in the dwell", dwell(Blow::Hang), Failed("dwell", State::Hang)),
        ("a boot without a network", boots(&[Good, NoNetwork]), Failed("reboot-1", State::Unreachable)),
        ("a stop for good", boots(&[Good, Fate::StopForGood]), Failed("reboot-1", State::Bugcheck)),
        ("a recovery screen", boots(&[Good, Crash, Crash, Hang]), Failed("reboot-1", State::Recovery)),
        (
            "a third stop, for good",
            boots(&[Good, Crash, Crash, Fate::StopForGood]),
            Failed("reboot-1", State::Bugcheck),
        ),
        ("a recovery screen after resets", boots(&[Good, Reset, Reset, Hang]), Failed("reboot-1", State::Recovery)),
        (
            "a loop of resets before its log",
            boots(&[Good, EarlyReset, EarlyReset, EarlyReset]),
            Failed("reboot-1", State::Loop),
        ),
        (
            "resets that lead to a hang",
            Script { blind: true, ..boots(&[Good, Reset, Reset, Reset, Hang]) },
            Failed("reboot-1", State::Loop),
        ),
        (
            "restarts in order without end",
            Script { updates_windows: true, ..boots(&[&[Good], [Fate::Restart; 9].as_slice()].concat()) },
            Failed("reboot-1", State::Loop),
        ),
        ("a loop of resets", boots(&[Good, Reset, Reset, Reset]), Failed("reboot-1", State::Loop)),
        (
            "a loop that answers each time",
            boots(&[Good, CrashLater(500), CrashLater(500), CrashLater(500)]),
            Failed("reboot-1", State::Loop),
        ),
        (
            "a loop that answers each time and resets",
            boots(&[Good, ResetLater(500), ResetLater(500), ResetLater(500)]),
            Failed("reboot-1", State::Loop),
        ),
        ("a crash after the boot", boots(&[Good, CrashLater(500)]), Failed("reboot-1", State::Bugcheck)),
        ("a reset after the boot", boots(&[Good, ResetLater(500)]), Failed("reboot-1", State::UnexpectedRestart)),
        ("a dirty shutdown", boots(&[Good, Fate::Dirty]), Failed("reboot-1", State::UnexpectedRestart)),
        (
            "a crash in the dwell that becomes a loop",
            Script { dwell: Some(Blow::Crash), ..boots(&[Good, CrashLater(500), Crash, CrashLater(900)]) },
            Failed("dwell", State::Loop),
        ),
        ("a service that vanishes", dwell(Blow::EndService), Failed("probe", State::Unhealthy)),
        ("a filter that vanishes", dwell(Blow::DetachFilter), Failed("probe", State::Unhealthy)),
        ("a dump that nobody told of", dwell(Blow::QuietDump), Failed("probe", State::Bugcheck)),
        ("work that fails", Script { feeble: true, ..Script::default() }, Failed("exercise-1", State::Exercise)),
        (
            "a service that starts and dies",
            Script { sick: true, ..Script::default() },
            Failed("probe", State::Unhealthy),
        ),
    ]
}

/// What looks like trouble and is none.
fn harmless() -> Vec<Misfortune> {
    let late = Script { boots: vec![Fate::LateBanner(25)], ..Script::default() };
    vec![
        ("nothing", Script::default(), End::Up),
        ("a late banner", late, End::Up),
        ("a slow boot", boots(&[Fate::Good, Fate::Slow(80)]), End::Up),
        (
            "servicing that restarts three times more",
            Script { updates_windows: true, ..boots(&[Fate::Good, Fate::Restart, Fate::Restart, Fate::Restart]) },
            End::Up,
        ),
        ("a log that is told of at the second question", untold(1, &[]), End::Up),
        ("a log that is told of at the third question", Script { records_odd: true, ..untold(2, &[]) }, End::Up),
        ("a service that is away for a moment", dwell(Blow::EndServiceFor(20)), End::Up),
        ("another installation ends", blow(Blow::Busy(1)), End::Up),
        ("an installer that wants a restart", blow(Blow::Code(3010)), End::Up),
        ("an installer that restarts", blow(Blow::Code(1641)), End::Up),
        ("an installer that restarts unnoticed", blow(Blow::RestartUnnoticed), End::Up),
        ("an installer that restarts unheard", blow(Blow::RestartUnheard), End::Up),
        ("local time", Script { clock_off: -10, ..Script::default() }, End::Up),
    ]
}

fn end_of(record: &ArmRecord) -> Option<(String, String)> {
    match &record.outcome {
        ArmOutcome::Up => None,
        ArmOutcome::Failed { step, failure } => Some((step.to_string(), failure.state.to_string())),
        ArmOutcome::Fault { step, fault } => Some((step.to_string(), fault.kind.to_string())),
        ArmOutcome::NotRun { reason } => Some(("not-run".to_owned(), reason.clone())),
    }
}

fn expected(end: End) -> Option<(String, String)> {
    match end {
        End::Up => None,
        End::Failed(step, state) => Some((step.to_owned(), state.to_string())),
        End::Fault(step, kind) => Some((step.to_owned(), kind.to_string())),
    }
}

/// Runs a play on a clock of its own.
fn run<T>(play: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(play)
}

async fn candidates(scripts: Vec<Script>) -> ArmRecord {
    let run = play_on(Stage::default(), Arms { baseline: vec![Script::default()], candidate: scripts }).await;
    let arms = run.cells.into_iter().next().unwrap();
    assert_eq!(arms.baseline.outcome, ArmOutcome::Up, "the other arm is not drawn in");
    arms.candidate
}

#[test]
fn every_misfortune_is_called_by_its_name() {
    for (name, script, end) in faults().into_iter().chain(failures()).chain(harmless()) {
        let record = run(candidates(vec![script]));
        assert_eq!(end_of(&record), expected(end), "{name}: {:?}", record.outcome);
        let attempts = match end {
            End::Fault(_, kind) if kind.may_pass() => 2,
            End::Up | End::Failed(..) | End::Fault(..) => 0,
        };
        assert_eq!(record.abandoned.len(), attempts, "{name}: a failure is never tried again, and a fault twice");
    }
}

#[test]
fn every_fault_befalls_somebody_here() {
    let met: Vec<FaultKind> = faults()
        .into_iter()
        .filter_map(|(_, _, end)| if let End::Fault(_, kind) = end { Some(kind) } else { None })
        .collect();
    for kind in FaultKind::ALL {
        assert!(met.contains(&kind), "{kind} befalls nobody");
    }
}

#[test]
fn who_is_blocked_learns_by_whom() {
    let record = run(candidates(vec![blow(Blow::Refuse)]));
    let ArmOutcome::Fault { fault, .. } = &record.outcome else { panic!("{:?}", record.outcome) };
    assert!(fault.message.contains("until acme was installed"), "{}", fault.message);
}

/// A crash came first: whatever the lab does afterwards hides it no more.
#[test]
fn a_crash_survives_the_fault_after_it() {
    for then in [Fate::Die, Fate::Hang, Fate::Refuse, Fate::WrongKey, Fate::Lockout] {
        for crash in [Fate::Crash, Fate::CrashLater(500)] {
            let record = run(candidates(vec![boots(&[Fate::Good, crash, then])]));
            let ArmOutcome::Failed { failure, .. } = &record.outcome else { panic!("{then:?}: {:?}", record.outcome) };
            assert_eq!(failure.state, FailureState::Bugcheck, "{then:?}");
            assert!(record.abandoned.is_empty(), "{then:?}: tried again although it crashed");
        }
    }
}

/// So does a reset without a word: the arm is a fault's, but nothing of it is tried again.
#[test]
fn an_unasked_restart_before_a_fault_is_not_tried_away() {
    let record = run(candidates(vec![blow(Blow::ResetThenDie)]));
    assert_eq!(end_of(&record), expected(End::Fault("candidate", FaultKind::QemuDied)));
    assert!(record.abandoned.is_empty(), "tried again although the guest had restarted by itself");
}

/// A crash that the machine tells of just after a step was done is that step's, in its own check.
#[test]
fn what_ends_a_step_is_told_in_its_check() {
    for (script, check) in
        [(blow(Blow::CodeAndRestart(0)), "3-candidate: install"), (dwell(Blow::Crash), "4-dwell: stays up")]
    {
        let record = run(candidates(vec![script]));
        assert!(
            matches!(record.checks[check].outcome, CheckOutcome::Failed { .. }),
            "{check}: {:?}",
            record.checks[check]
        );
    }
}

/// What the attempts lead to, by the rules alone: a fault that may pass is tried again twice, all else is final.
fn decided(attempts: &[End]) -> (End, usize) {
    let last = attempts.last().copied().unwrap_or(End::Up);
    for attempt in 0.. {
        let end = attempts.get(attempt).copied().unwrap_or(last);
        match end {
            End::Fault(_, kind) if kind.may_pass() && attempt < 2 => {}
            end => return (end, attempt),
        }
    }
    (last, 0)
}

fn any_misfortune() -> impl Strategy<Value = Misfortune> {
    prop_oneof![
        3 => prop::sample::select(faults()),
        2 => prop::sample::select(failures()),
        1 => prop::sample::select(harmless()),
    ]
}

fn any_attempts() -> impl Strategy<Value = Vec<Misfortune>> {
    prop::collection::vec(any_misfortune(), 0..4)
}

fn parts(attempts: Vec<Misfortune>) -> (Vec<Script>, Vec<End>) {
    attempts.into_iter().map(|(_, script, end)| (script, end)).unzip()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No fault becomes a failure, no failure disappears, in whatever order they come and whatever the other arm meets.
    /// That every planned check is told once and nothing is left running is asserted by every play.
    #[test]
    fn arms_come_to_what_befell_them(
        baseline in any_attempts(),
        candidate in any_attempts(),
        arms_together: bool,
        pace_ms in 100_u64..400,
    ) {
        let pace = Pace::measured(Duration::from_millis(pace_ms), Duration::from_millis(100));
        // What falls on the candidate's installation passes the baseline by.
        let ((before, _), (scripts, ends)) = (parts(baseline), parts(candidate));
        let stage = Stage { arms_together, pace, ..Stage::default() };
        let run = run(play_on(stage, Arms { baseline: before, candidate: scripts }));
        let record = &run.cells[0].candidate;
        let (end, abandoned) = decided(&ends);
        prop_assert_eq!(end_of(record), expected(end), "{:?}", record.outcome);
        prop_assert_eq!(record.abandoned.len(), abandoned);
        for attempt in &record.abandoned {
            prop_assert!(attempt.fault.kind.may_pass());
        }
        no_failure_without_a_product(&run.cells[0].baseline)?;
    }

    /// Wherever a run is stopped: machines are gone (every play asserts it), and nobody is accused by it.
    #[test]
    fn a_stop_accuses_nobody(attempts in any_attempts(), after_ms in 0_u64..400_000) {
        let (scripts, ends) = parts(attempts);
        let stage = Stage { halt_after: Some(Duration::from_millis(after_ms)), ..Stage::default() };
        let run = run(play_on(stage, Arms { baseline: vec![Script::default()], candidate: scripts }));
        let outcome = &run.cells[0].candidate.outcome;
        if let ArmOutcome::Failed { step, failure } = outcome {
            let known = ends.iter().any(|end| *end == End::Failed("", failure.state)
                || matches!(end, End::Failed(at, state) if *at == step.as_str() && *state == failure.state));
            prop_assert!(known, "{outcome:?}");
        }
    }
}

/// Whatever befell an arm, it is a failure only of a step that had a product before it.
fn no_failure_without_a_product(record: &ArmRecord) -> Result<(), TestCaseError> {
    for (name, check) in &record.checks {
        let early = name.starts_with("1-");
        prop_assert!(!(early && matches!(check.outcome, CheckOutcome::Failed { .. })), "{name}");
    }
    Ok(())
}
