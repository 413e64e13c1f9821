//! Builds the stand-in's bootable disk: `standin.qcow2`, without loop devices, mounts or root's powers.
//!
//! ```text
//! cargo build -p standin ──► init ─┐
//! apt-get download ──► kernel ─────┼─► initrd ─► FAT partition (syslinux, unified kernel image) ─┐
//! host's ntfs-3g and libraries ────┘                                                             ├─► disk.raw
//!                                        mkntfs ─► NTFS partition ────────────────────────────────┘     │
//!        standin.qcow2 ◄── qemu-img convert ◄── one boot that fills the volume and powers off ◄─────────┘
//! ```
//!
//! One disk boots under SeaBIOS (syslinux) and OVMF (the unified kernel image as `EFI/BOOT/BOOTX64.EFI`). Nothing is
//! rebuilt while the inputs' digest stays the same.

mod digest;
mod disk;
mod error;
mod init;
mod initramfs;
mod kernel;
mod keys;
mod run;
mod setup;
mod tools;
mod uki;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{BuildError, MissingTool};
pub use tools::required_tools;

use error::at;

/// Raised by hand whenever the recipe changes in a way that no other input shows.
const RECIPE: &str = "1";

/// Beginning of the names of scratch folders.
const SCRATCH: &str = "build-";

/// What to build, from what, to where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Root of the workspace that holds the crate `standin`.
    pub workspace: PathBuf,
    /// Where the results go; usually `images/standin/out` under the workspace.
    pub out_dir: PathBuf,
    /// The cargo to call.
    pub cargo: PathBuf,
    /// Cargo profile of the init.
    pub profile: String,
    /// How long the boot that fills the volume may take.
    pub setup_deadline: Duration,
}

impl Options {
    /// The usual options for a workspace: results under `images/standin/out`, cargo from `$CARGO`.
    #[must_use]
    pub fn for_workspace(workspace: &Path) -> Self {
        Self {
            workspace: workspace.to_owned(),
            out_dir: workspace.join("images/standin/out"),
            cargo: std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from),
            profile: "guest".to_owned(),
            setup_deadline: Duration::from_secs(90),
        }
    }
}

/// The image and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The disk, qcow2.
    pub disk: PathBuf,
    /// SHA-256 of the disk file, lower-case hex.
    pub sha256: String,
    /// The guest's host key, one line in OpenSSH's form.
    pub host_key: PathBuf,
    /// Private key that the guest lets in, in OpenSSH's form, readable by its owner alone.
    pub client_key: PathBuf,
    /// Whether anything had to be built.
    pub rebuilt: bool,
}

/// Builds the image, or finds that the one at hand is still right. Two builders at once wait for each other.
///
/// # Errors
/// When a tool is missing (all are named at once) or fails, or when the disk's first boot does not end well. The image
/// built before stays as it was.
pub fn build(options: &Options, progress: &dyn Fn(&str)) -> Result<BuiltImage, BuildError> {
    tools::check()?;
    let out = &options.out_dir;
    let work = out.join("work");
    fs::create_dir_all(&work).map_err(at(&work))?;
    let lock_file = work.join("lock");
    let lock = File::create(&lock_file).map_err(at(&lock_file))?;
    lock.lock().map_err(at(&lock_file))?;
    remove_abandoned(&work)?;

    let init = init::build(options, progress)?;
    let kernel = kernel::fetch(&work.join("kernel"), progress)?;
    let inputs = digest::of_inputs(RECIPE, &init, &kernel)?;
    let finished = Finished::in_folder(out);
    if let Some(image) = finished.if_made_of(&inputs) {
        return Ok(image);
    }

    let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&work).map_err(at(&work))?;
    let keys = keys::generate_once(&work.join("keys"))?;
    progress("putting the initramfs together");
    let initrd = initramfs::boot(scratch.path(), &init, &kernel)?;
    let payload = initramfs::setup(scratch.path(), &initrd, &keys)?;
    progress("laying out the disk");
    let raw = disk::lay_out(scratch.path(), &kernel.image, &initrd)?;
    progress("filling the Windows volume: the disk's first boot");
    setup::boot(scratch.path(), &raw, &kernel.image, &payload, options.setup_deadline)?;
    progress("compacting");
    let disk = disk::compact(scratch.path(), &raw)?;
    finished.publish(&disk, &keys, &inputs)
}

