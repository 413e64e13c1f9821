//! Facts read from the evidence of a crash. Field names are those of the `coexist.triage/1` contract.

use serde::{Deserialize, Serialize};

use crate::{Hex, Seconds};

/// What a kernel dump proves. Unknown is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Layout of the dump the facts come from: `triage64` and so on; absent when they come from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Stop code as the guest gave it.
    pub stop_code: Hex,
    /// Public name of the stop code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_name: Option<String>,
    /// Its four parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Hex>,
    /// Windows build number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// `x64`, `arm64` or `x86`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// When the guest says it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<jiff::Timestamp>,
    /// Seconds since the guest's boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<Seconds>,
    /// Number of processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processors: Option<u32>,
    /// Process in which it happened: its image's name, perhaps cut by the guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Loaded drivers, in the dump's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<LoadedDriver>,
    /// Drivers that had been unloaded, in the dump's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unloaded: Vec<UnloadedDriver>,
    /// Values on the thread's stack that may be return addresses into drivers, nearest first, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackCandidate>,
    /// Who is suspected, how strongly and why.
    pub blame: Blame,
    /// Signature that is equal for equal crashes.
    pub bucket: Bucket,
    /// Remarks on how far the facts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One driver in the crashed system's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedDriver {
    /// Lower-case base name: `acmeflt.sys`; absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address it was loaded at.
    pub base: Hex,
    /// Bytes of its image in memory.
    pub size: u64,
    /// Link time stamp of its PE header; absent where the dump does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Hex>,
}

/// One driver that the crashed system had unloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnloadedDriver {
    /// Lower-case base name, in small dumps cut to 12 characters by Windows; absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it began.
    pub start: Hex,
    /// First address behind it.
    pub end: Hex,
}

/// A value on the crashed thread's stack that may be a return address into a driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackCandidate {
    /// Where on the stack it lies.
    pub address: Hex,
    /// Lower-case base name of the driver.
    pub module: String,
    /// Offset of the value in the driver.
    pub offset: Hex,
    /// Whether a call is known to end there; if not, the dump does not hold the code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows_call: bool,
}

/// Who is suspected of a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// How far the evidence goes.
    pub strength: Strength,
    /// Lower-case base name of the module; absent when `strength` is `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Offset of the address in the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Hex>,
    /// Vendor of the module: from the recipes' driver lists, else as publicly documented, else as its file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The reason in words.
    pub reason: String,
}

/// How far evidence goes against a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Nobody is suspected.
    None,
    /// Circumstance only.
    Weak,
    /// The nearest return address.
    Likely,
    /// A parameter or the exception context lies in the module.
    Strong,
}

/// A signature of a crash. The inner form is ours; only equality counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(pub String);

impl Bucket {
    /// Whether it names a place in a module, `module+0xoffset`, as its third part: without one, equal signatures of stops
    /// do not prove equal crashes.
    #[must_use]
    pub fn names_a_place(&self) -> bool {
        self.0.split('|').nth(2).is_some_and(|place| place.contains("+0x") && !place.starts_with("in "))
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
