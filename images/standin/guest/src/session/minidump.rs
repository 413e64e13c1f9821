//! Turns a dump found at a good boot into a file of `\Windows\Minidump`.

use std::io;
use std::time::SystemTime;

use standin_face::Volume;

use crate::clock;

/// Writes the dump and returns its Windows path: `MMDDYY-<milliseconds since the start>-01.dmp`.
pub(crate) fn keep(volume: &Volume, folder: &str, dump: &[u8], now: SystemTime, uptime_ms: u64) -> io::Result<String> {
    let stem = format!("{}-{uptime_ms}", clock::short_date(now));
    let name = |number: u32| format!("{folder}\\{stem}-{number:02}.dmp");
    let path = (1..100).map(name).find(|path| !volume.resolve(path).exists()).unwrap_or_else(|| name(100));
    volume.write_durably(volume.resolve(&path), dump)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn names_are_as_windows_gives_them_and_never_reused() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let now = UNIX_EPOCH + Duration::from_secs(1_756_675_981);
        let keep = || keep(&volume, r"C:\Windows\Minidump", b"dump", now, 14_875).unwrap();
        assert_eq!(keep(), r"C:\Windows\Minidump\083125-14875-01.dmp");
        assert_eq!(keep(), r"C:\Windows\Minidump\083125-14875-02.dmp");
        let file = volume.resolve(r"C:\windows\minidump\083125-14875-02.dmp");
        assert_eq!(std::fs::read(file).unwrap(), b"dump");
    }
}
