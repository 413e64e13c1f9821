//! One arm of one cell: its steps in order, and what is owed when one of them goes no further.

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_lab::{Guest, Machine, MachineSpec};
use coexist_model::{
    Action, AgentId, ArmOutcome, ArmRef, BootIdentity, BootStage, BootState, Bucket, Cell, CheckOutcome, FailureState,
    FaultKind, Happening, LabFault, MachineSign, Seconds, Step, StepFailure, StepId, boot_edges, crashes,
};
use tracing::{Instrument, info_span};

use crate::health::Vanished;
use crate::ladder::FileName;
use crate::run::{Halt, Scene};
use crate::signs::Glance;
use crate::stop::Stop;
use crate::{Recorder, RunFolder};

/// What a step's own deadlines leave over is bounded by this many times the step's deadline, …
const GUARD_FACTOR: u32 = 3;
/// … three starts of the guest in a row, each of which may take half as long again as planned …
const GUARD_STARTS: u32 = 5;
/// … and this on top: nothing a machine or guest does can keep an arm longer.
const GUARD: Duration = Duration::from_secs(180);
/// Before the first machine of an image starts, its whole disk is read once to prove its digest.
const DIGEST: Duration = Duration::from_secs(1200);
/// Where the guest's own clock is not known, a dump may be this much older than the arm and still be its: a real-time
/// clock in local time is the usual reason.
const CLOCK_SLACK: jiff::SignedDuration = jiff::SignedDuration::from_hours(15);
/// How often the loss of a guest is explained before the arm gives up on it: it may be lost again while it is asked.
const EXPLANATIONS: usize = 3;

/// How an attempt at an arm ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    /// Its outcome is the arm's.
    Final,
    /// The lab failed it at this step, and the arm is to be begun anew.
    Abandoned(StepId),
}

/// One attempt at an arm of a cell while it runs.
pub(crate) struct ArmRun<'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) cell: &'a Cell,
    pub(crate) of: ArmRef,
    /// Which attempt at the arm this is, from 1.
    pub(crate) attempt: u32,
    pub(crate) halt: Halt,
    pub(crate) machine: Option<Box<dyn Machine>>,
    /// The session of the present boot; none while the guest is starting or lost.
    pub(crate) guest: Option<Box<dyn Guest>>,
    pub(crate) identity: Option<BootIdentity>,
    /// When the first boot began, by the guest's own clock: what is older than this was there before.
    pub(crate) guest_began: Option<jiff::Timestamp>,
    /// Signs that are accounted for: those of boots that were judged.
    pub(crate) judged: usize,
    /// Where the row of boots begins that failed one after another: those before it were in order by the guest's own log.
    pub(crate) row_from: usize,
    /// Restarts that nobody asked for and that are accounted for: the guest's own log calls them orderly, and an installer or
    /// servicing may restart the guest.
    pub(crate) allowed_restarts: usize,
    /// Signs that the recorder knows: those that were looked at.
    pub(crate) told: usize,
    /// The products that are, or may be, in the guest, in the order they came: while there is none, nothing can be a
    /// product's failure.
    pub(crate) installed: Vec<AgentId>,
    /// Whether an update of Windows itself came: servicing may then restart the guest more than once.
    pub(crate) services_windows: bool,
    /// How many signs there were before the first product came.
    pub(crate) signs_before_products: usize,
    /// Whether the author's own commands were run: what keeps the lab out may be their doing.
    pub(crate) ran_own_commands: bool,
    /// What of the products went although nobody asked it to.
    pub(crate) vanished: Vec<Vanished>,
    /// Files that the golden image brought along and that may look like evidence.
    pub(crate) files_before: BTreeSet<FileName>,
}

impl<'a> ArmRun<'a> {
    pub(crate) fn new(scene: Scene<'a>, cell: &'a Cell, of: ArmRef, attempt: u32, halt: Halt) -> Self {
        Self {
            scene,
            cell,
            of,
            attempt,
            halt,
            machine: None,
            guest: None,
            identity: None,
            guest_began: None,
            judged: 0,
            row_from: 0,
            allowed_restarts: 0,
            told: 0,
            installed: Vec::new(),
            services_windows: false,
            signs_before_products: 0,
            ran_own_commands: false,
            vanished: Vec::new(),
            files_before: BTreeSet::new(),
        }
    }

