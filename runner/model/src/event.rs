//! The one bridge from the executor to everything that watches: progress, log, server, reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Arm, ArmOutcome, CellId, CheckOutcome, Evidence, LabFault, MachineEvent, Pace, Plan, RunId, Rung, RungOutcome,
    Seconds, StepId,
};

/// Schema name of the event log.
pub const EVENTS_SCHEMA: &str = "coexist.events/1";

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// Which arm of which cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ArmRef {
    /// The cell.
    pub cell: CellId,
    /// The arm.
    pub arm: Arm,
}

impl std::fmt::Display for ArmRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cell, self.arm)
    }
}

/// Where a run takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// `tcg` or `kvm`: what was proved to work, not what a device promises.
    pub acceleration: String,
    /// Version of QEMU.
    pub qemu: String,
    /// How much longer than planned it takes for everything: every deadline of the run was stretched by this.
    #[serde(default)]
    pub pace: Pace,
    /// What else to know of it, a sentence each: why it is this acceleration, what it does not allow of QEMU's confinement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Everything that can happen in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Happening {
    /// The first event: what will be run, and where.
    RunStarted {
        /// [`EVENTS_SCHEMA`].
        schema: String,
        /// The run.
        run: RunId,
        /// Where.
        host: Host,
        /// Everything that will be done.
        plan: Box<Plan>,
    },
    /// A cell begins.
    CellStarted {
        /// Which.
        cell: CellId,
    },
    /// An arm begins, for the first time or anew.
    ArmStarted {
        /// Which.
        #[serde(flatten)]
        of: ArmRef,
    },
    /// A step begins.
    StepStarted {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// Which step.
        step: StepId,
    },
    /// The machine gave a sign.
    MachineSigned {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// The sign.
        machine: MachineEvent,
    },
    /// Evidence is safe on the host.
    EvidenceTaken {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// The evidence.
        evidence: Evidence,
    },
    /// A rung of the collection ladder was climbed, or was not needed; its evidence was told before.
    RungEnded {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// Which rung.
        rung: Rung,
        /// What came of it.
        outcome: RungOutcome,
        /// How long it took.
        took_s: Seconds,
    },
    /// Something worth telling that changes no outcome.
    Noted {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// In words.
        note: String,
    },
    /// One check is decided.
    CheckEnded {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// Of which step.
        step: StepId,
        /// The check's name.
        check: String,
        /// What came of it.
        outcome: CheckOutcome,
        /// How long it took.
        took_s: Seconds,
    },
    /// A step ended; its checks were reported before.
    StepEnded {
        /// Which arm.
        #[serde(flatten)]
        of: ArmRef,
        /// Which step.
        step: StepId,
        /// How long it took.
        took_s: Seconds,
    },
    /// The lab failed an arm, and its machine is gone: the arm begins anew. What was told of its checks counts no more; its
    /// evidence stays.
    ArmAbandoned {
        /// Which.
        #[serde(flatten)]
        of: ArmRef,
        /// Where the fault was met.
        step: StepId,
        /// The fault.
        fault: LabFault,
    },
    /// An arm ended, its machine is gone.
    ArmEnded {
        /// Which.
        #[serde(flatten)]
        of: ArmRef,
        /// What came of it.
        outcome: ArmOutcome,
    },
    /// A wave ended with cells that are not clean: the cells behind it are not run.
    WaveHeld {
        /// What holds them back.
        #[serde(flatten)]
        held: HeldWave,
    },
    /// The last event.
    RunEnded {
        /// How.
        ending: Ending,
    },
}

/// A wave that holds back the cells behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldWave {
    /// Its name.
    pub wave: String,
    /// Its cells that were not clean, in the plan's order.
    pub not_clean: Vec<CellId>,
}

impl HeldWave {
    /// Why the cells behind it were not run: `held: wave canary was not clean: CELL`. Names a few cells at most.
    #[must_use]
    pub fn reason(&self) -> String {
        const NAMED: usize = 3;
        let mut reason = format!("held: wave {} was not clean", self.wave);
        for (number, cell) in self.not_clean.iter().take(NAMED).enumerate() {
            reason.push_str(if number == 0 { ": " } else { ", " });
            reason.push_str(cell.as_str());
        }
        match self.not_clean.len().checked_sub(NAMED) {
            Some(more @ 1..) => reason + &format!(" and {more} more"),
            _ => reason,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Every cell was tried, or held back by a wave before it.
    Completed,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}
