//! Who makes a driver. What the run's recipes say comes first, then what is publicly documented of security products,
//! then what the driver's own file says of itself: only if it is the file of the very image, as names prove nothing.

use std::collections::BTreeMap;

use coexist_model::{DriverFile, LoadedDriver};

use crate::bytes::{base_name, deceptive};
use crate::pe::organisation;

/// Longest text of a file that is taken over, in characters.
const MAX_TEXT: usize = 128;

/// Drivers of security products, with their vendor and the altitude that Microsoft allocated to them. Source of every
/// line: Microsoft, "Allocated filter altitudes"
/// (`learn.microsoft.com/windows-hardware/drivers/ifs/allocated-altitudes`, of October 2025), where the altitude finds
/// the line. Vendors are written as they call themselves.
#[rustfmt::skip]
const DOCUMENTED: &[(&str, &str, &str)] = &[
    ("csagent.sys",         "CrowdStrike",  "321410"),
    ("im.sys",              "CrowdStrike",  "80680"),
    ("sentinelmonitor.sys", "SentinelOne",  "329355.5"),
    ("sophosed.sys",        "Sophos",       "389220"),
    ("savonaccess.sys",     "Sophos",       "324000"),
    ("hmpalert.sys",        "Sophos",       "345800"),
    ("tmpreflt.sys",        "Trend Micro",  "328500"),
    ("tmevtmgr.sys",        "Trend Micro",  "328510"),
    ("tmeyes.sys",          "Trend Micro",  "328520"),
    ("fileflt.sys",         "Trend Micro",  "328540"),
    ("tmumh.sys",           "Trend Micro",  "388630"),
    ("eamonm.sys",          "ESET",         "328700"),
    ("edevmon.sys",         "ESET",         "400800"),
    ("ehdrv.sys",           "ESET",         "387600"),
    ("symevnt.sys",         "Broadcom",     "365090"),
    ("srtsp64.sys",         "Broadcom",     "329000"),
    ("mfehidk.sys",         "Trellix",      "321300"),
    ("mfencoas.sys",        "Trellix",      "321310"),
    ("mfeaskm.sys",         "Trellix",      "386610"),
    ("epdrv.sys",           "Trellix",      "321320"),
    ("trufos.sys",          "Bitdefender",  "320770"),
    ("atc.sys",             "Bitdefender",  "320781"),
    ("gzflt.sys",           "Bitdefender",  "320820"),
    ("bddevflt.sys",        "Bitdefender",  "320812"),
    ("wdfilter.sys",        "Microsoft",    "328010"),
    ("mpfilter.sys",        "Microsoft",    "328000"),
    ("klif.sys",            "Kaspersky",    "320400"),
    ("klboot.sys",          "Kaspersky",    "389510"),
    ("mbam.sys",            "Malwarebytes", "328800"),
    ("cyvrfsfd.sys",        "Palo Alto Networks", "321234"),
    ("huntmon.sys",         "Huntress",     "363558.5"),
];

/// What tells one image of a driver from others of its name, as debuggers find files by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageId {
    /// Time stamp in its headers.
    pub timestamp: u32,
    /// Bytes of the image in memory.
    pub size: u64,
}

impl ImageId {
    /// That of a driver in a published list; `None` where the dump does not tell it.
    #[must_use]
    pub fn of(driver: &LoadedDriver) -> Option<Self> {
        Some(Self { timestamp: u32::try_from(driver.timestamp?.0).ok()?, size: driver.size })
    }

    /// Windows rounds sizes up to pages in its list.
    fn is_of(self, file: &DriverFile) -> bool {
        const PAGE: u64 = 0x1000;
        let rounded = |size: u64| size.checked_next_multiple_of(PAGE);
        file.timestamp.is_some_and(|timestamp| timestamp.0 == u64::from(self.timestamp))
            && file.size.is_some_and(|size| rounded(size) == rounded(self.size))
    }
}

