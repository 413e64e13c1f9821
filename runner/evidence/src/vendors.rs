//! Who makes a driver. What the run's recipes say comes first, then what is publicly documented of security products,
//! then what the driver's own file says of itself.

use std::collections::BTreeMap;

use coexist_model::DriverFile;

use crate::bytes::{base_name, deceptive};

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

/// Who makes which driver, by the drivers' base names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriverOwners {
    recipes: BTreeMap<String, String>,
    files: BTreeMap<String, DriverFile>,
}

impl DriverOwners {
    /// The same with the facts of driver files: of the guest's disk, where it is at hand.
    #[must_use]
    pub fn with_files<D: AsRef<str>>(mut self, files: impl IntoIterator<Item = (D, DriverFile)>) -> Self {
        let plain = |text: Option<String>| {
            let text: String = text?.trim().chars().filter(|&c| !deceptive(c)).take(MAX_TEXT).collect();
            (!text.is_empty()).then_some(text)
        };
        self.files.extend(files.into_iter().map(|(driver, file)| {
            let file = DriverFile { company: plain(file.company), signer: plain(file.signer), ..file };
            (base_name(driver.as_ref()), file)
        }));
        self
    }

    /// The vendor of a driver, whatever the name's case or folder.
    #[must_use]
    pub fn vendor(&self, driver: &str) -> Option<&str> {
        let name = base_name(driver);
        let documented = || DOCUMENTED.iter().find(|(driver, ..)| *driver == name).map(|(_, vendor, _)| *vendor);
        let file = || {
            self.files
                .get(&name)
                .and_then(|file| file.company.as_deref().or_else(|| organisation(file.signer.as_deref()?)))
        };
        self.recipes.get(&name).map(String::as_str).or_else(documented).or_else(file)
    }

    /// What is known of a driver's file.
    #[must_use]
    pub fn file(&self, driver: &str) -> Option<&DriverFile> {
        self.files.get(&base_name(driver))
    }
}

/// The organisation in a certificate's subject.
fn organisation(subject: &str) -> Option<&str> {
    subject.split(',').find_map(|part| part.trim().strip_prefix("O="))
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
    use super::*;

    #[test]
    fn recipes_then_documents_then_the_file() {
        let file = |company: &str| DriverFile { company: Some(company.to_owned()), ..DriverFile::default() };
        let signed = DriverFile { signer: Some("CN=Acme Drivers, O=Acme Signing".to_owned()), ..DriverFile::default() };
        let owners = DriverOwners::from_iter([("AcmeFlt.sys", "Acme"), ("mbam.sys", "Our fork")]).with_files([
            (r"C:\Windows\System32\drivers\ACMEFLT.SYS", file("Somebody else")),
            ("csagent.sys", file("Not CrowdStrike")),
            ("amdppm.sys", file(" Microsoft Corporation\u{202e} ")),
            ("signed.sys", signed),
            ("empty.sys", file("\u{200b}")),
        ]);
        for (driver, vendor) in [
            ("acmeflt.sys", Some("Acme")),
            ("MBAM.sys", Some("Our fork")),
            (r"\??\C:\CSAgent.sys", Some("CrowdStrike")),
            ("amdppm.sys", Some("Microsoft Corporation")),
            ("signed.sys", Some("Acme Signing")),
            ("empty.sys", None),
            ("unheard-of.sys", None),
        ] {
            assert_eq!(owners.vendor(driver), vendor, "{driver}");
        }
        assert_eq!(owners.file("AMDPPM.sys").unwrap().company.as_deref(), Some("Microsoft Corporation"));
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
