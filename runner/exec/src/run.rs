//! A whole run: one cell after another, both arms of each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use coexist_lab::{Clock, Door, Provider};
use coexist_model::{Arm, ArmOutcome, ArmRef, Cell, EVENTS_SCHEMA, Ending, Happening, Plan, RunId, Sha256};
use tokio::sync::watch;

use crate::arm::ArmRun;
use crate::{Recorder, RunFolder};

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

    /// Asks the run to stop: evidence is kept, machines are ended, the record is closed.
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

/// Carries out a plan. What comes of it is told to the recorder; the return value is how the run ended.
pub async fn run(
    id: &RunId,
    plan: &Plan,
    ports: &Ports,
    folder: &RunFolder,
    recorder: &Recorder,
    options: Options,
    halt: Halt,
) -> Ending {
    recorder.tell(Happening::RunStarted {
        schema: EVENTS_SCHEMA.to_owned(),
        run: id.clone(),
        host: ports.provider.host(),
        plan: Box::new(plan.clone()),
    });
    for cell in &plan.cells {
        if halt.wanted().is_some() {
            break;
        }
        recorder.tell(Happening::CellStarted { cell: cell.id.clone() });
        let arm = |arm| one_arm(id, plan, cell, arm, ports, folder, recorder, halt.clone());
        if options.arms_together {
            tokio::join!(arm(Arm::Baseline), arm(Arm::Candidate));
        } else {
            arm(Arm::Baseline).await;
            arm(Arm::Candidate).await;
        }
    }
    // Nothing of a finished run lives here any more; what could not be removed was told by its arm.
    let _ = tokio::fs::remove_dir_all(folder.work()).await;
    let ending = halt.wanted().unwrap_or(Ending::Completed);
    recorder.tell(Happening::RunEnded { ending });
    ending
}

#[expect(clippy::too_many_arguments, reason = "the run's own arguments and one cell")]
async fn one_arm(
    id: &RunId,
    plan: &Plan,
    cell: &Cell,
    arm: Arm,
    ports: &Ports,
    folder: &RunFolder,
    recorder: &Recorder,
    halt: Halt,
) {
    let of = ArmRef { cell: cell.id.clone(), arm };
    if halt.wanted().is_some() {
        let reason = "the run was stopped before this arm began".to_owned();
        recorder.tell(Happening::ArmEnded { of, outcome: ArmOutcome::NotRun { reason } });
        return;
    }
    ArmRun::new(id, plan, cell, of, ports, folder, recorder, halt).run().await;
}
