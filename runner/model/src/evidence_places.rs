//! Where a Windows keeps what may be evidence: one list, for the guest that is asked over SFTP while it runs and for its
//! disk once it is off.
//!
//! Folders are named by the guest's own environment and registry: a system may lie on another drive, and dumps wherever
//! an administrator or a product wants them. The names below those folders are the same in every language: what Explorer
//! translates is only shown (\[K\]).

use std::collections::BTreeSet;

use crate::EvidenceKind;
use crate::guest_path::{below_profiles, full_path, resolved};

/// Where the lab keeps logs of installers and exported event logs in the guest.
pub const LAB_LOGS: &str = r"C:\coexist\logs";

/// Most folders for dumps of programs that the registry may name, and most page files.
const NAMED: usize = 10;

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Dumps of the kernel.
    KernelDumps {
        /// Whether the guest lives on when it writes there.
        live: bool,
    },
    /// Dumps of programs.
    ProgramDumps,
    /// Reports of Windows Error Reporting: dumps of programs, and what is said of them.
    Reports,
    /// Logs of set-up programs, and of repairs.
    Logs,
    /// An event log.
    EventLog,
    /// A hive of the registry, or the log of its last changes.
    Hive,
}

impl Holds {
    /// What a file is whose whole path is known.
    #[must_use]
    pub fn kind(self) -> EvidenceKind {
        match self {
            Self::KernelDumps { .. } => EvidenceKind::KernelDump,
            Self::ProgramDumps => EvidenceKind::UserDump,
            Self::Reports | Self::Logs => EvidenceKind::SetupLog,
            Self::EventLog => EvidenceKind::EventLog,
            Self::Hive => EvidenceKind::RegistryHive,
        }
    }

    /// What a file of this name in a folder is, if it is of any use.
    #[must_use]
    pub fn kind_of(self, name: &str) -> Option<EvidenceKind> {
        let lower = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        match self {
            Self::KernelDumps { .. } => ends(&[".dmp"]).then_some(EvidenceKind::KernelDump),
            // [K] Reports hold `.mdmp` and `.hdmp`, or both in a `.cab`; LocalDumps holds `.dmp`.
            Self::ProgramDumps => ends(&[".dmp", ".mdmp", ".hdmp"]).then_some(EvidenceKind::UserDump),
            Self::Reports if ends(&[".dmp", ".mdmp", ".hdmp", ".cab"]) => Some(EvidenceKind::UserDump),
            Self::Reports => (lower == "report.wer").then_some(EvidenceKind::SetupLog),
            Self::Logs => ends(&[".log", ".txt"]).then_some(EvidenceKind::SetupLog),
            Self::EventLog => ends(&[".evtx"]).then_some(EvidenceKind::EventLog),
            Self::Hive => Some(EvidenceKind::RegistryHive),
        }
    }

    /// Whether the guest goes on living when it writes there.
    #[must_use]
    pub fn live(self) -> bool {
        !matches!(self, Self::KernelDumps { live: false })
    }

    /// Whether its absence from a list could hide a crash of the kernel.
    #[must_use]
    pub fn is_indispensable(self) -> bool {
        matches!(self, Self::KernelDumps { .. })
    }

    /// Whether a running Windows keeps it open, so that it can be read from the disk alone. Of event logs a running guest
    /// is asked for an export.
    #[must_use]
    pub fn is_kept_open(self) -> bool {
        matches!(self, Self::EventLog | Self::Hive)
    }
}

/// A folder that is looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFolder {
    /// Its path as Windows names it, with its drive.
    pub path: String,
    /// How many levels of folders are looked into, itself included.
    pub levels: usize,
    /// What it holds.
    pub holds: Holds,
}

