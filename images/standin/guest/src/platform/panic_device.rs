//! QEMU's panic device on the PCI bus (`-device pvpanic-pci`), driven from here: Linux's own driver would say "panicked"
//! in situations that are none for Windows.
//!
//! Bits: docs/specs/pvpanic of QEMU.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{pci, raw};

const PVPANIC: pci::Id = pci::Id { vendor: 0x1b36, device: 0x0011 };

/// What the guest tells its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// The system stopped and no dump could be written.
    Panicked,
    /// The system stopped and now writes its dump.
    CrashLoaded,
}

/// The device, found at boot.
#[derive(Debug, Clone, Default)]
pub(crate) struct PanicDevice {
    resource: Option<PathBuf>,
}

impl PanicDevice {
    /// Looks for the device and switches its memory on. A machine without one is fine: then nobody is told.
    pub(crate) fn find() -> io::Result<Self> {
        let Some(folder) = pci::find(Path::new(pci::BUS), PVPANIC)? else {
            return Ok(Self::default());
        };
        fs::write(folder.join("enable"), "1")?;
        Ok(Self { resource: Some(folder.join("resource0")) })
    }

    /// Tells the host.
    pub(crate) fn tell(&self, what: Tell) -> io::Result<()> {
        let Some(resource) = &self.resource else {
            return Ok(());
        };
        let byte = match what {
            Tell::Panicked => 1,
            Tell::CrashLoaded => 2,
        };
        raw::poke(&OpenOptions::new().read(true).write(true).open(resource)?, byte)
    }
}
