//! The executor on machines that follow a script: what happens must be called by its name, in every order, at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod plans;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coexist_exec::{HaltSwitch, Options, Ports, Recorder, RunFolder, Sink, run};
use coexist_lab::UnexpectedEnd;
use coexist_model::{
    ArmOutcome, ArmRecord, Arms, CheckOutcome, Ending, Event, FailureState, FaultKind, Run, RunId, Sha256,
};
use world::{Blow, Fate, PausedClock, Script, World, WorldDoor};

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Sink for Events {
    fn see(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Runs the one-cell plan with these scripts; `halt_after` throws the switch.
async fn play(scripts: Arms<Script>, halt_after: Option<Duration>) -> Run {
    play_with(scripts, halt_after, Options { arms_together: true }).await
}

async fn play_with(scripts: Arms<Script>, halt_after: Option<Duration>, options: Options) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    let living = Arc::new(Mutex::new(BTreeMap::new()));
    let world = World { clock: clock.clone(), scripts, living: living.clone() };
    let packages: BTreeMap<Sha256, PathBuf> = [(plans::package(), PathBuf::from("package"))].into();
    let ports = Ports {
        provider: Arc::new(world),
        door: Arc::new(WorldDoor(living.clone())),
        clock: clock.clone(),
        packages: Arc::new(packages),
    };
    let events = Arc::new(Events::default());
    let recorder = Recorder::new(clock, vec![events.clone()]);
    let (switch, halt) = HaltSwitch::new();
    let halting = tokio::spawn(async move {
        match halt_after {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
        switch.throw(Ending::Interrupted);
        std::future::pending::<()>().await;
    });
    let run_folder = RunFolder::new(folder.path());
    run(&RunId::from("test"), &plans::one_cell(), &ports, &run_folder, &recorder, options, halt).await;
    halting.abort();
    assert!(living.lock().unwrap().is_empty(), "a machine was left running");
    assert!(!run_folder.work().exists(), "work files were left behind");
    let events = std::mem::take(&mut *events.0.lock().unwrap());
    let run = Run::fold(events.clone()).unwrap();
    for event in &events {
        let line = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), *event, "an event is not read back as it was");
    }
    every_check_is_told_once(&run, &events);
    run
}

fn every_check_is_told_once(run: &Run, events: &[Event]) {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        if let coexist_model::Happening::CheckEnded { of, check, .. } = &event.what {
            *told.entry(format!("{of} {check}")).or_default() += 1;
        }
    }
    assert!(told.values().all(|count| *count == 1), "told more than once: {told:?}");
    for (cell, arms) in run.records() {
        for arm in coexist_model::Arm::BOTH {
            let began = arms[arm].started.is_some();
            let planned = cell.arms[arm].iter().map(|step| step.checks.len()).sum::<usize>();
            let count = told.keys().filter(|key| key.starts_with(&format!("{}/{arm} ", cell.id))).count();
            assert_eq!(count, if began { planned } else { 0 }, "checks told of {arm}");
        }
    }
}

/// The candidate arm's record when it follows this script beside a healthy baseline.
async fn candidate(script: Script) -> ArmRecord {
    let run = play(Arms { baseline: Script::default(), candidate: script }, None).await;
    let arms = run.cells.into_iter().next().unwrap();
    assert_eq!(arms.baseline.outcome, ArmOutcome::Up, "the other arm is not drawn in");
    arms.candidate
}

fn boots(fates: &[Fate]) -> Script {
    // The first boot is the provisioning one.
    Script { boots: std::iter::once(Fate::Good).chain(fates.iter().copied()).collect(), ..Script::default() }
}

fn blow(blow: Blow) -> Script {
    Script { candidate: Some(blow), ..Script::default() }
}

fn failed(record: &ArmRecord, at: &str) -> FailureState {
    match &record.outcome {
        ArmOutcome::Failed { step, failure } if step.as_str() == at => failure.state,
        other => panic!("expected a failure at {at}, got {other:?}"),
    }
}

