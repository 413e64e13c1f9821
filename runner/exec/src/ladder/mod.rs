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

mod console;
mod crashes;
mod disk;
mod incoming;
mod known;
mod needs;
mod nmi;
mod panic;
mod programs;
mod sftp;
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
use crashes::Found;
use needs::Need;
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
    /// What the machine told of the stop.
    told: Option<[Hex; 5]>,
    /// What dumps of programs say that are new in this arm.
    programs: Vec<String>,
    /// What files of blamed drivers say of who made them.
    drivers: Vec<(String, DriverFile)>,
    /// What the guest's serial console shows of a stop: anybody in it may write there, so it is told and no more.
    shown: Option<Hex>,
    /// Whether the guest was interrupted, and restarted by it.
    interrupted: Option<nmi::Reaction>,
    /// What the disk says of a boot that told nothing itself.
    witness: DiskWitness,
    /// The machine hangs, not its guest.
    hung: Option<LabFault>,
}

/// What came of climbing a rung, its files not counted.
enum Climbed {
    /// To its end.
    Done {
        /// A fact that it gave.
        what: Option<String>,
        /// What it did not give, with reasons.
        lacks: Vec<String>,
    },
    /// Not to its end.
    Broken(String),
    /// There is a volume that cannot be read.
    Encrypted,
}

impl Climbed {
    fn lacking(lacks: Vec<String>) -> Self {
        Self::Done { what: None, lacks }
    }

    /// There was nothing on it.
    fn nothing(why: impl Into<String>) -> Self {
        Self::lacking(vec![why.into()])
    }

    fn with(self, files: u32) -> RungOutcome {
        let joined = |lacks: Vec<String>| (!lacks.is_empty()).then(|| lacks.join(", "));
        match self {
            Self::Done { what: None, lacks } if files == 0 => {
                RungOutcome::Nothing { why: joined(lacks).unwrap_or_else(|| "there was nothing new".to_owned()) }
            }
            Self::Done { what, lacks } => RungOutcome::Gave { files, what, lacks: joined(lacks) },
            Self::Broken(why) if files == 0 => RungOutcome::Failed { why },
            Self::Broken(why) => RungOutcome::Gave { files, what: None, lacks: Some(why) },
            Self::Encrypted => RungOutcome::Encrypted,
        }
    }
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
            told: None,
            programs: Vec::new(),
            drivers: Vec::new(),
            shown: None,
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
                let bound = self.bound(needs::deadline(rung));
                let climbed = tokio::select! {
                    biased;
                    climbed = self.on(rung) => climbed,
                    why = bound => Climbed::Broken(why),
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
        let (crash, source) = match (crashes::of_this_crash(&self.crashes), self.told) {
            (Some(crash), told) => {
                let mut crash = crash.clone();
                if let Some([code, ..]) = told.filter(|_| !crashes::can_be_of(&crash, told)) {
                    crash.notes.push(format!("the machine told of another stop than this dump's, {code}"));
                }
                programs::name_maker(&mut crash, &self.owners());
                (crash, "")
            }
            (None, Some(stop)) => (panic::crash_of(stop), " (told by the hypervisor; no dump was got)"),
            (None, None) => {
                if let Some(code) = self.shown {
                    failure.message = format!("{}; the serial console shows a stop {code}", failure.message);
                }
                return;
            }
        };
        failure.message = format!("{}: {}{source}", failure.message, crashes::headline(&crash));
        failure.bucket = Some(crash.bucket.clone());
        failure.crash = Some(Box::new(crash));
    }
}