    /// Runs the arm to its end and gives its machine back. Everything is told to the recorder.
    pub(crate) async fn run(mut self) -> AttemptEnd {
        self.scene.recorder.tell(Happening::ArmStarted { of: self.of.clone() });
        let steps = &self.cell.arms[self.of.arm];
        let mut outcome = ArmOutcome::Up;
        let mut reached = 0;
        while let (ArmOutcome::Up, Some(step)) = (&outcome, steps.get(reached)) {
            outcome = self.step(step).instrument(info_span!("step", id = %step.id)).await;
            reached += 1;
        }
        let blameless = !self.a_product_may_have_failed();
        self.give_back(&outcome).await;
        let outcome = match self.may_pass_on_retry(outcome, blameless) {
            Ok((step, fault)) => {
                let at = step.clone();
                self.scene.recorder.tell(Happening::ArmAbandoned { of: self.of, step, fault });
                return AttemptEnd::Abandoned(at);
            }
            Err(outcome) => outcome,
        };
        tell_not_run(self.scene.recorder, &self.of, steps.get(reached..).unwrap_or_default(), &outcome);
        self.scene.recorder.tell(Happening::ArmEnded { of: self.of, outcome });
        AttemptEnd::Final
    }

    /// The fault that ended the arm, if the arm is to be begun anew for it; the outcome otherwise.
    fn may_pass_on_retry(&self, outcome: ArmOutcome, blameless: bool) -> Result<(StepId, LabFault), ArmOutcome> {
        let left = self.attempt <= self.scene.plan.lab_fault_retries && self.halt.wanted().is_none();
        match outcome {
            ArmOutcome::Fault { step, fault } if left && blameless && fault.kind.may_pass() => Ok((step, fault)),
            outcome => Err(outcome),
        }
    }

    /// Whether the guest stopped, or restarted unasked, while a product was in it: whatever else ended the arm, that must
    /// not vanish in a retry.
    fn a_product_may_have_failed(&self) -> bool {
        let Some(machine) = self.machine.as_ref().filter(|_| self.accusable()) else { return false };
        let mut signs = machine.journal().since(self.signs_before_products);
        // What follows the lab's own interrupt is the lab's doing.
        signs.truncate(signs.iter().position(|sign| sign.what == MachineSign::NmiInjected).unwrap_or(signs.len()));
        let asked = signs.iter().filter(|sign| sign.what == MachineSign::RestartAsked).count();
        crashes(&signs) > 0 || boot_edges(&signs) > asked + self.allowed_restarts
    }

    /// One step: done, judged, its evidence safe, its checks told.
    async fn step(&mut self, step: &Step) -> ArmOutcome {
        let clock = self.scene.ports.clock.clone();
        let begun = clock.elapsed();
        self.scene.recorder.tell(Happening::StepStarted { of: self.of.clone(), step: step.id.clone() });
        let mut halt = self.halt.clone();
        let guard = clock.sleep(self.guard(step));
        let mut decided = Vec::new();
        let ended = tokio::select! {
            biased;
            () = halt.wait() => None,
            ended = self.try_step(step, &mut decided) => Some(ended),
            () = guard => Some(Err(self.overdue(step))),
        };
        let outcome = match ended {
            Some(ended) => {
                let outcome = self.conclude(step, &mut decided, ended).await;
                if outcome == ArmOutcome::Up {
                    // Whatever boot the step ended in has stood what the step put it to.
                    self.reach(BootStage::Settled);
                }
                outcome
            }
            None => {
                crate::ladder::console(self).await;
                let reason = "the run was stopped in this step".to_owned();
                decided.push(CheckOutcome::NotRun { reason: reason.clone() });
                ArmOutcome::NotRun { reason }
            }
        };
        let took_s = Seconds::from(clock.elapsed().saturating_sub(begun));
        self.tell_checks(step, decided, took_s);
        self.scene.recorder.tell(Happening::StepEnded { of: self.of.clone(), step: step.id.clone(), took_s });
        outcome
    }

    /// The step did not end although all it waits for has a deadline: a bug of ours, unless the guest stopped meanwhile.
    fn overdue(&mut self, step: &Step) -> Stop {
        let after = self.guard(step).as_secs();
        if self.glance().crashes > 0 {
            let message = format!("the guest stopped, and step {} had not ended {after} s after it began", step.id);
            return Stop::failure(FailureState::Bugcheck, message, None);
        }
        let message =
            format!("step {} had not ended after {after} s although all it waits for has a deadline", step.id);
        Stop::fault(FaultKind::Deadline, message)
    }