/// What a guest says of where it keeps things, as it is written there: paths may hold `%NAMES%`. Where it says nothing,
/// things are where Windows has them by default.
///
/// \[R\] `CrashControl`: SupportArticles KB254649; `LocalDumps`: win32 wer/collecting-user-mode-dumps.md;
/// `LiveKernelReports`: wer-settings.md. \[K\] the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EvidenceSettings {
    /// Windows' own folder.
    pub system_root: Option<String>,
    /// The folder for data of programs.
    pub program_data: Option<String>,
    /// The folder with a folder for each account.
    pub profiles: Option<String>,
    /// `CrashControl\DumpFile`.
    pub dump_file: Option<String>,
    /// `CrashControl\MinidumpDir`.
    pub minidump_dir: Option<String>,
    /// `CrashControl\DedicatedDumpFile`.
    pub dedicated_dump_file: Option<String>,
    /// `CrashControl\LiveKernelReports\LiveKernelReportsPath`.
    pub live_reports: Option<String>,
    /// `DumpFolder` of `LocalDumps` and of the keys below it.
    pub dump_folders: Vec<String>,
    /// `Session Manager\Memory Management\ExistingPageFiles`.
    pub page_files: Vec<String>,
}

/// Where one guest keeps its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidencePlaces {
    /// Windows' own folder.
    pub system_root: String,
    /// Single files, dumps of the kernel first.
    pub files: Vec<(String, Holds)>,
    /// Folders, likewise.
    pub folders: Vec<EvidenceFolder>,
    /// The folder with a folder for each account.
    pub profiles: String,
    /// Files that Windows writes a crash into, from their first byte on, until it makes a file of its own of it in its next
    /// good boot: the page files, and the dedicated dump file.
    pub raw: Vec<String>,
    /// The dedicated dump file. A running Windows holds it open, and it may be called like a dump all the same.
    pub reserved: Option<String>,
    /// Settings that lead nowhere that is known, so that something may lie where nobody looks.
    pub unknown: Vec<String>,
    in_profiles: Vec<EvidenceFolder>,
}

/// What the paths of the list begin at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    /// Windows' own folder.
    System,
    /// The root of its drive.
    Drive,
    /// The folder for data of programs.
    Data,
}

use Holds::{EventLog, Hive, KernelDumps, Logs, ProgramDumps, Reports};
use Root::{Data, Drive, System};

const CRASHES: Holds = KernelDumps { live: false };

/// Single files. Set-up's are those of Microsoft's table "Windows upgrade log files" (\[R\]).
const FILES: [(Root, &str, Holds); 30] = [
    (System, r"MEMORY.DMP", CRASHES),
    // Of a stop during a feature update, which rolled back.
    (Drive, r"$WINDOWS.~BT\Sources\Rollback\setupmem.dmp", CRASHES),
    (Drive, r"$WINDOWS.~BT\Sources\Rollback\MEMORY.DMP", CRASHES),
    (System, r"System32\winevt\Logs\System.evtx", EventLog),
    (System, r"System32\winevt\Logs\Application.evtx", EventLog),
    (System, r"System32\config\SYSTEM", Hive),
    // [K] What changed lately may stand there alone for up to an hour.
    (System, r"System32\config\SYSTEM.LOG1", Hive),
    (System, r"System32\config\SYSTEM.LOG2", Hive),
    (System, r"System32\config\SOFTWARE", Hive),
    (System, r"System32\config\SOFTWARE.LOG1", Hive),
    (System, r"System32\config\SOFTWARE.LOG2", Hive),
    // What the startup repair found. It is written on the recovery screen.
    (System, r"System32\LogFiles\Srt\SrtTrail.txt", Logs),
    // Which drivers were loaded, when the boot was logged ([R]).
    (System, r"ntbtlog.txt", Logs),
    (System, r"INF\setupapi.dev.log", Logs),
    (System, r"setupact.log", Logs),
    (System, r"setuperr.log", Logs),
    (System, r"Panther\setupact.log", Logs),
    (System, r"Panther\setuperr.log", Logs),
    (System, r"Panther\UnattendGC\setupact.log", Logs),
    (System, r"Panther\UnattendGC\setuperr.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Panther\setupact.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Panther\setuperr.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Panther\UnattendGC\setupact.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Panther\UnattendGC\setuperr.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Rollback\setupact.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Rollback\setuperr.log", Logs),
    (Drive, r"$WINDOWS.~BT\Sources\Rollback\setupapi\setupapi.dev.log", Logs),
    (System, r"Logs\MoSetup\BlueBox.log", Logs),
    // [K] Of packages.
    (System, r"Logs\CBS\CBS.log", Logs),
    (System, r"Logs\DISM\dism.log", Logs),
];

