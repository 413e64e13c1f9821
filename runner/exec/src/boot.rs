//! Waiting for a guest, and what it means when it does not come. What a loss in the middle of a step means is in `loss`.
//!
//! The machine's signs are read before the guest is asked: a connection that breaks proves nothing by itself, and a
//! guest that answers may have crashed in between. What the signs leave open, the guest's own log decides.

use std::time::Duration;

use coexist_lab::{Guest, GuestError, Unanswered};
use coexist_model::{Action, BootIdentity, FailureState, FaultKind, LabFault, MachineEvent, MachineSign, Step};

use crate::arm::ArmRun;
use crate::signs::Glance;
use crate::stop::Stop;
use crate::wait::Wait;

/// A guest that starts anew this often without ever settling is in a loop.
const LOOP: usize = 3;
/// Between two knocks at a guest that says no at once.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(100);
/// A guest whose system lives but refuses its SSH service is given this long: Windows stops its services first when it
/// goes down, and may take a minute over the rest.
pub(crate) const REFUSAL: Duration = Duration::from_secs(60);
/// A refused account is given this long: while a guest starts, the part that knows accounts may come last.
pub(crate) const NO_ENTRY: Duration = Duration::from_secs(20);
/// A session that broke in a guest that still answers is watched this long before the guest counts as alive: one that
/// goes down in order answers for a while.
pub(crate) const GOING_DOWN: Duration = Duration::from_secs(15);
/// A machine that restarts tells so at once; on a busy host its word may come this much later than the guest's.
const LATE_SIGN: Duration = Duration::from_secs(5);

/// Which edges a wait has reason to expect.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// Restarts that were asked for.
    pub(crate) asked: usize,
    /// Edges that ended a boot which had come up, asked for or not: they do not count towards a loop.
    pub(crate) of_up_boots: usize,
}

/// What a knock brought.
pub(crate) enum Knocked {
    /// The guest answers in a boot that is not known yet.
    NewBoot(Box<dyn Guest>, BootIdentity),
    /// Anything else; the wait knows.
    Not,
}