    /// The guest lives and does not let the lab work. Once a product is there, it is the likeliest reason, unless the
    /// author's own commands may be it.
    fn kept_out(&self, fault: LabFault) -> LabFault {
        match self.installed.split_last() {
            Some((last, before)) if !self.ran_own_commands => {
                let before = match before {
                    [] => String::new(),
                    before => {
                        let names: Vec<_> = before.iter().map(AgentId::as_str).collect();
                        format!("; before it came {}", names.join(", "))
                    }
                };
                let message = format!(
                    "{}; the lab was let in until {last} was installed{before}: see whether one of them contains the machine \
                     or blocks the lab, and agree on an exception for it",
                    fault.message
                );
                LabFault::new(FaultKind::BlockedByAgent, message)
            }
            Some(_) | None => fault,
        }
    }

    /// Longest time for a step, the explanation of a loss included.
    fn guard(&self, step: &Step) -> Duration {
        let digest = if matches!(step.action, Action::Provision) { DIGEST } else { Duration::ZERO };
        step.deadline.to_duration() * GUARD_FACTOR
            + self.boot_deadline(step) * GUARD_STARTS
            + self.paced(GUARD + digest)
    }

    /// A time of the lab's own as this host needs it; those of the plan are stretched already.
    pub(crate) fn paced(&self, time: Duration) -> Duration {
        self.scene.pace.stretch(time)
    }

    /// Whether a product can be accused of what happens.
    pub(crate) fn accusable(&self) -> bool {
        !self.installed.is_empty()
    }

    /// Where a piece of this attempt's evidence belongs.
    pub(crate) fn evidence(&self, file: &str) -> String {
        RunFolder::evidence(&self.of, self.attempt, file)
    }

    /// The step itself, then a look whether the machine stayed calm, then the meaning of any loss.
    async fn try_step(&mut self, step: &Step, decided: &mut Vec<CheckOutcome>) -> Result<(), Stop> {
        let journal = self.machine.as_ref().map(|machine| machine.journal());
        let failed = async {
            match journal {
                Some(journal) => crate::signs::machine_fails(&journal).await,
                None => std::future::pending().await,
            }
        };
        let done = tokio::select! {
            done = self.perform(step, decided) => done,
            // A guest that waits for a machine which fails would be waited for in vain.
            () = failed => Err(Stop::Unrest),
        };
        let mut done = match done {
            Ok(()) => self.calm().inspect_err(|_| {
                // What the last check saw was not the end of it: the meaning of the signs is that check's outcome.
                decided.pop();
            }),
            // An odd answer or exit code proves nothing while the system was going down under it.
            Err(stop) if stop.may_be_a_crash() => self.calm().and(Err(stop)),
            Err(stop) => Err(stop),
        };
        for _ in 0..EXPLANATIONS {
            done = match done {
                Err(Stop::Lost(error)) => self.explain_loss(step, Some(error), decided).await,
                Err(Stop::Unrest) => self.explain_loss(step, None, decided).await,
                done => return done,
            }
        }
        done
    }

    /// A machine that failed knows better than its signs why, and what its process said last.
    async fn in_its_words(&self, fault: LabFault) -> LabFault {
        match &self.machine {
            Some(machine) if matches!(fault.kind, FaultKind::QemuDied | FaultKind::QemuHung) => {
                machine.check().await.err().unwrap_or(fault)
            }
            _ => fault,
        }
    }