fn faulted(record: &ArmRecord, at: &str) -> FaultKind {
    match &record.outcome {
        ArmOutcome::Fault { step, fault } if step.as_str() == at => fault.kind,
        other => panic!("expected a fault at {at}, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_undisturbed_cell_is_up_in_both_arms() {
    let record = candidate(Script::default()).await;
    assert_eq!(record.outcome, ArmOutcome::Up);
    assert!(record.checks.values().all(|check| check.outcome == CheckOutcome::Passed));
    assert_eq!(record.boots.len(), 3, "provision, configure's restart, reboot-1");
    assert!(record.evidence.iter().any(|it| it.path.ends_with("candidate/system.evtx")));
}

/// The boots after the candidate: the configure step's restart comes first.
#[tokio::test(start_paused = true)]
async fn a_boot_after_the_candidate_is_called_by_its_name() {
    use Fate::{Crash, Good, Hang, Reset};
    let table: &[(&[Fate], FailureState)] = &[
        (&[Good, Crash], FailureState::Bugcheck),
        (&[Good, Crash, Crash], FailureState::Bugcheck),
        (&[Good, Crash, Crash, Crash], FailureState::Loop),
        (&[Good, Reset, Crash, Reset], FailureState::Loop),
        (&[Good, Reset], FailureState::UnexpectedRestart),
        (&[Good, Hang], FailureState::Hang),
        (&[Good, Crash, Hang], FailureState::Bugcheck),
    ];
    for (fates, state) in table {
        let record = candidate(boots(fates)).await;
        assert_eq!(failed(&record, "reboot-1"), *state, "{fates:?}");
        assert!(matches!(record.checks["5-health: no bugcheck"].outcome, CheckOutcome::NotRun { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn what_befalls_an_installation_is_called_by_its_name() {
    assert_eq!(failed(&candidate(blow(Blow::Crash)).await, "candidate"), FailureState::Bugcheck);
    assert_eq!(failed(&candidate(blow(Blow::Silence)).await, "candidate"), FailureState::Unreachable);
    assert_eq!(failed(&candidate(blow(Blow::Never)).await, "candidate"), FailureState::InstallTimeout);
    assert_eq!(failed(&candidate(blow(Blow::Code(1603))).await, "candidate"), FailureState::Install);
    assert_eq!(faulted(&candidate(blow(Blow::Cut)).await, "candidate"), FaultKind::ExecCut);
    assert_eq!(faulted(&candidate(blow(Blow::Die)).await, "candidate"), FaultKind::QemuDied);
    assert_eq!(faulted(&candidate(blow(Blow::Refuse)).await, "candidate"), FaultKind::SshRefused);
    assert_eq!(faulted(&candidate(blow(Blow::NoSpace)).await, "candidate"), FaultKind::HostDiskFull);
}

#[tokio::test(start_paused = true)]
async fn exit_codes_mean_what_the_recipe_says() {
    let restarted = candidate(blow(Blow::Code(3010))).await;
    assert_eq!(restarted.outcome, ArmOutcome::Up);
    assert_eq!(restarted.boots.len(), 4, "3010 restarts the guest at once");
    assert_eq!(failed(&candidate(blow(Blow::Code(1618))).await, "candidate"), FailureState::Install);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_dwell_is_found_without_a_connection_to_break() {
    let script = Script { dwell: Some(Blow::Crash), ..Script::default() };
    let run = play(Arms { baseline: Script::default(), candidate: script }, None).await;
    let record = &run.cells[0].candidate;
    assert!(
        matches!(&record.outcome, ArmOutcome::Failed { failure, .. } if failure.state == FailureState::Bugcheck),
        "{:?}",
        record.outcome
    );
    assert!(record.evidence.iter().any(|it| it.path.ends_with("minidump-1.dmp")), "the dump was fetched");
}

/// Before any product is in the guest nothing can be a product's failure.
#[tokio::test(start_paused = true)]
async fn an_image_that_does_not_come_up_accuses_nobody() {
    for fates in [&[Fate::Hang][..], &[Fate::Crash; 4], &[Fate::Reset; 4]] {
        let record = candidate(Script { boots: fates.to_vec(), ..Script::default() }).await;
        assert_eq!(faulted(&record, "provision"), FaultKind::NoAnswer, "{fates:?}");
    }
    let refused = candidate(Script { boots: vec![Fate::Refuse], ..Script::default() }).await;
    assert_eq!(faulted(&refused, "provision"), FaultKind::SshRefused);
    let key = candidate(Script { boots: vec![Fate::WrongKey], ..Script::default() }).await;
    assert_eq!(faulted(&key, "provision"), FaultKind::SshWrongKey);
    let dead = candidate(Script { boots: vec![Fate::Die], ..Script::default() }).await;
    assert_eq!(faulted(&dead, "provision"), FaultKind::QemuDied);
    let stubborn = candidate(Script { stubborn: true, ..Script::default() }).await;
    assert_eq!(faulted(&stubborn, "configure"), FaultKind::NotAsConfigured);
}

#[tokio::test(start_paused = true)]
async fn a_sick_product_fails_its_own_check_and_the_others_are_looked_at() {
    let record = candidate(Script { sick: true, ..Script::default() }).await;
    assert_eq!(failed(&record, "probe"), FailureState::Unhealthy);
    assert!(record.evidence.iter().any(|it| it.path.ends_with("system.evtx")), "the log that says why");
    assert_eq!(record.checks["5-health: hvci is still on"].outcome, CheckOutcome::Passed);
    assert!(matches!(record.checks["5-health: acme service AcmeSvc runs"].outcome, CheckOutcome::Failed { .. }));
    assert_eq!(record.checks["5-health: no bugcheck"].outcome, CheckOutcome::Passed);
}

/// An odd answer to one look neither hides a failure that was seen nor accuses anybody by itself.
#[tokio::test(start_paused = true)]
async fn an_odd_answer_hides_no_failure() {
    let odd = candidate(Script { odd: true, ..Script::default() }).await;
    assert_eq!(faulted(&odd, "probe"), FaultKind::GuestDisagrees);
    let both = candidate(Script { odd: true, sick: true, ..Script::default() }).await;
    assert_eq!(failed(&both, "probe"), FailureState::Unhealthy);
    assert!(matches!(both.checks["5-health: acme filter acmeflt is attached"].outcome, CheckOutcome::Faulted { .. }));
    assert_eq!(both.checks["5-health: no bugcheck"].outcome, CheckOutcome::Passed);
}

/// A guest is silent because its machine hangs: that is ours.
#[tokio::test(start_paused = true)]
async fn a_hung_machine_accuses_nobody() {
    let script = Script { hung_machine: true, ..boots(&[Fate::Good, Fate::Hang]) };
    assert_eq!(faulted(&candidate(script).await, "reboot-1"), FaultKind::QemuHung);
}

/// Without a panic device the guest's own log tells what happened.
#[tokio::test(start_paused = true)]
async fn the_guest_s_own_log_is_believed() {
    let stop = [0x50, 1, 2, 3, 4].map(|number: u64| number.into());
    // The log speaks from the second boot on: after the restart of the configure step, before any product is there.
    let early = candidate(Script { log: vec![UnexpectedEnd { stop: Some(stop) }], ..Script::default() }).await;
    assert_eq!(faulted(&early, "configure"), FaultKind::NoAnswer);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_order_that_nobody_asked_for_is_told_as_such() {
    let script = Script { dwell: Some(Blow::Restart), ..Script::default() };
    let record = candidate(script).await;
    assert!(
        matches!(&record.outcome, ArmOutcome::Failed { failure, .. }
        if failure.state == FailureState::UnexpectedRestart && failure.message.contains("in order")),
        "{:?}",
        record.outcome
    );
}

/// Silence in a quiet step: the wait for the guest is longer than the step itself, and still ends in a failure.
#[tokio::test(start_paused = true)]
async fn silence_in_the_dwell_is_judged_however_long_a_boot_may_take() {
    let script = Script { dwell: Some(Blow::Silence), ..Script::default() };
    assert_eq!(failed(&candidate(script).await, "dwell"), FailureState::Unreachable);
}

/// One arm after the other gives the same record.
#[tokio::test(start_paused = true)]
async fn arms_one_by_one_end_alike() {
    let scripts = || Arms { baseline: Script::default(), candidate: boots(&[Fate::Good, Fate::Crash]) };
    let together = play(scripts(), None).await;
    let apart = play_with(scripts(), None, Options { arms_together: false }).await;
    for arm in coexist_model::Arm::BOTH {
        assert_eq!(together.cells[0][arm].outcome, apart.cells[0][arm].outcome);
    }
}

/// Wherever the user stops a run: machines are gone (asserted in `play`), arms are not run, nothing is accused.
#[tokio::test(start_paused = true)]
async fn a_run_can_be_stopped_at_any_moment() {
    for tenths in (1..200).step_by(7) {
        let run = play(Arms::default(), Some(Duration::from_millis(tenths * 100))).await;
        for arms in &run.cells {
            for arm in coexist_model::Arm::BOTH {
                assert!(
                    matches!(arms[arm].outcome, ArmOutcome::NotRun { .. } | ArmOutcome::Up),
                    "{:?} after {tenths} tenths",
                    arms[arm].outcome
                );
            }
        }
    }
}
