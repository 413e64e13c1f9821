//! A run as its event log tells it: the fold from events to a record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Arm, ArmOutcome, ArmRef, Arms, Boot, CheckOutcome, Ending, Event, Happening, HeldWave, Host, LabFault,
    MachineEvent, Plan, RunId, RungRecord, Seconds, Sha256, StepId,
};

/// One execution of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// What was to be done.
    pub plan: Plan,
    /// Where.
    pub host: Host,
    /// When it began.
    pub started: Timestamp,
    /// Time of the last event.
    pub ended: Timestamp,
    /// How it ended; absent while it runs, or when its coordinator died.
    pub ending: Option<Ending>,
    /// The wave that held back the cells behind it, if one did.
    pub held: Option<HeldWave>,
    /// One record per planned cell, in the plan's order.
    pub cells: Vec<Arms<ArmRecord>>,
}

/// What is known of one arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmRecord {
    /// What came of it.
    pub outcome: ArmOutcome,
    /// When it began, if it did.
    pub started: Option<Timestamp>,
    /// Whether it ended, its machine given back.
    pub ended: bool,
    /// One record per planned check, by name.
    pub checks: BTreeMap<String, CheckRecord>,
    /// How long each step took.
    pub steps: BTreeMap<StepId, Seconds>,
    /// Its boots, in order; known once the arm has ended.
    pub boots: Vec<Boot>,
    /// What the machine showed.
    pub signs: Vec<MachineEvent>,
    /// What is safe on the host.
    pub evidence: Vec<Evidence>,
    /// The rungs on which evidence was sought, in the order they were climbed.
    pub ladder: Vec<RungRecord>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Attempts before this one, in order, each ended by a fault of the lab.
    pub abandoned: Vec<AbandonedAttempt>,
}

/// An attempt at an arm that a fault of the lab ended; the arm was begun anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbandonedAttempt {
    /// When it was given up.
    pub at: Timestamp,
    /// Where the fault was met.
    pub step: StepId,
    /// The fault.
    pub fault: LabFault,
    /// What is safe on the host.
    pub evidence: Vec<Evidence>,
    /// The rungs on which evidence was sought.
    pub ladder: Vec<RungRecord>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// What is known of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRecord {
    /// What came of it.
    pub outcome: CheckOutcome,
    /// When it was decided.
    pub at: Timestamp,
    /// How long it took.
    pub took_s: Seconds,
}

/// A file that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Path relative to the run's folder, forward slashes.
    pub path: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// How it was got.
    pub rung: Rung,
    /// Digest of the file.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
}

/// Kinds of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A kernel dump.
    KernelDump,
    /// A dump of a program that crashed.
    UserDump,
    /// The guest's physical memory, taken by the host.
    MemoryDump,
    /// An event log.
    EventLog,
    /// A hive of the registry.
    RegistryHive,
    /// A driver's file.
    Driver,
    /// A picture of the screen.
    Screenshot,
    /// What the guest wrote to its serial port.
    SerialLog,
    /// What QEMU wrote.
    QemuLog,
    /// An installer's log.
    SetupLog,
}

/// The rungs of the ladder on which evidence is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Told by the machine's panic events as they happened.
    Panic,
    /// From the running guest over SFTP.
    Sftp,
    /// From the disk of a machine that was powered off.
    Disk,
    /// Made by the guest because the host sent it a non-maskable interrupt.
    Nmi,
    /// From the guest's memory, taken by the host.
    Memory,
    /// From the machine's console.
    Console,
    /// Written by the host all along.
    Host,
}

impl Rung {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Sftp => "sftp",
            Self::Disk => "disk",
            Self::Nmi => "nmi",
            Self::Memory => "memory",
            Self::Console => "console",
            Self::Host => "host",
        }
    }
}

impl std::fmt::Display for Rung {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why events make no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first event must be `run-started`.
    #[error("the record does not begin with `run-started`")]
    NoStart,
    /// An event names an arm that the plan does not have.
    #[error("the record speaks of {0}, which its plan does not have")]
    UnknownArm(ArmRef),
}

impl Run {
    /// Folds an event log, whole or torn off anywhere, into a record. Arms and checks that it does not speak of are
    /// there all the same, as not run.
    ///
    /// # Errors
    /// When the log does not begin with its plan, or speaks of an arm outside it.
    pub fn fold(events: impl IntoIterator<Item = Event>) -> Result<Self, FoldError> {
        let mut events = events.into_iter();
        let mut run = Self::begin(events.next().ok_or(FoldError::NoStart)?)?;
        for event in events {
            run.apply(event)?;
        }
        Ok(run)
    }

    /// The record of a run of which only the first event is known.
    ///
    /// # Errors
    /// When that event is not `run-started`.
    pub fn begin(event: Event) -> Result<Self, FoldError> {
        let Event { at, what: Happening::RunStarted { run, host, plan, .. } } = event else {
            return Err(FoldError::NoStart);
        };
        let cells =
            plan.cells.iter().map(|cell| Arms::from_fn(|arm| ArmRecord::planned(at, &cell.arms[arm]))).collect();
        Ok(Self { id: run, plan: *plan, host, started: at, ended: at, ending: None, held: None, cells })
    }

