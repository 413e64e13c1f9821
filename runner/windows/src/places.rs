//! Where Windows keeps what may be evidence.
//!
//! Folders are named by the guest's own environment and registry: a system may lie on another drive, and dumps wherever
//! an administrator or a product wants them. The names below those folders are the same in every language: what Explorer
//! translates is only shown (\[K\]).

use coexist_model::EvidenceKind;

use crate::parse::registry;

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Dumps of the kernel.
    KernelDumps {
        /// Whether the guest lives on when it writes there.
        live: bool,
    },
    /// Dumps of programs.
    UserDumps,
    /// Reports of Windows Error Reporting: dumps of programs, and what is said of them.
    Reports,
    /// Logs of set-up programs.
    Logs,
}

impl Holds {
    /// What a file of this name is, if it is of any use.
    pub(crate) fn kind(self, name: &str) -> Option<EvidenceKind> {
        let lower = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        match self {
            Self::KernelDumps { .. } => ends(&[".dmp"]).then_some(EvidenceKind::KernelDump),
            // [K] Reports hold `.mdmp` and `.hdmp`, LocalDumps `.dmp`.
            Self::UserDumps | Self::Reports if ends(&[".dmp", ".mdmp", ".hdmp"]) => Some(EvidenceKind::UserDump),
            Self::UserDumps => None,
            Self::Reports => (lower == "report.wer").then_some(EvidenceKind::SetupLog),
            Self::Logs => ends(&[".log", ".txt"]).then_some(EvidenceKind::SetupLog),
        }
    }

    /// Whether the guest goes on living when it writes there.
    pub(crate) fn live(self) -> bool {
        !matches!(self, Self::KernelDumps { live: false })
    }

    /// Whether its absence from a list could hide a crash of the kernel.
    pub(crate) fn is_indispensable(self) -> bool {
        matches!(self, Self::KernelDumps { .. })
    }
}

/// A folder that is looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Its path as Windows names it.
    pub(crate) path: String,
    /// How many levels of folders are looked into, itself included.
    pub(crate) depth: usize,
    /// What it holds.
    pub(crate) holds: Holds,
}

/// Where one guest keeps its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Single files, most important first.
    pub(crate) files: Vec<(String, Holds)>,
    /// Folders, likewise.
    pub(crate) folders: Vec<Folder>,
    /// The folder with a folder for each account.
    pub(crate) accounts: String,
    /// A file that Windows holds open for the next dump. What lies in it is a dump only until the next good boot, and it
    /// cannot be read until the machine is off; it may be called like a dump all the same.
    pub(crate) reserved: Option<String>,
}

/// Below an account's folder.
pub(crate) const CRASH_DUMPS: &str = r"AppData\Local\CrashDumps";

/// Deepest folder below `LiveKernelReports` that is looked into: reports lie in it and in one folder per component.
const REPORT_DEPTH: usize = 3;

/// Most folders for dumps of programs that the registry may name.
const DUMP_FOLDERS: usize = 10;

