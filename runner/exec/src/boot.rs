//! Waiting for a guest. What its silence means is in `silence`, how it came back in `arrival`, what a loss in the middle of
//! a step means in `loss`.
//!
//! The machine's signs are read before the guest is asked: a connection that breaks proves nothing by itself, and a
//! guest that answers may have crashed in between. What the signs leave open, the guest's own log decides.

use std::time::Duration;

use coexist_lab::{Clock, Guest, GuestError, Machine, Unanswered};
use coexist_model::{
    Action, BootIdentity, BootStage, FailureState, FaultKind, MachineEvent, MachineSign, Step, StepFailure, reached,
};

use crate::arm::ArmRun;
use crate::arrival::Arrived;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::wait::Wait;

/// Between two knocks at a guest that says no at once.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(100);
/// A guest whose system lives but refuses its SSH service is given this long: Windows stops its services first when it
/// goes down, and may take a minute over the rest.
pub(crate) const REFUSAL: Duration = Duration::from_secs(60);
/// A refused account is given this long: while a guest starts, the part that knows accounts may come last.
pub(crate) const NO_ENTRY: Duration = Duration::from_secs(20);
/// A request that failed in a guest that still answers is the request's own failure once the guest has gone on answering
/// for this long: one that goes down in order answers for a while, and one that is about to hang may answer once more.
pub(crate) const GOING_DOWN: Duration = Duration::from_secs(15);

/// How often a guest that came back is asked for its log's word on its boots, …
const QUESTIONS: u32 = 3;
/// … and the time between.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(2);

/// What a knock brought.
pub(crate) enum Knocked {
    /// The guest answers in a boot that is not known yet.
    NewBoot(Box<dyn Guest>, BootIdentity),
    /// Anything else; the wait knows.
    Not,
}

