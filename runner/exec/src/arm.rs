//! One arm of one cell: its steps in order, and what is owed when one of them goes no further.

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_lab::{Guest, Machine, MachineSpec};
use coexist_model::{
    ArmOutcome, ArmRef, BootEnd, BootIdentity, BootState, Cell, CheckOutcome, FailureState, FaultKind, Happening,
    LabFault, Plan, RunId, Seconds, Step, StepFailure,
};

use crate::run::{Halt, Ports};
use crate::signs::Glance;
use crate::stop::Stop;
use crate::{Recorder, RunFolder};

/// What a step's own deadlines leave over is bounded by this many times the step's deadline …
const GUARD_FACTOR: u32 = 3;
/// … and this on top: nothing a machine or guest does can keep an arm longer.
const GUARD: Duration = Duration::from_secs(180);

/// One arm while it runs.
pub(crate) struct ArmRun<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) plan: &'a Plan,
    pub(crate) cell: &'a Cell,
    pub(crate) of: ArmRef,
    pub(crate) ports: &'a Ports,
    pub(crate) folder: &'a RunFolder,
    pub(crate) recorder: &'a Recorder,
    halt: Halt,
    pub(crate) started: jiff::Timestamp,
    pub(crate) machine: Option<Box<dyn Machine>>,
    /// The session of the present boot; none while the guest is starting or lost.
    pub(crate) guest: Option<Box<dyn Guest>>,
    pub(crate) identity: Option<BootIdentity>,
    /// How long the present boot took until the guest answered; none while it is starting.
    pub(crate) up_after: Option<Seconds>,
    /// Signs that are accounted for: those of boots that were judged.
    pub(crate) judged: usize,
    /// Signs that the recorder knows.
    told: usize,
    /// Whether a product is, or may be, in the guest: before that nothing can be a product's failure.
    pub(crate) accusable: bool,
    /// Dumps that the golden image brought along.
    pub(crate) dumps_before: BTreeSet<String>,
}

/// Why the steps ended early.
enum End {
    Stopped(Stop),
    Halted,
}

impl<'a> ArmRun<'a> {
    #[expect(clippy::too_many_arguments, reason = "a constructor")]
    pub(crate) fn new(
        run: &'a RunId,
        plan: &'a Plan,
        cell: &'a Cell,
        of: ArmRef,
        ports: &'a Ports,
        folder: &'a RunFolder,
        recorder: &'a Recorder,
        halt: Halt,
    ) -> Self {
        Self {
            run,
            plan,
            cell,
            of,
            ports,
            folder,
            recorder,
            halt,
            started: ports.clock.now(),
            machine: None,
            guest: None,
            identity: None,
            up_after: None,
            judged: 0,
            told: 0,
            accusable: false,
            dumps_before: BTreeSet::new(),
        }
    }

    /// Runs the arm to its end and gives its machine back. Everything is told to the recorder.
    pub(crate) async fn run(mut self) {
        self.recorder.tell(Happening::ArmStarted { of: self.of.clone() });
        let mut outcome = ArmOutcome::Up;
        for step in &self.cell.arms[self.of.arm] {
            if matches!(outcome, ArmOutcome::Up) {
                outcome = self.step(step).await;
            } else {
                self.skip(step, &outcome);
            }
        }
        self.give_back(&outcome).await;
        self.recorder.tell(Happening::ArmEnded { of: self.of, outcome });
    }

