//! The C: drive: a plain directory, addressed with Windows paths.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// The C: drive.
#[derive(Debug, Clone)]
pub struct Volume {
    root: PathBuf,
}

impl Volume {
    /// The volume whose root directory is `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Directory that is `C:\`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a Windows path lies: `C:\x`, `C:/x`, `/C:/x`, `\x`, `\??\C:\x` or `x` (taken from the root). Letters match in
    /// any case where a name exists; `..` never leads out of the root. A drive other than C: gives a path whose parent
    /// does not exist.
    #[must_use]
    pub fn resolve(&self, windows_path: &str) -> PathBuf {
        let mut at = self.root.clone();
        let (drive, names) = split(windows_path);
        if drive.is_some_and(|letter| letter != 'C') {
            at.push(".no-such-drive");
            at.extend(names);
            return at;
        }
        for name in names {
            let exact = at.join(&name);
            if exact.symlink_metadata().is_ok() {
                at = exact;
            } else {
                at = same_but_case(&at, &name).unwrap_or(exact);
            }
        }
        at
    }

    /// The Windows form `C:\…` of a path under the root.
    #[must_use]
    pub fn windows_path(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
        format!("C:\\{}", names.join("\\"))
    }

    /// Writes a whole file so that a reset at any moment leaves either the old or the new content. Missing directories
    /// are made.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write_durably(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let path = path.as_ref();
        let directory = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(directory)?;
        let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let temporary = directory.join(format!("~standin{number}.tmp"));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
            let _ = fs::remove_file(&temporary);
            if error.kind() == io::ErrorKind::StorageFull && fits_in_place(path, bytes.len()) {
                return overwrite(path, bytes);
            }
            return Err(error);
        }
        sync_directory(directory)
    }
}

/// Whether a file can hold so many bytes with its clusters and those that are left. Registry and logs of Windows have room
/// of their own too, so that a full disk does not keep it from starting.
fn fits_in_place(path: &Path, length: usize) -> bool {
    const CLUSTER: u64 = 4096;
    let Ok(old) = fs::metadata(path) else { return false };
    let left = rustix::fs::statvfs(path).map_or(0, |it| it.f_bavail.saturating_mul(it.f_frsize));
    old.len() > 0 && length as u64 <= old.len().next_multiple_of(CLUSTER).saturating_add(left)
}

/// Writes over a file. A reset meanwhile may leave some of either content.
fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

/// Makes a directory's entries survive a reset. FUSE file systems may not support it; that is no error.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        Err(error) if error.raw_os_error().is_some_and(|code| code != 5 && code != 28) => Ok(()),
        result => result,
    }
}

/// Drive letter (upper case) and cleaned names of a Windows path.
pub(crate) fn split(windows_path: &str) -> (Option<char>, Vec<String>) {
    let text = windows_path.replace('/', "\\");
    let mut rest = text.as_str();
    for prefix in ["\\\\?\\", "\\??\\", "\\\\.\\"] {
        if let Some(stripped) = rest.strip_prefix(prefix) {
            rest = stripped;
        }
    }
    let mut drive = None;
    let unrooted = rest.trim_start_matches('\\');
    let mut letters = unrooted.chars();
    if let (Some(letter), Some(':')) = (letters.next(), letters.next())
        && letter.is_ascii_alphabetic()
    {
        drive = Some(letter.to_ascii_uppercase());
        rest = letters.as_str();
    }
    let mut names: Vec<String> = Vec::new();
    for name in rest.split('\\') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            // Windows drops dots and spaces at the end of a name.
            _ => match name.trim_end_matches(['.', ' ']) {
                "" => {}
                clean => names.push(clean.replace('\0', "")),
            },
        }
    }
    (drive, names)
}

/// The entry of a directory that has this name in other letters.
pub(crate) fn same_but_case(directory: &Path, name: &str) -> Option<PathBuf> {
    let wanted = name.to_lowercase();
    fs::read_dir(directory)
        .ok()?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().to_lowercase() == wanted)
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_every_dress_find_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let file = folder.path().join("Windows/System32/x.txt");
        volume.write_durably(&file, b"1").unwrap();
        for path in [
            r"C:\Windows\System32\x.txt",
            "c:/windows/SYSTEM32/X.TXT",
            "/C:/Windows/System32/x.txt",
            r"\windows\system32\.\x.txt",
            r"\??\C:\Windows\..\..\Windows\System32\x.txt",
            r"windows\system32\x.txt.",
        ] {
            assert_eq!(volume.resolve(path), file, "{path}");
        }
        assert_eq!(volume.resolve(r"..\..\etc\passwd"), folder.path().join("etc/passwd"));
        assert!(!volume.resolve(r"D:\Windows").exists());
        assert_eq!(volume.windows_path(&file), r"C:\Windows\System32\x.txt");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }
}
