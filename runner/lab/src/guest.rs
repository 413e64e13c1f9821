//! Guests seen from inside: what a run asks of Windows, and how Windows may fail to answer.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coexist_model::{Apply, BootIdentity, EvidenceKind, Exercise, Hex, Install, Probe, WindowsFacts};

/// Opens sessions with guests.
#[async_trait]
pub trait Door: Send + Sync {
    /// Tries once, for at most `patience`.
    ///
    /// # Errors
    /// How the guest did not answer.
    async fn knock(
        &self,
        at: SocketAddr,
        access: &coexist_model::GuestAccess,
        patience: Duration,
    ) -> Result<Box<dyn Guest>, Unanswered>;
}

/// How a guest did not answer a knock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The guest's system closed the connection at once: it lives, its SSH service does not listen.
    #[error("the guest refuses the connection")]
    Refused,
    /// Nothing came within the patience.
    #[error("the guest is silent")]
    Silent,
    /// Another host key than the image's.
    #[error("the guest shows the host key {found}, which is not the image's")]
    WrongKey {
        /// Fingerprint of what it showed.
        found: String,
    },
    /// The account's key was not accepted.
    #[error("the guest does not accept the key of `{user}`")]
    Authentication {
        /// The account.
        user: String,
    },
    /// The session stands, and the guest refuses to do anything in it.
    #[error("the guest lets the lab in and runs nothing for it: {0}")]
    NoCommand(String),
    /// The session broke while it was being set up.
    #[error("the session broke while it was set up: {0}")]
    Broken(String),
    /// Something on this host is wrong, the private key file for one.
    #[error("{0}")]
    Host(String),
}

/// Why a request to a guest has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// The connection broke during the request. What it means is for the machine's signs to say.
    #[error("the connection broke during {during}: {detail}")]
    Lost {
        /// The request.
        during: String,
        /// What the connection said.
        detail: String,
        /// Whether a file was on its way.
        transfer: bool,
    },
    /// No answer in time.
    #[error("{during} did not end within {after:?}")]
    TimedOut {
        /// The request.
        during: String,
        /// How long it was given.
        after: Duration,
        /// Whose time it was.
        of: Whose,
    },
    /// The guest's disk is full.
    #[error("the guest's disk has no room for {what}")]
    DiskFull {
        /// What was to be put there.
        what: String,
    },
    /// A file in the guest is not what was written to it, although the guest accepted every write.
    #[error("{file} has {found} bytes in the guest after {written} were written")]
    ShortWrite {
        /// Which, in the guest.
        file: String,
        /// Bytes that were written.
        written: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The guest answers and does not do it: its SSH service opens no channel, starts no command, or
    /// offers no SFTP.
    #[error("{during}: the guest's SSH service refuses it: {found}")]
    Refused {
        /// The request.
        during: String,
        /// What it said, bounded and made printable.
        found: String,
    },
    /// The answer is not what Windows is known to answer.
    #[error("{during}: expected {expected}, got {found}")]
    Disagrees {
        /// The request.
        during: String,
        /// What was expected.
        expected: String,
        /// What came, bounded and made printable.
        found: String,
    },
    /// A file on this host could not be read or written.
    #[error("{file}: {error}")]
    Host {
        /// Which.
        file: String,
        /// Why.
        error: String,
        /// Whether it is the host's disk that is full.
        full: bool,
    },
}

impl GuestError {
    /// Whether an installer may have begun before its installation ended in this: everything that it needs is sent first.
    #[must_use]
    pub fn may_have_installed(&self) -> bool {
        match self {
            Self::Lost { transfer, .. } => !transfer,
            Self::TimedOut { of, .. } => *of == Whose::Product,
            Self::Disagrees { .. } => true,
            Self::DiskFull { .. } | Self::ShortWrite { .. } | Self::Refused { .. } | Self::Host { .. } => false,
        }
    }
}

/// Whose time a request took: what it says when the time was not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A product's installer, or work that the stack under test has to let through.
    Product,
    /// The lab's own: a transfer, or a question to the guest.
    Lab,
}

