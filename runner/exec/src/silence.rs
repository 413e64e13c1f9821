//! A guest that does not come: what its machine's signs decide, and what its silence means when its time is over.

use std::time::Duration;

use coexist_lab::Unanswered;
use coexist_model::{
    Action, BootStage, BootState, Bucket, Failing, FailureState, FaultKind, LabFault, MachineEvent, Step, StepFailure,
    boots, reached,
};

use crate::arm::ArmRun;
use crate::boot::REFUSAL;
use crate::progress::STANDS;
use crate::signs::Glance;
use crate::stop::Stop;
use crate::wait::Wait;

/// A guest that starts anew this often without ever settling is in a loop, …
pub(crate) const LOOP: usize = 3;
/// … or this often, where its restarts may be in order. After an update of Windows servicing goes on restarting by itself
/// after the restart that it was given: an upgrade does so up to three times, one for each of its phases (Microsoft's page
/// on upgrade errors names SafeOS, first boot and second boot [K]). Twice as many are a loop, however orderly each is.
///
/// From outside nothing tells a restart in order from the reset of a system that fell: QEMU says `guest-reset` of both. So
/// where such an update came, a restart was asked for and no stop was told, boots up to here are waited out, and the guest's
/// own log decides once it answers: it knows each boot that came as far as its log, and how it ended. Of a guest that never
/// answers nobody can say whether its restarts were in order; it is a loop here, or when its time is over.
const LOOP_IN_ORDER: usize = 6;
/// The bucket of a loop of which nothing is known but that it is one.
const LOOP_WITHOUT_STOP: &str = "loop|no-stop";
/// Windows shows its recovery screen at the start that follows this many failed ones (Windows Recovery Environment
/// technical reference: "two consecutive failed attempts to start Windows").
const BEFORE_RECOVERY: usize = 2;

