//! Waiting for a guest, and what it means when it does not come.
//!
//! The machine's signs are read before the guest is asked: a connection that breaks proves nothing by itself, and a
//! guest that answers may have crashed in between.

use std::time::Duration;

use coexist_lab::{GuestError, Unanswered};
use coexist_model::{Action, BootEnd, BootState, FailureState, FaultKind, MachineEvent, MachineSign, Seconds, Step};

use crate::arm::ArmRun;
use crate::signs::Glance;
use crate::stop::{Stop, fatal};

/// A guest that starts anew this often without ever settling is in a loop.
const LOOP: usize = 3;
/// One knock may take this long; the door itself gives up sooner when nothing answers at all.
const KNOCK: Duration = Duration::from_secs(10);
/// Between two knocks at a guest that says no at once.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(100);
/// A guest whose system lives but refuses its SSH service is given this long to mend it.
const REFUSAL: Duration = Duration::from_secs(10);

/// What a wait has seen so far.
struct Wait {
    begun: Duration,
    /// Boot edges told as boots that ended badly.
    told: usize,
    last: Unanswered,
    /// Since when the guest has refused without a break.
    refused_since: Option<Duration>,
    /// The old boot still answered.
    old_boot_answered: bool,
}

impl ArmRun<'_> {
    /// Waits until the guest answers in a new boot. `asked` is the number of boot edges that were asked for: one after
    /// a restart, none after power-on or when the guest went by itself.
    pub(crate) async fn await_up(&mut self, step: &Step, asked: usize, deadline: Duration) -> Result<(), Stop> {
        let begun = self.ports.clock.elapsed();
        self.guest = None;
        let mut wait = Wait { begun, told: 0, last: Unanswered::Silent, refused_since: None, old_boot_answered: false };
        loop {
            let glance = self.glance();
            self.tell_bad_boots(step, &glance, asked, &mut wait);
            if let Some(stop) = self.decided(&glance, asked) {
                return Err(stop);
            }
            let waited = self.ports.clock.elapsed().saturating_sub(begun);
            if waited >= deadline {
                return Err(self.no_answer(&glance, asked, &wait, deadline));
            }
            if self.knock(&mut wait, (deadline - waited).min(KNOCK)).await? {
                return self.arrived(step, asked, &mut wait).await;
            }
        }
    }

    /// Knocks once, unless a sign comes first. True when the guest answered in a new boot.
    async fn knock(&mut self, wait: &mut Wait, patience: Duration) -> Result<bool, Stop> {
        let access = self.image()?.access.clone();
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let (journal, endpoint) = (machine.journal(), machine.endpoint());
        let seen = journal.len();
        let answer = tokio::select! {
            biased;
            () = journal.more_than(seen) => return Ok(false),
            answer = self.ports.door.knock(endpoint, &access, patience) => answer,
        };
        let now = self.ports.clock.elapsed();
        match answer {
            Ok(guest) => match guest.boot_identity().await {
                Ok(identity) if self.identity.as_ref() == Some(&identity) => wait.old_boot_answered = true,
                Ok(identity) => {
                    self.identity = Some(identity);
                    self.guest = Some(guest);
                    return Ok(true);
                }
                Err(GuestError::Lost { .. } | GuestError::TimedOut { .. }) => {}
                Err(error) => return Err(error.into()),
            },
            Err(unanswered) => {
                if let Some(fault) = fatal(&unanswered) {
                    return Err(fault.into());
                }
                wait.refused_since = match unanswered {
                    Unanswered::Refused => wait.refused_since.or(Some(now)),
                    _ => None,
                };
                wait.last = unanswered;
            }
        }
        tokio::select! {
            () = journal.more_than(seen) => {}
            () = self.ports.clock.sleep(BETWEEN_KNOCKS) => {}
        }
        Ok(false)
    }

    /// The guest is there. Whether it came as it was asked to is another question.
    async fn arrived(&mut self, step: &Step, asked: usize, wait: &mut Wait) -> Result<(), Stop> {
        let glance = self.glance();
        self.tell_bad_boots(step, &glance, asked, wait);
        let took = self.ports.clock.elapsed().saturating_sub(wait.begun);
        self.up_after = Some(Seconds::from(took));
        if let Some(machine) = &self.machine {
            machine.journal().push(MachineEvent { at: self.ports.clock.now(), what: MachineSign::Answered });
            let _ = self.glance();
            self.judged = self.machine.as_ref().map_or(0, |machine| machine.journal().len());
        }
        if glance.crashes > 0 {
            return Err(Stop::failure(
                FailureState::Bugcheck,
                format!("the guest stopped {} and came back", times(glance.crashes)),
                None,
            ));
        }
        if glance.edges > asked {
            let more = glance.edges - asked;
            return Err(Stop::failure(
                FailureState::UnexpectedRestart,
                format!("the guest restarted {} that nobody asked for, without a word of why", times(more)),
                None,
            ));
        }
        Ok(())
    }

    /// Tells each boot that ended without the guest ever answering.
    fn tell_bad_boots(&self, step: &Step, glance: &Glance, asked: usize, wait: &mut Wait) {
        while wait.told < glance.edges.saturating_sub(asked) {
            let took = Seconds::from(self.ports.clock.elapsed().saturating_sub(wait.begun));
            let crashed = wait.told < glance.crashes;
            let ended = if crashed { BootEnd::Bugcheck } else { BootEnd::Unexpected };
            self.tell_boot(step, BootState::Bugcheck, ended, took);
            wait.told += 1;
        }
    }

    /// What the signs alone decide.
    fn decided(&self, glance: &Glance, asked: usize) -> Option<Stop> {
        if let Some(fault) = &glance.fault {
            return Some(Stop::Fault(fault.clone()));
        }
        if glance.powered_off {
            let message = "the guest powered the machine off although nobody asked it to";
            return Some(Stop::failure(FailureState::UnexpectedRestart, message, Some("power-off".to_owned())));
        }
        (glance.edges >= asked + LOOP).then(|| {
            let more = glance.edges - asked;
            let message = format!(
                "boot loop: the guest started anew {} ({} with a stop) and never settled",
                times(more),
                times(glance.crashes)
            );
            Stop::failure(FailureState::Loop, message, None)
        })
    }

    /// The deadline has passed.
    fn no_answer(&self, glance: &Glance, asked: usize, wait: &Wait, deadline: Duration) -> Stop {
        let after = deadline.as_secs();
        if glance.crashes > 0 {
            let message = format!("the guest stopped {} and did not come back within {after} s", times(glance.crashes));
            return Stop::failure(FailureState::Bugcheck, message, None);
        }
        if glance.edges > asked {
            let message = format!("the guest restarted by itself and did not answer within {after} s");
            return Stop::failure(FailureState::UnexpectedRestart, message, None);
        }
        if wait.old_boot_answered && glance.edges == 0 {
            let message = format!("the guest accepted the restart, but still ran the same boot {after} s later");
            return Stop::failure(FailureState::Hang, message, Some("hang|no-restart".to_owned()));
        }
        match &wait.last {
            Unanswered::Refused => refused(after),
            Unanswered::Silent if self.up_after.is_some() && asked == 0 => {
                let message = format!("the guest runs but its network has been silent for {after} s");
                Stop::failure(FailureState::Unreachable, message, Some("unreachable".to_owned()))
            }
            Unanswered::Silent => {
                let message = format!("the guest has shown no sign of life for {after} s since it started");
                Stop::failure(FailureState::Hang, message, Some("hang".to_owned()))
            }
            other => Stop::fault(FaultKind::NoAnswer, format!("no session within {after} s; at last {other}")),
        }
    }

    /// What the loss of the guest in the middle of a step means: first the machine's signs, then the guest itself.
    pub(crate) async fn explain_loss(&mut self, step: &Step, error: GuestError) -> Stop {
        let patience = self.boot_deadline(step);
        let begun = self.ports.clock.elapsed();
        let old = self.identity.clone();
        self.guest = None;
        let mut wait = Wait { begun, told: 0, last: Unanswered::Silent, refused_since: None, old_boot_answered: false };
        loop {
            let glance = self.glance();
            if let Some(stop) = self.decided(&glance, 0) {
                return stop;
            }
            if glance.edges > 0 || glance.crashes > 0 {
                return self.explain_restart(step, patience).await;
            }
            let waited = self.ports.clock.elapsed().saturating_sub(begun);
            if let Some(since) = wait.refused_since
                && self.ports.clock.elapsed().saturating_sub(since) >= REFUSAL
            {
                return refused(REFUSAL.as_secs());
            }
            if waited >= patience {
                return self.no_answer(&glance, 0, &wait, patience);
            }
            match self.knock(&mut wait, (patience - waited).min(KNOCK)).await {
                Err(stop) => return stop,
                Ok(true) => {
                    // Another boot, although no sign of a reset was seen.
                    self.identity = old;
                    return self.explain_restart(step, patience).await;
                }
                Ok(false) if wait.old_boot_answered => return still_there(step, &error),
                Ok(false) => {}
            }
        }
    }

    /// The guest went by itself: it crashed, or restarted without being asked.
    async fn explain_restart(&mut self, step: &Step, patience: Duration) -> Stop {
        if let Some(took_s) = self.up_after.take() {
            let crashed = self.glance().crashes > 0;
            let ended = if crashed { BootEnd::Bugcheck } else { BootEnd::Unexpected };
            self.tell_boot(step, BootState::Up, ended, took_s);
        }
        match self.await_up(step, 0, patience).await {
            Err(stop) => stop,
            Ok(()) => Stop::failure(
                FailureState::UnexpectedRestart,
                "the guest came back in another boot that nobody asked for",
                None,
            ),
        }
    }

    /// Whether the machine gave no sign that it should not have given.
    pub(crate) fn calm(&mut self) -> Result<(), Stop> {
        let glance = self.glance();
        if glance.fault.is_some() || glance.powered_off || glance.edges > 0 || glance.crashes > 0 {
            return Err(Stop::Lost(GuestError::Lost {
                during: "the step".to_owned(),
                detail: "the machine gave signs of a restart".to_owned(),
                transfer: false,
            }));
        }
        Ok(())
    }

    /// How long a start of this guest may take.
    pub(crate) fn boot_deadline(&self, step: &Step) -> Duration {
        let image = self.plan.images.get(&self.cell.image).map_or(Duration::ZERO, |it| it.boot_deadline.to_duration());
        match step.action {
            Action::Reboot { .. } | Action::Provision => step.deadline.to_duration(),
            Action::Configure { .. }
            | Action::Install(_)
            | Action::Hold
            | Action::Dwell { .. }
            | Action::Exercise(_)
            | Action::Probe { .. }
            | Action::Collect => image,
        }
    }
}

