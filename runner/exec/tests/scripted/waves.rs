//! Waves: the cells behind one run only when every cell of it is clean.

use std::time::Duration;

use coexist_model::{ArmOutcome, Arms, CheckOutcome, Ending, Plan, Run};

use crate::script::{Blow, Script};
use crate::{Stage, blow, plans, play_plan};

/// As many cells as there are names, each in the wave of that name.
fn plan(waves: &[Option<&str>]) -> Plan {
    let mut plan = plans::one_cell();
    let cell = plan.cells.remove(0);
    plan.cells = waves
        .iter()
        .enumerate()
        .map(|(number, wave)| coexist_model::Cell {
            id: format!("cell-{number}").as_str().into(),
            wave: wave.map(str::to_owned),
            ..cell.clone()
        })
        .collect();
    plan
}

/// What the candidate arms do, one script a cell; arms run one by one.
async fn play(waves: &[Option<&str>], candidates: Vec<Script>) -> Run {
    let stage = Stage { arms_together: false, ..Stage::default() };
    play_plan(&plan(waves), stage, Arms { baseline: vec![Script::default()], candidate: candidates }).await
}

fn began(run: &Run) -> Vec<bool> {
    run.cells.iter().map(|arms| !arms.baseline.never_began() && !arms.candidate.never_began()).collect()
}

const CANARY: Option<&str> = Some("canary");
const WIDER: Option<&str> = Some("wider");
const REST: Option<&str> = Some("rest");

#[tokio::test(start_paused = true)]
async fn clean_waves_let_every_cell_run() {
    let run = play(&[CANARY, CANARY, WIDER, REST], vec![Script::default()]).await;
    assert_eq!(began(&run), [true; 4]);
    assert_eq!((run.held.as_ref(), run.ending), (None, Some(Ending::Completed)));
    assert!(run.cells.iter().all(|arms| arms.candidate.outcome == ArmOutcome::Up));
}

#[tokio::test(start_paused = true)]
async fn a_wave_that_is_not_clean_is_run_to_its_end_and_holds_the_others() {
    let run = play(&[CANARY, CANARY, WIDER, REST], vec![blow(Blow::Crash), Script::default()]).await;
    assert_eq!(began(&run), [true, true, false, false], "a wave is not cut short");
    let held = run.held.as_ref().expect("the wave is told");
    assert_eq!((held.wave.as_str(), held.not_clean.len()), ("canary", 1));
    assert_eq!(held.not_clean[0].as_str(), "cell-0");
    let reason = "held: wave canary was not clean: cell-0";
    for arms in &run.cells[2..] {
        for record in [&arms.baseline, &arms.candidate] {
            assert_eq!(record.outcome, ArmOutcome::NotRun { reason: reason.to_owned() });
            let not_run = CheckOutcome::NotRun { reason: reason.to_owned() };
            assert!(record.checks.values().all(|check| check.outcome == not_run));
        }
    }
    assert_eq!(run.ending, Some(Ending::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_later_wave_holds_only_what_is_behind_it() {
    let run = play(&[CANARY, WIDER, REST], vec![Script::default(), blow(Blow::Crash)]).await;
    assert_eq!(began(&run), [true, true, false]);
    let held = run.held.expect("the wave is told");
    assert_eq!(held.reason(), "held: wave wider was not clean: cell-1");
}

#[tokio::test(start_paused = true)]
async fn the_last_wave_holds_nothing() {
    let run = play(&[CANARY, REST, REST], vec![Script::default(), blow(Blow::Crash), Script::default()]).await;
    assert_eq!(began(&run), [true; 3]);
    assert_eq!(run.held, None);
}

#[tokio::test(start_paused = true)]
async fn without_waves_nothing_is_held() {
    let run = play(&[None, None], vec![blow(Blow::Crash), Script::default()]).await;
    assert_eq!(began(&run), [true; 2]);
    assert_eq!(run.held, None);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_stopped_says_so_and_accuses_no_wave() {
    let stage = Stage { arms_together: false, halt_after: Some(Duration::from_secs(1)), ..Stage::default() };
    let scripts = Arms { baseline: vec![Script::default()], candidate: vec![Script::default()] };
    let run = play_plan(&plan(&[CANARY, REST]), stage, scripts).await;
    assert_eq!((run.held, run.ending), (None, Some(Ending::Interrupted)));
}