    /// What a step came to, once its evidence is safe. Checks that were decided stay decided; what stopped the step is
    /// the next check's. A product's failure is never hidden by a fault that came after it.
    async fn conclude(&mut self, step: &Step, decided: &mut Vec<CheckOutcome>, ended: Result<(), Stop>) -> ArmOutcome {
        if let Err(stop) = ended {
            decided.push(match stop {
                Stop::Failure(failure) if self.accusable() => CheckOutcome::Failed { failure },
                Stop::Failure(failure) => {
                    let message = format!("before any product was in the guest: {}", failure.message);
                    CheckOutcome::Faulted { fault: LabFault::new(FaultKind::NoAnswer, message) }
                }
                Stop::Fault(fault) => CheckOutcome::Faulted { fault: self.in_its_words(fault).await },
                Stop::KeptOut(fault) => CheckOutcome::Faulted { fault: self.kept_out(fault) },
                Stop::Lost(error) => {
                    CheckOutcome::Faulted { fault: LabFault::new(FaultKind::ExecCut, error.to_string()) }
                }
                Stop::Unrest => {
                    let message = "the machine gave signs of restarts again and again, which nobody could explain";
                    CheckOutcome::Faulted { fault: LabFault::new(FaultKind::GuestDisagrees, message) }
                }
            });
        }
        debug_assert!(decided.len() <= step.checks.len(), "more outcomes than checks: {decided:?}");
        let step_id = step.id.clone();
        if let Some(index) = gravest(decided) {
            return self.conclude_failure(step, decided, index).await;
        }
        let fault = decided.iter().find_map(|check| match check {
            CheckOutcome::Faulted { fault } => Some(fault.clone()),
            CheckOutcome::Passed | CheckOutcome::Failed { .. } | CheckOutcome::NotRun { .. } => None,
        });
        match fault {
            Some(fault) => {
                crate::ladder::console(self).await;
                ArmOutcome::Fault { step: step_id, fault }
            }
            None => ArmOutcome::Up,
        }
    }

    async fn conclude_failure(&mut self, step: &Step, decided: &mut [CheckOutcome], index: usize) -> ArmOutcome {
        let CheckOutcome::Failed { failure } = &decided[index] else { return ArmOutcome::Up };
        let mut failure = failure.clone();
        if let Some(fault) = crate::ladder::climb(self, step, &mut failure).await {
            // A guest that hangs because its machine does accuses nobody.
            decided[index] = CheckOutcome::Faulted { fault: fault.clone() };
            return ArmOutcome::Fault { step: step.id.clone(), fault };
        }
        if let Ok(state) = BootState::try_from(failure.state) {
            self.sign(MachineSign::Concluded { state });
        }
        decided[index] = CheckOutcome::Failed { failure: failure.clone() };
        let others =
            decided.iter().enumerate().filter(|(other, _)| *other != index).filter_map(|(_, check)| match check {
                CheckOutcome::Failed { failure } => Some(failure),
                CheckOutcome::Passed | CheckOutcome::Faulted { .. } | CheckOutcome::NotRun { .. } => None,
            });
        ArmOutcome::Failed { step: step.id.clone(), failure: merge(failure, others) }
    }

    /// Tells the checks of a step; those that were not reached are told as not run.
    fn tell_checks(&self, step: &Step, outcomes: Vec<CheckOutcome>, took_s: Seconds) {
        let stopped_at = step.checks.get(outcomes.len().saturating_sub(1)).map_or(step.id.as_str(), |it| &it.name);
        let reason = format!("needs {stopped_at}");
        let mut outcomes = outcomes.into_iter();
        for (number, check) in step.checks.iter().enumerate() {
            let outcome = outcomes.next().unwrap_or_else(|| CheckOutcome::NotRun { reason: reason.clone() });
            // The parts of a step are not timed apart: its time is told once.
            let took_s = if number == 0 { took_s } else { Seconds::default() };
            self.tell_check(step, &check.name, outcome, took_s);
        }
    }

    fn tell_check(&self, step: &Step, check: &str, outcome: CheckOutcome, took_s: Seconds) {
        tell_check(self.scene.recorder, &self.of, step, check, outcome, took_s);
    }

    /// No crash of this arm has a time before this.
    pub(crate) fn earliest(&self) -> jiff::Timestamp {
        self.guest_began.unwrap_or_else(|| self.scene.ports.clock.now() - CLOCK_SLACK)
    }

    pub(crate) fn note(&self, note: impl Into<String>) {
        self.scene.recorder.note(&self.of, note);
    }

    /// Looks at every sign not yet judged, and tells the recorder the new ones.
    pub(crate) fn glance(&mut self) -> Glance {
        let Some(machine) = &self.machine else { return Glance::default() };
        let journal = machine.journal();
        for sign in journal.since(self.told) {
            self.told += 1;
            self.scene.recorder.tell(Happening::MachineSigned { of: self.of.clone(), machine: sign });
        }
        Glance::of(journal.since(0).get(..self.told).unwrap_or_default(), self.judged, self.row_from)
    }

