//! Files that may be evidence, where Windows and the lab put them.
//!
//! The list is the model's, the one that a running guest is asked for over SFTP too; a disk also gives what a running
//! Windows keeps open, and drivers. Where settings of the guest move a place, its registry on the disk says so.

use coexist_model::{EvidenceFolder, EvidenceKind, Holds};

use super::contents::Stat;
use super::path::GuestPath;
use super::volume::{Scan, Work};
use super::whereabouts::{Whereabouts, registered_driver};
use super::{DiskError, GuestDisk};

/// The log of the startup repair. Windows writes it on its recovery screen: one that changed proves that the screen was
/// there.
pub const SRT_TRAIL: &str = r"\Windows\System32\LogFiles\Srt\SrtTrail.txt";

/// Folders that one search looks into in one place, at most: the newest.
const FOLDERS_OF_A_PLACE: usize = 200;
/// Files that one search finds in one place, at most: the newest.
const FILES_OF_A_PLACE: usize = 200;
/// Profiles that are looked into.
const PROFILES: usize = 50;
/// Notes that one search makes, at most.
const MOST_NOTES: usize = 200;
/// Work that one search may cause: a disk that was not tampered with takes a hundredth of it.
const WORK: u64 = 0x1000_0000;

/// A file on a guest's disk that may be evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFile {
    /// Where it lies, as [`GuestDisk::copy_file`] takes it. The guest wrote the names in it: not to be used as a path on
    /// the host or shown as it is.
    pub path: String,
    /// What it is, by where it lies.
    pub kind: EvidenceKind,
    /// Bytes.
    pub size: u64,
    /// Last change, seconds since 1970.
    pub modified: u64,
    /// Whether the guest wrote it while it lived on: worth keeping, but no crash.
    pub live: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceOnDisk {
    /// The files, by place, those of one place by their path.
    pub files: Vec<DiskFile>,
    /// Where a crash may lie of which Windows has made no file yet, for [`GuestDisk::raw_dump`]: the page files and the
    /// dedicated dump file.
    pub raw: Vec<String>,
    /// What could not be looked at, or was left out.
    pub notes: Vec<String>,
}

/// Where modules of the kernel lie.
const DRIVERS: [&str; 2] = [r"\Windows\System32\drivers", r"\Windows\System32"];

impl GuestDisk {
    /// Looks for files that may be evidence. Reads names, sizes and times, and of contents only the registry's.
    #[must_use]
    pub fn evidence_files(&self) -> EvidenceOnDisk {
        let mut notes = self.notes.clone();
        let whereabouts = Whereabouts::of(self, &mut notes);
        let found = EvidenceOnDisk { notes, ..EvidenceOnDisk::default() };
        let mut search = Search { disk: self, whereabouts: &whereabouts, work: Work::new(WORK), found };
        search.all();
        search.found
    }

    /// The file of a driver, or of another module of the kernel, by its base name: where the registry says that it lies,
    /// else where Windows has such files. None where it is not there.
    ///
    /// # Errors
    /// When the name cannot be a file's, or the disk cannot be read.
    pub fn driver_file(&self, name: &str) -> Result<Option<DiskFile>, DiskError> {
        GuestPath::parse("\\")?.below(name)?;
        let registered = registered_driver(self, name);
        for path in registered.into_iter().chain(DRIVERS.iter().map(|folder| format!("{folder}\\{name}"))) {
            match self.stat(&path, &mut Work::new(WORK)) {
                Err(DiskError::NotFound(_)) => {}
                found => return found.map(|stat| Some(file(path, stat, EvidenceKind::Driver, false))),
            }
        }
        Ok(None)
    }

    fn stat(&self, path: &str, work: &mut Work) -> Result<Stat, DiskError> {
        let path = GuestPath::parse(path)?;
        Self::first_with(self.of_windows(), &path, |volume| volume.stat(&self.image, &path, work))
    }

    fn scan(&self, path: &str, work: &mut Work, wanted: &dyn Fn(&str) -> bool) -> Result<Scan, DiskError> {
        let path = GuestPath::parse(path)?;
        Self::first_with(self.of_windows(), &path, |volume| volume.scan(&self.image, &path, work, wanted))
    }
}

fn file(path: String, Stat { size, modified }: Stat, kind: EvidenceKind, live: bool) -> DiskFile {
    DiskFile { path, kind, size, modified, live }
}

/// Keeps the newest `most` files, in order of their paths; tells how many went.
fn keep_newest(files: &mut Vec<DiskFile>, most: usize) -> usize {
    let left_out = files.len().saturating_sub(most);
    files.sort_by(|one, other| other.modified.cmp(&one.modified).then_with(|| one.path.cmp(&other.path)));
    files.truncate(most);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    left_out
}

