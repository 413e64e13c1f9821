//! Machines seen from outside: power, disks, console, signs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coexist_model::{ArmRef, EvidenceKind, FaultKind, Host, Image, LabFault, RunId};

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

    /// What it has done so far. Two of these apart in time tell a machine that works from one that stands still.
    ///
    /// # Errors
    /// A lab fault when the machine does not say, or cannot.
    async fn activity(&self) -> Result<Activity, LabFault> {
        Err(cannot("tell what it does"))
    }

    /// Sends the guest a non-maskable interrupt: a hung Windows stops with 0x80 and writes its dump.
    ///
    /// # Errors
    /// A lab fault when the machine does not do it, or cannot.
    async fn inject_nmi(&self) -> Result<(), LabFault> {
        Err(cannot("inject an NMI"))
    }

    /// Writes the guest's memory into `file`, which must not be there, in the best form the guest allows. Refused before
    /// anything is written where it would take more than `limit` bytes or the host has no room for it. On a host as planned
    /// it takes no longer than [`memory_dump_time`].
    ///
    /// # Errors
    /// A lab fault when the machine does not do it, or cannot.
    async fn dump_memory(&self, file: &Path, limit: u64) -> Result<MemoryForm, LabFault> {
        let _ = (file, limit);
        Err(cannot("write the guest's memory"))
    }

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

/// MiB of a guest's memory that the slowest disk of a lab takes in a planned second.
const DUMPED_MIB_A_SECOND: u64 = 16;
/// To begin and to end a dump of memory, and for what is in it beside the guest's memory (some 20 MiB).
const AROUND_A_DUMP: Duration = Duration::from_secs(30);

/// Longest time to write the memory of a guest that has so many MiB to the host, on a host as planned: 286 s for 4 GiB,
/// 542 s for 8. The one rule for providers, which give up after it, and for those who wait for them.
#[must_use]
pub fn memory_dump_time(memory_mib: u32) -> Duration {
    AROUND_A_DUMP + Duration::from_secs(u64::from(memory_mib).div_ceil(DUMPED_MIB_A_SECOND))
}

/// A provider without this ability says so.
fn cannot(what: &str) -> LabFault {
    LabFault::new(FaultKind::QemuHung, format!("machines of this provider cannot {what}"))
}

/// What a machine has done since its power-on. Counters only grow; only differences count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// Digest of the picture on the screen, where there is one. A text screen whose cursor blinks gives two in turn
    /// (measured with QEMU 7.2).
    pub screen: Option<String>,
    /// Bytes that the guest wrote to its serial port.
    pub console_bytes: u64,
    /// Read and write operations on its system disk.
    pub disk_operations: u64,
}

/// Form of a memory dump that the host took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryForm {
    /// A Windows crash dump, made with the help of the guest's own driver.
    Windows,
    /// An ELF core of the guest's physical memory, whatever runs in it.
    Elf,
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
