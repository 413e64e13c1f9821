//! Reading a disk, on a thread of its own.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::{DiskError, FoundDump, GuestDisk, ImageFormat, MINIDUMP_FOLDER, PAGE_FILE};
use coexist_evidence::read_kernel_dump;
use coexist_lab::DiskFiles;
use coexist_model::EvidenceKind;
use jiff::Timestamp;

use crate::ladder::crashes::READ_LIMIT;
use crate::ladder::known::inner_path;

/// Most dumps that are read.
const DUMPS: usize = 5;
/// Largest file that is no dump.
const FILE_LIMIT: u64 = 256 << 20;
/// Enough of a dump to know when it was written.
const DUMP_START: u64 = 0x2000;

/// A file that is wanted.
pub(super) struct Wish {
    /// Where it lies in the guest.
    pub(super) path: String,
    /// Its name on this host.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: EvidenceKind,
    /// Whether it is missed where it is not there.
    pub(super) needed: bool,
}

impl Wish {
    pub(super) fn optional(path: impl Into<String>, name: impl Into<String>, kind: EvidenceKind) -> Self {
        Self { path: path.into(), name: name.into(), kind, needed: false }
    }
}

/// What is wanted of a disk.
pub(super) struct Wanted {
    /// Whether dumps are: files of small ones, and the raw one that Windows has made no file of yet.
    pub(super) dumps: bool,
    pub(super) files: Vec<Wish>,
    /// Paths of what was there before the arm, or is safe already.
    pub(super) known: BTreeSet<String>,
    /// No dump of this arm is older.
    pub(super) earliest: Timestamp,
}

impl Wanted {
    pub(super) fn only(file: Wish) -> Self {
        let known = BTreeSet::new();
        Self { dumps: false, files: vec![file], known, earliest: Timestamp::MIN }
    }
}

/// A file that was copied to this host.
pub(super) struct Copied {
    /// Where it lies now.
    pub(super) at: PathBuf,
    /// Where it lay in the guest.
    pub(super) path: String,
    pub(super) name: String,
    pub(super) kind: EvidenceKind,
    pub(super) size: u64,
    pub(super) whole: bool,
    pub(super) notes: Vec<String>,
}

/// Why a disk gives nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// Its volume is encrypted.
    Encrypted,
    Broken(String),
}

impl From<DiskError> for Refused {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Encrypted => Self::Encrypted,
            error => Self::Broken(words(&error)),
        }
    }
}

/// An error with its reasons: they end in a record, where nobody can ask for them.
fn words(error: &DiskError) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

/// Copies what is wanted into `folder`, at most `left` bytes; the rest is told.
pub(super) fn read(
    disk: &DiskFiles,
    wanted: &Wanted,
    folder: &Path,
    left: u64,
    stop: &Arc<AtomicBool>,
) -> Result<(Vec<Copied>, Vec<String>), Refused> {
    let guest = GuestDisk::open(&disk.overlay, ImageFormat::Qcow2, std::slice::from_ref(&disk.golden))?;
    std::fs::create_dir_all(folder).map_err(|error| Refused::Broken(format!("{}: {error}", folder.display())))?;
    let mut reading = Reading { guest, wanted, folder, left, stop, copied: Vec::new(), missing: Vec::new() };
    if wanted.dumps {
        reading.dumps();
    }
    for wish in &wanted.files {
        reading.file(wish);
    }
    Ok((reading.copied, reading.missing))
}

struct Reading<'a> {
    guest: GuestDisk,
    wanted: &'a Wanted,
    folder: &'a Path,
    left: u64,
    stop: &'a Arc<AtomicBool>,
    copied: Vec<Copied>,
    missing: Vec<String>,
}

impl Reading<'_> {
    fn dumps(&mut self) {
        let is_new = |name: &str| !self.wanted.known.contains(&inner_path(&format!(r"{MINIDUMP_FOLDER}\{name}")));
        let mut found = Vec::new();
        match self.guest.minidumps(MINIDUMP_FOLDER, is_new, DUMPS, READ_LIMIT) {
            Ok(dumps) => {
                found.extend(
                    dumps.into_iter().map(|dump| (format!(r"{MINIDUMP_FOLDER}\{}", dump.name), "minidump-1.dmp", dump)),
                );
            }
            Err(error) => self.missing.push(words(&error)),
        }
        match self.guest.page_file_dump(READ_LIMIT) {
            Ok(dump) => found.extend(dump.map(|dump| (PAGE_FILE.to_owned(), "pagefile.dmp", dump))),
            Err(error) => self.missing.push(words(&error)),
        }
        for (path, name, dump) in found {
            self.dump(path, name, &dump);
        }
    }

    fn dump(&mut self, path: String, name: &str, dump: &FoundDump) {
        if dump.bytes.is_empty() {
            self.missing.push(format!("{}: {}", dump.name, dump.notes.join(", ")));
            return;
        }
        let size = dump.bytes.len() as u64;
        let at = self.folder.join(self.copied.len().to_string());
        match std::fs::write(&at, &dump.bytes) {
            Ok(()) => {
                self.left = self.left.saturating_sub(size);
                let (name, notes) = (name.to_owned(), dump.notes.clone());
                // A note is of something that could not be had.
                let whole = notes.is_empty();
                self.copied.push(Copied { at, path, name, kind: EvidenceKind::KernelDump, size, whole, notes });
            }
            Err(error) => self.missing.push(format!("{name}: {error}")),
        }
    }

    fn file(&mut self, wish: &Wish) {
        let Wish { path, name, kind, needed } = wish;
        let is_dump = *kind == EvidenceKind::KernelDump;
        // A large dump takes the name of the one before it: its time tells them apart.
        if is_dump && self.is_old(path) {
            return;
        }
        let limit = if is_dump { self.left } else { self.left.min(FILE_LIMIT) };
        let at = self.folder.join(self.copied.len().to_string());
        let copied = std::fs::File::create(&at)
            .map_err(DiskError::Write)
            .and_then(|file| self.guest.copy_file(path, limit, &mut Stoppable { file, stop: self.stop }));
        match copied {
            Ok(size) => {
                let taken = size.min(limit);
                self.left = self.left.saturating_sub(taken);
                let whole = taken == size;
                let notes =
                    if whole { Vec::new() } else { vec![format!("the file has {size} bytes, {taken} were kept")] };
                self.missing.extend(notes.iter().map(|note| format!("{name}: {note}")));
                let (path, name) = (path.clone(), name.clone());
                self.copied.push(Copied { at, path, name, kind: *kind, size, whole, notes });
            }
            Err(DiskError::NotFound(_)) if !needed => {}
            Err(error) => self.missing.push(words(&error)),
        }
    }

    /// Whether a dump was written before the arm, or is safe already.
    fn is_old(&self, path: &str) -> bool {
        let Ok(start) = self.guest.read_file(path, DUMP_START) else { return false };
        let time = read_kernel_dump(&start.bytes).ok().and_then(|dump| dump.time);
        match time {
            Some(time) => time < self.wanted.earliest,
            None => self.wanted.known.contains(&inner_path(path)),
        }
    }
}

/// A file of this host that takes no more once nobody waits for it.
struct Stoppable<'a> {
    file: std::fs::File,
    stop: &'a Arc<AtomicBool>,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("its time was over"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
