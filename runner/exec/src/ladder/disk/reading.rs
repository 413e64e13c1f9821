//! Reading a disk, on a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::{DiskError, DiskFile, EvidenceOnDisk, GuestDisk, ImageFormat, RawDump, SRT_TRAIL};
use coexist_evidence::read_kernel_dump;
use coexist_lab::DiskFiles;
use coexist_model::{EvidenceKind, RepairLog};
use jiff::Timestamp;

use super::SYSTEM;
use crate::ladder::Lacks;
use crate::ladder::crashes::READ_LIMIT;
use crate::ladder::incoming::{Form, Incoming};
use crate::ladder::known::{FileName, Had, inner_path, most_of};

/// Largest file that is no dump.
const FILE_LIMIT: u64 = 256 << 20;
/// Enough of a dump to know when it was written.
const DUMP_START: u64 = 0x2000;
/// Where Windows writes large dumps unless told otherwise, each in the place of the one before.
const LARGE_DUMP: &str = r"\Windows\MEMORY.DMP";

/// What is wanted of a disk.
pub(super) enum Wanted {
    /// Everything that may be evidence and is not known.
    New {
        /// Paths, sizes and times of what was there before the arm.
        before: BTreeSet<FileName>,
        /// What is safe already.
        had: Had,
        /// Event logs that are still missing, by the ends of their paths.
        logs: Vec<&'static str>,
        /// No dump of this arm is older.
        earliest: Timestamp,
    },
    /// What was too large to be read before.
    These(Vec<Task>),
    /// The file of one module of the kernel, by its base name.
    Driver(String),
}

/// A file that is to be copied.
#[derive(Debug)]
pub(super) struct Task {
    /// Where it lies in the guest.
    pub(super) path: String,
    pub(super) kind: EvidenceKind,
    /// Whether the guest wrote it while it lived on.
    pub(super) live: bool,
    /// How many bytes are wanted.
    pub(super) size: u64,
    /// Last change; none of a raw dump, which is a part of its file that changes all the while.
    pub(super) modified: Option<u64>,
    /// What of it cannot be had.
    pub(super) notes: Vec<String>,
}

impl From<&DiskFile> for Task {
    fn from(file: &DiskFile) -> Self {
        let DiskFile { path, kind, size, modified, live } = file;
        Self { path: path.clone(), kind: *kind, live: *live, size: *size, modified: Some(*modified), notes: Vec::new() }
    }
}

impl Task {
    /// Whether it is a dump that takes long to copy: everything else is small or decisive, and comes before it.
    fn is_large(&self) -> bool {
        is_dump(self.kind) && self.size > READ_LIMIT
    }

    /// What explains a crash comes first: budget and time may end before the rest.
    fn urgency(&self) -> (u8, EvidenceKind) {
        let rank = match self.kind {
            // It tells how far a silent boot came.
            EvidenceKind::EventLog if self.path.ends_with(SYSTEM) => 1,
            EvidenceKind::EventLog => 2,
            _ if self.live => 4,
            EvidenceKind::KernelDump => 0,
            _ => 3,
        };
        (rank, self.kind)
    }
}

