//! What it means that a guest was lost in the middle of a step.

use std::time::Duration;

use coexist_lab::{GuestError, Whose};
use coexist_model::{Action, CheckOutcome, ExitMeaning, FailureState, FaultKind, LabFault, Step};

use crate::arm::ArmRun;
use crate::boot::{GOING_DOWN, Knocked, NO_ENTRY, REFUSAL};
use crate::silence::still_refused;
use crate::stop::Stop;
use crate::wait::Wait;

impl ArmRun<'_> {
    /// What the loss of the guest in the middle of a step means: first the machine's signs, then the guest itself. Fine
    /// where the step may well have done it, and its check is decided.
    pub(crate) async fn explain_loss(
        &mut self,
        step: &Step,
        error: Option<GuestError>,
        decided: &mut Vec<CheckOutcome>,
    ) -> Result<(), Stop> {
        // A command whose end nobody heard: its connection broke, or stood until its time was over. Any other request is
        // over when its guest is.
        let unheard = matches!(
            error,
            Some(GuestError::Lost { transfer: false, .. } | GuestError::TimedOut { of: Whose::Product, .. })
        );
        let error = error.unwrap_or_else(|| GuestError::Lost {
            during: format!("step {}", step.id),
            detail: "the machine gave signs of a restart".to_owned(),
            transfer: false,
        });
        let patience = self.boot_deadline(step);
        let mut wait = Wait::new(self.now());
        self.guest = None;
        loop {
            let glance = self.glance();
            if let Some(stop) = self.by_signs(&glance, false) {
                return Err(stop);
            }
            if glance.edges > 0 || glance.crashes > 0 {
                return self.explain_restart(step, unheard, patience, decided).await;
            }
            let now = self.now();
            if let Some(since) = wait.refused_since
                && now.saturating_sub(since) >= self.paced(REFUSAL).min(patience)
            {
                return Err(still_refused(Some(now.saturating_sub(since))));
            }
            if let Some(stop) = wait.take_meaning(now, self.paced(NO_ENTRY)) {
                return Err(stop);
            }
            let waited = now.saturating_sub(wait.begun);
            if let Some(since) = wait.old_boot_since
                && (waited >= patience || now.saturating_sub(since) >= self.paced(GOING_DOWN))
            {
                return Err(still_there(step, &error));
            }
            // No more time for a machine that moves: this boot had come up, so it is not slow, it is silent.
            if waited >= patience {
                return Err(self.no_answer(step, &glance, 0, &mut wait, patience).await);
            }
            let knock = (patience - waited).min(self.paced(wait.patience()));
            match self.knock(&mut wait, knock).await? {
                // Another boot, although no sign of a reset was seen.
                Knocked::NewBoot(..) => return self.explain_restart(step, unheard, patience, decided).await,
                Knocked::Not => {}
            }
        }
    }

    /// The guest went by itself: it crashed, or restarted without being asked. An installer whose recipe says that it may
    /// begin a restart can do so before its exit code is read: then what it left is for the probes to judge.
    async fn explain_restart(
        &mut self,
        step: &Step,
        unheard: bool,
        patience: Duration,
        decided: &mut Vec<CheckOutcome>,
    ) -> Result<(), Stop> {
        let restarting = match &step.action {
            Action::Install(install) if unheard => {
                let may_restart = install.exit_codes.values().any(|it| *it == ExitMeaning::RestartBegun);
                may_restart.then_some(install)
            }
            _ => None,
        };
        let asked = usize::from(restarting.is_some());
        self.await_up(step, asked, patience).await?;
        if let Some(install) = restarting {
            self.allowed_restarts += 1;
            self.run_what_follows(install).await?;
            self.note(
                "the guest restarted in order before the installer's exit code could be read, as its recipe allows",
            );
            decided.push(CheckOutcome::Passed);
            return Ok(());
        }
        Err(Stop::failure(
            FailureState::UnexpectedRestart,
            "the guest came back in another boot that nobody asked for",
            None,
        ))
    }
}

/// The guest is there, in the same boot: what broke was the request, not the system.
fn still_there(step: &Step, error: &GuestError) -> Stop {
    match (error, &step.action) {
        (GuestError::TimedOut { after, of: Whose::Product, .. }, Action::Install(install)) => Stop::failure(
            FailureState::InstallTimeout,
            format!("the installer of {} did not end within {} s; the guest lives on", install.agent, after.as_secs()),
            Some(format!("install|{}|timeout", install.agent)),
        ),
        (GuestError::TimedOut { after, of: Whose::Product, .. }, Action::Exercise(work)) => Stop::failure(
            FailureState::Exercise,
            format!("{} did not end within {} s; the guest lives on", work.name(), after.as_secs()),
            Some(format!("exercise|{}|timeout", work.name())),
        ),
        (GuestError::Refused { .. }, _) => Stop::KeptOut(LabFault::new(FaultKind::SshRefused, error.to_string())),
        (GuestError::TimedOut { .. }, _) => Stop::fault(FaultKind::Deadline, format!("{error}; the guest lives on")),
        (GuestError::Lost { transfer: true, .. }, _) => {
            Stop::fault(FaultKind::TransferCut, format!("{error}; the guest lives on in the same boot"))
        }
        (error, _) => Stop::fault(FaultKind::ExecCut, format!("{error}; the guest lives on in the same boot")),
    }
}
