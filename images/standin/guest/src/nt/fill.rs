//! A product's file that takes the room of all others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Written in one go.
const PART: usize = 1 << 20;
/// What a file system gives out at least.
const CLUSTER: u64 = 4096;

/// Lets the file grow until its file system has no more than `leave` bytes left.
pub(super) fn fill(path: &Path, leave: u64) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    grow(&mut file, || Ok(free(path)?.saturating_sub(leave)))?;
    file.sync_all()
}

/// Writes as long as there is room, which is asked for anew each time: others write too.
fn grow(file: &mut File, room: impl Fn() -> io::Result<u64>) -> io::Result<()> {
    // bytes that no file system keeps as a hole
    let part = vec![0xa5; PART];
    loop {
        let room = room()?;
        if room < CLUSTER {
            return Ok(());
        }
        let length = usize::try_from(room).unwrap_or(PART).min(PART);
        match file.write_all(&part[..length]) {
            Ok(()) => file.sync_data()?,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn free(path: &Path) -> io::Result<u64> {
    let it = rustix::fs::statvfs(path)?;
    Ok(it.f_bavail.saturating_mul(it.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_grows_as_long_as_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.bin");
        let length = || fs::metadata(&path).unwrap().len();
        let mut file = File::create(&path).unwrap();
        let disk = 2 * PART as u64 + 5 * CLUSTER + 7;
        grow(&mut file, || Ok(disk - length())).unwrap();
        assert_eq!(length(), disk);
        fill(&path, u64::MAX).unwrap();
        assert_eq!(length(), disk, "more is to be left than there is");
    }
}
