//! How long a driver and its content have been there, counted in boots. Kept under the driver's own service key, so that
//! it goes when the service goes.

use std::io;

use standin_face::{RegValue, Registry, SERVICES_KEY};

/// What is remembered of a driver, as numbers of boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ages {
    /// Boots begun since it was installed: 0 in the session that installed it.
    pub(crate) driver: u32,
    /// Boots begun since its content changed: 0 in the session that changed it.
    pub(crate) content: u32,
}

/// Who noticed something new: it happened either in this session or before this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// By the running system.
    Live,
    /// By a starting system: somebody changed it before this boot began.
    AtBoot,
}

/// The history of drivers in this boot.
pub(crate) struct History<'a> {
    /// Where it is kept.
    pub(crate) registry: &'a Registry,
    /// Number of this boot.
    pub(crate) boot_id: u32,
}

impl History<'_> {
    /// Notes that a driver was loaded from a file with this digest. True when it is new here.
    pub(crate) fn note_driver(&self, service: &str, digest: &str, noticed: Noticed) -> io::Result<bool> {
        self.note(service, "Image", "InstalledBefore", digest, noticed)
    }

    /// Notes the version of the content the driver works from. True when it is another one than before.
    pub(crate) fn note_content(&self, service: &str, version: &str, noticed: Noticed) -> io::Result<bool> {
        self.note(service, "Content", "ContentBefore", version, noticed)
    }

    /// How old driver and content are.
    pub(crate) fn ages(&self, service: &str) -> Ages {
        let age = |name| {
            let first = self.registry.get(&key(service), name).and_then(|it| it.as_u32());
            first.map_or(0, |first| (self.boot_id + 1).saturating_sub(first))
        };
        Ages { driver: age("InstalledBefore"), content: age("ContentBefore") }
    }

    /// The number kept is that of the first boot that counts.
    fn note(&self, service: &str, what: &str, since: &str, value: &str, noticed: Noticed) -> io::Result<bool> {
        let key = key(service);
        if self.registry.text(&key, what).as_deref() == Some(value) {
            return Ok(false);
        }
        let first = match noticed {
            Noticed::Live => self.boot_id + 1,
            Noticed::AtBoot => self.boot_id,
        };
        let held = self.registry.hold();
        self.registry.set(&key, what, RegValue::Sz(value.to_owned()))?;
        self.registry.set(&key, since, RegValue::Dword(first))?;
        held.release()?;
        Ok(true)
    }
}

fn key(service: &str) -> String {
    format!("{SERVICES_KEY}\\{service}\\StandIn")
}

#[cfg(test)]
mod tests {
    use standin_face::Volume;

    use super::*;

    #[test]
    fn boots_are_counted_from_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::load(&Volume::new(folder.path().to_owned())).unwrap();
        let boot = |boot_id| History { registry: &registry, boot_id };
        let ages = |boot_id| boot(boot_id).ages("acme");

        assert_eq!(ages(5), Ages { driver: 0, content: 0 }, "unknown");
        assert!(boot(5).note_driver("acme", "a", Noticed::Live).unwrap());
        assert!(boot(5).note_content("acme", "290", Noticed::Live).unwrap());
        assert_eq!(ages(5), Ages { driver: 0, content: 0 });
        assert!(!boot(6).note_driver("acme", "a", Noticed::AtBoot).unwrap());
        assert_eq!(ages(6), Ages { driver: 1, content: 1 });

        assert!(boot(6).note_content("acme", "291", Noticed::Live).unwrap());
        assert_eq!(ages(6), Ages { driver: 1, content: 0 });
        assert_eq!(ages(7), Ages { driver: 2, content: 1 });

        // changed while nobody told the driver: this is the first boot with it
        assert!(boot(8).note_content("acme", "292", Noticed::AtBoot).unwrap());
        assert_eq!(ages(8), Ages { driver: 3, content: 1 });
        assert_eq!(ages(9).content, 2);

        registry.delete_key(&format!("{SERVICES_KEY}\\acme")).unwrap();
        assert!(boot(9).note_driver("acme", "a", Noticed::Live).unwrap(), "installed anew");
    }
}
