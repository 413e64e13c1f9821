//! Golden disks: there, whole, what the plan was made from, and on their own.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coexist_model::{Disk, FaultKind, LabFault, Sha256};
use sha2::Digest;

use crate::faults;

/// What tells that a file is still the one that was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(path: &Path, meta: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// Digests of files, computed once in this process for as long as a file does not change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digests(Arc<Mutex<HashMap<Identity, Sha256>>>);

impl Digests {
    /// Checks a golden disk and returns its one true path. Reads the whole file the first time: not for async threads.
    pub(crate) fn check(&self, disk: &Disk) -> Result<PathBuf, LabFault> {
        let path = disk.path.canonicalize().map_err(|error| unreadable(&disk.path, &error))?;
        let mut file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let read = |error| faults::file("reading the image", &path, &error);
        let meta = file.metadata().map_err(read)?;
        if !meta.is_file() {
            let message = format!("the image {} is no file; its entry must name a qcow2 file", path.display());
            return Err(LabFault::new(FaultKind::ImageMissing, message));
        }
        stands_alone(&mut file, &path)?;
        let identity = Identity::of(&path, &meta);
        let found = {
            // Held while hashing: arms that start together wait for one reading of the file.
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(&identity) {
                Some(digest) => digest.clone(),
                None => {
                    let digest = digest(&path).map_err(read)?;
                    known.insert(identity, digest.clone());
                    digest
                }
            }
        };
        if found != disk.sha256 {
            let message = format!(
                "the image {} is not what the plan was made from: its digest is {found}, the plan says {}; make the image \
                 anew, or pin its new digest if it was changed on purpose",
                path.display(),
                disk.sha256
            );
            return Err(LabFault::new(FaultKind::ImageAltered, message));
        }
        Ok(path)
    }
}

/// Checks a golden disk against its digest, and returns its one true path. Reads the whole file.
///
/// # Errors
/// It is not there, not whole, or not what it was.
pub fn check_disk(disk: &Disk) -> Result<PathBuf, LabFault> {
    Digests::default().check(disk)
}

fn unreadable(path: &Path, error: &io::Error) -> LabFault {
    if error.kind() == io::ErrorKind::NotFound {
        let message = format!("the image {} is not there; `coexist doctor` tells how to make it", path.display());
        return LabFault::new(FaultKind::ImageMissing, message);
    }
    faults::file("opening the image", path, error)
}

/// A golden disk that names another file is not pinned by its digest. Layout: QEMU's `docs/interop/qcow2.txt`, header:
/// magic at 0, version at 4, backing file offset at 8, incompatible features at 72 (bit 2: external data file).
fn stands_alone(file: &mut File, path: &Path) -> Result<(), LabFault> {
    let altered = |what: &str| LabFault::new(FaultKind::ImageAltered, format!("the image {} {what}", path.display()));
    let mut header = [0; 80];
    let mut taken = 0;
    while let Some(rest) = header.get_mut(taken..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(|error| faults::file("reading the image", path, &error))? {
            0 => return Err(altered("is too short for a qcow2 file: it was cut short; make it anew")),
            count => taken += count,
        }
    }
    let word = |at: usize| header.get(at..at + 4).map_or(0, |b| b.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)));
    if word(0) != 0x5146_49fb {
        return Err(altered("is no qcow2 file; convert it with `qemu-img convert -O qcow2` and pin its new digest"));
    }
    let external_data = word(4) >= 3 && word(76) & 4 != 0;
    if word(8) != 0 || word(12) != 0 || external_data {
        return Err(altered("names another file below it; make it whole with `qemu-img convert -O qcow2`"));
    }
    Ok(())
}

fn digest(path: &Path) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    Ok(in_hex(hasher))
}

/// The digest of these bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> Sha256 {
    let mut hasher = sha2::Sha256::new();
    hasher.update(bytes);
    in_hex(hasher)
}

fn in_hex(hasher: sha2::Sha256) -> Sha256 {
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header alone, which is all that is looked at.
    fn qcow2(backing: u8, features: u8) -> Vec<u8> {
        let mut header = vec![0; 104];
        header[..8].copy_from_slice(&[0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
        header[15] = backing;
        header[79] = features;
        header
    }

    fn kind(digests: &Digests, path: &Path, sha256: &str) -> Result<(), FaultKind> {
        let disk = Disk { path: path.to_owned(), sha256: sha256.into() };
        digests.check(&disk).map(drop).map_err(|fault| fault.kind)
    }

    #[test]
    fn only_the_pinned_disk_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.qcow2");
        let digests = Digests::default();
        assert_eq!(kind(&digests, &path, ""), Err(FaultKind::ImageMissing));
        std::fs::write(&path, qcow2(0, 0)).unwrap();
        let right = digest(&path).unwrap();
        assert_eq!(kind(&digests, &path, right.as_str()), Ok(()));
        assert_eq!(kind(&digests, &path, &"0".repeat(64)), Err(FaultKind::ImageAltered));
        assert_eq!(kind(&digests, folder.path(), ""), Err(FaultKind::ImageMissing));

        // Replaced by another file of the same size, as an installer that writes in place would.
        std::fs::write(&path, qcow2(0, 1)).unwrap();
        assert_eq!(kind(&digests, &path, right.as_str()), Err(FaultKind::ImageAltered));
    }

    #[test]
    fn a_digest_is_computed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.qcow2");
        std::fs::write(&path, qcow2(0, 0)).unwrap();
        let digests = Digests::default();
        let right = digest(&path).unwrap();
        for _ in 0..3 {
            assert_eq!(kind(&digests, &path, right.as_str()), Ok(()));
        }
        assert_eq!(digests.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_disk_that_names_another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in
            [("backed", qcow2(9, 0)), ("external", qcow2(0, 4)), ("raw", vec![0; 200]), ("short", vec![0x51])]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let right = digest(&path).unwrap();
            assert_eq!(kind(&Digests::default(), &path, right.as_str()), Err(FaultKind::ImageAltered), "{name}");
        }
    }
}
