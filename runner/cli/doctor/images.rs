//! Images: whether each has its disk, its digest and its keys.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coexist_model::{Firmware, Image, LabFault, MachineProfile};
use coexist_plan::CatalogueEntry;
use serde_json::{Value, json};

use super::finding::{Finding, State};

/// What is known of the images.
pub(super) struct Facts {
    /// The folder that was asked for and holds none.
    empty: Option<PathBuf>,
    images: Vec<Looked>,
}

struct Looked {
    entry: CatalogueEntry,
    disk_bytes: Option<u64>,
    key: Option<Key>,
    /// Whether the disk is what its digest says, where it was read.
    verified: Option<Result<(), LabFault>>,
}

/// What there is to say of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Good,
    /// Others may read it.
    Open(u32),
    /// It cannot be used.
    Bad(String),
}

impl Facts {
    /// Looks at the images of `asked`, or of `usual` when that is there.
    pub(super) fn of(asked: Option<&Path>, usual: &Path, verify: bool) -> Self {
        let folder = asked.unwrap_or(usual);
        let entries = coexist_plan::catalogue(folder);
        let empty = asked.filter(|_| entries.is_empty()).map(Path::to_owned);
        Self { empty, images: entries.into_iter().map(|entry| look(entry, verify)).collect() }
    }

    /// The image that room is counted in: the stand-in, which the demo runs, or else the first.
    pub(super) fn example(&self) -> Option<(&str, &MachineProfile)> {
        let known = || self.images.iter().filter_map(|it| Some((it, it.entry.machine.as_ref()?)));
        let stand_in = known().find(|(it, _)| it.entry.stand_in);
        stand_in.or_else(|| known().next()).map(|(it, machine)| (it.entry.id.as_str(), machine))
    }

    /// Disks that are there.
    pub(super) fn disks(&self) -> impl Iterator<Item = &Path> {
        self.images.iter().filter_map(|it| Some(it.entry.image.as_ref()?.disk.path.as_path()))
    }

    pub(super) fn findings(&self, uefi: bool) -> Vec<Finding> {
        let empty = self.empty.iter().map(|folder| {
            let found = format!("{} holds no image: an image is a folder with an image.yaml", folder.display());
            Finding::problem("images", found, "name the folder of the image catalogue with --images")
        });
        let mut findings: Vec<Finding> = self.images.iter().map(|it| it.finding(uefi)).collect();
        // Where one image can be used, the others keep nobody from it.
        if findings.iter().any(|it| it.state == State::Ok) {
            for it in &mut findings {
                it.state = it.state.min(State::Warning);
            }
        }
        empty.chain(findings).collect()
    }

    pub(super) fn as_json(&self) -> Value {
        self.images.iter().map(Looked::as_json).collect()
    }
}

fn look(entry: CatalogueEntry, verify: bool) -> Looked {
    let image = entry.image.as_ref();
    Looked {
        disk_bytes: image.and_then(|image| image.disk.path.metadata().ok()).map(|meta| meta.len()),
        key: image.map(|image| key(&image.access.key_file)),
        verified: image.filter(|_| verify).map(|image| coexist_qemu::check_disk(&image.disk).map(drop)),
        entry,
    }
}

fn key(file: &Path) -> Key {
    let read = || Ok::<_, std::io::Error>((file.metadata()?.permissions().mode() & 0o777, std::fs::read(file)?));
    match read() {
        Err(error) => Key::Bad(format!("its private key {} cannot be read: {error}", file.display())),
        Ok((_, text)) if !text.starts_with(b"-----BEGIN ") => {
            Key::Bad(format!("{} holds no private key", file.display()))
        }
        Ok((mode, _)) if mode & 0o077 != 0 => Key::Open(mode),
        Ok(_) => Key::Good,
    }
}

impl Looked {
    fn finding(&self, uefi: bool) -> Finding {
        let entry = &self.entry;
        let name = format!("image {}", entry.id);
        let make =
            || entry.made_by.clone().unwrap_or_else(|| format!("make it anew, as {} says", entry.file.display()));
        let Some(image) = &entry.image else {
            if entry.report.errors() > 0 {
                let found = format!("its entry is wrong: {}", entry.lacks());
                return Finding::problem(name, found, format!("coexist check {}", entry.file.display()));
            }
            return Finding::warning(name, entry.lacks(), make());
        };
        if let Some(Err(fault)) = &self.verified {
            return Finding::problem(name, fault.message.clone(), make());
        }
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        if let Some(expires) = image.expires.filter(|expires| *expires <= today) {
            return Finding::problem(name, format!("it is not used from {expires} on"), make());
        }
        match &self.key {
            Some(Key::Bad(why)) => return Finding::problem(name, why.clone(), make()),
            Some(Key::Open(mode)) => {
                let file = image.access.key_file.display();
                let found = format!("others may read its private key {file} (mode {mode:o})");
                return Finding::warning(name, found, format!("chmod 600 {file}"));
            }
            Some(Key::Good) | None => {}
        }
        if image.machine.firmware == Firmware::Uefi && !uefi {
            return Finding::warning(name, "it needs UEFI firmware, which is not installed", "apt-get install ovmf");
        }
        Finding::ok(name, self.told(image))
    }

    fn told(&self, image: &Image) -> String {
        let size = self.disk_bytes.unwrap_or_default() >> 20;
        let digest =
            if self.verified.is_some() { "as its digest says" } else { "not compared with its digest (--verify)" };
        format!("{} ({size} MiB), {digest}; keys are there", image.disk.path.display())
    }

    fn as_json(&self) -> Value {
        let mut value = json!({"id": self.entry.id, "present": self.entry.image.is_some()});
        if let Some(image) = &self.entry.image {
            value["disk"] = json!(image.disk.path);
            value["sha256"] = json!(image.disk.sha256.as_str());
        }
        if let Some(bytes) = self.disk_bytes {
            value["disk_bytes"] = json!(bytes);
        }
        if let Some(verified) = &self.verified {
            value["verified"] = json!(verified.is_ok());
        }
        value
    }
}