    /// One step: done, judged, its evidence safe, its checks told.
    async fn step(&mut self, step: &Step) -> ArmOutcome {
        let begun = self.ports.clock.elapsed();
        self.recorder.tell(Happening::StepStarted { of: self.of.clone(), step: step.id.clone() });
        let mut halt = self.halt.clone();
        let clock = self.ports.clock.clone();
        let guard = clock.sleep(step.deadline.to_duration() * GUARD_FACTOR + GUARD);
        let ended = tokio::select! {
            biased;
            () = halt.wait() => Err(End::Halted),
            ended = self.attempt(step) => ended.map_err(End::Stopped),
            () = guard => Err(End::Stopped(Stop::fault(
                FaultKind::Deadline,
                format!("step {} of {} did not end although all it waits for has a deadline", step.id, self.of),
            ))),
        };
        let (checks, outcome) = match ended {
            Ok(checks) => self.conclude(step, checks),
            Err(End::Stopped(stop)) => self.judge_stop(step, stop).await,
            Err(End::Halted) => {
                let reason = "the run was stopped in this step".to_owned();
                (vec![CheckOutcome::NotRun { reason: reason.clone() }], ArmOutcome::NotRun { reason })
            }
        };
        let took_s = Seconds::from(self.ports.clock.elapsed().saturating_sub(begun));
        self.tell_checks(step, checks, took_s);
        self.recorder.tell(Happening::StepEnded { of: self.of.clone(), step: step.id.clone(), took_s });
        outcome
    }

    /// The step itself, then a look whether the machine stayed calm, then the meaning of any loss.
    async fn attempt(&mut self, step: &Step) -> Result<Vec<CheckOutcome>, Stop> {
        let done = match self.perform(step).await {
            Ok(checks) => self.calm().map(|()| checks),
            Err(stop) => Err(stop),
        };
        match done {
            Err(Stop::Lost(error)) => Err(self.explain_loss(step, error).await),
            done => done,
        }
    }

    /// The outcome of a step whose checks were all decided.
    fn conclude(&self, step: &Step, checks: Vec<CheckOutcome>) -> (Vec<CheckOutcome>, ArmOutcome) {
        let failures: Vec<&StepFailure> = checks
            .iter()
            .filter_map(|check| match check {
                CheckOutcome::Failed { failure } => Some(failure),
                CheckOutcome::Passed | CheckOutcome::Faulted { .. } | CheckOutcome::NotRun { .. } => None,
            })
            .collect();
        let outcome = match failures.as_slice() {
            [] => ArmOutcome::Up,
            [first, rest @ ..] => ArmOutcome::Failed { step: step.id.clone(), failure: merge(first, rest) },
        };
        (checks, outcome)
    }

    /// What a stop means once its evidence is safe.
    async fn judge_stop(&mut self, step: &Step, stop: Stop) -> (Vec<CheckOutcome>, ArmOutcome) {
        let id = step.id.clone();
        match stop {
            Stop::Failure(failure) if self.accusable => {
                let failure = self.collect_failure(step, failure).await;
                (vec![CheckOutcome::Failed { failure: failure.clone() }], ArmOutcome::Failed { step: id, failure })
            }
            Stop::Failure(failure) => {
                let message = format!("before any product was in the guest: {}", failure.message);
                self.judge_fault(step, LabFault::new(FaultKind::NoAnswer, message)).await
            }
            Stop::Fault(fault) => self.judge_fault(step, fault).await,
            Stop::Lost(error) => self.judge_fault(step, LabFault::new(FaultKind::ExecCut, error.to_string())).await,
        }
    }

    async fn judge_fault(&mut self, step: &Step, fault: LabFault) -> (Vec<CheckOutcome>, ArmOutcome) {
        self.collect_console().await;
        (vec![CheckOutcome::Faulted { fault: fault.clone() }], ArmOutcome::Fault { step: step.id.clone(), fault })
    }

    /// Tells the checks of a step; those that were not reached are told as not run.
    fn tell_checks(&self, step: &Step, outcomes: Vec<CheckOutcome>, took_s: Seconds) {
        let blame = step.checks.first().map_or(step.id.as_str(), |check| check.name.as_str());
        let mut outcomes = outcomes.into_iter();
        let single = step.checks.len() == 1;
        for check in &step.checks {
            let outcome = outcomes.next().unwrap_or_else(|| CheckOutcome::NotRun { reason: format!("needs {blame}") });
            // A step's time is its check's when it has one; the parts of a probe are not timed apart.
            let took_s = if single { took_s } else { Seconds::default() };
            self.tell_check(step, &check.name, outcome, took_s);
        }
    }

