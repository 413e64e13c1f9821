//! How a stand-in driver behaves, as its own file says.
//!
//! A driver file of the stand-in is a valid PE file with one extra section, [`SECTION`], that holds a [`Card`] as JSON.
//! The forge writes it, the guest's little kernel obeys it, and nobody outside the guest ever reads it: the runner has to
//! find out what happened from the evidence alone.
//!
//! Pure data and rules; no files, no clock.

mod deed;

use serde::{Deserialize, Serialize};

pub use deed::{CutShort, Deed, Parameter};

/// Name of the PE section that carries the card: eight bytes at most, as PE demands.
pub const SECTION: &str = ".standin";

/// What a driver's file says of the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Altitude at which the driver registers as a file-system minifilter; absent for a driver that is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude: Option<String>,
    /// File, in Windows form (`C:\…`), whose first line is the version of the content the driver works from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What goes wrong, and when. Empty for a driver that behaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misfortunes: Vec<Misfortune>,
}

/// One thing that goes wrong once all its conditions hold at its moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Misfortune {
    /// When the conditions are looked at.
    pub at: Moment,
    /// All of these must hold; none at all means always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// What then happens.
    pub deed: Deed,
}

/// The moments in a driver's life at which it may misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The driver is loaded for the first time, by its installer.
    Install,
    /// The driver reads its content file: at load, and whenever its service is told that the file changed.
    ContentLoad,
    /// The driver is loaded by a starting system.
    Boot,
    /// This many milliseconds after the driver was last loaded or last read its content, whichever was later.
    Running {
        /// Milliseconds.
        after_ms: u64,
    },
}

/// What must hold for a misfortune to strike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The content file's version is this one.
    ContentVersion(String),
    /// A driver with this base name (`acmeflt.sys`, any case) is loaded too.
    DriverLoaded(String),
    /// A registry value reads as this text (`1` for a DWORD of one).
    Registry {
        /// Full key, `HKLM\…`.
        key: String,
        /// Value name.
        name: String,
        /// The data as text: decimal for numbers.
        equals: String,
    },
    /// The number of boots begun since the driver was installed lies in this range, both ends included; 1 is the first.
    BootsWithDriver {
        /// First boot that counts.
        from: u32,
        /// Last boot that counts.
        to: u32,
    },
    /// As above, counted since the content file last changed its version.
    BootsWithContent {
        /// First boot that counts.
        from: u32,
        /// Last boot that counts.
        to: u32,
    },
}

/// What the kernel knows when it looks at a driver's conditions.
pub trait Circumstances {
    /// Version in the driver's content file, where there is one.
    fn content_version(&self) -> Option<&str>;
    /// Whether a driver with this base name is loaded (any case).
    fn driver_loaded(&self, base_name: &str) -> bool;
    /// A registry value as text, where it exists.
    fn registry(&self, key: &str, name: &str) -> Option<String>;
    /// Boots begun since the driver was installed.
    fn boots_with_driver(&self) -> u32;
    /// Boots begun since the content last changed.
    fn boots_with_content(&self) -> u32;
}

impl Condition {
    /// Whether the condition holds.
    #[must_use]
    pub fn holds(&self, now: &impl Circumstances) -> bool {
        match self {
            Self::ContentVersion(version) => now.content_version() == Some(version),
            Self::DriverLoaded(name) => now.driver_loaded(name),
            Self::Registry { key, name, equals } => now.registry(key, name).as_deref() == Some(equals),
            Self::BootsWithDriver { from, to } => (*from..=*to).contains(&now.boots_with_driver()),
            Self::BootsWithContent { from, to } => (*from..=*to).contains(&now.boots_with_content()),
        }
    }
}

impl Card {
    /// The card as the bytes of its PE section.
    ///
    /// # Panics
    /// Never: a card holds nothing that JSON cannot say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the card from its PE section; the section's zero padding is ignored.
    ///
    /// # Errors
    /// When the section is not a card.
    pub fn from_bytes(section: &[u8]) -> Result<Self, serde_json::Error> {
        let end = section.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        serde_json::from_slice(&section[..end])
    }

    /// The first misfortune that strikes at this moment under these circumstances. [`Moment::Running`] never matches
    /// here: its timers are the kernel's, which asks [`Card::timed`].
    #[must_use]
    pub fn strikes(&self, moment: Moment, now: &impl Circumstances) -> Option<&Misfortune> {
        self.misfortunes.iter().find(|it| it.at == moment && it.when.iter().all(|condition| condition.holds(now)))
    }

    /// The misfortunes that wait for time to pass, with their delay in milliseconds.
    pub fn timed(&self) -> impl Iterator<Item = (u64, &Misfortune)> {
        self.misfortunes.iter().filter_map(|it| match it.at {
            Moment::Running { after_ms } => Some((after_ms, it)),
            Moment::Install | Moment::ContentLoad | Moment::Boot => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed {
        content: Option<&'static str>,
        loaded: &'static str,
        boots: u32,
    }

    impl Circumstances for Fixed {
        fn content_version(&self) -> Option<&str> {
            self.content
        }
        fn driver_loaded(&self, base_name: &str) -> bool {
            self.loaded.eq_ignore_ascii_case(base_name)
        }
        fn registry(&self, _: &str, name: &str) -> Option<String> {
            (name == "Enabled").then(|| "1".to_owned())
        }
        fn boots_with_driver(&self) -> u32 {
            self.boots
        }
        fn boots_with_content(&self) -> u32 {
            self.boots
        }
    }

    fn card() -> Card {
        Card {
            altitude: Some("321410".to_owned()),
            content: Some(r"C:\x".to_owned()),
            misfortunes: vec![Misfortune {
                at: Moment::Boot,
                when: vec![
                    Condition::ContentVersion("291".to_owned()),
                    Condition::DriverLoaded("acmeflt.sys".to_owned()),
                    Condition::Registry {
                        key: r"HKLM\A".to_owned(),
                        name: "Enabled".to_owned(),
                        equals: "1".to_owned(),
                    },
                    Condition::BootsWithContent { from: 1, to: 2 },
                ],
                deed: Deed::Bugcheck { code: 0x50, parameters: [Parameter::Value(0); 4] },
            }],
        }
    }

    #[test]
    fn strikes_only_when_every_condition_holds() {
        let strikes =
            |content, loaded, boots| card().strikes(Moment::Boot, &Fixed { content, loaded, boots }).is_some();
        assert!(strikes(Some("291"), "ACMEFLT.SYS", 2));
        assert!(!strikes(Some("290"), "acmeflt.sys", 1), "other content");
        assert!(!strikes(None, "acmeflt.sys", 1), "no content");
        assert!(!strikes(Some("291"), "other.sys", 1), "other driver");
        assert!(!strikes(Some("291"), "acmeflt.sys", 3), "third boot");
        assert!(!strikes(Some("291"), "acmeflt.sys", 0), "not booted yet");
    }

    #[test]
    fn a_card_survives_its_padded_section() {
        let mut bytes = card().to_bytes();
        bytes.resize(1024, 0);
        assert_eq!(Card::from_bytes(&bytes).unwrap(), card());
        assert!(Card::from_bytes(&[0; 512]).is_err());
    }

    #[test]
    fn parameters_follow_the_driver() {
        assert_eq!(Parameter::InDriver(0xe14ed).resolve(0xffff_f806_7143_0000), 0xffff_f806_7151_14ed);
        assert_eq!(Parameter::Value(7).resolve(u64::MAX), 7);
    }
}
