//! Real disks for machines that are none.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use coexist_evidence::disk::{GuestDisk, ImageFormat};
use coexist_lab::DiskFiles;
use coexist_model::EvidenceKind;
use tempfile::TempDir;

use super::rows::crash_in;
use crate::disk_images::{FIRST_SECTOR, Ntfs, partitioned, qcow2};
use crate::dump_builder::{ACME, DumpSpec, GLOBEX};
use crate::hive_builder::{hive, key};
use crate::loot::{Item, item};

/// Disks of guests that are off.
pub(super) struct Disks {
    /// With an older crash in a small dump's file and the newest in its page file, and what else is of use.
    pub(super) crashed: DiskFiles,
    /// Of a guest that automatic repair looked at, over the disk it started from.
    pub(super) repaired: DiskFiles,
    pub(super) encrypted: DiskFiles,
    /// When the dump was changed that every guest knows from before, as the disk has it.
    pub(super) known_modified: u64,
    _folder: TempDir,
}

pub(super) fn disks() -> &'static Disks {
    static DISKS: OnceLock<Disks> = OnceLock::new();
    DISKS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let ntfs = Ntfs::make(folder.path());
        for made in [
            "Windows",
            "Windows/Minidump",
            "Windows/System32",
            "Windows/System32/winevt",
            "Windows/System32/winevt/Logs",
        ] {
            ntfs.make_folder(made);
        }
        for made in ["Windows/System32/config", "Windows/System32/drivers"] {
            ntfs.make_folder(made);
        }
        let newest = crash_in(ACME);
        let older = DumpSpec { filetime: newest.filetime - 10_000_000_000, ..crash_in(GLOBEX) };
        ntfs.put("Windows/Minidump/a.dmp", &older.build());
        ntfs.put("Windows/Minidump/known.dmp", &known().content);
        ntfs.put("pagefile.sys", &[newest.build(), vec![7; 70_000]].concat());
        ntfs.put("Windows/System32/winevt/Logs/System.evtx", b"event log");
        ntfs.put("Windows/System32/winevt/Logs/Application.evtx", b"what programs said");
        ntfs.put("Windows/System32/config/SYSTEM", &hive(&key("ROOT", &[], Vec::new()), "SYSTEM"));
        ntfs.put("Windows/System32/drivers/AcmeFlt.sys", b"driver");
        // Of a crash that the image had met before: too old to be of any arm.
        ntfs.put("Windows/MEMORY.DMP", &DumpSpec { filetime: 1, ..crash_in(GLOBEX) }.build());
        let raw = folder.path().join("disk.raw");
        let crashed = overlay(folder.path(), &ntfs, &raw, "crashed");
        for made in ["Windows/System32/LogFiles", "Windows/System32/LogFiles/Srt"] {
            ntfs.make_folder(made);
        }
        ntfs.put("Windows/System32/LogFiles/Srt/SrtTrail.txt", b"Startup Repair diagnosis and repair log");
        let repaired = overlay(folder.path(), &ntfs, &raw, "repaired");
        let repaired = DiskFiles { golden: crashed.overlay.clone(), ..repaired };
        let volume = std::fs::File::options().write(true).open(&raw).unwrap();
        let mark = (FIRST_SECTOR + 2048) * 512 + 3;
        std::os::unix::fs::FileExt::write_all_at(&volume, b"-FVE-FS-", mark).unwrap();
        let encrypted = converted(folder.path(), &raw, "encrypted");
        let disk = GuestDisk::open(&crashed.overlay, ImageFormat::Qcow2, &[]).unwrap();
        let files = disk.evidence_files().files;
        let known_modified = files.iter().find(|file| file.path.ends_with("known.dmp")).unwrap().modified;
        Disks { crashed, repaired, encrypted, known_modified, _folder: folder }
    })
}

fn overlay(folder: &Path, ntfs: &Ntfs, raw: &Path, name: &str) -> DiskFiles {
    partitioned(ntfs, raw, "dos");
    converted(folder, raw, name)
}

fn converted(folder: &Path, raw: &Path, name: &str) -> DiskFiles {
    let overlay = folder.join(format!("{name}.qcow2"));
    qcow2(raw, &overlay, None);
    DiskFiles { overlay, golden: PathBuf::from("no-such-disk") }
}

/// A dump that every guest of these knows from before.
pub(super) fn known() -> Item {
    item("/C:/Windows/Minidump/known.dmp", EvidenceKind::KernelDump, crash_in(GLOBEX).build())
}