impl ArmRun<'_> {
    /// Waits until the guest answers after power-on.
    pub(crate) async fn await_start(&mut self, step: &Step, deadline: Duration) -> Result<(), Stop> {
        self.await_up(step, Expected { asked: 0, of_up_boots: 0 }, deadline).await
    }

    /// Waits until the guest answers after a restart that was asked for.
    pub(crate) async fn await_restart(&mut self, step: &Step, deadline: Duration) -> Result<(), Stop> {
        self.await_up(step, Expected { asked: 1, of_up_boots: 1 }, deadline).await
    }

    pub(crate) async fn await_up(&mut self, step: &Step, expected: Expected, deadline: Duration) -> Result<(), Stop> {
        let mut wait = Wait::new(self.now());
        self.guest = None;
        self.answered = false;
        loop {
            let glance = self.glance();
            if let Some(stop) = self.by_signs(&glance, expected) {
                return Err(stop);
            }
            let now = self.now();
            let waited = now.saturating_sub(wait.begun);
            if waited >= deadline {
                return Err(self.no_answer(step, &glance, expected, &mut wait, deadline).await);
            }
            if glance.crashes == 0
                && let Some(stop) = wait.take_meaning(now, self.no_entry(&wait))
            {
                return Err(stop);
            }
            let patience = (deadline - waited).min(self.paced(wait.patience()));
            if let Knocked::NewBoot(guest, identity) = self.knock(&mut wait, patience).await? {
                return self.arrived(guest, identity, expected).await;
            }
        }
    }

    /// How long what the knocks mean must last until it counts.
    fn no_entry(&self, wait: &Wait) -> Duration {
        match &wait.meaning_since {
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
        let seen = journal.len();
        let ports = self.scene.ports;
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
        };
        let now = self.now();
        match answer {
            Ok((guest, identity)) if self.identity.as_ref() == Some(&identity) => {
                wait.see_old_boot(now);
                // Kept for the evidence it can still give.
                self.guest = Some(guest);
            }
            Ok((guest, identity)) => return Ok(Knocked::NewBoot(guest, identity)),
            Err(unanswered) => wait.see(unanswered, now),
        }
        tokio::select! {
            () = journal.more_than(seen) => {}
            () = self.scene.ports.clock.sleep(BETWEEN_KNOCKS) => {}
        }
        Ok(Knocked::Not)
    }

    /// The guest is there. Whether it came as it was asked to is another question.
    async fn arrived(&mut self, guest: Box<dyn Guest>, identity: BootIdentity, expected: Expected) -> Result<(), Stop> {
        let before = self.identity.replace(identity);
        if before.is_none() {
            let text = self.identity.as_ref().and_then(|identity| identity.start_time.as_deref());
            self.guest_began = text.and_then(|text| text.parse().ok());
        }
        let record = match &before {
            Some(before) => Some(guest.boot_record(Some(before)).await),
            None => None,
        };
        self.guest = Some(guest);
        if before.is_some() {
            self.is_the_same_machine().await?;
        }
        self.sign(MachineSign::Answered);
        let glance = self.glance();
        // What was looked at is judged here, and nothing that came after.
        self.judged = self.told;
        self.answered = true;
        if glance.crashes > 0 {
            let message = format!("the guest stopped {} and came back", times(glance.crashes));
            return Err(Stop::failure(FailureState::Bugcheck, message, None));
        }
        let unexpected = match record {
            None => Vec::new(),
            Some(record) => record?.unexpected,
        };
        if let Some([code, ..]) = unexpected.iter().rev().find_map(|end| end.stop) {
            let message = format!("the guest's own log tells of a stop with {code}, and the guest came back");
            return Err(Stop::failure(FailureState::Bugcheck, message, None));
        }
        let unasked = glance.edges.saturating_sub(expected.asked);
        match (unexpected.is_empty(), unasked, expected.asked) {
            (true, 0, _) => Ok(()),
            // Servicing of Windows restarts more than once, in order each time.
            (true, more, 1..) => {
                self.note(format!("the guest restarted {} more than it was asked to, in order each time", times(more)));
                Ok(())
            }
            (true, more, 0) => Err(Stop::failure(
                FailureState::UnexpectedRestart,
                format!("the guest restarted {} in order, although nobody asked it to", times(more)),
                Some("restart|in-order".to_owned()),
            )),
            (false, ..) => Err(Stop::failure(
                FailureState::UnexpectedRestart,
                "a boot of the guest ended out of order, without a word of why".to_owned(),
                Some("restart|out-of-order".to_owned()),
            )),
        }
    }

    /// A guest is in another boot only after its machine restarted. Where it did not, somebody else answers: another
    /// machine has got the forwarded port.
    async fn is_the_same_machine(&mut self) -> Result<(), Stop> {
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let (journal, endpoint) = (machine.journal(), machine.endpoint());
        let clock = self.scene.ports.clock.clone();
        let late = clock.sleep(self.paced(LATE_SIGN));
        tokio::pin!(late);
        loop {
            let glance = self.glance();
            if glance.edges > 0 || glance.crashes > 0 || glance.fault.is_some() {
                return Ok(());
            }
            tokio::select! {
                () = journal.more_than(self.told) => {}
                () = &mut late => break,
            }
        }
        let message = format!(
            "a guest in another boot answers at {endpoint}, but the machine did not restart: another machine answers there \
             (see who else forwards that port), or the guest's log of its boots was changed under it"
        );
        Err(Stop::fault(FaultKind::WrongMachine, message))
    }

    /// Adds a sign of ours to the machine's.
    pub(crate) fn sign(&self, what: MachineSign) {
        if let Some(machine) = &self.machine {
            machine.journal().push(MachineEvent { at: self.scene.ports.clock.now(), what });
        }
    }

    /// What the signs alone decide.
    pub(crate) fn by_signs(&self, glance: &Glance, expected: Expected) -> Option<Stop> {
        if let Some(fault) = &glance.fault {
            // The dump that a crash writes may be what fills the host's disk: the crash came first.
            return Some(if glance.crashes > 0 && self.accusable() {
                let message = format!("the guest stopped {}; then the lab failed: {fault}", times(glance.crashes));
                Stop::failure(FailureState::Bugcheck, message, None)
            } else {
                Stop::Fault(fault.clone())
            });
        }
        if glance.powered_off && glance.crashes > 0 {
            let message = format!("the guest stopped {} and powered the machine off", times(glance.crashes));
            return Some(Stop::failure(FailureState::Bugcheck, message, None));
        }
        if glance.powered_off {
            let message = "the guest powered the machine off although nobody asked it to";
            return Some(Stop::failure(FailureState::UnexpectedRestart, message, Some("power-off".to_owned())));
        }
        let failed = glance.edges.saturating_sub(expected.of_up_boots);
        (failed >= LOOP).then(|| {
            let how = if glance.crashes > 0 {
                format!("{} with a stop", times(glance.crashes))
            } else {
                "without a word of why".to_owned()
            };
            let bucket = (glance.crashes == 0).then(|| "loop|no-stop".to_owned());
            Stop::failure(
                FailureState::Loop,
                format!("boot loop: {failed} boots in a row never settled, {how}"),
                bucket,
            )
        })
    }

    /// The deadline has passed.
    pub(crate) async fn no_answer(
        &mut self,
        step: &Step,
        glance: &Glance,
        expected: Expected,
        wait: &mut Wait,
        deadline: Duration,
    ) -> Stop {
        let after = deadline.as_secs();
        let seen = self.last_seen(&wait.last);
        if glance.crashes > 0 {
            let stopped = times(glance.crashes);
            let message = format!("the guest stopped {stopped} and did not come back within {after} s; {seen}");
            return Stop::failure(FailureState::Bugcheck, message, None);
        }
        if glance.edges > expected.asked {
            let message = format!("the guest restarted by itself and did not answer within {after} s; {seen}");
            return Stop::failure(FailureState::UnexpectedRestart, message, None);
        }
        if let Some(machine) = &self.machine
            && let Err(fault) = machine.check().await
        {
            return Stop::Fault(fault);
        }
        if wait.old_boot_since.is_some() && glance.edges == 0 {
            let message =
                format!("the guest accepted the restart, but still ran the same boot {after} s later; {seen}");
            return Stop::failure(FailureState::Hang, message, None);
        }
        if let Some(stop) = wait.take_meaning(self.now(), Duration::ZERO) {
            return stop;
        }
        let refused = wait.refused_since.map(|since| self.now().saturating_sub(since));
        match &wait.last {
            Unanswered::Refused if refused >= Some(self.paced(REFUSAL).min(deadline / 2)) => still_refused(refused),
            Unanswered::Broken(_) if self.accusable() => {
                let message = format!("the guest begins sessions but finished none within {after} s; {seen}");
                Stop::failure(FailureState::Hang, message, None)
            }
            Unanswered::Silent if self.answered && expected.asked == 0 && !matches!(step.action, Action::Provision) => {
                let message = format!("the guest ran, and nothing of it has answered for {after} s; {seen}");
                Stop::failure(FailureState::Unreachable, message, None)
            }
            Unanswered::Silent | Unanswered::Refused => {
                let message = format!("no session with the guest for {after} s since the guest started; {seen}");
                Stop::failure(FailureState::Hang, message, None)
            }
            _ => Stop::fault(FaultKind::NoAnswer, format!("no session within {after} s; {seen}")),
        }
    }

    /// What there was last of machine and guest, for who was waited for in vain.
    fn last_seen(&self, knock: &Unanswered) -> String {
        let last = self.machine.as_ref().and_then(|machine| machine.journal().since(0).pop());
        let sign = last.map_or_else(String::new, |sign| {
            let ago = self.scene.ports.clock.now().duration_since(sign.at).as_secs();
            format!("the machine's last sign was {}, {ago} s before; ", sign.what)
        });
        format!("{sign}at the last knock {knock}")
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

pub(crate) fn still_refused(time: Option<Duration>) -> Stop {
    let seconds = time.unwrap_or_default().as_secs();
    Stop::KeptOut(LabFault::new(
        FaultKind::SshRefused,
        format!(
            "the guest's system lives, but nothing has listened for SSH for {seconds} s: something stopped the service"
        ),
    ))
}

pub(crate) fn no_machine() -> Stop {
    Stop::fault(FaultKind::QemuStart, "there is no machine: the plan's first step must provision one")
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
