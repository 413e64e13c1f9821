//! What an installer may set of how Windows writes its dumps.

use crate::agent::{RegistryData, RegistryValue};

/// Below `HKLM`; names and numbers from Microsoft's page on memory dump file options (KB254649).
const CRASH_CONTROL: &str = r"SYSTEM\CurrentControlSet\Control\CrashControl";

/// Which dump a stop leaves, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpSettings {
    /// None at all.
    None,
    /// A small one in the page file.
    Small,
    /// One of the kernel's memory in the page file.
    Kernel,
    /// One of a size that Windows chooses.
    Automatic,
    /// A small one in a file of its own.
    Dedicated,
}

impl DumpSettings {
    /// Windows path of the file of [`DumpSettings::Dedicated`].
    pub const DEDICATED_FILE: &'static str = r"C:\dedicated.sys";

    /// The registry values that say so.
    pub(super) fn registry(self) -> Vec<RegistryValue> {
        let value = |name: &str, data| RegistryValue { key: CRASH_CONTROL.to_owned(), name: name.to_owned(), data };
        let enabled = |kind| value("CrashDumpEnabled", RegistryData::Number(kind));
        match self {
            Self::None => vec![enabled(0)],
            Self::Small => vec![enabled(3)],
            Self::Kernel => vec![enabled(2)],
            Self::Automatic => vec![enabled(7)],
            Self::Dedicated => vec![
                enabled(3),
                value("DedicatedDumpFile", RegistryData::Text(Self::DEDICATED_FILE.to_owned())),
                value("DumpFileSize", RegistryData::Number(4)),
            ],
        }
    }
}
