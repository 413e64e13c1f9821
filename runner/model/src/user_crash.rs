//! Facts read from a user-mode minidump. Field names are those of the `coexist.triage/1` contract.

use serde::{Deserialize, Serialize};

use crate::Hex;

/// What a dump of one Windows process proves. Unknown is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UserCrash {
    /// Layout of the dump: `minidump`.
    pub format: String,
    /// `x86`, `x64`, `arm` or `arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Windows build number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// When the dump was written, by the guest's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<jiff::Timestamp>,
    /// Lower-case base name of the program: `acmeagent.exe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Id of the thread that raised the exception, or asked for the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
    /// The exception; absent in a dump that was taken without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<UserException>,
    /// Loaded modules, in the dump's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<UserModule>,
    /// Whether some part could not be read; the notes say which.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Remarks on how far the facts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Why a process stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserException {
    /// Its code: `0xc0000005`.
    pub code: Hex,
    /// Public name of the code, with the kind of access or of fast failure where the dump states it:
    /// `EXCEPTION_ACCESS_VIOLATION_WRITE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The instruction at which it was raised.
    pub address: Hex,
    /// The memory that could not be accessed; only of access violations and errors of paging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessed: Option<Hex>,
    /// Lower-case base name of the module that holds the instruction; absent where none does, and then there is no
    /// offset either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Offset of the instruction in that module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Hex>,
}

/// One module that the process had loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserModule {
    /// Lower-case base name: `ntdll.dll`; absent where the dump's text could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address it was loaded at.
    pub base: Hex,
    /// Bytes of its image in memory.
    pub size: u64,
    /// Link time stamp of its PE header.
    pub timestamp: Hex,
}