/// The guest is there, in the same boot: what broke was the request, not the system.
fn still_there(step: &Step, error: &GuestError) -> Stop {
    match (error, &step.action) {
        (GuestError::TimedOut { after, .. }, Action::Install(install)) => Stop::failure(
            FailureState::InstallTimeout,
            format!("the installer of {} did not end within {} s; the guest lives on", install.agent, after.as_secs()),
            Some(format!("install|{}|timeout", install.agent)),
        ),
        (GuestError::TimedOut { after, .. }, Action::Exercise(work)) => Stop::failure(
            FailureState::Exercise,
            format!("{} did not end within {} s; the guest lives on", work.name(), after.as_secs()),
            Some(format!("exercise|{}|timeout", work.name())),
        ),
        (GuestError::TimedOut { .. }, _) => Stop::fault(FaultKind::Deadline, format!("{error}; the guest lives on")),
        (GuestError::Lost { transfer: true, .. }, _) => {
            Stop::fault(FaultKind::TransferCut, format!("{error}; the guest lives on in the same boot"))
        }
        (error, _) => Stop::fault(FaultKind::ExecCut, format!("{error}; the guest lives on in the same boot")),
    }
}

fn refused(after: u64) -> Stop {
    Stop::fault(
        FaultKind::SshRefused,
        format!("the guest lives but has refused its SSH service for {after} s: somebody in it stopped the service"),
    )
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
