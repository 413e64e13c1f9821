//! Finds devices on the PCI bus through sysfs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where sysfs lists the bus.
pub(crate) const BUS: &str = "/sys/bus/pci/devices";

/// Vendor and device number of a PCI function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    /// Vendor.
    pub(crate) vendor: u16,
    /// Device.
    pub(crate) device: u16,
}

/// The first function with this id, as its sysfs folder.
pub(crate) fn find(bus: &Path, wanted: Id) -> io::Result<Option<PathBuf>> {
    let mut folders: Vec<PathBuf> = fs::read_dir(bus)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    Ok(folders.into_iter().find(|folder| id(folder) == Some(wanted)))
}

fn id(folder: &Path) -> Option<Id> {
    Some(Id { vendor: number(&folder.join("vendor"))?, device: number(&folder.join("device"))? })
}

fn number(file: &Path) -> Option<u16> {
    let text = fs::read_to_string(file).ok()?;
    u16::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_both_numbers() {
        let bus = tempfile::tempdir().unwrap();
        for (slot, vendor, device) in
            [("0000:00:01.0", "0x1b36", "0x0010"), ("0000:00:02.0", "0x1b36", "0x0011"), ("0000:00:03.0", "zz", "0x1")]
        {
            let folder = bus.path().join(slot);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("vendor"), format!("{vendor}\n")).unwrap();
            fs::write(folder.join("device"), format!("{device}\n")).unwrap();
        }
        let found = find(bus.path(), Id { vendor: 0x1b36, device: 0x11 }).unwrap();
        assert_eq!(found, Some(bus.path().join("0000:00:02.0")));
        assert_eq!(find(bus.path(), Id { vendor: 1, device: 1 }).unwrap(), None);
    }
}
