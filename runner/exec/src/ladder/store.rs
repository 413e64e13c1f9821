//! What a climb has made safe on this host.

use std::io;
use std::path::{Path, PathBuf};

use coexist_model::{Evidence, EvidenceKind, Happening, Rung, Sha256};
use sha2::Digest;

use super::Ladder;
use super::incoming::{Form, Incoming};
use super::known::Had;
use crate::arm::ArmRun;

/// Bytes of a guest's files that are kept of one arm. A dump of all memory of a guest of 4 GiB passes, a second one does
/// not: a nightly run of many cells must not fill its host.
const BUDGET: u64 = 5 << 30;

/// What was taken, and how much may still be.
pub(super) struct Store {
    root: PathBuf,
    left: u64,
    files: u32,
    /// Files of the guest that are safe whole.
    pub(super) had: Had,
    /// A file that is on its way.
    partial: Option<PathBuf>,
}

impl Store {
    pub(super) fn new(arm: &ArmRun<'_>) -> Self {
        let root = arm.scene.folder.root().to_owned();
        Self { root, left: BUDGET, files: 0, had: Had::default(), partial: None }
    }

    /// How many files are safe.
    pub(super) fn files(&self) -> u32 {
        self.files
    }

    /// How many more bytes may be taken.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Begins a file; until it is kept it has another name.
    ///
    /// # Errors
    /// When the host refuses it.
    pub(super) fn begin(&mut self, file: &str, form: Form) -> io::Result<Incoming> {
        let part = self.part(file)?;
        Incoming::create(part, form)
    }

    /// Where a file is written until it is kept. It is gone with the rung otherwise.
    ///
    /// # Errors
    /// When the host refuses its folder.
    pub(super) fn part(&mut self, file: &str) -> io::Result<PathBuf> {
        self.drop_partial();
        let part = self.root.join(format!("{file}.part"));
        std::fs::create_dir_all(part.parent().unwrap_or(&self.root))?;
        self.partial = Some(part.clone());
        Ok(part)
    }

    /// Half a file proves nothing.
    pub(super) fn drop_partial(&mut self) {
        if let Some(part) = self.partial.take() {
            // It may be a folder, or not have been created at all.
            if std::fs::remove_file(&part).is_err() {
                let _ = std::fs::remove_dir_all(&part);
            }
        }
    }
}

impl Ladder<'_, '_> {
    /// The name of a piece of evidence that no other piece has.
    pub(super) fn free_name(&self, name: &str) -> String {
        // Nothing else writes here, so a name that is free is so until it is used.
        let mut names = names(name).map(|name| self.arm.evidence(&name));
        names.find(|file| !self.store.path(file).exists()).unwrap_or_else(|| self.arm.evidence(name))
    }

    /// A file is whole: gives it its name and tells of it.
    ///
    /// # Errors
    /// When the host refuses it, in words.
    pub(super) async fn keep(&mut self, part: &Path, file: String, kind: EvidenceKind, rung: Rung) -> io::Result<()> {
        let path = self.store.path(&file);
        let whole = part.to_owned();
        let (sha256, size) = tokio::task::spawn_blocking(move || digest(&whole)).await??;
        // No waiting from here on: a rung that is cut leaves no file that nobody is told of.
        std::fs::rename(part, &path)?;
        if self.store.partial.as_deref() == Some(part) {
            self.store.partial = None;
        }
        self.store.files += 1;
        // The budget is for what the guest has lying about; the host's own pieces have their own limits.
        if !matches!(rung, Rung::Memory | Rung::Console | Rung::Host) {
            self.store.left = self.store.left.saturating_sub(size);
        }
        let evidence = Evidence { path: file, kind, rung, sha256, size };
        self.arm.scene.recorder.tell(Happening::EvidenceTaken { of: self.arm.of.clone(), evidence });
        Ok(())
    }
}

/// The name itself, then with a number: `minidump-1.dmp`, `minidump-2.dmp`; `screen.png`, `screen-2.png`.
fn names(name: &str) -> impl Iterator<Item = String> {
    let (stem, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
    let stem = stem.strip_suffix("-1").unwrap_or(stem).to_owned();
    let numbered = (2..).map(move |number: u32| format!("{stem}-{number}{extension}"));
    std::iter::once(name.to_owned()).chain(numbered)
}

fn digest(path: &Path) -> io::Result<(Sha256, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let count = io::Read::read(&mut file, &mut buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        hasher.update(&buffer[..count]);
    }
    let digits: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((Sha256::from(digits), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_have_one_name() {
        for (name, then) in [
            ("minidump-1.dmp", ["minidump-2.dmp", "minidump-3.dmp"]),
            ("Acme.exe.1234.dmp", ["Acme.exe.1234-2.dmp", "Acme.exe.1234-3.dmp"]),
            ("SYSTEM", ["SYSTEM-2", "SYSTEM-3"]),
        ] {
            assert_eq!(names(name).take(3).collect::<Vec<_>>(), [[name].as_slice(), &then].concat());
        }
    }

    #[test]
    fn a_file_is_nowhere_until_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let mut store = Store { root, left: 9, files: 0, had: Had::default(), partial: None };
        let incoming = store.begin("evidence/a.dmp", Form::Plain).unwrap();
        let part = incoming.finish().unwrap();
        assert!(part.exists() && !store.path("evidence/a.dmp").exists());
        store.drop_partial();
        assert!(!part.exists());
    }
}