    fn skip(&self, step: &Step, because: &ArmOutcome) {
        let reason = match because {
            ArmOutcome::Failed { step, failure } => format!("{step} failed ({})", failure.state),
            ArmOutcome::Fault { step, fault } => format!("lab fault in {step} ({})", fault.kind),
            ArmOutcome::NotRun { reason } => reason.clone(),
            ArmOutcome::Up => "not needed".to_owned(),
        };
        for check in &step.checks {
            self.tell_check(step, &check.name, CheckOutcome::NotRun { reason: reason.clone() }, Seconds::default());
        }
    }

    fn tell_check(&self, step: &Step, check: &str, outcome: CheckOutcome, took_s: Seconds) {
        self.recorder.tell(Happening::CheckEnded {
            of: self.of.clone(),
            step: step.id.clone(),
            check: check.to_owned(),
            outcome,
            took_s,
        });
    }

    /// Looks at every sign not yet judged, and tells the recorder the new ones.
    pub(crate) fn glance(&mut self) -> Glance {
        let Some(machine) = &self.machine else { return Glance::default() };
        let journal = machine.journal();
        for sign in journal.since(self.told) {
            self.told += 1;
            self.recorder.tell(Happening::MachineSigned { of: self.of.clone(), machine: sign });
        }
        Glance::of(&journal.since(self.judged))
    }

    /// Tells how a boot went.
    pub(crate) fn tell_boot(&self, step: &Step, state: BootState, ended: BootEnd, took_s: Seconds) {
        let boot = coexist_model::Boot { state, ended, took_s };
        self.recorder.tell(Happening::BootSeen { of: self.of.clone(), step: step.id.clone(), boot });
    }

    /// Makes and starts the machine.
    pub(crate) async fn power_on(&mut self) -> Result<(), Stop> {
        let image = self.image()?.clone();
        let folder = self.folder.machine(&self.of);
        tokio::fs::create_dir_all(&folder).await.map_err(|error| host_file(&folder, &error))?;
        let spec = MachineSpec { run: self.run.clone(), arm: self.of.clone(), image, folder };
        let machine = self.ports.provider.create(spec).await?;
        self.machine.insert(machine).start().await?;
        Ok(())
    }

    pub(crate) fn image(&self) -> Result<&'a coexist_model::Image, Stop> {
        self.plan.images.get(&self.cell.image).ok_or_else(|| {
            Stop::fault(FaultKind::ImageMissing, format!("the plan does not describe the image {}", self.cell.image))
        })
    }

    /// Ends the arm: last words, then the machine and its folder go.
    async fn give_back(&mut self, outcome: &ArmOutcome) {
        let _ = self.glance();
        if let (Some(took_s), Some(step)) = (self.up_after.take(), self.cell.arms[self.of.arm].last()) {
            self.tell_boot(step, BootState::Up, BootEnd::Running, took_s);
        }
        self.guest = None;
        if let Some(machine) = self.machine.take() {
            if let Err(fault) = machine.destroy().await {
                self.recorder.note(&self.of, format!("clean-up: {fault}"));
            }
            tracing::debug!(arm = %self.of, outcome = outcome.as_str(), "machine given back");
        }
        let folder = self.folder.machine(&self.of);
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                self.recorder.note(&self.of, format!("clean-up: {}: {error}", folder.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// One failure for several checks of one step.
fn merge(first: &StepFailure, rest: &[&StepFailure]) -> StepFailure {
    let mut failure = (*first).clone();
    if rest.is_empty() || failure.state != FailureState::Unhealthy {
        return failure;
    }
    for other in rest {
        failure.message = format!("{}; {}", failure.message, other.message);
        failure.bucket = match (failure.bucket, &other.bucket) {
            (Some(all), Some(other)) => Some(coexist_model::Bucket(format!("{all}+{other}"))),
            (all, _) => all,
        };
    }
    failure
}

/// A file of this host that could not be dealt with.
pub(crate) fn host_file(path: &std::path::Path, error: &std::io::Error) -> Stop {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FaultKind::HostDiskFull,
        _ => FaultKind::HostFile,
    };
    Stop::fault(kind, format!("{}: {error}", path.display()))
}
