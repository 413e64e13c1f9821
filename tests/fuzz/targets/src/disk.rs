//! A guest's disk: partition table and NTFS volume.
//!
//! A volume is too large for an input, and bytes at random would never be one. So an input is a list of edits to a disk
//! that `mkntfs` made: two bytes name a sector among those that hold anything, one the place in it (in words), one the
//! number of bytes that follow it. The disk lies in a file, which is mended after each input.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use coexist_evidence::disk::{GuestDisk, ImageFormat, PAGE_FILE};

use crate::disk_images::{self, Ntfs};

const SECTOR: usize = 512;
/// Folders and files of the disk before any edit, besides the page file.
const FOLDERS: [&str; 3] = ["Windows/Minidump", "Windows/System32/drivers", "Users/lab/AppData/Local/CrashDumps"];
const FILES: [&str; 3] = [
    "Windows/Minidump/071924-4000-01.dmp",
    "Windows/System32/drivers/acmeflt.sys",
    "Users/lab/AppData/Local/CrashDumps/tool.exe.1.dmp",
];
/// Bytes of a file that are asked for.
const MOST: u64 = 1 << 20;

/// A disk to edit.
struct Disk {
    /// Keeps the folder.
    _folder: tempfile::TempDir,
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
    /// Sectors that hold structures: neither all zeros nor all ones.
    sectors: Vec<usize>,
}

thread_local! {
    /// Of a thread, so that its folder goes away with it.
    static DISK: Disk = Disk::make();
}

pub(crate) fn disk(edits: &[u8]) {
    DISK.with(|disk| {
        let touched = disk.edit(edits);
        disk.read();
        disk.mend(&touched);
    });
}

impl Disk {
    fn make() -> Self {
        // Memory, where there is such a folder: every input writes to it.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap_or_else(|error| panic!("no folder for a disk: {error}"));
        let ntfs = Ntfs::make(folder.path());
        let content = page_file();
        ntfs.put("pagefile.sys", &content);
        FOLDERS.iter().for_each(|path| ntfs.make_folders(path));
        FILES.iter().for_each(|path| ntfs.put(path, path.as_bytes()));

        let path = folder.path().join("disk");
        disk_images::partitioned(&ntfs, &path, "dos");
        let (bytes, file) = std::fs::read(&path)
            .and_then(|bytes| Ok((bytes, File::options().write(true).open(&path)?)))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let holds = |sector: &[u8]| sector.iter().any(|&byte| byte != 0) && sector.iter().any(|&byte| byte != 0xff);
        let sectors = (0..bytes.len() / SECTOR).filter(|&at| holds(&bytes[at * SECTOR..(at + 1) * SECTOR])).collect();
        let guest = GuestDisk::open(&path, ImageFormat::Raw, &[]);
        let guest = guest.unwrap_or_else(|error| panic!("the disk before any edit: {error}"));
        // Else no input would get far.
        let page_file = guest.read_file(PAGE_FILE, MOST);
        assert!(page_file.as_ref().is_ok_and(|file| file.bytes == content), "before any edit: {page_file:?}");
        let found = guest.evidence_files();
        assert!(found.files.len() == 2 && found.notes.is_empty(), "before any edit: {found:?}");
        Self { _folder: folder, path, file, bytes, sectors }
    }

    fn read(&self) {
        let Ok(guest) = GuestDisk::open(&self.path, ImageFormat::Raw, &[]) else { return };
        let _ = guest.read_file(PAGE_FILE, MOST).map(|file| assert!(file.bytes.len() as u64 <= MOST));
        let _ = guest.raw_dump(PAGE_FILE);
        let _ = guest.driver_file("acmeflt.sys");
        let found = guest.evidence_files();
        assert!(found.notes.len() <= 200, "{} notes", found.notes.len());
        for file in found.files.iter().take(4) {
            let mut copy = Vec::new();
            let _ = guest.copy_file(&file.path, MOST, &mut copy);
            assert!(copy.len() as u64 <= MOST);
        }
        let _ = guest.read_file("\\$UpCase", MOST);
    }

    /// Applies the edits, and returns where each began and how long it was.
    fn edit(&self, mut edits: &[u8]) -> Vec<(usize, usize)> {
        let mut touched = Vec::new();
        while let [low, high, word, length, rest @ ..] = edits {
            let sector = self.sectors[usize::from(u16::from_le_bytes([*low, *high])) % self.sectors.len()];
            let at = sector * SECTOR + usize::from(*word) * 2;
            let length = usize::from(*length).min(rest.len()).min(self.bytes.len() - at);
            self.write(&rest[..length], at);
            touched.push((at, length));
            edits = &rest[length..];
        }
        touched
    }

    fn mend(&self, touched: &[(usize, usize)]) {
        for &(at, length) in touched {
            self.write(&self.bytes[at..at + length], at);
        }
    }

    fn write(&self, bytes: &[u8], at: usize) {
        self.file.write_all_at(bytes, at as u64).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
    }
}

/// The front of a raw dump whose page map is a bitmap.
fn page_file() -> Vec<u8> {
    let mut bytes = vec![0; 0x2100];
    bytes[..8].copy_from_slice(b"PAGEDU64");
    bytes[0x2000..0x2008].copy_from_slice(b"SDMPDUMP");
    bytes[0x2020..0x2024].copy_from_slice(&0x2080_u32.to_le_bytes());
    bytes[0x2028] = 1;
    bytes
}