impl Places {
    /// From what `set` and `reg query` print; what they do not tell is where Windows has it by default.
    ///
    /// \[R\] `CrashControl`: SupportArticles KB254649; `LocalDumps`: win32 wer/collecting-user-mode-dumps.md.
    pub(crate) fn from_answers(environment: &str, crash_control: &str, local_dumps: &str) -> Self {
        let variables = Variables(environment);
        let system = variables.path("SystemRoot").unwrap_or_else(|| r"C:\Windows".to_owned());
        let data = variables.path("ProgramData").unwrap_or_else(|| r"C:\ProgramData".to_owned());
        let public = variables.path("PUBLIC").unwrap_or_else(|| r"C:\Users\Public".to_owned());
        let drive = system.split('\\').next().unwrap_or("C:").to_owned();
        let configured =
            |name: &str| Some(variables.resolved(&registry::value(crash_control, name)?.data, &system)).flatten();

        let crashes = Holds::KernelDumps { live: false };
        let mut files = vec![(format!(r"{system}\MEMORY.DMP"), crashes)];
        files.extend(configured("DumpFile").map(|path| (path, crashes)));
        files.extend(
            [
                // What start-up repair found; which drivers were loaded, when the boot was logged (\[R\]).
                format!(r"{system}\System32\LogFiles\Srt\SrtTrail.txt"),
                format!(r"{system}\ntbtlog.txt"),
                format!(r"{system}\INF\setupapi.dev.log"),
                // [K] Of feature updates, of what they leave when they are rolled back, and of packages.
                format!(r"{system}\Panther\setupact.log"),
                format!(r"{system}\Panther\setuperr.log"),
                format!(r"{drive}\$WINDOWS.~BT\Sources\Panther\setupact.log"),
                format!(r"{drive}\$WINDOWS.~BT\Sources\Panther\setuperr.log"),
                format!(r"{drive}\$WINDOWS.~BT\Sources\Rollback\setupact.log"),
                format!(r"{drive}\$WINDOWS.~BT\Sources\Rollback\setuperr.log"),
                format!(r"{system}\Logs\CBS\CBS.log"),
                format!(r"{system}\Logs\DISM\dism.log"),
            ]
            .map(|path| (path, Holds::Logs)),
        );

        let folder = |path: String, depth, holds| Folder { path, depth, holds };
        let live = Holds::KernelDumps { live: true };
        let mut folders = vec![folder(format!(r"{system}\Minidump"), 1, crashes)];
        folders.extend(configured("MinidumpDir").map(|path| folder(path, 1, crashes)));
        folders.push(folder(format!(r"{system}\LiveKernelReports"), REPORT_DEPTH, live));
        folders.extend(configured("LiveKernelReportsPath").map(|path| folder(path, REPORT_DEPTH, live)));
        folders.push(folder(crate::paths::LOGS.to_owned(), 1, Holds::Logs));
        let own = local_dumps.lines().filter_map(|line| registry::value(line, "DumpFolder")).take(DUMP_FOLDERS);
        folders.extend(
            own.filter_map(|it| variables.resolved(&it.data, &system)).map(|path| folder(path, 1, Holds::UserDumps)),
        );
        for account in
            [r"System32\config\systemprofile", r"ServiceProfiles\LocalService", r"ServiceProfiles\NetworkService"]
        {
            folders.push(folder(format!(r"{system}\{account}\{CRASH_DUMPS}"), 1, Holds::UserDumps));
        }
        for reports in ["ReportArchive", "ReportQueue"] {
            folders.push(folder(format!(r"{data}\Microsoft\Windows\WER\{reports}"), 2, Holds::Reports));
        }

        let mut seen = std::collections::BTreeSet::new();
        files.retain(|(path, _)| seen.insert(path.to_lowercase()));
        folders.retain(|folder| seen.insert(folder.path.to_lowercase()));
        let accounts = public.rsplit_once('\\').map_or(r"C:\Users", |(above, _)| above).to_owned();
        Self { files, folders, accounts, reserved: configured("DedicatedDumpFile") }
    }
}

