//! The collection ladder: evidence of a failed arm, from best to last resort.
//!
//! ```text
//! panic ─► console ─► sftp ─► nmi ─► memory ─► disk ─► what it proves ─► (the machine is given back)
//!          └ a hang of the machine itself ends the climb: a fault, nobody is accused
//! ```
//!
//! Rungs are climbed until all that a failure of its state needs is safe ([`needs`] has the table); one that cannot give
//! anything still missing is skipped. Each has a deadline of its own, and what came of it is told with its reason.
//!
//! Why in this order:
//! - what the machine told of a stop is there already;
//! - the picture of the screen is lost by everything below that restarts the guest or cuts its power;
//! - a guest that answers gives files whole, and knows which are new; it must still run for that;
//! - an interrupt makes a hung Windows write its own dump, but it ends what hung: the picture is safe by then;
//! - the guest's memory is gone with its power and with any restart, so it is taken before the disk is read, and only
//!   where the interrupt did not restart the guest;
//! - a disk is at rest only once the power is cut, which ends everything else. Its page file has the dump of a guest that
//!   never came back, also the one that an interrupt made it write.

mod climbed;
mod console;
mod crashes;
mod disk;
mod incoming;
mod known;
mod learn;
mod logs;
mod needs;
mod nmi;
mod panic;
mod programs;
mod sftp;
mod stops;
mod store;
mod transfer;

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_evidence::DriverOwners;
use coexist_model::{
    DiskWitness, DriverFile, FailureState, Happening, Hex, LabFault, MachineSign, Proof, Rung, RungOutcome, Seconds,
    Step, StepFailure, what_the_disk_proves,
};

use crate::arm::ArmRun;
use crate::stop::Stop;
use climbed::{Climbed, Lacks};
use crashes::Found;
use learn::Sought;
use needs::Need;
use stops::Stops;
use store::Store;

pub(crate) use known::{FileName, file_name};

/// All evidence, once the user wants to stop.
const WHEN_HALTED: Duration = Duration::from_secs(20);

/// Makes a failure's evidence safe and learns from it what it proves. A fault when the machine itself turns out to be what
/// hangs.
pub(crate) async fn climb(arm: &mut ArmRun<'_>, step: &Step, failure: &mut StepFailure) -> Option<LabFault> {
    let mut ladder = Ladder::new(arm, Some(step), failure.state);
    for rung in needs::ORDER {
        ladder.climb_rung(rung).await;
        if ladder.hung.is_some() {
            return ladder.hung;
        }
    }
    ladder.conclude(failure);
    tracing::debug!(state = %failure.state, "the failure's evidence is safe");
    None
}

/// The console alone, of an arm that accuses nobody.
pub(crate) async fn console(arm: &mut ArmRun<'_>) {
    if arm.machine.is_some() {
        Ladder::new(arm, None, FailureState::Hang).climb_rung(Rung::Console).await;
    }
}

/// The guest's System log, of an arm at whose end the guest lives.
pub(crate) async fn records(arm: &mut ArmRun<'_>, deadline: Duration) -> Result<(), Stop> {
    Ladder::new(arm, None, FailureState::Unhealthy).records(deadline).await
}

/// One climb.
struct Ladder<'r, 'a> {
    arm: &'r mut ArmRun<'a>,
    /// The step that failed.
    step: Option<&'r Step>,
    /// How it failed.
    state: FailureState,
    /// What is safe.
    safe: BTreeSet<Need>,
    /// What was taken.
    store: Store,
    /// What dumps of this arm say.
    crashes: Vec<Found>,
    /// What is known of the stops of this arm, and of the last one above all.
    stops: Stops,
    /// What the search for a dump of the stop that is to be explained came to.
    sought: Sought,
    /// What dumps of programs say that are new in this arm.
    programs: Vec<String>,
    /// What files of blamed drivers say of who made them.
    drivers: Vec<(String, DriverFile)>,
    /// Whether the guest was interrupted, and restarted by it.
    interrupted: Option<nmi::Reaction>,
    /// What the disk says of a boot that told nothing itself.
    witness: DiskWitness,
    /// The machine hangs, not its guest.
    hung: Option<LabFault>,
}

impl<'r, 'a> Ladder<'r, 'a> {
    fn new(arm: &'r mut ArmRun<'a>, step: Option<&'r Step>, state: FailureState) -> Self {
        let store = Store::new(arm);
        Self {
            arm,
            step,
            state,
            safe: BTreeSet::new(),
            store,
            crashes: Vec::new(),
            stops: Stops::default(),
            sought: Sought::Missing,
            programs: Vec::new(),
            drivers: Vec::new(),
            interrupted: None,
            witness: DiskWitness::default(),
            hung: None,
        }
    }

