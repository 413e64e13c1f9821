//! What came of a check, a step, an arm: product failures and lab faults, never mixed.

use serde::{Deserialize, Serialize};

use crate::{BootState, Bucket, Crash, LabFault, StepId};

/// The product did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// What was seen.
    pub state: FailureState,
    /// One line for people.
    pub message: String,
    /// Signature that is equal for equal failures; absent when nothing tells failures of this kind apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// Facts of the crash, where there was one and its dump was got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Box<Crash>>,
}

impl StepFailure {
    /// Its signature, or else its crash's.
    #[must_use]
    pub fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref().or(self.crash.as_ref().map(|crash| &crash.bucket))
    }
}

/// What a product failure looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureState {
    /// Stopped with a stop code, then came back.
    Bugcheck,
    /// Restarts again and again without settling.
    Loop,
    /// No progress.
    Hang,
    /// Shows the recovery screen.
    Recovery,
    /// Runs, but its network does not answer.
    Unreachable,
    /// It reset without a word of why, then came back.
    UnexpectedRestart,
    /// An installer said no.
    Install,
    /// An installer did not end in its time.
    InstallTimeout,
    /// A probe did not see what it must.
    Unhealthy,
    /// An exercise failed.
    Exercise,
}

impl FailureState {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bugcheck => "bugcheck",
            Self::Loop => "loop",
            Self::Hang => "hang",
            Self::Recovery => "recovery",
            Self::Unreachable => "unreachable",
            Self::UnexpectedRestart => "unexpected-restart",
            Self::Install => "install",
            Self::InstallTimeout => "install-timeout",
            Self::Unhealthy => "unhealthy",
            Self::Exercise => "exercise",
        }
    }
}

impl FailureState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Bugcheck,
        Self::Loop,
        Self::Hang,
        Self::Recovery,
        Self::Unreachable,
        Self::UnexpectedRestart,
        Self::Install,
        Self::InstallTimeout,
        Self::Unhealthy,
        Self::Exercise,
    ];

    /// What it is, a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Bugcheck => "The guest stopped with a stop code, then came back or did not.",
            Self::Loop => "The guest started again and again without settling, whether or not it answered in between.",
            Self::Hang => "The guest made no progress, while its machine ran.",
            Self::Recovery => "The guest failed to start and went to the recovery screen.",
            Self::Unreachable => "The guest ran, and nothing of it answered on the network.",
            Self::UnexpectedRestart => {
                "The guest restarted or powered off although nobody asked it to, without a stop."
            }
            Self::Install => "An installer ended with an exit code that its recipe does not call a success.",
            Self::InstallTimeout => "An installer did not end in its time.",
            Self::Unhealthy => {
                "A product is not whole: a probe did not see what it must, or what it saw had vanished in between."
            }
            Self::Exercise => "The stack could not do its work.",
        }
    }

    /// What to look at first.
    #[must_use]
    pub fn look_at(self) -> &'static str {
        match self {
            Self::Bugcheck | Self::Loop => "the dump: stop code, driver and stack; the event log for what came before",
            Self::Hang => "the picture of the screen and the serial log: how far the boot came",
            Self::Recovery => "the picture of the recovery screen: which file or driver it names",
            Self::Unreachable => "the network filters that the products brought, and their state in the guest",
            Self::UnexpectedRestart => "the event log: who asked for the restart (event 1074), or that nobody did (41)",
            Self::Install | Self::InstallTimeout => "the installer's log, from its end backwards",
            Self::Unhealthy => "the event log: when the service or driver ended, and with which code",
            Self::Exercise => "the command's own words, and what the products logged meanwhile",
        }
    }
}

impl TryFrom<FailureState> for BootState {
    type Error = ();

    /// A failure of a boot is the state of that name.
    fn try_from(state: FailureState) -> Result<Self, ()> {
        match state {
            FailureState::Bugcheck => Ok(Self::Bugcheck),
            FailureState::Loop => Ok(Self::Loop),
            FailureState::Hang => Ok(Self::Hang),
            FailureState::Recovery => Ok(Self::Recovery),
            FailureState::Unreachable => Ok(Self::Unreachable),
            FailureState::UnexpectedRestart
            | FailureState::Install
            | FailureState::InstallTimeout
            | FailureState::Unhealthy
            | FailureState::Exercise => Err(()),
        }
    }
}

impl std::fmt::Display for FailureState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl TryFrom<BootState> for FailureState {
    type Error = ();

    /// A boot that is not `up` is a failure of that name.
    fn try_from(state: BootState) -> Result<Self, ()> {
        match state {
            BootState::Up => Err(()),
            BootState::Bugcheck => Ok(Self::Bugcheck),
            BootState::Loop => Ok(Self::Loop),
            BootState::Hang => Ok(Self::Hang),
            BootState::Recovery => Ok(Self::Recovery),
            BootState::Unreachable => Ok(Self::Unreachable),
        }
    }
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum CheckOutcome {
    /// As it must be.
    Passed,
    /// The product did wrong.
    Failed {
        /// How.
        failure: StepFailure,
    },
    /// The lab did wrong.
    Faulted {
        /// How.
        fault: LabFault,
    },
    /// Never tried.
    NotRun {
        /// Because of what.
        reason: String,
    },
}

/// What came of one arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum ArmOutcome {
    /// Every step reached, every check passed.
    Up,
    /// The product did wrong.
    Failed {
        /// At this step.
        step: StepId,
        /// How.
        failure: StepFailure,
    },
    /// The lab did wrong.
    Fault {
        /// At this step.
        step: StepId,
        /// How.
        fault: LabFault,
    },
    /// Never started, or stopped by the user before it could end.
    NotRun {
        /// Because of what.
        reason: String,
    },
}

impl ArmOutcome {
    /// `up`, `failed`, `fault`, `not-run`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Failed { .. } => "failed",
            Self::Fault { .. } => "fault",
            Self::NotRun { .. } => "not-run",
        }
    }

    /// The step at which it ended, if it ended early.
    #[must_use]
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Failed { step, .. } | Self::Fault { step, .. } => Some(step),
            Self::Up | Self::NotRun { .. } => None,
        }
    }
}
