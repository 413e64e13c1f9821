//! A whole run: one wave after another while each is clean, one cell after another, both arms of each, and an arm anew where
//! the lab failed it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coexist_lab::{Clock, Door, Provider};
use coexist_model::{
    Arm, ArmOutcome, ArmRef, Cell, CellId, EVENTS_SCHEMA, Ending, Happening, HeldWave, Pace, Plan, RunId, Sha256,
};
use tokio::sync::watch;
use tracing::{Instrument, info_span};

use crate::arm::{self, ArmRun, AttemptEnd};
use crate::{Recorder, RunFolder};

/// Before an arm is begun anew that got no machine or no guest; twice as long each time.
const PAUSE: Duration = Duration::from_secs(5);

/// Everything a run needs from the world.
#[derive(Clone)]
pub struct Ports {
    /// Makes machines.
    pub provider: Arc<dyn Provider>,
    /// Opens sessions with guests.
    pub door: Arc<dyn Door>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where each package lies on this host, verified.
    pub packages: Arc<BTreeMap<Sha256, PathBuf>>,
    /// Says between waves whether cells were clean.
    pub gate: Arc<dyn Gate>,
}

/// The word on a cell that both arms have ended. The executor asks it between waves; it knows no verdicts itself.
pub trait Gate: Send + Sync {
    /// Whether nothing about the cell speaks against running the cells behind it. Everything told of it was seen by the
    /// recorder's sinks before this is asked.
    fn clean(&self, cell: &CellId) -> bool;
}

/// How a run is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Both arms of a cell at once: where the host has a processor and memory for each.
    pub arms_together: bool,
}

/// A wish to stop, which every arm watches.
#[derive(Debug, Clone)]
pub struct Halt(watch::Receiver<Option<Ending>>);

/// The other end of a [`Halt`].
#[derive(Debug)]
pub struct HaltSwitch(watch::Sender<Option<Ending>>);

impl HaltSwitch {
    /// A switch that was not thrown.
    #[must_use]
    pub fn new() -> (Self, Halt) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Halt(receiver))
    }

    /// Asks the run to stop: consoles and logs are kept, machines are ended, the record is closed.
    pub fn throw(&self, why: Ending) {
        self.0.send_replace(Some(why));
    }
}

impl Halt {
    /// Why the run should stop, if it should.
    #[must_use]
    pub fn wanted(&self) -> Option<Ending> {
        *self.0.borrow()
    }

    /// Waits until the run should stop.
    pub async fn wait(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            // Nobody holds the switch any more: nobody will ever throw it.
            std::future::pending::<()>().await;
        }
    }
}

/// What all arms of a run share.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) run: &'a RunId,
    /// With its deadlines as this host needs them.
    pub(crate) plan: &'a Plan,
    pub(crate) pace: Pace,
    pub(crate) ports: &'a Ports,
    pub(crate) folder: &'a RunFolder,
    pub(crate) recorder: &'a Recorder,
}

/// Carries out a plan. What comes of it is told to the recorder, whose sinks have seen everything when this returns; the
/// return value is how the run ended.
pub async fn run(
    run: &RunId,
    plan: &Plan,
    ports: &Ports,
    folder: &RunFolder,
    recorder: &Recorder,
    options: Options,
    halt: Halt,
) -> Ending {
    let host = ports.provider.host();
    let paced = plan.at_pace(host.pace);
    recorder.tell(Happening::RunStarted {
        schema: EVENTS_SCHEMA.to_owned(),
        run: run.clone(),
        plan: Box::new(plan.clone()),
        host: host.clone(),
    });
    let scene = Scene { run, plan: &paced, pace: host.pace, ports, folder, recorder };
    let ending = every_cell(scene, options, &halt).instrument(info_span!("run", id = %run)).await;
    recorder.tell(Happening::RunEnded { ending });
    recorder.flush().await;
    ending
}

async fn every_cell(scene: Scene<'_>, options: Options, halt: &Halt) -> Ending {
    let Scene { plan, folder, recorder, .. } = scene;
    let mut done: &[Cell] = &[];
    for (number, cell) in plan.cells.iter().enumerate() {
        if halt.wanted().is_some() {
            break;
        }
        if done.last().is_some_and(|last| last.wave != cell.wave)
            && let Some(held) = held(scene, done).await
        {
            recorder.tell(Happening::WaveHeld { held });
            break;
        }
        done = plan.cells.get(..=number).unwrap_or_default();
        recorder.tell(Happening::CellStarted { cell: cell.id.clone() });
        let arm = |arm| one_arm(scene, cell, arm, halt.clone());
        let span = info_span!("cell", id = %cell.id);
        if options.arms_together {
            async { tokio::join!(arm(Arm::Baseline), arm(Arm::Candidate)) }.instrument(span).await;
        } else {
            arm(Arm::Baseline).instrument(span.clone()).await;
            arm(Arm::Candidate).instrument(span).await;
        }
    }
    // Nothing of a finished run lives here any more; what could not be removed was told by its arm.
    let _ = tokio::fs::remove_dir_all(folder.work()).await;
    halt.wanted().unwrap_or(Ending::Completed)
}

/// What holds back the cells behind a wave that has ended: its cells that are not clean. Earlier waves were clean, or it
/// would not have begun.
async fn held(scene: Scene<'_>, done: &[Cell]) -> Option<HeldWave> {
    scene.recorder.flush().await;
    let wave = done.last()?.wave.clone()?;
    let of_wave = done.iter().filter(|cell| cell.wave.as_ref() == Some(&wave));
    let not_clean: Vec<_> = of_wave.map(|cell| &cell.id).filter(|id| !scene.ports.gate.clean(id)).cloned().collect();
    (!not_clean.is_empty()).then_some(HeldWave { wave, not_clean })
}

/// Runs an arm, anew as often as the plan grants it for faults of the lab. Every attempt begins with a fresh machine, and
/// nothing that a product did is ever tried again: an attempt is given up only for a fault that may pass.
async fn one_arm(scene: Scene<'_>, cell: &Cell, which: Arm, halt: Halt) {
    let of = ArmRef { cell: cell.id.clone(), arm: which };
    for attempt in 1.. {
        if halt.wanted().is_some() {
            let began = if attempt == 1 { "began" } else { "was begun anew" };
            let outcome = ArmOutcome::NotRun { reason: format!("the run was stopped before this arm {began}") };
            if attempt > 1 {
                // What the attempts before told of the checks counts no more.
                arm::tell_not_run(scene.recorder, &of, &cell.arms[which], &outcome);
            }
            scene.recorder.tell(Happening::ArmEnded { of, outcome });
            return;
        }
        let run = ArmRun::new(scene, cell, of.clone(), attempt, halt.clone());
        match run.run().instrument(info_span!("arm", arm = %which, attempt)).await {
            AttemptEnd::Final => return,
            AttemptEnd::Abandoned(at) if cell.position(&at) == Some(0) => {
                // What a host lacks for a machine it may have when another one is gone.
                let pause = scene.ports.clock.sleep(scene.pace.stretch(PAUSE * 2_u32.pow(attempt.min(6) - 1)));
                let mut halt = halt.clone();
                tokio::select! {
                    () = halt.wait() => {}
                    () = pause => {}
                }
            }
            AttemptEnd::Abandoned(_) => {}
        }
    }
}