impl ArmRun<'_> {
    /// Waits until the guest is up after power-on.
    pub(crate) async fn await_start(&mut self, step: &Step, deadline: Duration) -> Result<(), Stop> {
        self.await_up(step, 0, deadline).await
    }

    /// Waits until the guest is up after a restart that was asked for.
    pub(crate) async fn await_restart(&mut self, step: &Step, deadline: Duration) -> Result<(), Stop> {
        self.await_up(step, 1, deadline).await
    }

    /// Waits until the guest is up, which is to come after as many restarts as were asked for. One that came back from a
    /// failed boot is watched whether it goes on failing: that decides between a stop and a loop.
    pub(crate) async fn await_up(&mut self, step: &Step, asked: usize, deadline: Duration) -> Result<(), Stop> {
        let mut seen: Option<StepFailure> = None;
        loop {
            // Once a boot was seen to fail, those after it are taken for no better.
            let in_order = self.services_windows && asked > 0 && seen.is_none();
            let arrived = self.await_answer(step, asked, in_order, deadline).await;
            let failure = match (arrived, seen.take()) {
                (Ok(None), None) => return Ok(()),
                (Ok(None), Some(before)) => return Err(Stop::Failure(before)),
                (Ok(Some(failure)), None) => failure,
                (Ok(Some(failure)), Some(before)) => graver(before, failure),
                (Err(stop), None) => return Err(stop),
                (Err(Stop::Failure(failure)), Some(before)) => return Err(Stop::Failure(graver(before, failure))),
                // What the lab meets afterwards hides no failure.
                (Err(_), Some(before)) => return Err(Stop::Failure(before)),
            };
            if self.stays().await {
                return Err(Stop::Failure(failure));
            }
            seen = Some(failure);
        }
    }

    /// Waits until the guest answers once; how its last boots failed, if they did.
    async fn await_answer(
        &mut self,
        step: &Step,
        asked: usize,
        in_order: bool,
        deadline: Duration,
    ) -> Result<Option<StepFailure>, Stop> {
        let mut wait = Wait::new(self.now());
        let (mut questions, mut untold) = (0, None);
        self.guest = None;
        loop {
            let glance = self.glance();
            if glance.edges > 0 || glance.crashes > 0 {
                // A session with a boot that is over gives nothing any more, and would be waited for.
                self.guest = None;
            }
            if let Some(stop) = self.by_signs(&glance, in_order) {
                return Err(stop);
            }
            let now = self.now();
            let waited = now.saturating_sub(wait.begun);
            let allowed = wait.allowed(deadline, now);
            if waited >= allowed {
                return match untold {
                    Some((identity, error)) => self.arrived_untold(identity, error, asked),
                    None => Err(self.no_answer(step, &glance, asked, &mut wait, deadline).await),
                };
            }
            if glance.crashes == 0
                && let Some(stop) = wait.take_meaning(now, self.no_entry(&wait, glance.edges < asked))
            {
                return Err(stop);
            }
            let patience = (allowed - waited).min(self.paced(wait.patience()));
            untold = None;
            let Knocked::NewBoot(guest, identity) = self.knock(&mut wait, patience).await? else { continue };
            questions += 1;
            match self.arrived(guest, identity, asked).await? {
                Arrived::Judged(failure) => return Ok(failure),
                // A session that broke, or a log that is not there yet, as a guest has it that still starts.
                Arrived::Untold(identity, error @ (GuestError::Lost { .. } | GuestError::Disagrees { .. }))
                    if questions < QUESTIONS =>
                {
                    self.scene.ports.clock.sleep(BETWEEN_QUESTIONS).await;
                    untold = Some((identity, error));
                }
                Arrived::Untold(identity, error) => return self.arrived_untold(identity, error, asked),
            }
        }
    }

    /// How long what the knocks mean must last until it counts. A guest that goes down lets nobody in any more: whether
    /// it does go down is the question then.
    fn no_entry(&self, wait: &Wait, going_down: bool) -> Duration {
        match &wait.meaning_since {
            Some((Stop::KeptOut(_), _)) if going_down => Duration::MAX,
            Some((Stop::KeptOut(_), _)) => self.paced(NO_ENTRY),
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.scene.ports.clock.elapsed()
    }

    /// Knocks once, unless a sign comes first.
    pub(crate) async fn knock(&mut self, wait: &mut Wait, patience: Duration) -> Result<Knocked, Stop> {
        let access = &self.image()?.access;
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let (journal, endpoint) = (machine.journal(), machine.endpoint());
        let seen = self.told;
        let (ports, clock) = (self.scene.ports, &self.scene.ports.clock);
        let asked = async {
            let guest = ports.door.knock(endpoint, access, patience).await?;
            match guest.boot_identity().await {
                Ok(identity) => Ok((guest, identity)),
                Err(GuestError::Refused { found, .. }) => Err(Unanswered::NoCommand(found)),
                // A guest that starts or goes down may answer oddly: what it is stays open until it answers well.
                Err(error) => Err(Unanswered::Broken(error.to_string())),
            }
        };
        let answer = tokio::select! {
            biased;
            () = journal.more_than(seen) => return Ok(Knocked::Not),
            answer = asked => answer,
            never = watch(machine.as_ref(), clock.as_ref(), &mut wait.progress) => match never {},
        };
        let now = self.now();
        match answer {
            Ok((guest, identity)) if self.identity.as_ref() == Some(&identity) => {
                wait.see_old_boot(now);
                // Kept for the evidence it can still give.
                self.guest = Some(guest);
            }
            Ok((guest, identity)) => return Ok(Knocked::NewBoot(guest, identity)),
            Err(unanswered) => {
                if let Some(stage) = shown_by(&unanswered) {
                    self.reach(stage);
                }
                wait.see(unanswered, now);
            }
        }
        let between = async {
            clock.sleep(BETWEEN_KNOCKS).await;
            if clock.elapsed() >= wait.progress.due {
                look(machine.as_ref(), clock.as_ref(), &mut wait.progress).await;
            }
        };
        let seen = journal.len();
        tokio::select! {
            () = journal.more_than(seen) => {}
            () = between => {}
        }
        Ok(Knocked::Not)
    }

    /// Adds a sign of ours to the machine's.
    pub(crate) fn sign(&self, what: MachineSign) {
        if let Some(machine) = &self.machine {
            machine.journal().push(MachineEvent { at: self.scene.ports.clock.now(), what });
        }
    }

    /// Tells that the present boot has come this far, if that is new.
    pub(crate) fn reach(&self, stage: BootStage) {
        let signs = self.signs();
        // A sign that nobody has looked at may be the next boot's beginning: then the stage is not for certain this one's.
        if signs.len() == self.told && reached(&signs).is_some_and(|it| it < stage) {
            self.sign(MachineSign::Stage { reached: stage });
        }
    }

    /// Whether the machine gave no sign that it should not have given.
    pub(crate) fn calm(&mut self) -> Result<(), Stop> {
        let glance = self.glance();
        if glance.fault.is_some() || glance.powered_off || glance.edges > 0 || glance.crashes > 0 {
            return Err(Stop::Unrest);
        }
        Ok(())
    }

    /// How long a start of this guest may take within a step.
    pub(crate) fn boot_deadline(&self, step: &Step) -> Duration {
        match &step.action {
            Action::Provision => step.deadline.to_duration(),
            Action::Reboot { wait, .. } => wait.to_duration(),
            Action::Configure { restart, .. } => restart.to_duration(),
            Action::Install(install) => install.restart.to_duration(),
            Action::Hold | Action::Dwell { .. } | Action::Exercise(_) | Action::Probe { .. } | Action::Collect => {
                let image = self.scene.plan.images.get(&self.cell.image);
                image.map_or(Duration::ZERO, |it| it.boot_deadline.to_duration())
            }
        }
    }
}

