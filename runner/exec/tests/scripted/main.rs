//! The executor on machines that follow a script: what happens must be called by its name, in every order, at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

#[expect(dead_code, reason = "another crate's tests use the rest")]
#[path = "../../../evidence/tests/evidence/disk_images.rs"]
mod disk_images;
#[expect(dead_code, reason = "another crate's tests use the rest")]
#[path = "../../../evidence/tests/evidence/dump_builder.rs"]
mod dump_builder;
mod guest;
#[expect(dead_code, reason = "another crate's tests use the rest")]
#[path = "../../../evidence/tests/evidence/hive_builder.rs"]
mod hive_builder;
mod ladder;
mod loot;
mod misfortunes;
mod plans;
mod script;
mod states;
mod waves;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coexist_exec::{Gate, HaltSwitch, Options, Ports, Recorder, RunFolder, Sink, run};
use coexist_lab::UnexpectedEnd;
use coexist_model::{
    ArmOutcome, ArmRecord, Arms, CellId, CheckOutcome, Ending, Event, FailureState, FaultKind, Happening, Pace, Plan,
    Run, RunId, Sha256,
};
use script::{Blow, Fate, Script};
use world::{PausedClock, World, WorldDoor};

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Sink for Events {
    fn see(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// A gate without a judge: a cell is clean when both arms are up.
impl Gate for Events {
    fn clean(&self, cell: &CellId) -> bool {
        let run = Run::fold(self.0.lock().unwrap().clone()).unwrap();
        let (_, arms) = run.records().find(|(it, _)| it.id == *cell).unwrap();
        assert!(arms.baseline.ended && arms.candidate.ended, "the gate is asked of a cell that has not ended");
        arms.baseline.outcome == ArmOutcome::Up && arms.candidate.outcome == ArmOutcome::Up
    }
}

/// How a play is set up, beyond its scripts.
#[derive(Clone, Copy)]
struct Stage {
    /// When the switch is thrown.
    halt_after: Option<Duration>,
    arms_together: bool,
    pace: Pace,
    /// Whether the host takes no evidence.
    refuses_evidence: bool,
}

impl Default for Stage {
    fn default() -> Self {
        Self { halt_after: None, arms_together: true, pace: Pace::AS_PLANNED, refuses_evidence: false }
    }
}

/// Runs the one-cell plan with these scripts, which every attempt follows.
async fn play(scripts: Arms<Script>) -> Run {
    play_on(Stage::default(), Arms { baseline: vec![scripts.baseline], candidate: vec![scripts.candidate] }).await
}

/// Runs the one-cell plan with a script for each attempt; the last one is followed by all further ones.
async fn play_on(stage: Stage, scripts: Arms<Vec<Script>>) -> Run {
    let updates_windows = scripts.candidate.iter().any(|script| script.updates_windows);
    let plan = if updates_windows { plans::of_windows_update() } else { plans::one_cell() };
    play_plan(&plan, stage, scripts).await
}

async fn play_plan(plan: &Plan, stage: Stage, scripts: Arms<Vec<Script>>) -> Run {
    let Stage { halt_after, arms_together, pace, refuses_evidence } = stage;
    let options = Options { arms_together };
    let folder = tempfile::tempdir().unwrap();
    if refuses_evidence {
        // A file where a folder has to be: not even root gets past it.
        std::fs::write(folder.path().join("evidence"), "").unwrap();
    }
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    let living = Arc::new(Mutex::new(BTreeMap::new()));
    let scripts =
        Arms { baseline: Mutex::new(scripts.baseline.into()), candidate: Mutex::new(scripts.candidate.into()) };
    let world = World { clock: clock.clone(), pace, scripts, living: living.clone() };
    let packages: BTreeMap<Sha256, PathBuf> = [(plans::package(), PathBuf::from("package"))].into();
    let events = Arc::new(Events::default());
    let ports = Ports {
        provider: Arc::new(world),
        door: Arc::new(WorldDoor(living.clone())),
        clock: clock.clone(),
        packages: Arc::new(packages),
        gate: events.clone(),
    };
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
    run(&RunId::from("test"), plan, &ports, &run_folder, &recorder, options, halt).await;
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
    all_evidence_is_told(&run, folder.path());
    run
}

/// What is told is there, and what is there was told: no piece of evidence is lost, and no half of one is left behind.
fn all_evidence_is_told(run: &Run, folder: &Path) {
    let mut there = BTreeMap::new();
    let mut folders = vec![folder.join("evidence")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let entry = entry.unwrap();
            match entry.metadata().unwrap() {
                it if it.is_dir() => folders.push(entry.path()),
                it => drop(there.insert(entry.path(), it.len())),
            }
        }
    }
    let arms = run.cells.iter().flat_map(|arms| [&arms.baseline, &arms.candidate]);
    let told: Vec<_> = arms.flat_map(ArmRecord::all_evidence).collect();
    let by_path: BTreeMap<_, _> = told.iter().map(|it| (folder.join(&it.path), it.size)).collect();
    assert_eq!(by_path, there);
    assert_eq!(told.len(), there.len(), "a file was told twice");
}

fn every_check_is_told_once(run: &Run, events: &[Event]) {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        match &event.what {
            Happening::CheckEnded { of, check, .. } => *told.entry(format!("{of} {check}")).or_default() += 1,
            // What an attempt told counts no more.
            Happening::ArmAbandoned { of, .. } => told.retain(|name, _| !name.starts_with(&format!("{of} "))),
            _ => {}
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
    let run = play(Arms { baseline: Script::default(), candidate: script }).await;
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
}

#[tokio::test(start_paused = true)]
async fn exit_codes_mean_what_the_recipe_says() {
    let restarted = candidate(blow(Blow::Code(3010))).await;
    assert_eq!(restarted.outcome, ArmOutcome::Up);
    assert_eq!(restarted.boots.len(), 4, "3010 restarts the guest at once");
    assert_eq!(failed(&candidate(blow(Blow::Code(1618))).await, "candidate"), FailureState::Install);
    assert_eq!(candidate(blow(Blow::Busy(2))).await.outcome, ArmOutcome::Up, "another installation ends in time");
    assert_eq!(failed(&candidate(blow(Blow::Code(9009))).await, "candidate"), FailureState::Install);
}

/// 1641: the installer restarts the guest itself, and whether its exit code is heard is chance.
#[tokio::test(start_paused = true)]
async fn an_installer_may_begin_the_restart() {
    for (own, noted) in [(Blow::Code(1641), false), (Blow::RestartUnheard, true)] {
        let record = candidate(blow(own)).await;
        assert_eq!(record.outcome, ArmOutcome::Up, "{own:?}");
        assert_eq!(record.boots.len(), 4);
        let told = record.notes.iter().any(|note| note.contains("before the installer's exit code could be read"));
        assert_eq!(told, noted, "{:?}", record.notes);
    }
}

/// Slowness is not taken for a hang: a guest that needs longer than planned has it where the host is known to be slow.
#[tokio::test(start_paused = true)]
async fn deadlines_follow_the_host_s_pace() {
    let slow = || {
        let script = Script { boots: vec![Fate::Good, Fate::Good, Fate::LateBanner(70)], ..Script::default() };
        Arms { baseline: vec![Script::default()], candidate: vec![script] }
    };
    let as_planned = play_on(Stage::default(), slow()).await;
    assert_eq!(failed(&as_planned.cells[0].candidate, "reboot-1"), FailureState::Unreachable);
    let pace = Pace::measured(Duration::from_secs(3), Duration::from_secs(1));
    let stretched = play_on(Stage { pace, ..Stage::default() }, slow()).await;
    assert_eq!(stretched.cells[0].candidate.outcome, ArmOutcome::Up);
    assert_eq!(stretched.plan, as_planned.plan, "the record has the plan as it was made");
    assert_eq!(stretched.host.pace, pace);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_dwell_is_found_without_a_connection_to_break() {
    let script = Script { dwell: Some(Blow::Crash), ..Script::default() };
    let run = play(Arms { baseline: Script::default(), candidate: script }).await;
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

/// The scripted clock begins in 1970: an image of that day is used until its day comes, and no machine is made after.
#[tokio::test(start_paused = true)]
async fn an_image_is_not_used_beyond_its_day() {
    for (expires, kind) in [("1970-01-01", Some(FaultKind::ImageExpired)), ("1970-01-02", None)] {
        let mut plan = plans::one_cell();
        plan.images.values_mut().for_each(|image| image.expires = Some(expires.parse().unwrap()));
        let run = play_plan(&plan, Stage::default(), Arms::default()).await;
        let record = &run.cells[0].candidate;
        match kind {
            Some(kind) => assert_eq!(faulted(record, "provision"), kind),
            None => assert_eq!(record.outcome, ArmOutcome::Up),
        }
    }
}

/// One arm after the other gives the same record.
#[tokio::test(start_paused = true)]
async fn arms_one_by_one_end_alike() {
    let scripts = || Arms { baseline: Script::default(), candidate: boots(&[Fate::Good, Fate::Crash]) };
    let together = play(scripts()).await;
    let each = |script| vec![script];
    let Arms { baseline, candidate } = scripts();
    let one_by_one = Stage { arms_together: false, ..Stage::default() };
    let apart = play_on(one_by_one, Arms { baseline: each(baseline), candidate: each(candidate) }).await;
    for arm in coexist_model::Arm::BOTH {
        assert_eq!(together.cells[0][arm].outcome, apart.cells[0][arm].outcome);
    }
}

/// Wherever the user stops a run: machines are gone (asserted in `play`), arms are not run, nothing is accused.
#[tokio::test(start_paused = true)]
async fn a_run_can_be_stopped_at_any_moment() {
    for tenths in (1..200).step_by(7) {
        let stage = Stage { halt_after: Some(Duration::from_millis(tenths * 100)), ..Stage::default() };
        let run = play_on(stage, Arms::default()).await;
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