    /// Adds the next event to the record.
    ///
    /// # Errors
    /// When it speaks of an arm that the plan does not have.
    pub fn apply(&mut self, event: Event) -> Result<(), FoldError> {
        let at = event.at;
        self.ended = self.ended.max(at);
        match event.what {
            Happening::RunStarted { .. } | Happening::CellStarted { .. } | Happening::StepStarted { .. } => {}
            Happening::ArmStarted { of } => {
                let record = self.arm(&of)?;
                record.started.get_or_insert(at);
                record.outcome = ArmOutcome::NotRun { reason: "the run was cut off in this arm".to_owned() };
            }
            Happening::MachineSigned { of, machine } => self.arm(&of)?.signs.push(machine),
            Happening::EvidenceTaken { of, evidence } => self.arm(&of)?.evidence.push(evidence),
            Happening::RungEnded { of, rung, outcome, took_s } => {
                self.arm(&of)?.ladder.push(RungRecord { rung, outcome, took_s });
            }
            Happening::Noted { of, note } => self.arm(&of)?.notes.push(note),
            Happening::CheckEnded { of, check, outcome, took_s, .. } => {
                self.arm(&of)?.checks.insert(check, CheckRecord { outcome, at, took_s });
            }
            Happening::StepEnded { of, step, took_s } => {
                self.arm(&of)?.steps.insert(step, took_s);
            }
            Happening::ArmAbandoned { of, step, fault } => self.abandon(&of, at, step, fault)?,
            Happening::ArmEnded { of, outcome } => {
                let record = self.arm(&of)?;
                record.outcome = outcome;
                record.ended = true;
                record.boots = crate::boots(&record.signs);
            }
            Happening::WaveHeld { held } => self.hold(at, held),
            Happening::RunEnded { ending } => self.ending = Some(ending),
        }
        Ok(())
    }

    /// Puts the record of an attempt aside: of the arm itself nothing is known again but its plan.
    fn abandon(&mut self, of: &ArmRef, at: Timestamp, step: StepId, fault: LabFault) -> Result<(), FoldError> {
        let steps = self.plan.cells.iter().find(|cell| cell.id == of.cell).map(|cell| &cell.arms[of.arm]);
        let anew = ArmRecord::planned(at, steps.map(Vec::as_slice).unwrap_or_default());
        let record = self.arm(of)?;
        let before = std::mem::replace(record, anew);
        record.started = before.started;
        let reason = format!("the run ended after an attempt that the lab failed ({} in step {step})", fault.kind);
        record.outcome = ArmOutcome::NotRun { reason };
        record.abandoned = before.abandoned;
        let ArmRecord { evidence, ladder, notes, .. } = before;
        record.abandoned.push(AbandonedAttempt { at, step, fault, evidence, ladder, notes });
        Ok(())
    }

    /// Says of every arm that never began why.
    fn hold(&mut self, at: Timestamp, held: HeldWave) {
        let reason = held.reason();
        let arms = self.cells.iter_mut().flat_map(|arms| [&mut arms.baseline, &mut arms.candidate]);
        for record in arms.filter(|record| record.never_began()) {
            record.outcome = ArmOutcome::NotRun { reason: reason.clone() };
            for check in record.checks.values_mut() {
                *check = CheckRecord {
                    outcome: CheckOutcome::NotRun { reason: reason.clone() },
                    at,
                    took_s: Seconds::default(),
                };
            }
        }
        self.held = Some(held);
    }

    fn arm(&mut self, of: &ArmRef) -> Result<&mut ArmRecord, FoldError> {
        let index = self.plan.cells.iter().position(|cell| cell.id == of.cell);
        match index.and_then(|index| self.cells.get_mut(index)) {
            Some(arms) => Ok(&mut arms[of.arm]),
            None => Err(FoldError::UnknownArm(of.clone())),
        }
    }

    /// The cells with their records, in the plan's order.
    pub fn records(&self) -> impl Iterator<Item = (&crate::Cell, &Arms<ArmRecord>)> {
        self.plan.cells.iter().zip(&self.cells)
    }
}

impl ArmRecord {
    /// The record of an arm of which nothing is known but its plan.
    fn planned(at: Timestamp, steps: &[crate::Step]) -> Self {
        let reason = "the run ended before this arm began".to_owned();
        let not_run =
            || CheckRecord { outcome: CheckOutcome::NotRun { reason: reason.clone() }, at, took_s: Seconds::default() };
        let checks = steps.iter().flat_map(|step| &step.checks).map(|check| (check.name.clone(), not_run())).collect();
        Self {
            outcome: ArmOutcome::NotRun { reason: reason.clone() },
            started: None,
            ended: false,
            checks,
            steps: BTreeMap::new(),
            boots: Vec::new(),
            signs: Vec::new(),
            evidence: Vec::new(),
            ladder: Vec::new(),
            notes: Vec::new(),
            abandoned: Vec::new(),
        }
    }

    /// Whether it was never begun, and nothing was told of it.
    #[must_use]
    pub fn never_began(&self) -> bool {
        self.started.is_none() && !self.ended
    }

    /// Everything that is safe on the host, of every attempt.
    pub fn all_evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.abandoned.iter().flat_map(|attempt| &attempt.evidence).chain(&self.evidence)
    }
}

impl<T> Arms<T> {
    /// One value for each arm.
    pub fn from_fn(mut make: impl FnMut(Arm) -> T) -> Self {
        Self { baseline: make(Arm::Baseline), candidate: make(Arm::Candidate) }
    }
}
