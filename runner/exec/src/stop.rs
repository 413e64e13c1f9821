//! Why an arm goes no further, and how a guest's silence becomes one or the other.

use coexist_lab::{GuestError, Unanswered};
use coexist_model::{Bucket, FailureState, FaultKind, LabFault, StepFailure};

/// Why an arm goes no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The product did wrong.
    Failure(StepFailure),
    /// The lab did wrong.
    Fault(LabFault),
    /// The guest lives and does not let the lab work: a fault, whose name depends on what is installed.
    KeptOut(LabFault),
    /// The machine gave signs that it should not have given, whatever the guest answered meanwhile.
    Unrest,
    /// The guest no longer answers; nobody is accused before the machine's signs were read.
    Lost(GuestError),
}

impl Stop {
    pub(crate) fn fault(kind: FaultKind, message: impl Into<String>) -> Self {
        Self::Fault(LabFault::new(kind, message))
    }

    pub(crate) fn failure(state: FailureState, message: impl Into<String>, bucket: Option<String>) -> Self {
        Self::Failure(StepFailure { state, message: message.into(), bucket: bucket.map(Bucket), crash: None })
    }
}

impl Stop {
    /// Whether this is an answer of the guest that a crash in the meantime would explain better.
    pub(crate) fn may_be_a_crash(&self) -> bool {
        match self {
            Self::Fault(fault) => matches!(
                fault.kind,
                FaultKind::GuestDisagrees
                    | FaultKind::GuestDiskFull
                    | FaultKind::ShortWrite
                    | FaultKind::NotAsConfigured
                    | FaultKind::BlockedByAgent
            ),
            Self::Failure(failure) => matches!(
                failure.state,
                FailureState::Install | FailureState::InstallTimeout | FailureState::Unhealthy | FailureState::Exercise
            ),
            Self::KeptOut(_) | Self::Unrest | Self::Lost(_) => false,
        }
    }
}

impl From<LabFault> for Stop {
    fn from(fault: LabFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<GuestError> for Stop {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Lost { .. } | GuestError::TimedOut { .. } | GuestError::Refused { .. } => Self::Lost(error),
            GuestError::DiskFull { .. } => Self::fault(FaultKind::GuestDiskFull, error.to_string()),
            GuestError::ShortWrite { .. } => Self::fault(FaultKind::ShortWrite, error.to_string()),
            GuestError::Disagrees { .. } => Self::fault(FaultKind::GuestDisagrees, error.to_string()),
            GuestError::Host { full: true, .. } => Self::fault(FaultKind::HostDiskFull, error.to_string()),
            GuestError::Host { full: false, .. } => Self::fault(FaultKind::HostFile, error.to_string()),
        }
    }
}

/// What an unanswered knock is by itself, if it stays so; none while waiting is all that can be done.
pub(crate) fn meaning_of(knock: &Unanswered) -> Option<Stop> {
    let message = knock.to_string();
    match knock {
        Unanswered::WrongKey { .. } => Some(Stop::fault(FaultKind::SshWrongKey, message)),
        Unanswered::Authentication { .. } => Some(Stop::KeptOut(LabFault::new(FaultKind::SshAuthentication, message))),
        Unanswered::NoCommand(_) => Some(Stop::KeptOut(LabFault::new(FaultKind::SshRefused, message))),
        Unanswered::Host(_) => Some(Stop::fault(FaultKind::HostFile, message)),
        Unanswered::Refused | Unanswered::Silent | Unanswered::Broken(_) => None,
    }
}