    /// Makes and starts the machine.
    pub(crate) async fn power_on(&mut self) -> Result<(), Stop> {
        let image = self.image()?.clone();
        let today = self.scene.ports.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        if let Some(expires) = image.expires.filter(|expires| *expires <= today) {
            let message =
                format!("the image {} is not used from {expires} on: build it anew from current media", image.id);
            return Err(Stop::fault(FaultKind::ImageExpired, message));
        }
        let folder = self.scene.folder.machine(&self.of, self.attempt);
        tokio::fs::create_dir_all(&folder).await.map_err(|error| host_file(&folder, &error))?;
        let spec = MachineSpec { run: self.scene.run.clone(), arm: self.of.clone(), image, folder };
        let machine = self.scene.ports.provider.create(spec).await?;
        self.machine.insert(machine).start().await?;
        Ok(())
    }

    pub(crate) fn image(&self) -> Result<&'a coexist_model::Image, Stop> {
        self.scene.plan.images.get(&self.cell.image).ok_or_else(|| {
            Stop::fault(FaultKind::ImageMissing, format!("the plan does not describe the image {}", self.cell.image))
        })
    }

    /// Ends the arm: last words, then the machine and its folder go.
    async fn give_back(&mut self, outcome: &ArmOutcome) {
        let _ = self.glance();
        self.guest = None;
        if let Some(machine) = self.machine.take() {
            if let Err(fault) = machine.destroy().await {
                self.note(format!("clean-up: {fault}"));
            }
            tracing::debug!(outcome = outcome.as_str(), "machine given back");
        }
        let folder = self.scene.folder.machine(&self.of, self.attempt);
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                self.note(format!("clean-up: {}: {error}", folder.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Tells every check of these steps as not run, because of what the arm came to before them.
pub(crate) fn tell_not_run(recorder: &Recorder, of: &ArmRef, steps: &[Step], because: &ArmOutcome) {
    let reason = match because {
        ArmOutcome::Failed { step, failure } => format!("{step} failed ({})", failure.state),
        ArmOutcome::Fault { step, fault } => format!("lab fault in {step} ({})", fault.kind),
        ArmOutcome::NotRun { reason } => reason.clone(),
        ArmOutcome::Up => "not needed".to_owned(),
    };
    for (step, check) in steps.iter().flat_map(|step| step.checks.iter().map(move |check| (step, check))) {
        let outcome = CheckOutcome::NotRun { reason: reason.clone() };
        tell_check(recorder, of, step, &check.name, outcome, Seconds::default());
    }
}

fn tell_check(recorder: &Recorder, of: &ArmRef, step: &Step, check: &str, outcome: CheckOutcome, took_s: Seconds) {
    recorder.tell(Happening::CheckEnded {
        of: of.clone(),
        step: step.id.clone(),
        check: check.to_owned(),
        outcome,
        took_s,
    });
}

/// The check whose failure says most: a crash before anything else, then the first.
fn gravest(decided: &[CheckOutcome]) -> Option<usize> {
    let state = |check: &CheckOutcome| match check {
        CheckOutcome::Failed { failure } => Some(failure.state),
        CheckOutcome::Passed | CheckOutcome::Faulted { .. } | CheckOutcome::NotRun { .. } => None,
    };
    let crash = |check: &CheckOutcome| state(check) == Some(FailureState::Bugcheck);
    decided.iter().position(crash).or_else(|| decided.iter().position(|check| state(check).is_some()))
}

/// One failure for several checks of one step that look for the same kind of thing.
fn merge<'a>(mut failure: StepFailure, others: impl Iterator<Item = &'a StepFailure>) -> StepFailure {
    if failure.state != FailureState::Unhealthy {
        return failure;
    }
    for other in others {
        failure.message = format!("{}; {}", failure.message, other.message);
        failure.bucket = match (failure.bucket, &other.bucket) {
            (Some(all), Some(other)) => Some(Bucket(format!("{all}+{other}"))),
            // One part that nothing tells from others of its kind makes the whole so.
            _ => None,
        };
    }
    failure
}

/// A file of this host that could not be dealt with.
pub(crate) fn host_file(path: &std::path::Path, error: &std::io::Error) -> Stop {
    // ENFILE and EMFILE have no name of their own in the standard library.
    let kind = match (error.kind(), error.raw_os_error()) {
        (std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded, _) => FaultKind::HostDiskFull,
        (_, Some(23 | 24)) => FaultKind::HostFileHandles,
        _ => FaultKind::HostFile,
    };
    Stop::fault(kind, format!("{}: {error}", path.display()))
}
