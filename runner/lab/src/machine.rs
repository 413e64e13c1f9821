//! Machines seen from outside: power, disks, console, signs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use coexist_model::{ArmRef, EvidenceKind, Host, Image, LabFault, RunId};

use crate::Journal;

/// What a machine is made from.
#[derive(Debug, Clone)]
pub struct MachineSpec {
    /// The run it belongs to; everything the provider creates carries it.
    pub run: RunId,
    /// The arm it runs.
    pub arm: ArmRef,
    /// Golden image and hardware.
    pub image: Image,
    /// Empty folder of its own for overlay, logs and sockets; removed by the caller when the arm is over.
    pub folder: PathBuf,
}

/// Makes machines.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Where machines of this provider run.
    fn host(&self) -> Host;

    /// Prepares a machine: disks are there, nothing runs yet.
    ///
    /// # Errors
    /// A lab fault: image missing or altered, no room, no port.
    async fn create(&self, spec: MachineSpec) -> Result<Box<dyn Machine>, LabFault>;
}

/// One machine. Dropping it without [`Machine::destroy`] still ends its process.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Powers it on.
    ///
    /// # Errors
    /// A lab fault when it cannot be started.
    async fn start(&self) -> Result<(), LabFault>;

    /// Where the guest's SSH service answers.
    fn endpoint(&self) -> SocketAddr;

    /// The signs it gives.
    fn journal(&self) -> Arc<Journal>;

    /// Asks the machine itself whether it lives: a guest can hang, a machine must not.
    ///
    /// # Errors
    /// A lab fault when the machine's process is gone, does not answer, or does not let the guest run.
    async fn check(&self) -> Result<(), LabFault>;

    /// Puts a picture of the screen (PNG) into `file`.
    ///
    /// # Errors
    /// A lab fault when the machine does not give one.
    async fn screenshot(&self, file: &Path) -> Result<(), LabFault>;

    /// Cuts its power: afterwards its disks are at rest and may be read.
    ///
    /// # Errors
    /// A lab fault when the machine cannot be ended.
    async fn cut_power(&self) -> Result<(), LabFault>;

    /// Its system disk, readable once the power is off.
    fn disk(&self) -> DiskFiles;

    /// Logs that are written all the while.
    fn logs(&self) -> Vec<LogFile>;

    /// Ends it and removes what it left behind, other than logs.
    ///
    /// # Errors
    /// A lab fault when something could not be removed.
    async fn destroy(&self) -> Result<(), LabFault>;
}

/// A machine's system disk on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFiles {
    /// The throw-away overlay (qcow2).
    pub overlay: PathBuf,
    /// The golden disk below it; the only file the overlay may name.
    pub golden: PathBuf,
}

/// A log that is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// What it is.
    pub kind: EvidenceKind,
    /// Where.
    pub path: PathBuf,
}
