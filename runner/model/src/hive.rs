//! Facts read from a registry hive. Field names are those of the `coexist.triage/1` contract.

use serde::{Deserialize, Serialize};

/// What a registry hive proves. Unknown is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HiveFacts {
    /// Lower-case base name that the hive gives itself: `system`, `software`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of its root key, which says how it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// When it was last written, by the guest's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<jiff::Timestamp>,
    /// Windows build number, from a `software` hive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// Revision of that build (`UBR`), which updates raise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Number of the control set that was in use, from a `system` hive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_set: Option<u32>,
    /// What Windows was to do at a stop, from a `system` hive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_settings: Option<CrashSettings>,
    /// Services and drivers that are registered in a `system` hive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<u32>,
    /// Those of them that are drivers, in the hive's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<DriverService>,
    /// Whether some part could not be read; the notes say which.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Remarks on how far the facts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Values of `Control\CrashControl`, as they are written. Paths are the guest's and may hold `%SystemRoot%`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CrashSettings {
    /// `CrashDumpEnabled`: 0 none, 1 complete (or active, with `filter_pages`), 2 kernel, 3 small, 7 automatic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_dump_enabled: Option<u32>,
    /// `FilterPages`: with 1, a complete dump leaves out what guests of a hypervisor hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_pages: Option<u32>,
    /// `DumpFile`: where a dump of memory goes, in the next boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump_file: Option<String>,
    /// `MinidumpDir`: folder of the small dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minidump_dir: Option<String>,
    /// `DedicatedDumpFile`: file that takes the raw dump in place of the page file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedicated_dump_file: Option<String>,
    /// `AutoReboot`: whether Windows restarts after the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_reboot: Option<bool>,
    /// `Overwrite`: whether an older dump of memory gives way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<bool>,
    /// `AlwaysKeepMemoryDump`: whether a dump stays when the disk is nearly full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_keep_memory_dump: Option<bool>,
}

/// A driver that is registered as a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverService {
    /// Name of its key.
    pub name: String,
    /// `Type`: 1 a kernel driver, 2 a file-system driver.
    pub kind: u32,
    /// `Start`: 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    /// `ImagePath`, as it is written; Windows takes `System32\drivers\<name>.sys` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_path: Option<String>,
    /// `Group`: its load-order group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}
