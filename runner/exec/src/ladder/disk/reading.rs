//! Reading a disk, on a thread of its own.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::{DiskError, GuestDisk, ImageFormat, MINIDUMP_FOLDER, PAGE_FILE};
use coexist_evidence::read_kernel_dump;
use coexist_lab::DiskFiles;
use coexist_model::EvidenceKind;
use jiff::Timestamp;

use crate::ladder::crashes::READ_LIMIT;
use crate::ladder::known::inner_path;

/// Most dumps that are read, the newest.
const DUMPS: usize = 5;
/// Largest file that is no dump.
const FILE_LIMIT: u64 = 256 << 20;
/// Enough of a dump to know when it was written.
const DUMP_START: u64 = 0x2000;
/// Where Windows writes large dumps, each in the place of the one before.
const LARGE_DUMP: &str = r"\Windows\MEMORY.DMP";
/// Where Windows keeps its event logs, and the machine's part of its registry.
const SINGLE: [(&str, EvidenceKind); 5] = [
    (r"\Windows\System32\winevt\Logs\System.evtx", EvidenceKind::EventLog),
    (r"\Windows\System32\winevt\Logs\Application.evtx", EvidenceKind::EventLog),
    (LARGE_DUMP, EvidenceKind::KernelDump),
    (r"\Windows\System32\config\SYSTEM", EvidenceKind::RegistryHive),
    (r"\Windows\System32\config\SOFTWARE", EvidenceKind::RegistryHive),
];

/// A file on a disk that may be evidence.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Where it lies in the guest.
    pub(super) path: String,
    /// What it is.
    pub(super) kind: EvidenceKind,
    /// Bytes.
    pub(super) size: u64,
}

/// What is wanted of a disk.
pub(super) enum Wanted {
    /// Everything that may be evidence and is not known.
    New {
        /// Paths and sizes of what was there before the arm, or is safe already.
        known: BTreeSet<(String, u64)>,
        /// Event logs that are still missing, by the ends of their paths.
        logs: Vec<&'static str>,
        /// No dump of this arm is older.
        earliest: Timestamp,
    },
    /// One file.
    One(Item),
}

/// A file that was copied to this host.
pub(super) struct Copied {
    /// Where it lies now.
    pub(super) at: PathBuf,
    /// Where it lay in the guest.
    pub(super) path: String,
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
    let mut reading = Reading { guest, folder, left, stop, copied: Vec::new(), missing: Vec::new() };
    match wanted {
        Wanted::One(item) => reading.file(item),
        Wanted::New { known, logs, earliest } => {
            let items = reading.listed();
            let wanted = items.iter().filter(|item| reading.is_wanted(item, known, logs, *earliest));
            let (dumps, others): (Vec<_>, Vec<_>) =
                wanted.cloned().partition(|item| item.kind == EvidenceKind::KernelDump && item.size <= READ_LIMIT);
            // What explains a crash comes first: the budget may end before the rest.
            dumps.iter().skip(dumps.len().saturating_sub(DUMPS)).for_each(|item| reading.file(item));
            reading.raw_dump();
            others.iter().for_each(|item| reading.file(item));
            for log in logs {
                if !reading.copied.iter().any(|it| it.path.ends_with(log)) {
                    reading.missing.push(format!("there is no {log}"));
                }
            }
        }
    }
    Ok((reading.copied, reading.missing))
}

struct Reading<'a> {
    guest: GuestDisk,
    folder: &'a Path,
    left: u64,
    stop: &'a Arc<AtomicBool>,
    copied: Vec<Copied>,
    missing: Vec<String>,
}

impl Reading<'_> {
    /// The files that may be evidence, dumps in order of their names, which have their dates.
    fn listed(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        match self.guest.list(MINIDUMP_FOLDER) {
            Ok(entries) => items.extend(
                entries.into_iter().filter(|it| !it.is_directory && it.name.to_lowercase().ends_with(".dmp")).map(
                    |it| {
                        let path = format!(r"{MINIDUMP_FOLDER}\{}", it.name);
                        Item { path, kind: EvidenceKind::KernelDump, size: it.size }
                    },
                ),
            ),
            Err(DiskError::NotFound(_)) => {}
            Err(error) => self.missing.push(words(&error)),
        }
        items.sort_by(|one, other| one.path.cmp(&other.path));
        for (path, kind) in SINGLE {
            match self.guest.copy_file(path, 0, &mut io::sink()) {
                Ok(size) => items.push(Item { path: path.to_owned(), kind, size }),
                Err(DiskError::NotFound(_)) => {}
                Err(error) => self.missing.push(words(&error)),
            }
        }
        items
    }

    fn is_wanted(&self, item: &Item, known: &BTreeSet<(String, u64)>, logs: &[&str], earliest: Timestamp) -> bool {
        let is_known = known.contains(&(inner_path(&item.path), item.size));
        match item.kind {
            EvidenceKind::EventLog => logs.iter().any(|log| item.path.ends_with(log)),
            // It has the name of the one before it, and perhaps the size: its time tells them apart.
            EvidenceKind::KernelDump if item.path == LARGE_DUMP => match self.time_of(&item.path) {
                Some(time) => time >= earliest,
                None => !is_known,
            },
            _ => !is_known,
        }
    }

    /// When a dump was written.
    fn time_of(&self, path: &str) -> Option<Timestamp> {
        let start = self.guest.read_file(path, DUMP_START).ok()?;
        read_kernel_dump(&start.bytes).ok()?.time
    }

    /// The dump that Windows has made no file of yet.
    fn raw_dump(&mut self) {
        let dump = match self.guest.page_file_dump(READ_LIMIT) {
            Ok(Some(dump)) => dump,
            Ok(None) => return,
            Err(error) => return self.missing.push(words(&error)),
        };
        let size = dump.bytes.len() as u64;
        let at = self.place();
        match std::fs::write(&at, &dump.bytes) {
            Ok(()) => {
                self.left = self.left.saturating_sub(size);
                // A note is of something that could not be had.
                let (whole, notes) = (dump.notes.is_empty(), dump.notes);
                let (path, kind) = (PAGE_FILE.to_owned(), EvidenceKind::KernelDump);
                self.copied.push(Copied { at, path, kind, size, whole, notes });
            }
            Err(error) => self.missing.push(format!("{PAGE_FILE}: {error}")),
        }
    }

    /// Where the next file is copied to.
    fn place(&self) -> PathBuf {
        self.folder.join(self.copied.len().to_string())
    }

    fn file(&mut self, item: &Item) {
        let Item { path, kind, .. } = item;
        let limit = if *kind == EvidenceKind::KernelDump { self.left } else { self.left.min(FILE_LIMIT) };
        let at = self.place();
        let copied = std::fs::File::create(&at)
            .map_err(DiskError::Write)
            .and_then(|file| self.guest.copy_file(path, limit, &mut Stoppable { file, stop: self.stop }));
        match copied {
            Ok(size) => {
                let taken = size.min(limit);
                self.left = self.left.saturating_sub(taken);
                let whole = taken == size;
                let notes = if whole {
                    Vec::new()
                } else {
                    vec![format!("{path} has {size} bytes, {taken} of them were kept")]
                };
                self.missing.extend(notes.iter().cloned());
                self.copied.push(Copied { at, path: path.clone(), kind: *kind, size, whole, notes });
            }
            Err(error) => self.missing.push(words(&error)),
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