/// Folders, with the levels that are looked into.
const FOLDERS: [(Root, &str, usize, Holds); 5] = [
    (System, r"Minidump", 1, CRASHES),
    // Reports lie in it and in one folder for each component ([R]).
    (System, r"LiveKernelReports", 3, KernelDumps { live: true }),
    // One folder for each report.
    (Data, r"Microsoft\Windows\WER\ReportArchive", 2, Reports),
    (Data, r"Microsoft\Windows\WER\ReportQueue", 2, Reports),
    (Data, r"Microsoft\Windows\WER\Temp", 2, Reports),
];

/// Folders below every profile. \[R\] `CrashDumps`; \[S\] the reports of programs that a person runs.
const IN_PROFILES: [(&str, usize, Holds); 3] = [
    (r"AppData\Local\CrashDumps", 1, ProgramDumps),
    (r"AppData\Local\Microsoft\Windows\WER\ReportArchive", 2, Reports),
    (r"AppData\Local\Microsoft\Windows\WER\ReportQueue", 2, Reports),
];

/// Profiles of services (\[K\]; the second is that of 32-bit programs).
const SERVICES: [&str; 4] = [
    r"System32\config\systemprofile",
    r"SysWOW64\config\systemprofile",
    r"ServiceProfiles\LocalService",
    r"ServiceProfiles\NetworkService",
];

impl EvidencePlaces {
    /// The list for one guest. `variable` is its environment, as far as it is known.
    #[must_use]
    pub fn of(settings: &EvidenceSettings, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let system_root = settings.system_root.as_deref().and_then(full_path);
        let system_root = system_root.or_else(|| full_path(&variable("SystemRoot")?));
        let system_root = system_root.unwrap_or_else(|| r"C:\Windows".to_owned());
        let drive = system_root.split('\\').next().unwrap_or("C:").to_owned();
        let known = |name: &str| match name.to_ascii_lowercase().as_str() {
            "systemroot" | "windir" => Some(system_root.clone()),
            "systemdrive" => Some(drive.clone()),
            _ => variable(name),
        };
        let path = |written: &str| resolved(written, &system_root, &known);
        let folder_of = |setting: &Option<String>, default| {
            setting.as_deref().and_then(path).unwrap_or_else(|| format!(r"{drive}\{default}"))
        };
        let data = folder_of(&settings.program_data.clone().or_else(|| variable("ProgramData")), "ProgramData");
        let public = || Some(variable("PUBLIC")?.rsplit_once('\\')?.0.to_owned());
        let profiles = folder_of(&settings.profiles.clone().or_else(public), "Users");

        let mut unknown = Vec::new();
        let mut named = |name: &str, written: Option<&str>| {
            let written = written.filter(|written| !written.trim().is_empty())?;
            let found = path(written);
            if found.is_none() {
                unknown.push(format!("{name} is {written}, and nobody knows where that is"));
            }
            found
        };
        let reserved = named("DedicatedDumpFile", settings.dedicated_dump_file.as_deref());
        let dump_file = named("DumpFile", settings.dump_file.as_deref());
        let minidumps = named("MinidumpDir", settings.minidump_dir.as_deref());
        let live_reports = named("LiveKernelReportsPath", settings.live_reports.as_deref());
        let (own, shared): (Vec<_>, Vec<_>) =
            settings.dump_folders.iter().take(NAMED).partition(|written| below_profiles(written).is_some());
        let dump_folders: Vec<_> = shared.iter().filter_map(|it| named("DumpFolder", Some(it))).collect();
        let mut raw = vec![format!(r"{drive}\pagefile.sys")];
        raw.extend(settings.page_files.iter().take(NAMED).filter_map(|it| named("ExistingPageFiles", Some(it))));
        raw.extend(reserved.clone());

        let below = |root: Root, path: &str| match root {
            System => format!(r"{system_root}\{path}"),
            Drive => format!(r"{drive}\{path}"),
            Data => format!(r"{data}\{path}"),
        };
        let folder = |path: String, levels, holds| EvidenceFolder { path, levels, holds };
        let mut in_profiles: Vec<_> =
            IN_PROFILES.iter().map(|&(path, levels, holds)| folder(path.to_owned(), levels, holds)).collect();
        in_profiles.extend(own.iter().filter_map(|it| Some(folder(below_profiles(it)?, 1, ProgramDumps))));

        let mut files: Vec<_> = FILES.iter().map(|&(root, path, holds)| (below(root, path), holds)).collect();
        files.extend(dump_file.map(|path| (path, CRASHES)));
        files.sort_by_key(|(_, holds)| !holds.is_indispensable());
        let mut folders: Vec<_> =
            FOLDERS.iter().map(|&(root, path, levels, holds)| folder(below(root, path), levels, holds)).collect();
        folders.push(folder(LAB_LOGS.to_owned(), 1, Logs));
        folders.extend(minidumps.map(|path| folder(path, 1, CRASHES)));
        folders.extend(live_reports.map(|path| folder(path, 3, KernelDumps { live: true })));
        folders.extend(dump_folders.into_iter().map(|path| folder(path, 1, ProgramDumps)));
        folders.sort_by_key(|folder| !folder.holds.is_indispensable());
        let mut places = Self { system_root, files, folders, profiles, raw, reserved, unknown, in_profiles };
        for profile in SERVICES {
            let profile = places.profile(&format!(r"{}\{profile}", places.system_root));
            places.folders.extend(profile);
        }
        places.once();
        places
    }