/// What is known of a driver's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAtHand<'o> {
    /// No file of its name.
    None,
    /// Files of its name, and none of this image: they say nothing of it.
    OfAnotherImage,
    /// The file of this very image.
    Same(&'o DriverFile),
}

/// A file, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    file: DriverFile,
    organisation: Option<String>,
}

/// Who makes which driver, by the drivers' base names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriverOwners {
    recipes: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<Known>>,
}

impl DriverOwners {
    /// The same with the facts of driver files: of the guest's disk, where it is at hand.
    #[must_use]
    pub fn with_files<D: AsRef<str>>(mut self, files: impl IntoIterator<Item = (D, DriverFile)>) -> Self {
        let plain = |text: String| {
            let text: String = text.trim().chars().filter(|&c| !deceptive(c)).take(MAX_TEXT).collect();
            (!text.is_empty()).then_some(text)
        };
        for (driver, file) in files {
            let organisation = file.signer.as_deref().and_then(organisation).and_then(plain);
            let file =
                DriverFile { company: file.company.and_then(plain), signer: file.signer.and_then(plain), ..file };
            self.files.entry(base_name(driver.as_ref())).or_default().push(Known { file, organisation });
        }
        self
    }

    /// The vendor of a driver, whatever the name's case or folder. Without its `image` no file speaks for it.
    #[must_use]
    pub fn vendor(&self, driver: &str, image: Option<ImageId>) -> Option<&str> {
        let name = base_name(driver);
        let documented = || DOCUMENTED.iter().find(|(driver, ..)| *driver == name).map(|(_, vendor, _)| *vendor);
        let file = || {
            let known = self.known(&name, image)?;
            known.file.company.as_deref().or(known.organisation.as_deref())
        };
        self.recipes.get(&name).map(String::as_str).or_else(documented).or_else(file)
    }

    /// Driver and vendor where a name that Windows cut can only be the beginning of one vendor's: of recipes, or as
    /// publicly documented.
    pub(crate) fn of_cut_name(&self, beginning: &str) -> Option<(&str, &str)> {
        let recipes = self.recipes.iter().map(|(driver, vendor)| (driver.as_str(), vendor.as_str()));
        let documented = DOCUMENTED.iter().map(|(driver, vendor, _)| (*driver, *vendor));
        let documented = documented.filter(|(driver, _)| !self.recipes.contains_key(*driver));
        let mut all = recipes.chain(documented).filter(|(driver, _)| driver.starts_with(beginning));
        let (driver, vendor) = all.next()?;
        all.all(|(_, other)| other == vendor).then_some((driver, vendor))
    }

    /// What is known of the file of a driver's image.
    #[must_use]
    pub fn file(&self, driver: &str, image: Option<ImageId>) -> FileAtHand<'_> {
        let name = base_name(driver);
        match self.known(&name, image) {
            Some(known) => FileAtHand::Same(&known.file),
            None if self.files.contains_key(&name) => FileAtHand::OfAnotherImage,
            None => FileAtHand::None,
        }
    }

    fn known(&self, name: &str, image: Option<ImageId>) -> Option<&Known> {
        let image = image?;
        self.files.get(name)?.iter().find(|known| image.is_of(&known.file))
    }
}

