//! Where this guest keeps what may be evidence, by its own words. The list itself is the model's.

use coexist_model::{EvidencePlaces, EvidenceSettings};

use crate::parse::registry;

/// From what `set` and `reg query` print; what they do not tell is where Windows has it by default.
pub(crate) fn from_answers(environment: &str, crash_control: &str, local_dumps: &str) -> EvidencePlaces {
    let control = |name: &str| registry::value(crash_control, name).map(|value| value.data);
    let folders = local_dumps.lines().filter_map(|line| registry::value(line, "DumpFolder"));
    let settings = EvidenceSettings {
        dump_file: control("DumpFile"),
        minidump_dir: control("MinidumpDir"),
        dedicated_dump_file: control("DedicatedDumpFile"),
        live_reports: control("LiveKernelReportsPath"),
        dump_folders: folders.map(|value| value.data).collect(),
        ..EvidenceSettings::default()
    };
    EvidencePlaces::of(&settings, &|name| variable(environment, name))
}

/// A variable of the guest's environment as `set` prints it.
fn variable(environment: &str, name: &str) -> Option<String> {
    let is_it = |line: &&str| line.split_once('=').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
    Some(environment.lines().find(is_it)?.split_once('=')?.1.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: &str = "ComSpec=D:\\Windows\\system32\\cmd.exe\nCOMPUTERNAME=PC1\nProgramData=D:\\Daten\n\
        PUBLIC=D:\\Leute\\Public\nSystemRoot=D:\\Windows\n";
    const CONTROL: &str = "\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl\n    \
        DumpFile    REG_EXPAND_SZ    %SystemRoot%\\Memory.dmp\n    \
        MinidumpDir    REG_EXPAND_SZ    E:\\Dumps of %ComputerName%\n    \
        DedicatedDumpFile    REG_SZ    E:\\reserved.dmp\n\n\
        HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\CrashControl\\LiveKernelReports\n    \
        LiveKernelReportsPath    REG_SZ    \\??\\E:\\live\n\n";
    const LOCAL: &str = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\\LocalDumps\n    DumpFolder    REG_EXPAND_SZ    E:\\one\\\n\n\
        HKEY_LOCAL_MACHINE\\SOFTWARE\\X\\LocalDumps\\a.exe\n    DumpFolder    REG_EXPAND_SZ    \\SystemRoot\\two\n    \
        DumpCount    REG_DWORD    0xa\n";

    #[test]
    fn folders_are_where_the_guest_says() {
        let places = from_answers(ENVIRONMENT, CONTROL, LOCAL);
        assert_eq!(places.files[0].0, r"D:\Windows\MEMORY.DMP");
        let has = |path: &str| places.folders.iter().any(|folder| folder.path == path);
        for path in [r"D:\Windows\Minidump", r"E:\Dumps of PC1", r"E:\live", r"E:\one", r"D:\Windows\two"] {
            assert!(has(path), "{path}");
        }
        assert!(has(r"D:\Daten\Microsoft\Windows\WER\ReportQueue"));
        assert_eq!(places.profiles, r"D:\Leute");
        assert_eq!(places.reserved.as_deref(), Some(r"E:\reserved.dmp"));
    }

    #[test]
    fn a_guest_that_tells_nothing_has_what_windows_has() {
        let silent = EvidencePlaces::of(&EvidenceSettings::default(), &|_| None);
        assert_eq!(from_answers("", "", ""), silent);
    }
}