/// A file that was copied to this host.
pub(super) struct Copied {
    /// Where it lies now.
    pub(super) at: PathBuf,
    pub(super) task: Task,
    pub(super) form: Form,
    pub(super) whole: bool,
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

/// Whether automatic repair wrote its log while the machine ran.
pub(super) fn repair_log(disk: &DiskFiles) -> RepairLog {
    let trail = |disk: &GuestDisk| match disk.read_file(SRT_TRAIL, FILE_LIMIT) {
        Ok(file) => Ok(Some(file.bytes)),
        Err(DiskError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let golden = || GuestDisk::open(&disk.golden, ImageFormat::Qcow2, &[]).and_then(|disk| trail(&disk));
    let now = GuestDisk::open(&disk.overlay, ImageFormat::Qcow2, std::slice::from_ref(&disk.golden));
    match now.and_then(|disk| trail(&disk)) {
        Ok(None) => RepairLog::AsBefore,
        Ok(now) => golden()
            .map_or(RepairLog::Unread, |before| if before == now { RepairLog::AsBefore } else { RepairLog::Written }),
        Err(_) => RepairLog::Unread,
    }
}

/// Copies what is wanted into `folder`, at most `left` bytes, and gives each file as it is there, until nobody takes any
/// more. Returns what is too large to come among the first, and what could not be had.
pub(super) fn read(
    disk: &DiskFiles,
    wanted: Wanted,
    folder: &Path,
    left: u64,
    stop: &AtomicBool,
    give: &mut dyn FnMut(Copied) -> bool,
) -> Result<(Vec<Task>, Lacks), Refused> {
    let guest = GuestDisk::open(&disk.overlay, ImageFormat::Qcow2, std::slice::from_ref(&disk.golden))?;
    std::fs::create_dir_all(folder).map_err(|error| Refused::Broken(format!("{}: {error}", folder.display())))?;
    let mut reading = Reading { guest, folder, left, stop, copied: 0, lacks: Lacks::default() };
    let (now, later) = match wanted {
        Wanted::Driver(name) => (reading.driver(&name), Vec::new()),
        Wanted::These(tasks) => (tasks, Vec::new()),
        Wanted::New { before, had, logs, earliest } => in_turn(reading.new_files(&before, &had, &logs, earliest)),
    };
    for task in now {
        if let Some(copied) = reading.copy(task)
            && !give(copied)
        {
            break;
        }
    }
    Ok((later, reading.lacks))
}

/// What is copied first, and what only after it, each in the order of how much it matters.
fn in_turn(mut tasks: Vec<Task>) -> (Vec<Task>, Vec<Task>) {
    tasks.sort_by_key(Task::urgency);
    tasks.into_iter().partition(|task| !task.is_large())
}

/// The newest files of each kind, oldest first.
fn newest_of_each_kind(mut files: Vec<DiskFile>, lacks: &mut Lacks) -> Vec<DiskFile> {
    let mut counts: BTreeMap<(EvidenceKind, bool), usize> = BTreeMap::new();
    files.sort_by(|one, other| (one.modified, &one.path).cmp(&(other.modified, &other.path)));
    files.reverse();
    files.retain(|file| {
        let count = counts.entry((file.kind, file.live)).or_default();
        *count += 1;
        *count <= most_of(file.kind)
    });
    files.reverse();
    for ((kind, _), count) in counts.into_iter().filter(|((kind, _), count)| *count > most_of(*kind)) {
        lacks.absent(format!("only the newest {} of {count} files of a kind were kept", most_of(kind)));
    }
    files
}

struct Reading<'a> {
    guest: GuestDisk,
    folder: &'a Path,
    left: u64,
    stop: &'a AtomicBool,
    /// How many files were copied.
    copied: usize,
    lacks: Lacks,
}

impl Reading<'_> {
    fn driver(&mut self, name: &str) -> Vec<Task> {
        match self.guest.driver_file(name) {
            Ok(found) => found.iter().map(Task::from).collect(),
            Err(error) => {
                self.lacks.failed(words(&error));
                Vec::new()
            }
        }
    }

    /// What is not known.
    fn new_files(&mut self, before: &BTreeSet<FileName>, had: &Had, logs: &[&str], earliest: Timestamp) -> Vec<Task> {
        let EvidenceOnDisk { mut files, raw, notes } = self.guest.evidence_files();
        notes.iter().for_each(|note| self.lacks.failed(note));
        for log in logs {
            if !files.iter().any(|file| file.path.ends_with(log)) {
                self.lacks.absent(format!("there is no {log}"));
            }
        }
        files.retain(|file| self.is_wanted(file, before, had, logs, earliest));
        let chosen = newest_of_each_kind(files, &mut self.lacks);
        let mut tasks: Vec<_> = chosen.iter().map(Task::from).collect();
        tasks.extend(self.raw_dumps(raw, earliest));
        tasks
    }

    fn is_wanted(
        &self,
        file: &DiskFile,
        before: &BTreeSet<FileName>,
        had: &Had,
        logs: &[&str],
        earliest: Timestamp,
    ) -> bool {
        let path = inner_path(&file.path);
        match file.kind {
            EvidenceKind::EventLog => logs.iter().any(|log| file.path.ends_with(log)),
            _ if had.has(&path, file.size, file.modified) => false,
            // It may have the size of the one before it, and the time of its file is the guest's to set.
            EvidenceKind::KernelDump if path == inner_path(LARGE_DUMP) => {
                self.time_of(&file.path).is_none_or(|time| time >= earliest)
            }
            _ => !before.contains(&(path, file.size, file.modified)),
        }
    }

    /// When a dump was written.
    fn time_of(&self, path: &str) -> Option<Timestamp> {
        let start = self.guest.read_file(path, DUMP_START).ok()?;
        read_kernel_dump(&start.bytes).ok()?.time
    }

    /// Dumps that Windows has made no file of yet. One that is older than the arm came with its image.
    fn raw_dumps(&mut self, paths: Vec<String>, earliest: Timestamp) -> Vec<Task> {
        let mut tasks = Vec::new();
        for path in paths {
            match self.guest.raw_dump(&path) {
                Ok(Some(_)) if self.time_of(&path).is_some_and(|time| time < earliest) => {
                    self.lacks.absent(format!("{path} holds a dump of an older crash"));
                }
                Ok(Some(RawDump { length: size, notes })) => {
                    tasks.push(Task { path, kind: EvidenceKind::KernelDump, live: false, size, modified: None, notes });
                }
                Ok(None) => {}
                Err(error) => self.lacks.failed(words(&error)),
            }
        }
        tasks
    }

    /// Copies a file as far as budget and its kind allow.
    fn copy(&mut self, mut task: Task) -> Option<Copied> {
        let Task { path, size, .. } = &task;
        let limit = if is_dump(task.kind) { self.left } else { self.left.min(FILE_LIMIT) };
        let take = limit.min(*size);
        if take < *size && take == 0 {
            self.lacks.failed(format!("{path} has {size} bytes, and this arm's budget is used up"));
            return None;
        }
        let form = Form::of(task.kind, take);
        self.copied += 1;
        let (at, written) = match self.copied_to(&self.folder.join(self.copied.to_string()), path, take, form) {
            Ok(copied) => copied,
            Err(error) => {
                self.lacks.failed(words(&error));
                return None;
            }
        };
        self.left = self.left.saturating_sub(take);
        if written < *size {
            task.notes.push(format!("{path} has {size} bytes, {written} of them were kept"));
        }
        task.notes.iter().for_each(|note| self.lacks.failed(note));
        // A note is of something that could not be had.
        Some(Copied { at, form, whole: task.notes.is_empty(), task })
    }

    fn copied_to(&self, at: &Path, path: &str, take: u64, form: Form) -> Result<(PathBuf, u64), DiskError> {
        let file = Incoming::create(at.to_owned(), form).map_err(DiskError::Write)?;
        let mut file = Stoppable { file, stop: self.stop };
        self.guest.copy_file(path, take, &mut file)?;
        let written = file.file.written();
        Ok((file.file.finish().map_err(DiskError::Write)?, written))
    }
}

fn is_dump(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::KernelDump | EvidenceKind::UserDump)
}

/// A file of this host that takes no more once nobody waits for it.
struct Stoppable<'a> {
    file: Incoming,
    stop: &'a AtomicBool,
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

#[cfg(test)]
mod tests;
