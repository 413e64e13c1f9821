//! Gives the kernel's random pool a start, so that the first key exchange need not wait.
//!
//! The seed comes from QEMU's virtio-rng where the machine has one. Without it, the seed is timing jitter with the time of
//! day and the machine's UUID: plenty for a test double that is reached only from its own host, and no more than that.
//! A processor's RDRAND is mixed in by the kernel itself (`random.trust_cpu`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha512};

use super::pci;
use super::raw::{self, PoolInfo, SEED};

/// How long jitter is collected.
const COLLECT: Duration = Duration::from_millis(4);

/// virtio-rng in its older and newer guise.
const DEVICES: [pci::Id; 2] = [pci::Id { vendor: 0x1af4, device: 0x1005 }, pci::Id { vendor: 0x1af4, device: 0x1044 }];

/// Where a seed came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// QEMU's random device.
    Hardware,
    /// Timing of this very boot.
    Jitter,
}

/// Whether the machine has QEMU's random device; its module is only loaded then.
pub(crate) fn has_device() -> bool {
    DEVICES.iter().any(|&id| matches!(pci::find(Path::new(pci::BUS), id), Ok(Some(_))))
}

/// Credits the pool with a seed.
pub(crate) fn seed() -> io::Result<Source> {
    let (seed, source) = match hardware() {
        Ok(seed) => (seed, Source::Hardware),
        Err(_) => (jitter(), Source::Jitter),
    };
    let random = OpenOptions::new().write(true).open("/dev/urandom")?;
    raw::add_entropy(&random, PoolInfo { bits: 256, size: SEED as i32, seed })?;
    Ok(source)
}

fn hardware() -> io::Result<[u8; SEED]> {
    let mut seed = [0; SEED];
    File::open("/dev/hwrng")?.read_exact(&mut seed)?;
    Ok(seed)
}

fn jitter() -> [u8; SEED] {
    let mut hash = Sha512::new();
    let start = Instant::now();
    while start.elapsed() < COLLECT {
        hash.update(start.elapsed().as_nanos().to_le_bytes());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hash.update(now.as_nanos().to_le_bytes());
    hash.update(fs::read("/sys/class/dmi/id/product_uuid").unwrap_or_default());
    hash.update(fs::read("/proc/interrupts").unwrap_or_default());
    hash.finalize().into()
}
