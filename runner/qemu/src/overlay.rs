//! A machine's own files: the folder `vm/` with the overlay and the firmware's variables.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use coexist_model::{FaultKind, LabFault};
use tokio::io::AsyncReadExt;

use crate::faults;
use crate::identity::{NOBODY, Starter, User};
use crate::spawner;

/// Paths below a machine's folder.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) overlay: PathBuf,
    pub(crate) variables: PathBuf,
    pub(crate) picture: PathBuf,
    pub(crate) memory: PathBuf,
}

impl Files {
    pub(crate) fn below(folder: &Path) -> Self {
        let vm = folder.join("vm");
        Self {
            overlay: vm.join("overlay.qcow2"),
            variables: vm.join("variables.fd"),
            picture: vm.join("screen.png"),
            memory: vm.join("memory.dump"),
            folder: vm,
        }
    }

    /// Makes the folder, for us alone.
    pub(crate) fn make_folder(&self) -> Result<(), LabFault> {
        let made = std::fs::DirBuilder::new().mode(0o700).create(&self.folder);
        made.map_err(|error| faults::file("making the folder", &self.folder, &error))
    }

    /// Copies the firmware's variables.
    pub(crate) fn copy_variables(&self, from: &Path) -> Result<(), LabFault> {
        let fault = |error: io::Error| faults::file("copying the firmware's variables to", &self.variables, &error);
        std::fs::copy(from, &self.variables).map_err(fault)?;
        // The source is read-only on some distributions.
        std::fs::set_permissions(&self.variables, std::fs::Permissions::from_mode(0o600)).map_err(fault)
    }

    fn all(&self) -> impl Iterator<Item = &Path> {
        [&self.folder, &self.overlay, &self.variables]
            .into_iter()
            .map(PathBuf::as_path)
            .filter(|path| path.symlink_metadata().is_ok())
    }

    /// Gives all to `nobody`, or all of it stays ours.
    pub(crate) fn give_to_nobody(&self) -> io::Result<()> {
        let given = self.all().try_for_each(|path| lchown(path, Some(NOBODY), Some(NOBODY)));
        if given.is_err() {
            self.take_back()?;
        }
        given
    }

    fn take_back(&self) -> io::Result<()> {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        self.all().try_for_each(|path| lchown(path, Some(user), Some(group)))
    }

    /// Once QEMU is gone: the files become ours again, and must be what we made. A guest that broke out of QEMU could
    /// have put a link in the overlay's place, to have us read something else.
    pub(crate) fn seal(&self) -> Result<(), LabFault> {
        let fault = |error: io::Error| faults::file("taking back", &self.folder, &error);
        if !self.folder.exists() {
            return Ok(());
        }
        self.take_back().map_err(fault)?;
        let replaced = |file: &&PathBuf| file.symlink_metadata().is_ok_and(|meta| !meta.is_file());
        match [&self.overlay, &self.variables].into_iter().find(replaced) {
            Some(file) => {
                let seen = format!("{} is no longer a file: QEMU replaced it", file.display());
                let message =
                    format!("{seen}; nothing of it is read: look at the guest, it may have broken out of QEMU");
                Err(LabFault::new(FaultKind::HostFile, message))
            }
            None => Ok(()),
        }
    }

    /// Removes all.
    pub(crate) fn remove(&self) -> Result<(), LabFault> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(faults::file("removing", &self.folder, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Makes an empty overlay over a golden disk, named by its absolute path.
pub(crate) async fn create(
    qemu_img: &Path,
    starter: &Starter,
    golden: &Path,
    overlay: &Path,
    patience: Duration,
) -> Result<(), LabFault> {
    let mut command = starter.as_user(User::Own).command(qemu_img);
    command.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(golden).arg(overlay);
    command.stderr(Stdio::piped());
    let run = async {
        let mut child = spawner::spawn(command).await?;
        let mut words = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(4096).read_to_end(&mut words).await?;
        }
        Ok::<_, io::Error>((child.wait().await?, words))
    };
    let (status, words) = match tokio::time::timeout(patience, run).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => return Err(faults::file("making an overlay with", qemu_img, &error)),
        Err(_late) => {
            let overlay = overlay.display();
            let seen = format!("qemu-img did not make the overlay {overlay} within {patience:?}");
            return Err(LabFault::new(FaultKind::Deadline, format!("{seen}; the host's disk is stuck or very busy")));
        }
    };
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&words);
    let kind = faults::want_in_words(&words).unwrap_or(FaultKind::HostFile);
    Err(faults::fault(kind, format!("qemu-img made no overlay ({status}): {}", words.trim())))
}

/// Opens a file that QEMU wrote. The folder belongs to QEMU's user: links are not followed, pipes not waited for.
pub(crate) fn open_written(file: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(file)
}

/// Takes a picture that QEMU wrote out of its folder.
pub(crate) fn take_picture(file: &Path) -> Result<Vec<u8>, LabFault> {
    /// A screen of 8K without compression.
    const LARGEST: u64 = 128 << 20;
    const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
    /// Type and checksum of the chunk that ends every PNG file.
    const END: [u8; 8] = *b"IEND\xaeB`\x82";
    let fault = |error: io::Error| faults::file("reading the picture", file, &error);
    let mut picture = Vec::new();
    open_written(file).and_then(|open| open.take(LARGEST).read_to_end(&mut picture)).map_err(fault)?;
    std::fs::remove_file(file).map_err(fault)?;
    if !(picture.starts_with(&PNG) && picture.ends_with(&END)) {
        // QEMU reports no error when its disk fills up while it writes.
        let seen = format!("QEMU wrote no whole PNG file, but {} bytes of something", picture.len());
        return Err(LabFault::new(FaultKind::HostFile, format!("{seen}; most often the host's disk is full")));
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_sealed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::below(folder.path());
        files.make_folder().unwrap();
        assert_eq!(files.make_folder().unwrap_err().kind, FaultKind::HostFile);
        std::fs::write(&files.overlay, "x").unwrap();
        files.seal().unwrap();
        std::fs::remove_file(&files.overlay).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &files.overlay).unwrap();
        assert_eq!(files.seal().unwrap_err().kind, FaultKind::HostFile);
        files.remove().unwrap();
        files.remove().unwrap();
        files.seal().unwrap();
        assert!(!files.folder.exists());
    }

    #[test]
    fn only_pictures_that_are_files_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        let picture = b"\x89PNG\r\n\x1a\n...IEND\xaeB`\x82";
        std::fs::write(&file, picture).unwrap();
        assert_eq!(take_picture(&file).unwrap(), picture);
        assert!(!file.exists());
        std::fs::write(&other, picture).unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        assert_eq!(take_picture(&file).unwrap_err().kind, FaultKind::HostFile);
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, b"P6 720 400").unwrap();
        let fault = take_picture(&file).unwrap_err();
        assert!(fault.message.starts_with("QEMU wrote no whole PNG file, but 10 bytes of something; "), "{fault}");
    }
}
