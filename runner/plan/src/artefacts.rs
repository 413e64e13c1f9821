//! Files that a matrix rests on: disks, keys, packages. A check warns where one is missing; a plan needs them all.

use std::collections::BTreeMap;
use std::path::Path;

use coexist_model::{Disk, GuestAccess, Image, ImageId, Sha256};

use crate::checked::{Checked, Given, Image as Entry, Named, Origin, Package};
use crate::message::{Message, Mistake, Severity};
use crate::scalars::{digest, host_key};
use crate::source::{Span, absolute, read_text, shown};
use crate::words::quote;

/// Looks for every file; reads those whose content the plan pins. Images that lack something are left out.
pub(crate) fn pin(checked: &Checked, missing: Severity, messages: &mut Vec<Message>) -> BTreeMap<ImageId, Image> {
    let mut looker = Looker { missing, messages };
    let rows = checked.include.iter().map(|row| &row.image);
    let mut images = BTreeMap::new();
    for listed in checked.images.iter().chain(rows) {
        if let Some(image) = looker.image(&listed.image) {
            images.insert(image.id.clone(), image);
        }
    }
    for set in checked.agents.sets().iter().chain(checked.include.iter().map(|row| &row.set)) {
        for member in &set.members {
            let product = checked.products.get(&member.agent);
            let release = product.and_then(|it| it.releases.iter().find(|it| it.version == member.version));
            if let Some(release) = release {
                looker.package(&release.package);
            }
        }
    }
    looker.package(&checked.candidate.package);
    images
}

/// One image whose files are looked for; none where it lacks something.
pub(crate) fn pin_image(entry: &Entry, missing: Severity, messages: &mut Vec<Message>) -> Option<Image> {
    Looker { missing, messages }.image(entry)
}

/// A kind of file, with the page that explains its key.
#[derive(Clone, Copy)]
struct What {
    name: &'static str,
    page: &'static str,
}

const DISK: What = What { name: "disk", page: "image.md#disk" };
const DIGEST: What = What { name: "digest", page: "image.md#disk" };
const PRIVATE_KEY: What = What { name: "private key", page: "image.md#ssh" };
const HOST_KEY: What = What { name: "host key", page: "image.md#ssh" };
const PACKAGE: What = What { name: "package", page: "recipe.md#package" };

struct Looker<'a> {
    missing: Severity,
    messages: &'a mut Vec<Message>,
}

impl Looker<'_> {
    fn image(&mut self, entry: &Entry) -> Option<Image> {
        let made_by = entry.made_by.as_deref();
        let disk = self.there(&entry.disk.path, entry.disk.span, DISK, made_by);
        let key = self.there(&entry.key_file.path, entry.key_file.span, PRIVATE_KEY, made_by);
        let sha256 = self.given(&entry.digest, made_by, DIGEST, Mistake::BadDigest, |text| {
            // As `sha256sum` writes it: the digest, then the file's name.
            digest(text.split_whitespace().next().unwrap_or(""))
        });
        let host_key = self.given(&entry.host_key, made_by, HOST_KEY, Mistake::BadHostKey, host_key);
        (disk && key).then_some(())?;
        Some(Image {
            id: entry.id.as_str().into(),
            title: entry.title.clone(),
            stand_in: entry.stand_in,
            disk: Disk { path: absolute(&entry.disk.path), sha256: sha256? },
            windows: entry.windows.clone(),
            machine: entry.machine.clone(),
            access: GuestAccess {
                user: entry.user.clone(),
                host_key: host_key?,
                key_file: absolute(&entry.key_file.path),
            },
            boot_deadline: entry.boot_deadline,
            expires: entry.expires,
        })
    }

    fn package(&mut self, package: &Package) {
        if let Origin::Path(path) = &package.origin {
            self.there(path, package.span, PACKAGE, package.made_by.as_deref());
        }
    }

    fn there(&mut self, path: &Path, span: Span, what: What, made_by: Option<&str>) -> bool {
        let there = path.is_file();
        if !there {
            let found = format!("the {} is not there", what.name);
            let message = Message::error(Mistake::MissingFile, span, found, "no such file");
            let message = message.severity(self.missing).page(what.page);
            let message = match made_by {
                Some(command) => message.help(format!("make it with {}", quote(command))),
                None => message.help(format!("looked for as {}", shown(path))),
            };
            self.messages.push(message);
        }
        there
    }

    fn given<T: Clone>(
        &mut self,
        given: &Given<T>,
        made_by: Option<&str>,
        what: What,
        mistake: Mistake,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Named { path, span } = match given {
            Given::Here(value) => return Some(value.clone()),
            Given::InFile(named) => named,
        };
        if !self.there(path, *span, what, made_by) {
            return None;
        }
        let text = match read_text(path) {
            Ok(text) => text,
            Err(error) => {
                let found = format!("the {} cannot be read: {error}", what.name);
                let message = Message::error(Mistake::Unreadable, *span, found, "in this file");
                self.messages.push(message.page(what.page));
                return None;
            }
        };
        rule(text.trim())
            .map_err(|why| {
                let found = format!("this file holds no {}", what.name);
                self.messages.push(Message::error(mistake, *span, found, "in this file").help(why).page(what.page));
            })
            .ok()
    }
}

/// The digest of bytes, as files and messages write it.
pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    Sha256::from(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    #[test]
    fn digest_of_nothing() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(super::sha256(b"").as_str(), expected);
    }
}