    /// Climbs one rung within its deadline and tells what came of it.
    async fn climb_rung(&mut self, rung: Rung) {
        let clock = self.arm.scene.ports.clock.clone();
        let begun = clock.elapsed();
        let files = self.store.files();
        let outcome = match self.no_use(rung) {
            Some(why) => RungOutcome::Skipped { why },
            None => {
                let memory_mib = self.arm.image().map_or(0, |image| image.machine.memory_mib);
                let bound = self.bound(needs::deadline(rung, memory_mib));
                let climbed = tokio::select! {
                    biased;
                    climbed = self.on(rung) => climbed,
                    why = bound => Climbed::broken(why),
                };
                self.store.drop_partial();
                climbed.with(self.store.files() - files)
            }
        };
        let took_s = Seconds::from(clock.elapsed().saturating_sub(begun));
        self.arm.scene.recorder.tell(Happening::RungEnded { of: self.arm.of.clone(), rung, outcome, took_s });
    }

    /// Waits until a rung must end, and says why.
    fn bound(&self, deadline: Duration) -> impl Future<Output = String> + use<> {
        let deadline = self.arm.paced(deadline);
        let clock = self.arm.scene.ports.clock.clone();
        let mut halt = self.arm.halt.clone();
        async move {
            let halted = async {
                halt.wait().await;
                clock.sleep(WHEN_HALTED).await;
            };
            tokio::select! {
                () = clock.sleep(deadline) => format!("its time of {} s was over", deadline.as_secs()),
                () = halted => "the run was stopped".to_owned(),
            }
        }
    }

    async fn on(&mut self, rung: Rung) -> Climbed {
        match rung {
            Rung::Panic => self.panic(),
            Rung::Console | Rung::Host => self.console().await,
            Rung::Sftp => self.sftp().await,
            Rung::Nmi => self.nmi().await,
            Rung::Memory => self.memory().await,
            Rung::Disk => self.disk().await,
        }
    }

    /// Why a rung need not be climbed, or cannot help.
    fn no_use(&self, rung: Rung) -> Option<String> {
        if matches!(rung, Rung::Panic | Rung::Console | Rung::Host) {
            return None;
        }
        if self.arm.halt.wanted().is_some() {
            return Some("the run was stopped".to_owned());
        }
        if matches!(rung, Rung::Nmi | Rung::Memory) {
            let ended = self.arm.machine.as_ref().is_none_or(|machine| machine.journal().end().is_some());
            if self.state != FailureState::Hang {
                return Some("the guest does not hang".to_owned());
            }
            if ended {
                return Some("the machine does not run any more".to_owned());
            }
            if rung == Rung::Memory && self.interrupted == Some(nmi::Reaction::Restart) {
                return Some("the guest was restarted, and what hung is in its memory no more".to_owned());
            }
        }
        (!needs::is_useful(rung, self.state, &self.safe)).then(|| "the evidence is complete".to_owned())
    }

    /// Whose drivers are whose, as far as is known by now.
    fn owners(&self) -> DriverOwners {
        let recipes: DriverOwners = self.arm.scene.plan.driver_owners.iter().collect();
        recipes.with_files(self.drivers.iter().cloned())
    }

    /// Corrects what a silent boot was taken for by what its disk proves.
    fn correct(&self, failure: &mut StepFailure) {
        let Some(machine) = &self.arm.machine else { return };
        let signs = machine.journal().since(0);
        let proof = what_the_disk_proves(failure.state, &signs, self.arm.guest_began, &self.witness);
        let Some(Proof { state, reached, because }) = proof else { return };
        failure.message = format!("{}; seen as {} from outside, but {because}", failure.message, failure.state);
        failure.state = state;
        self.arm.sign(MachineSign::Stage { reached });
    }

    /// What the evidence says of the failure.
    fn conclude(self, failure: &mut StepFailure) {
        self.correct(failure);
        for program in &self.programs {
            failure.message = format!("{}; a program crashed in this arm: {program}", failure.message);
        }
        if !needs::is_of_a_stop(self.state) {
            return;
        }
        let (crash, source) = match (self.speaker(), self.stops.told) {
            (Some(found), _) => {
                let mut crash = found.crash.clone();
                crash.notes.extend(self.stops.doubt(found));
                programs::name_maker(&mut crash, &self.owners());
                (crash, "")
            }
            (None, Some(stop)) => {
                let mut crash = panic::crash_of(stop);
                crash.notes.extend(self.crashes.iter().map(Found::of_another_stop));
                (crash, " (told by the hypervisor; no dump of it was got)")
            }
            (None, None) => {
                if let Some(shown) = self.stops.shown {
                    failure.message =
                        format!("{}; the serial console shows a stop {}", failure.message, Hex::from(shown.code));
                }
                return;
            }
        };
        failure.message = format!("{}: {}{source}", failure.message, crashes::headline(&crash));
        failure.bucket = Some(crash.bucket.clone());
        failure.crash = Some(Box::new(crash));
    }
}
