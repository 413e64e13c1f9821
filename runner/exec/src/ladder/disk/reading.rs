//! Reading a disk, on a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coexist_evidence::disk::{DiskError, DiskFile, EvidenceOnDisk, GuestDisk, ImageFormat, SRT_TRAIL};
use coexist_evidence::read_kernel_dump;
use coexist_lab::DiskFiles;
use coexist_model::{EvidenceKind, RepairLog};
use jiff::Timestamp;

use crate::ladder::crashes::READ_LIMIT;
use crate::ladder::incoming::{Form, Incoming};
use crate::ladder::known::{inner_path, most_of};

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
        before: BTreeSet<(String, u64, u64)>,
        /// Paths and sizes of what is safe already.
        safe: BTreeSet<(String, u64)>,
        /// Event logs that are still missing, by the ends of their paths.
        logs: Vec<&'static str>,
        /// No dump of this arm is older.
        earliest: Timestamp,
    },
    /// The file of one module of the kernel, by its base name.
    Driver(String),
}

/// A file that was copied to this host.
pub(super) struct Copied {
    /// Where it lies now.
    pub(super) at: PathBuf,
    /// Where it lay in the guest.
    pub(super) path: String,
    pub(super) kind: EvidenceKind,
    /// Whether the guest wrote it while it lived on.
    pub(super) live: bool,
    pub(super) form: Form,
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
        Wanted::Driver(name) => match reading.guest.driver_file(name) {
            Ok(found) => found.iter().for_each(|file| reading.file(file)),
            Err(error) => reading.missing.push(words(&error)),
        },
        Wanted::New { before, safe, logs, earliest } => {
            let EvidenceOnDisk { mut files, raw, notes } = reading.guest.evidence_files();
            reading.missing.extend(notes);
            files.retain(|file| reading.is_wanted(file, before, safe, logs, *earliest));
            let chosen = newest_of_each_kind(files, &mut reading.missing);
            // What explains a crash comes first: the budget may end before the rest.
            let (dumps, mut others): (Vec<_>, Vec<_>) = chosen
                .into_iter()
                .partition(|file| file.kind == EvidenceKind::KernelDump && !file.live && file.size <= READ_LIMIT);
            dumps.iter().for_each(|file| reading.file(file));
            reading.raw_dumps(&raw);
            others.sort_by_key(|file| (file.kind != EvidenceKind::EventLog, file.live, file.kind));
            others.iter().for_each(|file| reading.file(file));
            for log in logs {
                if !reading.copied.iter().any(|it| it.path.ends_with(log)) {
                    reading.missing.push(format!("there is no {log}"));
                }
            }
        }
    }
    Ok((reading.copied, reading.missing))
}

/// The newest files of each kind, oldest first.
fn newest_of_each_kind(mut files: Vec<DiskFile>, missing: &mut Vec<String>) -> Vec<DiskFile> {
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
        missing.push(format!("only the newest {} of {count} files of a kind were kept", most_of(kind)));
    }
    files
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
    fn is_wanted(
        &self,
        file: &DiskFile,
        before: &BTreeSet<(String, u64, u64)>,
        safe: &BTreeSet<(String, u64)>,
        logs: &[&str],
        earliest: Timestamp,
    ) -> bool {
        let path = inner_path(&file.path);
        match file.kind {
            EvidenceKind::EventLog => logs.iter().any(|log| file.path.ends_with(log)),
            _ if safe.contains(&(path.clone(), file.size)) => false,
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

    /// Dumps that Windows has made no file of yet.
    fn raw_dumps(&mut self, paths: &[String]) {
        for path in paths {
            match self.guest.raw_dump(path) {
                Ok(Some(dump)) => self.copy(path, (EvidenceKind::KernelDump, false), dump.length, dump.notes),
                Ok(None) => {}
                Err(error) => self.missing.push(words(&error)),
            }
        }
    }

    /// Where the next file is copied to.
    fn place(&self) -> PathBuf {
        self.folder.join(self.copied.len().to_string())
    }

    fn file(&mut self, file: &DiskFile) {
        self.copy(&file.path, (file.kind, file.live), file.size, Vec::new());
    }

    fn copied_to(&self, at: &Path, path: &str, take: u64, form: Form) -> Result<PathBuf, DiskError> {
        let file = Incoming::create(at.to_owned(), form).map_err(DiskError::Write)?;
        let mut file = Stoppable { file, stop: self.stop };
        self.guest.copy_file(path, take, &mut file)?;
        file.file.finish().map_err(DiskError::Write)
    }

    /// Copies a file, of which so many bytes are wanted.
    fn copy(&mut self, path: &str, (kind, live): (EvidenceKind, bool), size: u64, mut notes: Vec<String>) {
        let limit = if is_dump(kind) { self.left } else { self.left.min(FILE_LIMIT) };
        let take = limit.min(size);
        if take < size && take == 0 {
            return self.missing.push(format!("{path} has {size} bytes, and this arm's budget is used up"));
        }
        let form = Form::of(kind, take);
        match self.copied_to(&self.place(), path, take, form) {
            Ok(at) => {
                self.left = self.left.saturating_sub(take);
                if take < size {
                    notes.push(format!("{path} has {size} bytes, {take} of them were kept"));
                }
                self.missing.extend(notes.iter().cloned());
                // A note is of something that could not be had.
                let whole = notes.is_empty();
                self.copied.push(Copied { at, path: path.to_owned(), kind, live, form, size, whole, notes });
            }
            Err(error) => self.missing.push(words(&error)),
        }
    }
}

fn is_dump(kind: EvidenceKind) -> bool {
    matches!(kind, EvidenceKind::KernelDump | EvidenceKind::UserDump)
}

/// A file of this host that takes no more once nobody waits for it.
struct Stoppable<'a> {
    file: Incoming,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dozen_logs_are_kept_where_five_dumps_are() {
        let file = |kind, modified: u64| DiskFile {
            path: format!("{kind:?}-{modified}"),
            kind,
            size: 1,
            modified,
            live: true,
        };
        let all = |kind| (0..12).map(move |modified| file(kind, modified));
        let mut missing = Vec::new();
        let kept =
            newest_of_each_kind(all(EvidenceKind::SetupLog).chain(all(EvidenceKind::UserDump)).collect(), &mut missing);
        let of = |kind| kept.iter().filter(|file| file.kind == kind).map(|file| file.modified).collect::<Vec<_>>();
        assert_eq!(of(EvidenceKind::SetupLog), (0..12).collect::<Vec<_>>());
        assert_eq!(of(EvidenceKind::UserDump), (7..12).collect::<Vec<_>>());
        assert_eq!(missing, ["only the newest 5 of 12 files of a kind were kept"]);
    }
}
