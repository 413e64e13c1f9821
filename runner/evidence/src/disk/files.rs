//! Files that may be evidence, where Windows and the lab put them.
//!
//! The list is the one that a running guest is asked for over SFTP, and what only a powered-off disk gives: event logs as
//! they lie there, hives of the registry, drivers. Where Windows puts what was read in Microsoft's pages (dumps, reports of
//! crashed programs) or is \[K\]: the queue of Windows Error Reporting, and the profiles of services.

use coexist_model::EvidenceKind;

use super::path::GuestPath;
use super::volume::{Scan, Stat, Work};
use super::{DiskError, GuestDisk, MINIDUMP_FOLDER};

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
    /// What could not be looked at, or was left out.
    pub notes: Vec<String>,
}

/// A folder in which evidence lies.
struct Place<'a> {
    folder: &'a str,
    /// How many levels of folders are looked into.
    depth: usize,
    kind: EvidenceKind,
    live: bool,
    wanted: fn(&str) -> bool,
}

impl<'a> Place<'a> {
    const fn new(folder: &'a str, depth: usize, kind: EvidenceKind, wanted: fn(&str) -> bool) -> Self {
        Self { folder, depth, kind, live: false, wanted }
    }

    /// Where Windows Error Reporting leaves the dumps of somebody's programs (`LocalDumps`).
    const fn of_programs(folder: &'a str) -> Self {
        Self::new(folder, 1, EvidenceKind::UserDump, is_dump)
    }
}

const PLACES: [Place<'static>; 7] = [
    Place::new(MINIDUMP_FOLDER, 1, EvidenceKind::KernelDump, is_dump),
    // In the folder itself and in one folder for each component.
    Place { live: true, ..Place::new(r"\Windows\LiveKernelReports", 3, EvidenceKind::KernelDump, is_dump) },
    // Logs of installers; what the lab itself exported lies beside them.
    Place::new(r"\coexist\logs", 1, EvidenceKind::SetupLog, is_no_export),
    Place::of_programs(r"\Windows\System32\config\systemprofile\AppData\Local\CrashDumps"),
    Place::of_programs(r"\Windows\ServiceProfiles\LocalService\AppData\Local\CrashDumps"),
    Place::of_programs(r"\Windows\ServiceProfiles\NetworkService\AppData\Local\CrashDumps"),
    // Temp\*.mdmp, ReportQueue\<report>\* and ReportArchive\<report>\*.
    Place::new(r"\ProgramData\Microsoft\Windows\WER", 3, EvidenceKind::UserDump, is_report),
];

/// Files with a place of their own.
const SINGLE: [(&str, EvidenceKind); 7] = [
    (r"\Windows\MEMORY.DMP", EvidenceKind::KernelDump),
    (r"\Windows\System32\winevt\Logs\System.evtx", EvidenceKind::EventLog),
    (r"\Windows\System32\winevt\Logs\Application.evtx", EvidenceKind::EventLog),
    (r"\Windows\System32\config\SYSTEM", EvidenceKind::RegistryHive),
    (r"\Windows\System32\config\SOFTWARE", EvidenceKind::RegistryHive),
    (r"\Windows\INF\setupapi.dev.log", EvidenceKind::SetupLog),
    (SRT_TRAIL, EvidenceKind::SetupLog),
];

/// Where modules of the kernel lie.
const DRIVERS: [&str; 2] = [r"\Windows\System32\drivers", r"\Windows\System32"];

