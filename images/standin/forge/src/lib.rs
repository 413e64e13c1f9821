//! Invented vendors' packages: real MSI files that install real PE services and drivers.
//!
//! [`vendors`] holds the demo's three vendors as data, [`nightly`] those of the nightly lab, [`misbehaving`] makes more of
//! them at random for live tests; all are [`Agent`]s, and [`Agent::package`] makes the MSI. The same agent always gives the same bytes, on every machine: times
//! are fixed, identifiers follow from names, and the cabinet is stored, not compressed, because a compressor's output
//! may change with its version.
//!
//! # What the packages use of Windows Installer
//! Whoever installs them needs this and nothing more; Wine's `msiexec` does, and so does the stand-in's.
//! - Summary information: `x64;1033`, schema 200, word count 2 (compressed, long file names). Compound file version 3.
//! - `Property`: `ProductCode`, `ProductName`, `ProductVersion`, `Manufacturer`, `ProductLanguage`, `UpgradeCode`,
//!   `ALLUSERS`, `ARPNOMODIFY`, `SecureCustomProperties`.
//! - `Directory`: `TARGETDIR`, `ProgramFiles64Folder`, `System64Folder`, `CommonAppDataFolder` and folders below them,
//!   with `short|long` names. `Component` (256, key path is a file), one `Feature` of level 1, `FeatureComponents`.
//! - `File` and `Media` with one embedded cabinet (`#product.cab`, one folder, stored); `MsiFileHash` for files without
//!   a version. Cabinet entries are named by `File.File`.
//! - `Registry`: root 2; text and `#number` values; `[INSTALLDIR]`, `[PROPERTY]`.
//! - `ServiceInstall` (type 16, start 2, LocalSystem) and `ServiceControl`: 163 for the service, 160 (stop and delete
//!   on uninstall) for the driver.
//! - `CustomAction` 3106 (34 + in script + no impersonation), source `System64Folder`, all under `NOT Installed`:
//!   `sc.exe create NAME type= filesys start= system error= normal binPath= \SystemRoot\System32\drivers\FILE group= "…"
//!   DisplayName= "…"` at 4100 (`type= kernel` and no group where the driver filters no files), `sc.exe start NAME` at 5850;
//!   neither where the product has no driver; the quirks add `cmd.exe /c exit N` at 4050 and
//!   `cmd.exe /c ping -t 127.0.0.1 >nul` at 4060. A driver's minifilter instance (`Instances\…\Altitude`, `Flags`) is
//!   `Registry` rows under its service key, written between the two. `ServiceInstall` cannot do this part: Windows
//!   Installer does not support kernel drivers there.
//! - `Upgrade`: every older version is removed first (`RemoveExistingProducts` at 1450); a newer one sets
//!   `NEWERFOUND`, which a `LaunchCondition` refuses. The quirk `requires_property` is a second `LaunchCondition`.
//! - `ScheduleReboot` at 6550 where the quirk `wants_reboot` asks for it.
//! - No rollback actions: a failure after 4100 leaves the driver's service behind, as badly made packages do. The
//!   failing quirk strikes before that.

mod agent;
mod error;
mod files;
pub mod installer;
pub mod misbehaving;
pub mod nightly;
pub mod pe;
pub mod vendors;

pub use agent::{Agent, Content, Driver, Quirks, RegistryData, RegistryValue, Service};
pub use error::ForgeError;
pub use files::{Written, write_packages};
