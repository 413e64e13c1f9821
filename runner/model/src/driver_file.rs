//! Facts read from a driver's or program's file. Field names are those of the `coexist.triage/1` contract.

use serde::{Deserialize, Serialize};

use crate::Hex;

/// What a PE file says of itself. Unknown is absent, never guessed; nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DriverFile {
    /// Lower-case base name that its maker gave it; the file may be called otherwise now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Company in its version resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Product in its version resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Version of the file: four numbers where it has them, else as its text says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Subject of the certificate that its embedded signature names: `CN=…,O=…`. The signature is not validated, so
    /// this is a claim. A file that only a catalogue signs, as most of Windows' own, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// `x86`, `x64`, `arm` or `arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Link time stamp of its PE header; with `size` it tells which image a dump's driver was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Hex>,
    /// Bytes of its image in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether some part could not be read; the notes say which.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Remarks on how far the facts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
