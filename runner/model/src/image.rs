//! Golden images: a disk, how its machine is built, how its guest is reached.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{ImageId, Seconds, Sha256};

/// One entry of the image catalogue, every path and digest resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its name.
    pub id: ImageId,
    /// What people call it.
    pub title: String,
    /// Whether this is the stand-in guest, which every report must say.
    pub stand_in: bool,
    /// The golden disk, read-only for ever.
    pub disk: Disk,
    /// What the guest says of itself.
    pub windows: WindowsFacts,
    /// The machine around the disk.
    pub machine: MachineProfile,
    /// The way in.
    pub access: GuestAccess,
    /// Longest time from power-on until the guest answers.
    pub boot_deadline: Seconds,
    /// The first day on which it is not used any more, in UTC: evaluation editions of Windows shut themselves down once
    /// their period is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<jiff::civil::Date>,
}

/// A golden disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// qcow2 file on this host.
    pub path: PathBuf,
    /// Digest of the whole file.
    pub sha256: Sha256,
}

/// What a guest must say of itself before it counts as this image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsFacts {
    /// Build number: 26100.
    pub build: u32,
    /// Client or server.
    pub edition: Edition,
}

/// Client or server: several facts exist on one of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    /// Windows 10 or 11.
    Client,
    /// Windows Server.
    Server,
}

/// The machine that a disk expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineProfile {
    /// How it starts.
    pub firmware: Firmware,
    /// Processor model, as QEMU names it.
    pub processor: String,
    /// Number of processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Where the disk hangs.
    pub disk_bus: DiskBus,
    /// Network card.
    pub network: NetworkCard,
    /// SMBIOS product name; the stand-in takes its personality from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// MiB of translated code kept under emulation. Small values make resets faster for small guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation_cache_mib: Option<u32>,
}

/// How a machine starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// `SeaBIOS`.
    Bios,
    /// OVMF.
    Uefi,
}

/// Where the system disk hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskBus {
    /// AHCI: what Windows can always write a crash dump to.
    Sata,
    /// Paravirtual.
    VirtioBlk,
    /// `NVMe`.
    Nvme,
}

/// Network card of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkCard {
    /// Intel 82574L: in-box driver on Windows.
    E1000e,
    /// Paravirtual.
    VirtioNet,
}

/// How the guest of an image is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestAccess {
    /// Account with administrator rights.
    pub user: String,
    /// The one host key that is accepted, in OpenSSH's form: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// File with the private key of the account; never read into a record.
    pub key_file: PathBuf,
}
