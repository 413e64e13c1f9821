//! What each kind of step does to the guest.

use std::time::Duration;

use coexist_lab::{Guest, GuestError, Reading};
use coexist_model::{
    Action, BootEnd, BootState, CheckOutcome, ExitMeaning, FailureState, FaultKind, Hex, Install, MachineSign,
    PlannedProbe, Restart, SettingValue, Step,
};

use crate::arm::ArmRun;
use crate::boot::no_machine;
use crate::stop::Stop;

/// Between two tries while another installation runs (exit code 1618).
const BUSY: Duration = Duration::from_secs(5);

impl ArmRun<'_> {
    /// Does a step. One outcome per check, in order; fewer mean that the rest was not reached.
    pub(crate) async fn perform(&mut self, step: &Step) -> Result<Vec<CheckOutcome>, Stop> {
        match &step.action {
            Action::Provision => self.provision(step).await?,
            Action::Configure { settings } => return self.configure(step, settings).await,
            Action::Install(install) => self.install(step, install).await?,
            Action::Hold => {}
            Action::Dwell { time } => self.dwell(time.to_duration()).await?,
            Action::Reboot { settle } => self.reboot(step, settle.to_duration()).await?,
            Action::Exercise(work) => {
                let reading = self.guest()?.exercise(work, step.deadline.to_duration()).await?;
                if !reading.holds {
                    let message = format!("{} failed: {}", work.name(), reading.found);
                    return Err(Stop::failure(
                        FailureState::Exercise,
                        message,
                        Some(format!("exercise|{}", work.name())),
                    ));
                }
            }
            Action::Probe { probes } => return self.probe(step, probes).await,
            Action::Collect => self.collect_records().await?,
        }
        Ok(vec![CheckOutcome::Passed])
    }

    /// The session with the guest.
    pub(crate) fn guest(&self) -> Result<&dyn Guest, Stop> {
        self.guest.as_deref().ok_or_else(no_machine)
    }

    async fn provision(&mut self, step: &Step) -> Result<(), Stop> {
        self.power_on().await?;
        self.await_up(step, 0, step.deadline.to_duration()).await?;
        let image = self.image()?;
        let facts = self.guest()?.identify().await?;
        if facts != image.windows {
            let message = format!(
                "the image {} says build {} ({:?}), its guest says build {} ({:?})",
                image.id, image.windows.build, image.windows.edition, facts.build, facts.edition
            );
            return Err(Stop::fault(FaultKind::ImageAltered, message));
        }
        self.dumps_before = self.guest()?.crash_files().await?.into_iter().map(|file| file.path).collect();
        Ok(())
    }

    async fn configure(&mut self, step: &Step, settings: &[SettingValue]) -> Result<Vec<CheckOutcome>, Stop> {
        if settings.is_empty() {
            return Ok(vec![CheckOutcome::Passed]);
        }
        let mut restart = false;
        for setting in settings {
            if self.attest(step, setting).await?.is_none() {
                continue;
            }
            for change in &setting.apply {
                let done = self.guest()?.apply(change, step.deadline.to_duration()).await?;
                if !done.holds {
                    let message = format!("{} could not be set to {}: {}", setting.setting, setting.value, done.found);
                    return Err(Stop::fault(FaultKind::NotAsConfigured, message));
                }
            }
            restart |= setting.restart == Restart::Needed;
        }
        if restart {
            self.restart(step).await?;
        }
        let mut checks = Vec::new();
        for setting in settings {
            match self.attest(step, setting).await? {
                None => checks.push(CheckOutcome::Passed),
                Some(found) => {
                    let message = format!("{} was set to {} but reads {found}", setting.setting, setting.value);
                    return Err(Stop::fault(FaultKind::NotAsConfigured, message));
                }
            }
        }
        Ok(checks)
    }

    /// What speaks against a setting being at its value; nothing if all its proofs hold.
    async fn attest(&self, step: &Step, setting: &SettingValue) -> Result<Option<String>, Stop> {
        for probe in &setting.read_back {
            let reading = self.guest()?.look(probe, step.deadline.to_duration()).await?;
            if !reading.holds {
                return Ok(Some(format!("{probe}: {}", reading.found)));
            }
        }
        Ok(None)
    }

    async fn install(&mut self, step: &Step, install: &Install) -> Result<(), Stop> {
        let Some(file) = self.ports.packages.get(&install.package).cloned() else {
            let message = format!("the package {} of {} was not fetched", install.package, install.agent);
            return Err(Stop::fault(FaultKind::HostFile, message));
        };
        self.accusable = true;
        let begun = self.ports.clock.elapsed();
        loop {
            let report = self.guest()?.install(install, &file).await?;
            let meaning = match report.exit_code {
                None => Some(ExitMeaning::Success),
                Some(code) => install.exit_codes.get(&code).copied(),
            };
            if meaning == Some(ExitMeaning::Busy)
                && self.ports.clock.elapsed().saturating_sub(begun) + BUSY < install.deadline.to_duration()
            {
                self.ports.clock.sleep(BUSY).await;
                continue;
            }
            if let Some(log) = &report.log
                && !matches!(meaning, Some(ExitMeaning::Success))
            {
                self.collect_setup_log(step, log).await;
            }
            return self.after_install(step, install, meaning, &report).await;
        }
    }

    async fn after_install(
        &mut self,
        step: &Step,
        install: &Install,
        meaning: Option<ExitMeaning>,
        report: &coexist_lab::InstallReport,
    ) -> Result<(), Stop> {
        let code = report.exit_code.unwrap_or_default();
        match meaning {
            Some(ExitMeaning::Success) => {}
            Some(ExitMeaning::RestartNeeded) => self.restart(step).await?,
            Some(ExitMeaning::RestartBegun) => self.await_restart(step, self.boot_deadline(step)).await?,
            Some(ExitMeaning::Busy) => {
                let message = format!("{}: another installation kept running (exit code {code})", install.agent);
                return Err(Stop::failure(
                    FailureState::Install,
                    message,
                    Some(format!("install|{}|{code}", install.agent)),
                ));
            }
            None => {
                let said = if report.output.is_empty() { String::new() } else { format!(": {}", report.output) };
                let message = format!("the installer of {} ended with {code} ({:#x}){said}", install.agent, code);
                return Err(Stop::failure(
                    FailureState::Install,
                    message,
                    Some(format!("install|{}|{code}", install.agent)),
                ));
            }
        }
        match &report.then_failed {
            None => Ok(()),
            Some(failed) => Err(Stop::failure(
                FailureState::Install,
                format!("{} was put in place, but then: {failed}", install.agent),
                Some(format!("install|{}|then", install.agent)),
            )),
        }
    }

    /// Lets the machine live, and looks whether it does.
    async fn dwell(&mut self, time: Duration) -> Result<(), Stop> {
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let journal = machine.journal();
        tokio::select! {
            () = journal.more_than(journal.len()) => {}
            () = self.ports.clock.sleep(time) => {}
        }
        self.calm()?;
        let now = self.guest()?.boot_identity().await?;
        if self.identity.as_ref() == Some(&now) {
            return Ok(());
        }
        Err(Stop::Lost(GuestError::Lost {
            during: "the dwell".to_owned(),
            detail: "the guest runs another boot".to_owned(),
            transfer: false,
        }))
    }

    async fn reboot(&mut self, step: &Step, settle: Duration) -> Result<(), Stop> {
        self.restart(step).await?;
        self.dwell(settle).await
    }

    /// Restarts the guest in order and waits for its next boot, which must be a good one.
    async fn restart(&mut self, step: &Step) -> Result<(), Stop> {
        self.guest()?.restart().await?;
        self.await_restart(step, self.boot_deadline(step)).await
    }

    /// Waits for the one restart that was asked for, then asks the guest's own log whether it was the only one.
    async fn await_restart(&mut self, step: &Step, deadline: Duration) -> Result<(), Stop> {
        let before = self.identity.clone();
        if let Some(took_s) = self.up_after.take() {
            self.tell_boot(step, BootState::Up, BootEnd::Clean, took_s);
        }
        self.await_up(step, 1, deadline).await?;
        let record = self.guest()?.boot_record(before.as_ref()).await?;
        match record.unexpected.last() {
            None => Ok(()),
            Some(end) => {
                let (state, what) = match &end.stop {
                    Some([code, ..]) => (FailureState::Bugcheck, format!("a stop with {code}")),
                    None => (FailureState::UnexpectedRestart, "an end that was not in order".to_owned()),
                };
                Err(Stop::failure(state, format!("the guest's own log tells of {what} since the last boot"), None))
            }
        }
    }

    /// Looks at everything, so that one report names all that is not whole.
    async fn probe(&mut self, step: &Step, probes: &[PlannedProbe]) -> Result<Vec<CheckOutcome>, Stop> {
        let mut checks = Vec::new();
        for PlannedProbe { agent, probe } in probes {
            let Reading { holds, found } = self.guest()?.look(probe, step.deadline.to_duration()).await?;
            checks.push(if holds {
                CheckOutcome::Passed
            } else {
                let failure = coexist_model::StepFailure {
                    state: FailureState::Unhealthy,
                    message: format!("{agent}: {probe}: found {found}"),
                    bucket: Some(coexist_model::Bucket(format!("unhealthy|{agent}|{probe}"))),
                    crash: None,
                };
                CheckOutcome::Failed { failure }
            });
        }
        self.no_new_dumps().await?;
        checks.push(CheckOutcome::Passed);
        Ok(checks)
    }

    /// A dump that nobody noticed being written is a crash all the same.
    async fn no_new_dumps(&self) -> Result<(), Stop> {
        let new = self.guest()?.crash_files().await?.into_iter().find(|file| !self.dumps_before.contains(&file.path));
        match new {
            None => Ok(()),
            Some(file) => Err(Stop::failure(
                FailureState::Bugcheck,
                format!("the guest holds a crash dump that it did not have before: {}", file.path),
                None,
            )),
        }
    }

    /// The last stop that the panic device told of, where the hypervisor passes it on.
    pub(crate) fn told_stop(&self) -> Option<[Hex; 5]> {
        let signs = self.machine.as_ref()?.journal().since(0);
        signs.iter().rev().find_map(|sign| match sign.what {
            MachineSign::Panicked { stop } => stop,
            _ => None,
        })
    }
}