    /// The folders of one account, by the name of its profile.
    #[must_use]
    pub fn of_account(&self, name: &str) -> Vec<EvidenceFolder> {
        self.profile(&format!(r"{}\{name}", self.profiles))
    }

    fn profile(&self, profile: &str) -> Vec<EvidenceFolder> {
        let below =
            |folder: &EvidenceFolder| EvidenceFolder { path: format!(r"{profile}\{}", folder.path), ..folder.clone() };
        self.in_profiles.iter().map(below).collect()
    }

    /// Leaves every place in the list once, however it is written.
    fn once(&mut self) {
        let mut seen = BTreeSet::new();
        self.files.retain(|(path, _)| seen.insert(path.to_lowercase()));
        self.folders.retain(|folder| seen.insert(folder.path.to_lowercase()));
        let mut seen = BTreeSet::new();
        self.raw.retain(|path| seen.insert(path.to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> EvidenceSettings {
        let some = |text: &str| Some(text.to_owned());
        EvidenceSettings {
            system_root: some(r"D:\Windows"),
            program_data: some(r"%SystemDrive%\Daten"),
            profiles: some(r"D:\Leute"),
            dump_file: some(r"%SystemRoot%\Memory.dmp"),
            minidump_dir: some(r"E:\Dumps of %ComputerName%"),
            dedicated_dump_file: some(r"\??\E:\reserved.dmp"),
            live_reports: some(r"\??\E:\live"),
            dump_folders: [r"E:\one\", r"\SystemRoot\two", r"%LocalAppData%\three"].map(str::to_owned).to_vec(),
            page_files: [r"\??\D:\pagefile.sys", r"\??\E:\pagefile.sys"].map(str::to_owned).to_vec(),
        }
    }

    fn folders(places: &EvidencePlaces) -> Vec<&str> {
        places.folders.iter().map(|folder| folder.path.as_str()).collect()
    }

    #[test]
    fn a_guest_that_tells_nothing_has_what_windows_has() {
        let places = EvidencePlaces::of(&EvidenceSettings::default(), &|_| None);
        assert_eq!(places.files[0], (r"C:\Windows\MEMORY.DMP".to_owned(), CRASHES));
        assert_eq!(folders(&places)[..2], [r"C:\Windows\Minidump", r"C:\Windows\LiveKernelReports"]);
        for folder in [LAB_LOGS, r"C:\ProgramData\Microsoft\Windows\WER\Temp"] {
            assert!(folders(&places).contains(&folder), "{folder}");
        }
        assert_eq!((places.profiles.as_str(), &places.reserved), (r"C:\Users", &None));
        assert_eq!((places.raw, places.unknown), (vec![r"C:\pagefile.sys".to_owned()], Vec::new()));
    }

    #[test]
    fn folders_are_where_the_guest_says() {
        let places = EvidencePlaces::of(&settings(), &|name| (name == "ComputerName").then(|| "PC1".to_owned()));
        let dumps: Vec<_> = places.files.iter().filter(|(_, holds)| *holds == CRASHES).map(|(path, _)| path).collect();
        assert_eq!(dumps.len(), 3, "one file, however it is written: {dumps:?}");
        for folder in [
            r"E:\Dumps of PC1",
            r"E:\live",
            r"E:\one",
            r"D:\Windows\two",
            r"D:\Daten\Microsoft\Windows\WER\ReportQueue",
        ] {
            assert!(folders(&places).contains(&folder), "{folder} in {places:?}");
        }
        assert!(folders(&places).contains(&r"D:\Windows\System32\config\systemprofile\AppData\Local\three"));
        let account: Vec<_> = places.of_account("Ann").into_iter().map(|folder| folder.path).collect();
        assert!(account.contains(&r"D:\Leute\Ann\AppData\Local\CrashDumps".to_owned()), "{account:?}");
        assert!(account.contains(&r"D:\Leute\Ann\AppData\Local\three".to_owned()), "{account:?}");
        assert_eq!(places.reserved.as_deref(), Some(r"E:\reserved.dmp"));
        assert_eq!(places.raw, [r"D:\pagefile.sys", r"E:\pagefile.sys", r"E:\reserved.dmp"]);
        assert_eq!(places.unknown, Vec::<String>::new());
    }

    #[test]
    fn a_setting_that_leads_nowhere_is_told() {
        let places = EvidencePlaces::of(&settings(), &|_| None);
        assert_eq!(places.unknown, [r"MinidumpDir is E:\Dumps of %ComputerName%, and nobody knows where that is"]);
        assert!(folders(&places).contains(&r"D:\Windows\Minidump"));
    }

    #[test]
    fn no_path_stands_twice_in_the_list() {
        let places = EvidencePlaces::of(&EvidenceSettings::default(), &|_| None);
        assert_eq!(places.files.len(), FILES.len());
        assert_eq!(places.folders.len(), FOLDERS.len() + 1 + SERVICES.len() * IN_PROFILES.len());
    }

    #[test]
    fn what_a_file_is() {
        let (kernel, live) = (CRASHES, KernelDumps { live: true });
        for (holds, name, kind) in [
            (kernel, "030126-1-01.DMP", Some(EvidenceKind::KernelDump)),
            (live, "a.dmp", Some(EvidenceKind::KernelDump)),
            (kernel, "note.txt", None),
            (ProgramDumps, "a.exe.1.dmp", Some(EvidenceKind::UserDump)),
            (Reports, "memory.hdmp", Some(EvidenceKind::UserDump)),
            (Reports, "Report.wer", Some(EvidenceKind::SetupLog)),
            (Reports, "other.xml", None),
            (Logs, "install.LOG", Some(EvidenceKind::SetupLog)),
            (Logs, "System.evtx", None),
        ] {
            assert_eq!(holds.kind_of(name), kind, "{name}");
        }
        assert!(!kernel.live() && live.live() && Logs.live());
    }

    proptest! {
        #[test]
        fn whatever_a_guest_says_is_a_path_or_nothing(
            root in r"[A-D:\\/.%\PC]{0,20}",
            data in r"[A-D:\\/.%*\?\PC]{0,30}",
        ) {
            let data = Some(data);
            let settings = EvidenceSettings {
                system_root: Some(root.clone()),
                program_data: data.clone(),
                profiles: data.clone(),
                dump_file: data.clone(),
                minidump_dir: data.clone(),
                dump_folders: data.clone().into_iter().collect(),
                page_files: data.into_iter().collect(),
                ..EvidenceSettings::default()
            };
            let places = EvidencePlaces::of(&settings, &|_| Some(root.clone()));
            let files = places.files.iter().map(|(path, _)| path).chain(&places.raw);
            for path in files.chain(places.folders.iter().map(|folder| &folder.path)) {
                let names = path.split('\\').skip(1).all(crate::is_file_name);
                prop_assert!(path.as_bytes()[1] == b':' && names, "{path}");
            }
        }
    }
}