impl<D: AsRef<str>, V: Into<String>> FromIterator<(D, V)> for DriverOwners {
    /// From the recipes' pairs of driver and vendor.
    fn from_iter<I: IntoIterator<Item = (D, V)>>(pairs: I) -> Self {
        let recipes = pairs.into_iter().map(|(driver, vendor)| (base_name(driver.as_ref()), vendor.into())).collect();
        Self { recipes, files: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use coexist_model::Hex;

    use super::*;

    const IMAGE: ImageId = ImageId { timestamp: 0x5f1a_2b3c, size: 0x4_0000 };

    /// A file of [`IMAGE`], which the system has rounded up.
    fn file(company: Option<&str>, signer: Option<&str>) -> DriverFile {
        DriverFile {
            company: company.map(str::to_owned),
            signer: signer.map(str::to_owned),
            timestamp: Some(Hex(0x5f1a_2b3c)),
            size: Some(0x3_f680),
            ..DriverFile::default()
        }
    }

    #[test]
    fn recipes_then_documents_then_the_file() {
        let owners = DriverOwners::from_iter([("AcmeFlt.sys", "Acme"), ("mbam.sys", "Our fork")]).with_files([
            (r"C:\Windows\System32\drivers\ACMEFLT.SYS", file(Some("Somebody else"), None)),
            ("csagent.sys", file(Some("Not CrowdStrike"), None)),
            ("amdppm.sys", file(Some(" Microsoft Corporation\u{202e} "), None)),
            ("signed.sys", file(None, Some("CN=Acme Drivers,O=Acme\\, Inc.,C=US"))),
            ("fooled.sys", file(None, Some("CN=x\\,O=Microsoft Corporation,C=US"))),
            ("empty.sys", file(Some("\u{200b}"), None)),
        ]);
        for (driver, vendor) in [
            ("acmeflt.sys", Some("Acme")),
            ("MBAM.sys", Some("Our fork")),
            (r"\??\C:\CSAgent.sys", Some("CrowdStrike")),
            ("amdppm.sys", Some("Microsoft Corporation")),
            ("signed.sys", Some("Acme, Inc.")),
            ("fooled.sys", None),
            ("empty.sys", None),
            ("unheard-of.sys", None),
        ] {
            assert_eq!(owners.vendor(driver, Some(IMAGE)), vendor, "{driver}");
        }
        let FileAtHand::Same(file) = owners.file("AMDPPM.sys", Some(IMAGE)) else { panic!("{owners:?}") };
        assert_eq!(file.company.as_deref(), Some("Microsoft Corporation"));
    }

    #[test]
    fn a_file_of_another_image_says_nothing() {
        let older = DriverFile { timestamp: Some(Hex(1)), ..file(Some("Of old"), None) };
        let owners = DriverOwners::default().with_files([("amdppm.sys", older)]);
        let bigger = ImageId { size: 0x4_1000, ..IMAGE };
        for image in [Some(IMAGE), Some(bigger), None] {
            assert_eq!(owners.vendor("amdppm.sys", image), None);
            assert_eq!(owners.file("amdppm.sys", image), FileAtHand::OfAnotherImage);
        }
        assert_eq!(owners.file("other.sys", Some(IMAGE)), FileAtHand::None);
        // Of two of one name the one that fits speaks.
        let both = owners.with_files([("amdppm.sys", file(Some("Of now"), None))]);
        assert_eq!(both.vendor("amdppm.sys", Some(IMAGE)), Some("Of now"));
        assert_eq!(both.vendor("amdppm.sys", Some(bigger)), None);
    }

    #[test]
    fn a_cut_name_finds_a_vendor_only_where_one_can_be_meant() {
        let owners = DriverOwners::from_iter([("globexendpoint.sys", "Globex"), ("globexendpoi2.sys", "Globex")]);
        assert_eq!(owners.of_cut_name("globexendpoi").map(|(_, vendor)| vendor), Some("Globex"));
        assert_eq!(owners.of_cut_name("sentinelmoni"), Some(("sentinelmonitor.sys", "SentinelOne")));
        assert_eq!(owners.of_cut_name("dump_storahc"), None);
        let two = DriverOwners::from_iter([("globexendpoint.sys", "Globex"), ("globexendpoi2.sys", "Initech")]);
        assert_eq!(two.of_cut_name("globexendpoi"), None);
        let ours = DriverOwners::from_iter([("sentinelmonitor.sys", "Our fork")]);
        assert_eq!(ours.of_cut_name("sentinelmoni").map(|(_, vendor)| vendor), Some("Our fork"));
    }

    #[test]
    fn documented_drivers_are_listed_once_and_as_dumps_name_them() {
        let mut names: Vec<_> = DOCUMENTED.iter().map(|(driver, ..)| *driver).collect();
        assert!(names.iter().all(|name| base_name(name) == *name && name.ends_with(".sys")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DOCUMENTED.len());
    }
}