fn ends_with(name: &str, endings: &[&str]) -> bool {
    let name = name.to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

fn is_dump(name: &str) -> bool {
    ends_with(name, &[".dmp"])
}

fn is_report(name: &str) -> bool {
    ends_with(name, &[".dmp", ".mdmp", ".hdmp", ".cab"])
}

fn is_no_export(name: &str) -> bool {
    !ends_with(name, &[".evtx"])
}

impl GuestDisk {
    /// Looks for files that may be evidence. Reads names, sizes and times, and no contents.
    #[must_use]
    pub fn evidence_files(&self) -> EvidenceOnDisk {
        let mut search = Search { disk: self, work: Work::new(WORK), found: EvidenceOnDisk::default() };
        for (path, kind) in SINGLE {
            search.single(path, kind);
        }
        for place in &PLACES {
            search.place(place);
        }
        for folder in search.profiles() {
            search.place(&Place::of_programs(&folder));
        }
        search.found
    }

    /// The file of a driver, or of another module of the kernel, by its base name; none where it is not there.
    ///
    /// # Errors
    /// When the name cannot be a file's, or the disk cannot be read.
    pub fn driver_file(&self, name: &str) -> Result<Option<DiskFile>, DiskError> {
        if name.is_empty() || name.contains(['\\', '/']) {
            return Err(DiskError::BadPath(name.chars().take(255).collect()));
        }
        for folder in DRIVERS {
            let path = format!("{folder}\\{name}");
            match self.stat(&path, &mut Work::new(WORK)) {
                Err(DiskError::NotFound(_)) => {}
                found => return found.map(|stat| Some(file(path, stat, EvidenceKind::Driver, false))),
            }
        }
        Ok(None)
    }

    fn stat(&self, path: &str, work: &mut Work) -> Result<Stat, DiskError> {
        let path = GuestPath::parse(path)?;
        self.first_volume_with(&path, |volume| volume.stat(&self.image, &path, work))
    }

    fn scan(&self, path: &str, work: &mut Work, wanted: &dyn Fn(&str) -> bool) -> Result<Scan, DiskError> {
        let path = GuestPath::parse(path)?;
        self.first_volume_with(&path, |volume| volume.scan(&self.image, &path, work, wanted))
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
    work: Work,
    found: EvidenceOnDisk,
}

impl Search<'_> {
    fn note(&mut self, note: String) {
        // A damaged volume has one trouble many times.
        if self.found.notes.len() < MOST_NOTES {
            self.found.notes.push(note);
        }
    }

    fn single(&mut self, path: &str, kind: EvidenceKind) {
        match self.disk.stat(path, &mut self.work) {
            Ok(stat) => self.found.files.push(file(path.to_owned(), stat, kind, false)),
            Err(DiskError::NotFound(_)) => {}
            Err(error) => self.note(error.to_string()),
        }
    }

    fn place(&mut self, place: &Place<'_>) {
        let (mut files, mut left_out) = (Vec::new(), 0);
        let mut folders = vec![(place.folder.to_owned(), place.depth)];
        for _ in 0..FOLDERS_OF_A_PLACE {
            let Some((folder, depth)) = folders.pop() else { break };
            let Some(mut scan) = self.look(&folder, &place.wanted) else { continue };
            for name in &scan.refused {
                self.note(format!("{folder}\\{name} cannot be read: it is damaged or leads elsewhere"));
            }
            let below = |name: String| format!("{folder}\\{name}");
            files.extend(scan.files.into_iter().map(|(name, stat)| file(below(name), stat, place.kind, place.live)));
            left_out += keep_newest(&mut files, FILES_OF_A_PLACE);
            if depth > 1 {
                // The newest is looked into first: there may be more of them than are looked into.
                scan.folders.sort_by_key(|(_, stat)| stat.modified);
                folders.extend(scan.folders.into_iter().map(|(name, _)| (below(name), depth - 1)));
            }
        }
        if !folders.is_empty() {
            self.note(format!("{} folders below {} were not looked into", folders.len(), place.folder));
        }
        if left_out > 0 {
            self.note(format!("{left_out} more files below {} are older and were left out", place.folder));
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

    /// Where programs of people leave their dumps. Profiles that lead elsewhere are Windows' own (`All Users`).
    fn profiles(&mut self) -> Vec<String> {
        let folders = self.look(r"\Users", &|_| false).map(|scan| scan.folders).unwrap_or_default();
        if folders.len() > PROFILES {
            self.note(format!("{} profiles were not looked into", folders.len() - PROFILES));
        }
        let dumps = |name: String| format!(r"\Users\{name}\AppData\Local\CrashDumps");
        folders.into_iter().take(PROFILES).map(|(name, _)| dumps(name)).collect()
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

    #[test]
    fn names_are_wanted_by_their_ends_in_any_case() {
        assert!(is_dump("071924-1.DMP") && !is_dump("071924-1.dmp.txt"));
        assert!(is_report("WER1090.tmp.mdmp") && !is_report("Report.wer"));
        assert!(is_no_export("install.log") && !is_no_export("System.evtx"));
    }
}
