//! A guest's disk: partition table and NTFS volume.
//!
//! A volume is too large for an input, and bytes at random would never be one. So an input is a list of edits to a disk
//! that `mkntfs` made: two bytes name a sector among those that hold anything, one the place in it (in words), one the
//! number of bytes that follow it. The disk lies in a file, which is mended after each input.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coexist_evidence::disk::{GuestDisk, ImageFormat, MINIDUMP_FOLDER, PAGE_FILE};

const SECTOR: usize = 512;
const VOLUME_START: usize = 64 * SECTOR;
/// A little more than the least that `mkntfs` makes a volume of.
const VOLUME: usize = 0x12_0000;
/// What lies in the page file.
const CONTENT: &[u8] = b"PAGEDU64 of nothing";
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
        let made = Self::try_make();
        let disk =
            made.unwrap_or_else(|error| panic!("cannot make an NTFS volume (Debian's package ntfs-3g): {error}"));
        let guest = GuestDisk::open(&disk.path, ImageFormat::Raw, &[]);
        let file = guest.and_then(|guest| guest.read_file(PAGE_FILE, MOST));
        // Else no input would get far.
        assert!(file.as_ref().is_ok_and(|file| file.bytes == CONTENT), "the disk before any edit: {file:?}");
        disk
    }

    fn try_make() -> std::io::Result<Self> {
        // Memory, where there is such a folder: every input writes to it.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?;
        let volume = folder.path().join("volume");
        File::create(&volume)?.set_len(VOLUME as u64)?;
        let name = volume.to_string_lossy().into_owned();
        tool("mkntfs", &["-F", "-Q", "-q", "-p", "64", "-H", "255", "-S", "63", "-s", "512", "-c", "512", &name])?;
        let content = folder.path().join("content");
        std::fs::write(&content, CONTENT)?;
        tool("ntfscp", &["-q", "-f", &name, &content.to_string_lossy(), "pagefile.sys"])?;

        let mut bytes = partition_table();
        bytes.extend(std::fs::read(&volume)?);
        let path = folder.path().join("disk");
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        file.write_all(&bytes)?;
        let holds = |sector: &[u8]| sector.iter().any(|&byte| byte != 0) && sector.iter().any(|&byte| byte != 0xff);
        let sectors = (0..bytes.len() / SECTOR).filter(|&at| holds(&bytes[at * SECTOR..(at + 1) * SECTOR])).collect();
        Ok(Self { _folder: folder, path, file, bytes, sectors })
    }

    fn read(&self) {
        let Ok(guest) = GuestDisk::open(&self.path, ImageFormat::Raw, &[]) else { return };
        let _ = guest.list("\\");
        let _ = guest.read_file(PAGE_FILE, MOST).map(|file| assert!(file.bytes.len() as u64 <= MOST));
        let _ = guest.page_file_dump(MOST);
        let _ = guest.minidumps(MINIDUMP_FOLDER, |_| true, 4, MOST).map(|dumps| assert!(dumps.len() <= 4));
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

/// An old kind of partition table with one entry.
fn partition_table() -> Vec<u8> {
    let mut table = vec![0; VOLUME_START];
    table[446 + 4] = 7;
    table[446 + 8] = 64;
    let sectors = u32::try_from(VOLUME / SECTOR).unwrap_or(u32::MAX);
    table[446 + 12..446 + 16].copy_from_slice(&sectors.to_le_bytes());
    table[510..512].copy_from_slice(&[0x55, 0xaa]);
    table
}

fn tool(name: &str, arguments: &[&str]) -> std::io::Result<()> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(name).env("PATH", path).args(arguments).stdin(Stdio::null()).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("{name}: {}", String::from_utf8_lossy(&output.stderr))))
    }
}