impl ArmRun<'_> {
    /// What the signs alone decide. Whether restarts may be in order is known to who waits.
    pub(crate) fn by_signs(&self, glance: &Glance, in_order: bool) -> Option<Stop> {
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
        let too_many = if in_order && glance.failing.stopped == 0 { LOOP_IN_ORDER } else { LOOP };
        (glance.failing.boots >= too_many).then(|| Stop::Failure(a_loop(glance.failing)))
    }

    /// The time is over, the plan's deadline and what a guest that moves was given beyond it.
    pub(crate) async fn no_answer(
        &mut self,
        step: &Step,
        glance: &Glance,
        asked: usize,
        wait: &mut Wait,
        deadline: Duration,
    ) -> Stop {
        let now = self.now();
        let after = now.saturating_sub(wait.begun).as_secs();
        let seen = format!("{}{}", self.last_seen(wait), wait.progress.words(now));
        if glance.failing.boots >= BEFORE_RECOVERY && self.shows_a_still_picture(wait, deadline) {
            let failed = glance.failing.boots;
            let message = format!(
                "{failed} boots in a row never settled, and the next one shows a picture that stands still, as the recovery \
                 screen does; {seen}"
            );
            return Stop::failure(FailureState::Recovery, message, None);
        }
        if glance.crashes > 0 {
            let stopped = times(glance.crashes);
            let message = format!("the guest stopped {stopped} and did not come back within {after} s; {seen}");
            return Stop::failure(FailureState::Bugcheck, message, None);
        }
        if glance.failing.boots >= LOOP {
            let StepFailure { message, .. } = a_loop(glance.failing);
            let message = format!("{message}; the next one did not answer, {after} s after the wait began; {seen}");
            return Stop::failure(FailureState::Loop, message, Some(LOOP_WITHOUT_STOP.to_owned()));
        }
        if glance.edges > asked {
            let message = format!("the guest restarted by itself and did not answer within {after} s; {seen}");
            return Stop::failure(FailureState::UnexpectedRestart, message, None);
        }
        if let Some(machine) = &self.machine
            && let Err(fault) = machine.check().await
        {
            return Stop::Fault(fault);
        }
        if asked > 0 && glance.edges == 0 {
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
            Unanswered::Silent if asked == 0 && !matches!(step.action, Action::Provision) && self.had_answered() => {
                self.fell_silent(wait, deadline, &seen)
            }
            Unanswered::Silent | Unanswered::Refused => self.never_answered(wait, after, &seen),
            _ => Stop::fault(FaultKind::NoAnswer, format!("no session within {after} s; {seen}")),
        }
    }

    /// Whether the present boot has shown nothing but one picture, for long.
    fn shows_a_still_picture(&self, wait: &Wait, deadline: Duration) -> bool {
        let silent = wait.last == Unanswered::Silent && reached(&self.signs()) == Some(BootStage::Firmware);
        silent && wait.progress.shows_one_picture_for(self.now(), self.stands(deadline))
    }

    /// How long what stands still must have stood: no longer than half a deadline, or a short one would never be enough.
    fn stands(&self, deadline: Duration) -> Duration {
        self.paced(STANDS).min(deadline / 2)
    }

    /// Whether the present boot has answered before.
    fn had_answered(&self) -> bool {
        boots(&self.signs()).last().is_some_and(|boot| boot.state == BootState::Up)
    }

    /// All signs of the machine, looked at or not.
    pub(crate) fn signs(&self) -> Vec<MachineEvent> {
        self.machine.as_ref().map(|machine| machine.journal().since(0)).unwrap_or_default()
    }

    /// A boot that had answered has fallen silent: what shows no sign of life for long has stopped altogether, anything
    /// else has lost its network.
    fn fell_silent(&self, wait: &Wait, deadline: Duration, seen: &str) -> Stop {
        let now = self.now();
        let after = now.saturating_sub(wait.quiet_since).as_secs();
        let still = wait.progress.still_for(now).is_some_and(|still| still >= self.stands(deadline));
        let (state, what) = match still {
            true => (FailureState::Hang, "stopped doing anything"),
            false => (FailureState::Unreachable, "ran"),
        };
        Stop::failure(state, format!("the guest {what}, and nothing of it has answered for {after} s; {seen}"), None)
    }

    /// A boot that has not answered: one that works has no network, one that does not hangs.
    fn never_answered(&self, wait: &Wait, after: u64, seen: &str) -> Stop {
        if wait.last == Unanswered::Silent && wait.progress.works(self.now()) {
            let message =
                format!("the guest works, and nothing of it has answered for {after} s since it started; {seen}");
            return Stop::failure(FailureState::Unreachable, message, None);
        }
        let message = format!("no session with the guest for {after} s since the guest started; {seen}");
        Stop::failure(FailureState::Hang, message, None)
    }

    /// What there was last of machine and guest, for who was waited for in vain.
    fn last_seen(&self, wait: &Wait) -> String {
        let last = self.signs().pop();
        let sign = last.map_or_else(String::new, |sign| {
            let ago = self.scene.ports.clock.now().duration_since(sign.at).as_secs();
            format!("the machine's last sign was {}, {ago} s before; ", sign.what)
        });
        match wait.old_boot_since {
            Some(_) => format!("{sign}at the last knock it still answered"),
            None => format!("{sign}at the last knock {}", wait.last),
        }
    }
}

/// Boots that failed in a row.
pub(crate) fn a_loop(failing: Failing) -> StepFailure {
    let how = match failing.stopped {
        0 => "without a word of why".to_owned(),
        stopped => format!("{} with a stop", times(stopped)),
    };
    let life = match failing.longest_life.as_secs() {
        0 => String::new(),
        life => format!("; one of them had answered and lived for {life} s"),
    };
    let order = match failing.boots >= LOOP_IN_ORDER && failing.stopped == 0 {
        true => "; restarts in order look the same from outside, and no servicing needs so many",
        false => "",
    };
    let boots = failing.boots;
    StepFailure {
        state: FailureState::Loop,
        message: format!("boot loop: {boots} boots in a row never settled, {how}{life}{order}"),
        bucket: (failing.stopped == 0).then(|| Bucket(LOOP_WITHOUT_STOP.to_owned())),
        crash: None,
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

/// `once`, `twice`, `3 times`.
pub(crate) fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