struct Search<'a> {
    disk: &'a GuestDisk,
    whereabouts: &'a Whereabouts,
    work: Work,
    found: EvidenceOnDisk,
}

impl Search<'_> {
    fn all(&mut self) {
        let places = &self.whereabouts.places;
        for path in &places.raw {
            let here = self.here(path).map(str::to_owned);
            self.found.raw.extend(here);
        }
        for (path, holds) in &places.files {
            self.single(path, *holds);
        }
        for folder in &places.folders {
            self.folder(folder);
        }
        for name in self.accounts(&places.profiles) {
            for folder in places.of_account(&name) {
                self.folder(&folder);
            }
        }
    }

    /// A path below the root of Windows' volume.
    fn here<'p>(&mut self, path: &'p str) -> Option<&'p str> {
        self.whereabouts.on_its_volume(path).map_err(|why| self.note(why)).ok()
    }

    fn note(&mut self, note: String) {
        // A damaged volume has one trouble many times.
        if self.found.notes.len() < MOST_NOTES {
            self.found.notes.push(note);
        }
    }

    fn single(&mut self, path: &str, holds: Holds) {
        let Some(path) = self.here(path) else { return };
        match self.disk.stat(path, &mut self.work) {
            Ok(stat) => self.found.files.push(file(path.to_owned(), stat, holds.kind(), holds.live())),
            Err(DiskError::NotFound(_)) => {}
            Err(error) => self.note(error.to_string()),
        }
    }

    fn folder(&mut self, EvidenceFolder { path, levels, holds }: &EvidenceFolder) {
        let Some(root) = self.here(path) else { return };
        let (mut files, mut left_out) = (Vec::new(), 0);
        let mut folders = vec![(root.to_owned(), *levels)];
        for _ in 0..FOLDERS_OF_A_PLACE {
            let Some((folder, depth)) = folders.pop() else { break };
            let Some(mut scan) = self.look(&folder, &|name| holds.kind_of(name).is_some()) else { continue };
            for error in std::mem::take(&mut scan.refused) {
                self.note(error.to_string());
            }
            let below = |name: &str| format!("{folder}\\{name}");
            files.extend(
                scan.files
                    .iter()
                    .filter_map(|(name, stat)| Some(file(below(name), *stat, holds.kind_of(name)?, holds.live()))),
            );
            left_out += keep_newest(&mut files, FILES_OF_A_PLACE);
            if depth > 1 {
                // The newest is looked into first: there may be more of them than are looked into.
                scan.folders.sort_by_key(|(_, stat)| stat.modified);
                folders.extend(scan.folders.iter().map(|(name, _)| (below(name), depth - 1)));
            }
        }
        if !folders.is_empty() {
            self.note(format!("{} folders below {root} were not looked into", folders.len()));
        }
        if left_out > 0 {
            self.note(format!("{left_out} more files below {root} are older and were left out"));
        }
        self.found.files.append(&mut files);
    }

    /// What a folder holds, as far as it can be looked at.
    fn look(&mut self, folder: &str, wanted: &dyn Fn(&str) -> bool) -> Option<Scan> {
        match self.disk.scan(folder, &mut self.work, wanted) {
            Ok(scan) => {
                if let Some(why) = &scan.broken {
                    self.note(format!("{folder} was not looked at to its end: {why}"));
                }
                Some(scan)
            }
            Err(DiskError::NotFound(_)) => None,
            Err(error) => {
                self.note(error.to_string());
                None
            }
        }
    }

    /// The profiles of people. Those that lead elsewhere are Windows' own (`All Users`).
    fn accounts(&mut self, profiles: &str) -> Vec<String> {
        let folders = self.here(profiles).map(str::to_owned).and_then(|path| self.look(&path, &|_| false));
        let mut names: Vec<_> = folders.unwrap_or_default().folders.into_iter().map(|(name, _)| name).collect();
        if names.len() > PROFILES {
            self.note(format!("{} profiles were not looked into", names.len() - PROFILES));
        }
        names.truncate(PROFILES);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_files_the_newest_stay() {
        let stat = |modified| Stat { size: 1, modified };
        let named = |path: &str, modified| file(path.to_owned(), stat(modified), EvidenceKind::KernelDump, false);
        let mut files = vec![named("c", 5), named("a", 7), named("b", 5), named("d", 9)];
        assert_eq!(keep_newest(&mut files, 4), 0);
        assert_eq!(keep_newest(&mut files, 3), 1);
        assert_eq!(files, [named("a", 7), named("b", 5), named("d", 9)]);
    }
}
