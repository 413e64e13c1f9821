//! A vendor's product at one version, as data, and the package made of it.

mod layout;

use serde::{Deserialize, Serialize};
use standin_behaviour::{Card, Misfortune};

use crate::ForgeError;
use crate::pe::{self, Identity};

/// A product at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Short name without the version, e.g. `acme-endpoint`.
    pub id: String,
    /// Manufacturer, e.g. `Acme`; also the folder and registry key.
    pub vendor: String,
    /// Product, e.g. `Endpoint`; also the folder and registry key below the vendor's.
    pub product: String,
    /// Two or three numbers with dots, e.g. `4.1`.
    pub version: String,
    /// Upper-case GUID in braces; another one for every version.
    pub product_code: String,
    /// Upper-case GUID in braces; the same for all versions.
    pub upgrade_code: String,
    /// Its user-mode service.
    pub service: Service,
    /// Its kernel driver; absent for a product that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// Further registry values.
    #[serde(default)]
    pub registry: Vec<RegistryValue>,
    /// File the driver works from, which content updates replace.
    #[serde(default)]
    pub content: Option<Content>,
    /// How its installer differs from a well-made one.
    #[serde(default)]
    pub quirks: Quirks,
}

/// A user-mode service, started automatically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Service name; the program is `NAME.exe` in the product's folder.
    pub name: String,
    /// Display name.
    pub display_name: String,
}

/// A kernel driver, started by the system: a file-system filter where its card has an altitude.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// Service name.
    pub service: String,
    /// Base name under `C:\Windows\System32\drivers`.
    pub file_name: String,
    /// SizeOfImage, bytes; must exceed every offset the card names.
    pub image_size: u32,
    /// How it behaves; its altitude becomes the minifilter instance's.
    pub card: Card,
    /// Load order group of a file-system filter; absent for `FSFilter Activity Monitor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl Driver {
    /// What it is, in words.
    fn role(&self) -> &'static str {
        if self.card.altitude.is_some() { "filter driver" } else { "driver" }
    }
}

/// A registry value below `HKLM`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryValue {
    /// Key below `HKLM`, e.g. `SOFTWARE\Acme\Endpoint`.
    pub key: String,
    /// Value name.
    pub name: String,
    /// Data.
    pub data: RegistryData,
}

/// Data of a registry value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryData {
    /// REG_SZ; may use installer properties as `[NAME]`.
    Text(String),
    /// REG_DWORD.
    Number(u32),
}

/// A content file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Windows path below `C:\ProgramData`.
    pub path: String,
    /// Its text; the first line is the content's version.
    pub text: String,
}

/// What an installer does that a well-made one does not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// It refuses to install unless this public property is given, as products with a customer token do. The value is
    /// stored in the registry.
    pub requires_property: Option<String>,
    /// A deferred action ends with this exit code, so that the installation fails and is rolled back.
    pub fails_with: Option<u8>,
    /// It asks for a restart at its end: exit code 3010.
    pub wants_reboot: bool,
    /// A deferred action never ends.
    pub never_ends: bool,
}

/// 2026-01-05T00:00:00Z: what a version's files are dated from.
const FIRST_BUILD: u32 = 1_767_571_200;

impl Agent {
    /// File name of the package, e.g. `acme-endpoint-4.1.msi`.
    #[must_use]
    pub fn package_name(&self) -> String {
        format!("{}-{}.msi", self.id, self.version)
    }

    /// The product's name as Windows lists it.
    #[must_use]
    pub fn product_name(&self) -> String {
        format!("{} {}", self.vendor, self.product)
    }

    /// What goes wrong with its driver; nothing for a product without one.
    #[must_use]
    pub fn misfortunes(&self) -> &[Misfortune] {
        self.driver.as_ref().map_or(&[], |driver| &driver.card.misfortunes)
    }

    /// The same, to be changed.
    ///
    /// # Panics
    /// When the product has no driver.
    #[expect(clippy::expect_used, reason = "only a driver can misbehave; whoever asks for more has made a mistake")]
    pub fn misfortunes_mut(&mut self) -> &mut Vec<Misfortune> {
        &mut self.driver.as_mut().expect("a driver").card.misfortunes
    }

    /// The installer package.
    ///
    /// # Errors
    /// When the agent contradicts itself (version, content path, image size) or a writer refuses.
    pub fn package(&self) -> Result<Vec<u8>, ForgeError> {
        layout::package(self)
    }

    /// The driver's file.
    ///
    /// # Errors
    /// When the product has no driver, the version is malformed or the image size too small for the card.
    pub fn driver_file(&self) -> Result<Vec<u8>, ForgeError> {
        let driver = self.driver.as_ref().ok_or_else(|| ForgeError::NoDriver { id: self.id.clone() })?;
        let identity = self.identity(&driver.file_name, driver.role())?;
        pe::driver(&identity, &driver.card, driver.image_size)
    }

    /// The service's program.
    ///
    /// # Errors
    /// When the version is malformed.
    pub fn service_file(&self) -> Result<Vec<u8>, ForgeError> {
        pe::service(&self.identity(&self.service_file_name(), "service")?, &self.service.name)
    }

    fn service_file_name(&self) -> String {
        format!("{}.exe", self.service.name)
    }

    fn identity(&self, file_name: &str, role: &str) -> Result<Identity, ForgeError> {
        let version = self.numbers()?;
        let [major, minor, build, _] = version.map(u32::from);
        Ok(Identity {
            file_name: file_name.to_owned(),
            company: self.vendor.clone(),
            product: self.product_name(),
            description: format!("{} {role}", self.product_name()),
            version,
            // Later versions are younger, as they would be.
            timestamp: FIRST_BUILD.wrapping_add((major * 1_000 + minor * 10 + build).wrapping_mul(3_600)),
        })
    }

    /// The version as four numbers.
    fn numbers(&self) -> Result<[u16; 4], ForgeError> {
        let wrong = || ForgeError::Version { version: self.version.clone() };
        let parts: Vec<u16> = self.version.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match parts[..] {
            [major @ ..=255, minor @ ..=255] => Ok([major, minor, 0, 0]),
            [major @ ..=255, minor @ ..=255, build] => Ok([major, minor, build, 0]),
            _ => Err(wrong()),
        }
    }
}