/// The files of a finished build.
struct Finished {
    disk: PathBuf,
    sha256: PathBuf,
    host_key: PathBuf,
    client_key: PathBuf,
    inputs: PathBuf,
}

impl Finished {
    fn in_folder(out: &Path) -> Self {
        Self {
            disk: out.join("standin.qcow2"),
            sha256: out.join("standin.qcow2.sha256"),
            host_key: out.join("host_key.pub"),
            client_key: out.join("id_ed25519"),
            inputs: out.join("inputs.sha256"),
        }
    }

    fn if_made_of(&self, inputs: &str) -> Option<BuiltImage> {
        let same = fs::read_to_string(&self.inputs).is_ok_and(|it| it.trim() == inputs);
        let whole = [&self.disk, &self.host_key, &self.client_key].iter().all(|it| it.is_file());
        let sha256 = fs::read_to_string(&self.sha256).ok()?.trim().to_owned();
        (same && whole).then(|| self.image(sha256, false))
    }

    /// Puts new files in place of the old ones; the digest of the inputs comes last, so that a break in between leads to
    /// another build and never to a mixture that passes for finished.
    fn publish(&self, disk: &Path, keys: &keys::Keys, inputs: &str) -> Result<BuiltImage, BuildError> {
        let sha256 = digest::of_file(disk)?;
        fs::remove_file(&self.inputs).or_else(absent_is_fine).map_err(at(&self.inputs))?;
        for (from, to) in [(&keys.host_public, &self.host_key), (&keys.client_private, &self.client_key)] {
            fs::copy(from, to).map_err(at(to))?;
        }
        fs::rename(disk, &self.disk).map_err(at(&self.disk))?;
        fs::write(&self.sha256, format!("{sha256}\n")).map_err(at(&self.sha256))?;
        fs::write(&self.inputs, format!("{inputs}\n")).map_err(at(&self.inputs))?;
        Ok(self.image(sha256, true))
    }

    fn image(&self, sha256: String, rebuilt: bool) -> BuiltImage {
        BuiltImage {
            disk: self.disk.clone(),
            sha256,
            host_key: self.host_key.clone(),
            client_key: self.client_key.clone(),
            rebuilt,
        }
    }
}

/// Removes what builds that were killed left behind; nobody else builds while this one holds the lock.
fn remove_abandoned(work: &Path) -> Result<(), BuildError> {
    for entry in fs::read_dir(work).map_err(at(work))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
        }
    }
    Ok(())
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_build_is_recognised_by_its_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let keys = keys::Keys {
            host_private: write("a", ""),
            host_public: write("b", "ssh-ed25519 AAAA\n"),
            client_private: write("c", "secret"),
            client_public: write("d", ""),
        };
        let out = tempfile::tempdir_in(folder.path()).unwrap();
        let finished = Finished::in_folder(out.path());
        assert_eq!(finished.if_made_of("one"), None, "nothing there yet");

        let built = finished.publish(&write("disk", "bytes"), &keys, "one").unwrap();
        assert!(built.rebuilt);
        assert_eq!(built.sha256.len(), 64);
        assert_eq!(finished.if_made_of("one"), Some(BuiltImage { rebuilt: false, ..built.clone() }));
        assert_eq!(finished.if_made_of("two"), None, "other inputs");
        fs::remove_file(&built.disk).unwrap();
        assert_eq!(finished.if_made_of("one"), None, "the disk is gone");
    }
}