/// A session with one guest during one boot.
#[async_trait]
pub trait Guest: Send + Sync {
    /// What the guest says it is.
    ///
    /// # Errors
    /// See [`GuestError`]; so for all below.
    async fn identify(&self) -> Result<WindowsFacts, GuestError>;

    /// Which boot this is.
    async fn boot_identity(&self) -> Result<BootIdentity, GuestError>;

    /// What the guest's log says of the boots since (and without) the one given; all that it holds for `None`.
    async fn boot_record(&self, since: Option<&BootIdentity>) -> Result<BootRecord, GuestError>;

    /// Asks for a restart and returns once the guest has accepted it.
    async fn restart(&self) -> Result<(), GuestError>;

    /// Where the installer of this order writes its log, where it writes one: known before it runs, so that the log of
    /// one that never ends can be had.
    fn setup_log(&self, order: &Install) -> Option<String>;

    /// Installs a package that lies on this host as `file`.
    ///
    /// Then the commands that follow, where the installer leaves the guest to them: not after one that failed, nor after
    /// one that restarts the guest, for which [`Guest::then`] is to be called in the new boot.
    async fn install(&self, order: &Install, file: &Path) -> Result<InstallReport, GuestError>;

    /// Runs the commands that follow an installation, in order; the first that fails ends it and is returned, with what
    /// it printed.
    async fn then(&self, order: &Install) -> Result<Option<String>, GuestError>;

    /// Changes a setting.
    async fn apply(&self, change: &Apply, deadline: Duration) -> Result<Reading, GuestError>;

    /// Looks at something.
    async fn look(&self, probe: &Probe, deadline: Duration) -> Result<Reading, GuestError>;

    /// Makes the stack work.
    async fn exercise(&self, work: &Exercise, deadline: Duration) -> Result<Reading, GuestError>;

    /// Files of the guest that may be evidence: dumps that it made files of, reports of crashed programs, setup logs.
    /// Event logs are not among them: they are open, and have to be exported first.
    async fn evidence_files(&self) -> Result<Vec<RemoteFile>, GuestError>;

    /// Exports an event log (`System`, `Application`) into a file of its own in the guest.
    async fn export_log(&self, channel: &str) -> Result<RemoteFile, GuestError>;

    /// Fetches a file, in order, from byte `from` up to byte `limit` of it; returns the bytes given to `to`. After a loss
    /// `to` holds a prefix of what was asked for, so that another session can go on behind it.
    async fn fetch(&self, remote: &str, from: u64, limit: u64, to: &mut (dyn Write + Send)) -> Result<u64, GuestError>;
}

/// Whether something was seen as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Whether it is as it must be.
    pub holds: bool,
    /// What was seen, one bounded printable line.
    pub found: String,
    /// Exit code of the command that was run, where one was.
    pub exit_code: Option<u32>,
}

/// How an installer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallReport {
    /// Its exit code; absent for a file that was put in place.
    pub exit_code: Option<u32>,
    /// The command of `then` that failed, if one did, with what it printed.
    pub then_failed: Option<String>,
    /// What was printed, bounded and made printable.
    pub output: String,
    /// Its log in the guest.
    pub log: Option<String>,
}

/// A file in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Full path as SFTP names it.
    pub path: String,
    /// What it is, by where it lies.
    pub kind: EvidenceKind,
    /// Bytes.
    pub size: u64,
    /// Last change, seconds since 1970.
    pub modified: u64,
    /// Whether the guest wrote it while it lived on: worth keeping, but no crash.
    pub live: bool,
}

/// What a guest's own log says of its boots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootRecord {
    /// Boots begun.
    pub boots: u32,
    /// Ends of boots that were not in order, oldest first.
    pub unexpected: Vec<UnexpectedEnd>,
}

/// The end of a boot that was not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedEnd {
    /// Stop code and parameters, when the guest knows that it was a bugcheck.
    pub stop: Option<[Hex; 5]>,
}
