//! What the registry says about crashes, read once per boot: Windows too obeys changes only after a restart
//! (SupportArticles, memory-dump-file-options).

use standin_face::{RegValue, Registry};

/// Key of the crash settings.
pub(crate) const CRASH_CONTROL: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\CrashControl";
const MEMORY_MANAGEMENT: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";
/// Size of a page file or dump file that nobody gave one, in MiB. A small dump needs far less.
const DEFAULT_MIB: u32 = 16;
/// Largest file this little volume is asked for, in MiB.
const MOST_MIB: u32 = 128;

/// A file that is to exist before a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// Windows path.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
}

/// Which dump a stop leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DumpKind {
    /// None.
    None,
    /// A small one.
    Small,
    /// One of the kernel's memory. The stand-in writes it for a complete dump too: it has no other memory.
    Kernel,
}

impl DumpKind {
    /// What `CrashDumpEnabled` says (KB254649): 0 none, 1 complete, 2 kernel, 3 small, 7 automatic.
    fn of(number: u32) -> Self {
        match number {
            0 => Self::None,
            3 => Self::Small,
            _ => Self::Kernel,
        }
    }
}

/// The crash settings of this boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrashSettings {
    /// The dump that is written.
    pub(crate) dump: DumpKind,
    /// Whether the machine restarts by itself.
    pub(crate) restart: bool,
    /// Whether the next good boot logs the crash.
    pub(crate) log_event: bool,
    /// Folder of small dumps, Windows path.
    pub(crate) minidumps: String,
    /// File of a dump of the kernel's memory, Windows path.
    pub(crate) memory_dump: String,
    /// Whether such a dump may replace an older one.
    pub(crate) overwrite: bool,
    /// The page file, unless the system is told to have none.
    pub(crate) page_file: Option<Reserved>,
    /// A dump file of its own.
    pub(crate) dedicated: Option<Reserved>,
}

impl CrashSettings {
    /// Reads the settings; Windows' defaults hold for what is not there.
    pub(crate) fn read(registry: &Registry) -> Self {
        let number = |name| registry.get(CRASH_CONTROL, name).and_then(|it| it.as_u32());
        let text = |name| registry.text(CRASH_CONTROL, name).filter(|it| !it.is_empty());
        Self {
            dump: DumpKind::of(number("CrashDumpEnabled").unwrap_or(7)),
            restart: number("AutoReboot").unwrap_or(1) != 0,
            log_event: number("LogEvent").unwrap_or(1) != 0,
            minidumps: text("MinidumpDir").map_or_else(|| r"C:\Windows\Minidump".to_owned(), |it| expand(&it)),
            memory_dump: text("DumpFile").map_or_else(|| r"C:\Windows\MEMORY.DMP".to_owned(), |it| expand(&it)),
            overwrite: number("Overwrite").unwrap_or(1) != 0,
            page_file: page_file(registry.get(MEMORY_MANAGEMENT, "PagingFiles")),
            dedicated: text("DedicatedDumpFile")
                .map(|path| Reserved { path: expand(&path), size: bytes(number("DumpFileSize").unwrap_or(0)) }),
        }
    }

    /// The file a dump goes to.
    pub(crate) fn target(&self) -> Option<&Reserved> {
        self.dedicated.as_ref().or(self.page_file.as_ref()).filter(|_| self.dump != DumpKind::None)
    }
}

/// `C:\pagefile.sys 16 16`, `?:\pagefile.sys`, or nothing at all for no page file.
fn page_file(value: Option<RegValue>) -> Option<Reserved> {
    let Some(RegValue::MultiSz(lines)) = value else {
        return Some(Reserved { path: r"C:\pagefile.sys".to_owned(), size: bytes(0) });
    };
    let line = lines.into_iter().find(|it| !it.trim().is_empty())?;
    let mut words = line.split_whitespace();
    let path = words.next()?.replacen('?', "C", 1);
    let initial = words.next().and_then(|it| it.parse().ok()).unwrap_or(0);
    Some(Reserved { path, size: bytes(initial) })
}

fn bytes(mib: u32) -> u64 {
    let mib = if mib == 0 { DEFAULT_MIB } else { mib.min(MOST_MIB) };
    u64::from(mib) << 20
}

fn expand(path: &str) -> String {
    const ROOT: &str = "%systemroot%";
    match path.to_ascii_lowercase().find(ROOT) {
        Some(at) => format!("{}C:\\Windows{}", &path[..at], &path[at + ROOT.len()..]),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use standin_face::Volume;

    use super::*;

    fn registry() -> (tempfile::TempDir, Registry) {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::load(&Volume::new(folder.path().to_owned())).unwrap();
        (folder, registry)
    }

    #[test]
    fn an_empty_registry_means_the_defaults() {
        let (_folder, registry) = registry();
        let settings = CrashSettings::read(&registry);
        assert!(settings.restart && settings.log_event && settings.overwrite);
        assert_eq!((settings.dump, settings.memory_dump.as_str()), (DumpKind::Kernel, r"C:\Windows\MEMORY.DMP"));
        assert_eq!(settings.target().unwrap().path, r"C:\pagefile.sys");
        assert_eq!(settings.minidumps, r"C:\Windows\Minidump");
    }

    #[test]
    fn settings_are_obeyed() {
        let (_folder, registry) = registry();
        let set = |name: &str, value| registry.set(CRASH_CONTROL, name, value).unwrap();
        set("AutoReboot", RegValue::Dword(0));
        set("MinidumpDir", RegValue::ExpandSz(r"%SystemRoot%\Dumps".to_owned()));
        set("DedicatedDumpFile", RegValue::Sz(r"C:\dd.sys".to_owned()));
        set("DumpFileSize", RegValue::Dword(4));
        let settings = CrashSettings::read(&registry);
        assert!(!settings.restart);
        assert_eq!(settings.minidumps, r"C:\Windows\Dumps");
        assert_eq!(settings.target(), Some(&Reserved { path: r"C:\dd.sys".to_owned(), size: 4 << 20 }));
        set("CrashDumpEnabled", RegValue::Dword(3));
        assert_eq!(CrashSettings::read(&registry).dump, DumpKind::Small);
        set("CrashDumpEnabled", RegValue::Dword(0));
        assert_eq!(CrashSettings::read(&registry).target(), None);
    }

    #[test]
    fn paging_files() {
        let multi = |lines: &[&str]| Some(RegValue::MultiSz(lines.iter().map(|it| (*it).to_owned()).collect()));
        assert_eq!(page_file(multi(&[])), None);
        assert_eq!(page_file(multi(&[""])), None);
        assert_eq!(page_file(multi(&[r"?:\pagefile.sys"])).unwrap().path, r"C:\pagefile.sys");
        let file = page_file(multi(&[r"C:\p.sys 2 64"])).unwrap();
        assert_eq!(file, Reserved { path: r"C:\p.sys".to_owned(), size: 2 << 20 });
        assert_eq!(page_file(multi(&[r"C:\p.sys 9999 9999"])).unwrap().size, 128 << 20);
    }
}