/// Looks on for as long as somebody waits.
async fn watch(machine: &dyn Machine, clock: &dyn Clock, progress: &mut Progress) -> std::convert::Infallible {
    loop {
        clock.sleep(progress.due.saturating_sub(clock.elapsed())).await;
        look(machine, clock, progress).await;
    }
}

async fn look(machine: &dyn Machine, clock: &dyn Clock, progress: &mut Progress) {
    // A machine that cannot tell leaves everything as open as it was; one that hangs is asked for its word in the end.
    let activity = machine.activity().await.ok();
    progress.see(clock.elapsed(), activity);
}

/// How far a boot is that does not answer so.
fn shown_by(knock: &Unanswered) -> Option<BootStage> {
    match knock {
        Unanswered::Refused => Some(BootStage::Network),
        // Nobody but the guest's SSH service begins a session.
        Unanswered::Broken(_)
        | Unanswered::WrongKey { .. }
        | Unanswered::Authentication { .. }
        | Unanswered::NoCommand(_) => Some(BootStage::Ssh),
        Unanswered::Silent | Unanswered::Host(_) => None,
    }
}

/// One failure of two in a row: a stop that was seen is never told as less because of what came after it.
fn graver(before: StepFailure, after: StepFailure) -> StepFailure {
    match (before.state, after.state) {
        (FailureState::Loop, FailureState::Loop) => after,
        (_, FailureState::Loop) => StepFailure {
            message: format!("{}; before that, {}", after.message, before.message),
            // A stop that only the guest's log knows of tells its boots from those that reset without a word.
            bucket: after.bucket.filter(|_| before.state != FailureState::Bugcheck),
            ..after
        },
        (FailureState::Loop, _) => then(before, &after),
        (_, FailureState::Recovery | FailureState::Bugcheck) => after,
        (FailureState::Bugcheck, _) => then(before, &after),
        _ => after,
    }
}

fn then(before: StepFailure, after: &StepFailure) -> StepFailure {
    StepFailure { message: format!("{}; then {}", before.message, after.message), ..before }
}

pub(crate) fn no_machine() -> Stop {
    Stop::fault(FaultKind::QemuStart, "there is no machine: the plan's first step must provision one")
}
