//! What each kind of step does to the guest.

use std::time::Duration;

use coexist_lab::{Guest, GuestError, InstallReport};
use coexist_model::{
    Action, CheckOutcome, EvidenceKind, Exercise, ExitMeaning, FailureState, FaultKind, Install, LabFault, MachineSign,
    Method, PlannedProbe, Restart, Seconds, SettingValue, Step, StepFailure,
};

use jiff::SignedDuration;

use crate::arm::ArmRun;
use crate::boot::no_machine;
use crate::ladder::{self, file_name};
use crate::stop::Stop;

/// Between two tries while another installation runs (exit code 1618).
const BUSY: Duration = Duration::from_secs(5);
/// A real-time clock that is read as local time is off by up to 14 hours; beyond a day a clock is wrong.
const CLOCK_ERROR: SignedDuration = SignedDuration::from_hours(24);

impl ArmRun<'_> {
    /// Does a step. What is decided goes to `decided`, one outcome per check, in order; what stops the step is the next
    /// check's.
    pub(crate) async fn perform(&mut self, step: &Step, decided: &mut Vec<CheckOutcome>) -> Result<(), Stop> {
        match &step.action {
            Action::Provision => self.provision(step).await?,
            Action::Configure { settings, look, .. } if !settings.is_empty() => {
                return self.configure(step, settings, *look, decided).await;
            }
            Action::Install(install) => self.install(step, install).await?,
            Action::Configure { .. } | Action::Hold => {}
            Action::Dwell { time } => self.dwell(step, time.to_duration()).await?,
            Action::Reboot { settle, .. } => self.reboot(step, settle.to_duration()).await?,
            Action::Exercise(work) => self.exercise(step, work).await?,
            Action::Probe { settings, probes, look } => return self.probe(settings, probes, *look, decided).await,
            Action::Collect => ladder::records(self, step.deadline.to_duration()).await?,
        }
        decided.push(CheckOutcome::Passed);
        Ok(())
    }

    /// The session with the guest.
    pub(crate) fn guest(&self) -> Result<&dyn Guest, Stop> {
        self.guest.as_deref().ok_or_else(no_machine)
    }

    async fn provision(&mut self, step: &Step) -> Result<(), Stop> {
        self.power_on().await?;
        self.await_start(step, step.deadline.to_duration()).await?;
        let image = self.image()?;
        let facts = self.guest()?.identify().await?;
        if facts != image.windows {
            let message = format!(
                "the image {} says build {} ({:?}), its guest says build {} ({:?})",
                image.id, image.windows.build, image.windows.edition, facts.build, facts.edition
            );
            return Err(Stop::fault(FaultKind::ImageAltered, message));
        }
        self.clock_is_plausible()?;
        self.files_before = self.guest()?.evidence_files().await?.iter().map(file_name).collect();
        Ok(())
    }

    /// Certificates, licences and the times of evidence all rest on the guest's clock.
    fn clock_is_plausible(&self) -> Result<(), Stop> {
        let (Some(began), now) = (self.guest_began, self.scene.ports.clock.now()) else { return Ok(()) };
        if began.duration_since(now).abs() <= CLOCK_ERROR {
            return Ok(());
        }
        let message = format!(
            "the guest says that it started at {began:.0}, while it is {now:.0} here: mend the host's clock, or whatever \
             sets the image's own"
        );
        Err(Stop::fault(FaultKind::GuestClock, message))
    }

    async fn configure(
        &mut self,
        step: &Step,
        settings: &[SettingValue],
        look: Seconds,
        decided: &mut Vec<CheckOutcome>,
    ) -> Result<(), Stop> {
        let mut restart = false;
        for setting in settings {
            if self.attest(setting, look).await?.is_none() {
                continue;
            }
            for change in &setting.apply {
                let done = self.guest()?.apply(change, look.to_duration()).await?;
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
        for setting in settings {
            decided.push(match self.attest(setting, look).await? {
                None => CheckOutcome::Passed,
                Some(found) => not_as_configured(setting, "was set to", &found),
            });
        }
        Ok(())
    }

    /// What speaks against a setting being at its value; nothing if all its proofs hold.
    async fn attest(&self, setting: &SettingValue, look: Seconds) -> Result<Option<String>, Stop> {
        for probe in &setting.read_back {
            let reading = self.guest()?.look(probe, look.to_duration()).await?;
            if !reading.holds {
                return Ok(Some(format!("{probe}: {}", reading.found)));
            }
        }
        Ok(None)
    }

    async fn install(&mut self, step: &Step, install: &Install) -> Result<(), Stop> {
        let Some(file) = self.scene.ports.packages.get(&install.package).cloned() else {
            let message = format!("the package {} of {} was not fetched", install.package, install.agent);
            return Err(Stop::fault(FaultKind::HostFile, message));
        };
        let installed_before = self.installed.clone();
        if installed_before.is_empty() {
            self.signs_before_products = self.machine.as_ref().map_or(0, |machine| machine.journal().len());
        }
        self.installed.retain(|agent| *agent != install.agent);
        self.installed.push(install.agent.clone());
        self.services_windows |= install.method == Method::Msu;
        let clock = &self.scene.ports.clock;
        let begun = clock.elapsed();
        loop {
            let report = match self.guest()?.install(install, &file).await {
                Err(error) if !error.may_have_installed() => {
                    self.installed = installed_before;
                    return Err(error.into());
                }
                report => report?,
            };
            let meaning = match report.exit_code {
                None => Some(ExitMeaning::Success),
                Some(code) => install.exit_codes.get(&code).copied(),
            };
            let waited = clock.elapsed().saturating_sub(begun);
            if meaning == Some(ExitMeaning::Busy) && waited + BUSY < install.deadline.to_duration() {
                self.note(format!(
                    "another installation ran ({}); that of {} is tried again after {} s",
                    report.exit_code.unwrap_or_default(),
                    install.agent,
                    BUSY.as_secs()
                ));
                clock.sleep(BUSY).await;
                continue;
            }
            return self.after_install(step, install, meaning, &report).await;
        }
    }

    async fn after_install(
        &mut self,
        step: &Step,
        install: &Install,
        meaning: Option<ExitMeaning>,
        report: &InstallReport,
    ) -> Result<(), Stop> {
        match meaning {
            Some(ExitMeaning::Success) => {}
            Some(ExitMeaning::RestartNeeded) => self.restart(step).await?,
            Some(ExitMeaning::RestartBegun) => {
                self.sign(MachineSign::RestartAsked);
                self.await_restart(step, self.boot_deadline(step)).await?;
                self.run_what_follows(install).await?;
            }
            Some(ExitMeaning::Busy) => {
                return Err(refused_install(install, report, "another installation kept running"));
            }
            None if matches!(install.method, Method::File { .. }) => {
                let message = format!(
                    "the file of {} could not be put in place ({}): a product that is installed defends the place, most \
                     likely {} itself; content has to come by its own updater or an agreed test hook",
                    install.agent, report.output, install.agent
                );
                return Err(Stop::fault(FaultKind::BlockedByAgent, message));
            }
            None => return Err(refused_install(install, report, "its exit code is none of success")),
        }
        match &report.then_failed {
            None => Ok(()),
            Some(failed) => Err(then_failed(install, failed)),
        }
    }

    /// Runs the commands that follow an installation which restarted the guest itself.
    pub(crate) async fn run_what_follows(&mut self, install: &Install) -> Result<(), Stop> {
        match self.guest()?.then(install).await? {
            None => Ok(()),
            Some(failed) => Err(then_failed(install, &failed)),
        }
    }

    /// Lets the machine live, and looks whether it does, and whether all that was there still is.
    async fn dwell(&mut self, step: &Step, time: Duration) -> Result<(), Stop> {
        let there = self.what_is_there().await?;
        self.calm()?;
        let Some(machine) = &self.machine else { return Err(no_machine()) };
        let journal = machine.journal();
        tokio::select! {
            () = journal.more_than(self.told) => {}
            () = self.scene.ports.clock.sleep(time) => {}
        }
        self.calm()?;
        let now = self.guest()?.boot_identity().await?;
        if self.identity.as_ref() == Some(&now) {
            return self.look_for_vanished(&step.id, there).await;
        }
        Err(Stop::Lost(GuestError::Lost {
            during: "the dwell".to_owned(),
            detail: "the guest runs another boot".to_owned(),
            transfer: false,
        }))
    }

    async fn reboot(&mut self, step: &Step, settle: Duration) -> Result<(), Stop> {
        self.restart(step).await?;
        self.dwell(step, settle).await
    }

    /// Restarts the guest in order and waits for its next boot, which must be a good one.
    async fn restart(&mut self, step: &Step) -> Result<(), Stop> {
        self.calm()?;
        // Before the guest can obey: its reset must not come first.
        self.sign(MachineSign::RestartAsked);
        self.guest()?.restart().await?;
        self.await_restart(step, self.boot_deadline(step)).await
    }

    async fn exercise(&mut self, step: &Step, work: &Exercise) -> Result<(), Stop> {
        self.ran_own_commands |= matches!(work, Exercise::Run { .. });
        let reading = self.guest()?.exercise(work, step.deadline.to_duration()).await?;
        if reading.holds {
            return Ok(());
        }
        let bucket = reading.exit_code.map(|code| format!("exercise|{}|{code}", work.name()));
        Err(Stop::failure(FailureState::Exercise, format!("{} failed: {}", work.name(), reading.found), bucket))
    }

    /// Looks at everything, so that one report names all that is not whole: an odd answer to one look is that check's
    /// fault and hides no other.
    async fn probe(
        &mut self,
        settings: &[SettingValue],
        probes: &[PlannedProbe],
        look: Seconds,
        decided: &mut Vec<CheckOutcome>,
    ) -> Result<(), Stop> {
        for setting in settings {
            let outcome = self.attest(setting, look).await.map(|found| match found {
                None => CheckOutcome::Passed,
                Some(found) => not_as_configured(setting, "is no longer", &found),
            });
            decided.push(or_fault(outcome)?);
        }
        for planned in probes {
            let looked = match self.guest()?.look(&planned.probe, look.to_duration()).await {
                Ok(reading) => Ok(self.health(planned, &reading)),
                Err(error) => Err(Stop::from(error)),
            };
            decided.push(or_fault(looked)?);
        }
        decided.push(or_fault(self.no_new_dumps().await)?);
        Ok(())
    }

    /// A dump that nobody noticed being written is a crash all the same; one that the guest wrote while it lived on, or
    /// wrote of a program, is worth a remark.
    async fn no_new_dumps(&self) -> Result<CheckOutcome, Stop> {
        let files = self.guest()?.evidence_files().await?;
        let mut crashed = None;
        for file in files.iter().filter(|file| !self.files_before.contains(&file_name(file))) {
            match file.kind {
                EvidenceKind::KernelDump if !file.live => drop(crashed.get_or_insert(file)),
                EvidenceKind::KernelDump => {
                    self.note(format!("the guest wrote a live report, which is no crash: {}", file.path));
                }
                EvidenceKind::UserDump => self.note(format!("a program crashed in the guest: {}", file.path)),
                _ => {}
            }
        }
        Ok(match crashed {
            None => CheckOutcome::Passed,
            Some(file) => CheckOutcome::Failed {
                failure: StepFailure {
                    state: FailureState::Bugcheck,
                    message: format!("the guest holds a crash dump that it did not have before: {}", file.path),
                    bucket: None,
                    crash: None,
                },
            },
        })
    }
}

/// A fault of one look is its check's; a lost guest, or a failure, ends the step.
fn or_fault(looked: Result<CheckOutcome, Stop>) -> Result<CheckOutcome, Stop> {
    match looked {
        Err(Stop::Fault(fault)) => Ok(CheckOutcome::Faulted { fault }),
        looked => looked,
    }
}

fn not_as_configured(setting: &SettingValue, verb: &str, found: &str) -> CheckOutcome {
    let message = format!("{} {verb} {}: {found}", setting.setting, setting.value);
    CheckOutcome::Faulted { fault: LabFault::new(FaultKind::NotAsConfigured, message) }
}

fn then_failed(install: &Install, failed: &str) -> Stop {
    Stop::failure(
        FailureState::Install,
        format!("{} was put in place, but then: {failed}", install.agent),
        Some(format!("install|{}|then", install.agent)),
    )
}

fn refused_install(install: &Install, report: &InstallReport, why: &str) -> Stop {
    let code = report.exit_code.unwrap_or_default();
    let said = if report.output.is_empty() { String::new() } else { format!(": {}", report.output) };
    Stop::failure(
        FailureState::Install,
        format!("the installer of {} ended with {code} ({code:#x}), {why}{said}", install.agent),
        Some(format!("install|{}|{code}", install.agent)),
    )
}