/// The guest's environment as `set` prints it.
struct Variables<'a>(&'a str);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| line.split_once('=').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        Some(self.0.lines().find(is_it)?.split_once('=')?.1.trim_end())
    }

    fn path(&self, name: &str) -> Option<String> {
        full_path(self.get(name)?)
    }

    /// A path of the registry: with `%NAMES%`, or as the kernel names it. Nothing when it leads nowhere that is known.
    fn resolved(&self, written: &str, system: &str) -> Option<String> {
        let written = written.trim().trim_matches('"');
        let written = written.strip_prefix(r"\??\").unwrap_or(written);
        let from_root = written.get(..12).filter(|start| start.eq_ignore_ascii_case(r"\SystemRoot\"));
        let written = match from_root {
            Some(_) => format!(r"{system}\{}", &written[12..]),
            None => written.to_owned(),
        };
        let mut parts = written.split('%');
        let mut path = parts.next()?.to_owned();
        while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
            path.push_str(self.get(name)?);
            path.push_str(rest);
        }
        full_path(&path)
    }
}

/// A path with a drive and at least one name, every one of which Windows would take.
fn full_path(path: &str) -> Option<String> {
    let path = path.trim_end_matches('\\').replace('/', r"\");
    let (drive, below) = path.split_once('\\')?;
    let is_drive = drive.len() == 2 && drive.starts_with(|c: char| c.is_ascii_alphabetic()) && drive.ends_with(':');
    let named = path.len() <= 400 && below.split('\\').all(crate::paths::is_file_name);
    (is_drive && named).then_some(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENVIRONMENT: &str = "ComSpec=D:\\Windows\\system32\\cmd.exe\nProgramData=D:\\Daten\nPUBLIC=D:\\Leute\\Public\nSystemRoot=D:\\Windows\n";
    const CONTROL: &str = "\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl\n    \
        DumpFile    REG_EXPAND_SZ    %SystemRoot%\\Memory.dmp\n    \
        MinidumpDir    REG_EXPAND_SZ    E:\\Dumps of %ComputerName%\n    \
        DedicatedDumpFile    REG_SZ    E:\\reserved.dmp\n\n\
        HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl\\LiveKernelReports\n    \
        LiveKernelReportsPath    REG_SZ    \\??\\E:\\live\n\n";
    const LOCAL: &str = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\\LocalDumps\n    DumpFolder    REG_EXPAND_SZ    E:\\one\\\n\n\
        HKEY_LOCAL_MACHINE\\SOFTWARE\\X\\LocalDumps\\a.exe\n    DumpFolder    REG_EXPAND_SZ    \\SystemRoot\\two\n    \
        DumpCount    REG_DWORD    0xa\n";

    fn paths(places: &Places) -> Vec<&str> {
        places.folders.iter().map(|folder| folder.path.as_str()).collect()
    }

    #[test]
    fn a_guest_that_tells_nothing_has_what_windows_has() {
        let places = Places::from_answers("", "", "");
        assert_eq!(places.files[0].0, r"C:\Windows\MEMORY.DMP");
        assert_eq!(paths(&places)[..3], [r"C:\Windows\Minidump", r"C:\Windows\LiveKernelReports", r"C:\coexist\logs"]);
        assert!(paths(&places).contains(&r"C:\ProgramData\Microsoft\Windows\WER\ReportQueue"));
        assert_eq!((places.accounts.as_str(), places.reserved), (r"C:\Users", None));
    }

    #[test]
    fn folders_are_where_the_guest_says() {
        let environment = format!("{ENVIRONMENT}COMPUTERNAME=PC1\n");
        let places = Places::from_answers(&environment, CONTROL, LOCAL);
        assert_eq!(places.files[0].0, r"D:\Windows\MEMORY.DMP");
        assert_eq!(
            places.files[1].0, r"D:\Windows\System32\LogFiles\Srt\SrtTrail.txt",
            "one file, however it is written"
        );
        assert_eq!(
            paths(&places)[..7],
            [
                r"D:\Windows\Minidump",
                r"E:\Dumps of PC1",
                r"D:\Windows\LiveKernelReports",
                r"E:\live",
                r"C:\coexist\logs",
                r"E:\one",
                r"D:\Windows\two"
            ]
        );
        assert_eq!(places.accounts, r"D:\Leute");
        assert_eq!(places.reserved.as_deref(), Some(r"E:\reserved.dmp"));
        let unknown = Places::from_answers(ENVIRONMENT, CONTROL, "");
        assert!(!paths(&unknown).iter().any(|path| path.contains("Dumps of")), "a variable that is not there");
    }

    #[test]
    fn what_a_file_is() {
        let (kernel, live) = (Holds::KernelDumps { live: false }, Holds::KernelDumps { live: true });
        for (holds, name, kind) in [
            (kernel, "030126-1-01.DMP", Some(EvidenceKind::KernelDump)),
            (live, "a.dmp", Some(EvidenceKind::KernelDump)),
            (kernel, "note.txt", None),
            (Holds::UserDumps, "a.exe.1.dmp", Some(EvidenceKind::UserDump)),
            (Holds::Reports, "memory.hdmp", Some(EvidenceKind::UserDump)),
            (Holds::Reports, "Report.wer", Some(EvidenceKind::SetupLog)),
            (Holds::Reports, "other.xml", None),
            (Holds::Logs, "install.LOG", Some(EvidenceKind::SetupLog)),
            (Holds::Logs, "System.evtx", None),
        ] {
            assert_eq!(holds.kind(name), kind, "{name}");
        }
        assert!(!kernel.live() && live.live() && Holds::Logs.live());
    }

    proptest! {
        #[test]
        fn whatever_the_guest_prints_is_a_path_or_nothing(
            environment in r"(PUBLIC|SystemRoot|ProgramData)=[A-D:\\\\/.%\PC]{0,20}\n",
            data in r"[A-D:\\\\/.%*\?\PC]{0,30}",
        ) {
            let control = format!("    DumpFile    REG_SZ    {data}\n    MinidumpDir    REG_SZ    {data}\n");
            let places = Places::from_answers(&environment, &control, &control.replace("DumpFile", "DumpFolder"));
            let all = places.files.iter().map(|(path, _)| path).chain(places.folders.iter().map(|folder| &folder.path));
            for path in all {
                prop_assert!(path.as_bytes()[1] == b':' && !path.contains("..") && !path.chars().any(char::is_control), "{path}");
            }
        }
    }
}
