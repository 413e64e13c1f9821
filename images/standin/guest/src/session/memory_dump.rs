//! Turns a dump found at a good boot into files: the small one always, that of the kernel's memory where there is one.

use std::io;
use std::time::SystemTime;

use standin_face::Volume;

use super::crash_settings::CrashSettings;
use super::dump_file::FoundDump;
use super::minidump;

/// Writes the files and returns the Windows path that event 1001 names: that of the larger dump.
///
/// A full disk leaves what was written before: Windows too makes no room for a dump. [K]
pub(crate) fn keep(
    volume: &Volume,
    settings: &CrashSettings,
    found: &FoundDump,
    now: SystemTime,
    uptime_ms: u64,
) -> io::Result<String> {
    let memory = found.kernel.as_ref().filter(|_| settings.overwrite || !exists(volume, &settings.memory_dump));
    if let Some(bytes) = memory {
        volume.write_durably(volume.resolve(&settings.memory_dump), bytes)?;
    }
    let small = minidump::keep(volume, &settings.minidumps, &found.small, now, uptime_ms)?;
    Ok(if memory.is_some() { settings.memory_dump.clone() } else { small })
}

fn exists(volume: &Volume, path: &str) -> bool {
    volume.resolve(path).exists()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::UNIX_EPOCH;

    use standin_face::{RegValue, Registry};

    use super::*;
    use crate::session::crash_settings::CRASH_CONTROL;

    #[test]
    fn a_memory_dump_comes_with_a_small_one_and_replaces_an_older_one_unless_forbidden() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let registry = Registry::load(&volume).unwrap();
        let found = |kernel: &[u8]| FoundDump {
            kernel: Some(kernel.to_vec()),
            small: b"small".to_vec(),
            code: 0,
            parameters: [0; 4],
            time: 0,
        };
        let keep = |kernel: &[u8]| {
            let settings = CrashSettings::read(&registry);
            super::keep(&volume, &settings, &found(kernel), UNIX_EPOCH, 7).unwrap()
        };
        let memory = || fs::read(volume.resolve(r"C:\Windows\MEMORY.DMP")).unwrap();
        assert_eq!(keep(b"one"), r"C:\Windows\MEMORY.DMP");
        assert_eq!(keep(b"two"), r"C:\Windows\MEMORY.DMP");
        assert_eq!(memory(), b"two");
        registry.set(CRASH_CONTROL, "Overwrite", RegValue::Dword(0)).unwrap();
        assert_eq!(keep(b"three"), r"C:\Windows\Minidump\010170-7-03.dmp");
        assert_eq!(memory(), b"two");
        assert_eq!(fs::read_dir(volume.resolve(r"C:\Windows\Minidump")).unwrap().count(), 3);
    }
}
