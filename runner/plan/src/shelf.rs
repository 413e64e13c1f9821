//! The catalogues by themselves, for those who ask what is there without a matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coexist_model::{Image, MachineProfile};

use crate::artefacts;
use crate::catalogue::{self, Desk};
use crate::message::{Report, Severity};

/// One entry of the image catalogue.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// The name of its folder.
    pub id: String,
    /// Its file.
    pub file: PathBuf,
    /// Whether it is the stand-in guest.
    pub stand_in: bool,
    /// How it is made, where the entry says so.
    pub made_by: Option<String>,
    /// The machine around its disk, where the entry is right.
    pub machine: Option<MachineProfile>,
    /// The image with its digest and host key, where all of its files are there.
    pub image: Option<Image>,
    /// What is wrong with the entry, or not there yet.
    pub report: Report,
}

/// Reads every entry of an image folder, and looks for the files it names. Disks are not read.
#[must_use]
pub fn catalogue(images: &Path) -> Vec<CatalogueEntry> {
    catalogue::images(images).into_iter().map(|(id, file)| entry(id, file)).collect()
}

/// Vendors of drivers, by the recipes of a folder. A recipe with mistakes names none: `check` tells them.
#[must_use]
pub fn driver_owners(recipes: &Path) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for product in catalogue::recipes(recipes).values().filter_map(|path| catalogue::quiet_product(path)) {
        for (driver, _) in product.driver_files {
            owners.entry(driver).or_insert_with(|| product.vendor.clone());
        }
    }
    owners
}

fn entry(id: String, file: PathBuf) -> CatalogueEntry {
    let mut desk = Desk::default();
    let checked = desk.image(&file);
    let mut image = None;
    if let Some(checked) = &checked {
        image = artefacts::pin_image(checked, Severity::Warning, &mut desk.messages);
    }
    CatalogueEntry {
        id,
        file,
        stand_in: checked.as_ref().is_some_and(|entry| entry.stand_in),
        made_by: checked.as_ref().and_then(|entry| entry.made_by.clone()),
        machine: checked.map(|entry| entry.machine.clone()),
        image,
        report: Report::new(Arc::new(desk.sources), desk.messages),
    }
}

impl CatalogueEntry {
    /// What is wrong or missing, in one line; empty when nothing is.
    #[must_use]
    pub fn lacks(&self) -> String {
        let found: BTreeSet<&str> = self.report.messages().iter().map(|message| message.found()).collect();
        found.into_iter().collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "id: small\nmade-by: make it\ndisk: {path: disk.qcow2, sha256-file: disk.sha256}\n\
                         windows: {build: 26100, edition: client}\n\
                         machine: {processor: Westmere, memory: 256 MiB}\n\
                         ssh: {user: lab, host-key-file: host.pub, key-file: key}\n";

    fn shelf(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<CatalogueEntry>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("small")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join("small").join(name), text).unwrap();
        }
        let entries = catalogue(folder.path());
        (folder, entries)
    }

    #[test]
    fn an_entry_tells_what_it_lacks_and_how_it_is_made() {
        let (_folder, entries) = shelf(&[("image.yaml", ENTRY)]);
        let [entry] = &entries[..] else { panic!("one entry, not {entries:?}") };
        assert_eq!((entry.id.as_str(), entry.made_by.as_deref()), ("small", Some("make it")));
        assert_eq!(entry.machine.as_ref().map(|machine| machine.memory_mib), Some(256));
        assert!(entry.image.is_none() && entry.report.errors() == 0);
        let lacks =
            "the digest is not there; the disk is not there; the host key is not there; the private key is not there";
        assert_eq!(entry.lacks(), lacks);
    }

    #[test]
    fn a_whole_entry_lacks_nothing() {
        let digest = "0".repeat(64);
        let host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7VFxXTsTaZAZDDZC8KRY8zRrBkFkwzlXR1YTlVm3rT lab";
        let files =
            [("image.yaml", ENTRY), ("disk.qcow2", ""), ("disk.sha256", &digest), ("host.pub", host_key), ("key", "")];
        let (_folder, entries) = shelf(&files);
        assert_eq!((entries[0].lacks().as_str(), entries[0].image.is_some()), ("", true), "{}", entries[0].report);
    }

    #[test]
    fn a_wrong_entry_is_an_error() {
        let (_folder, entries) = shelf(&[("image.yaml", "id: small\n")]);
        assert!(entries[0].report.errors() > 0 && entries[0].machine.is_none());
        let (_folder, entries) = shelf(&[("notes.txt", "no entry")]);
        assert!(entries.is_empty());
    }
}
