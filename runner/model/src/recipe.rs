//! What is done to a guest and what is read from it, as recipes and axes say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AgentId, Seconds, Sha256};

/// One installation: a product, an update of one, or a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Whose product.
    pub agent: AgentId,
    /// The version that is there afterwards.
    pub version: String,
    /// Digest of the package.
    pub package: Sha256,
    /// File name the package has in the guest.
    pub file_name: String,
    /// How it is installed.
    pub method: Method,
    /// What exit codes mean; anything absent is a failure.
    #[serde(with = "exit_codes")]
    pub exit_codes: BTreeMap<u32, ExitMeaning>,
    /// Commands for `cmd.exe` to run afterwards, each of which must end with 0.
    pub then: Vec<String>,
    /// Longest time for the installer itself.
    pub deadline: Seconds,
    /// Longest time until the guest is back, where the installer asks for a restart or begins one.
    pub restart: Seconds,
    /// Longest time for each command afterwards.
    pub look: Seconds,
}

/// Exit codes as JSON has them: text, as every key. Inside a tagged value serde reads keys before it knows that they are
/// numbers, and would refuse them later.
mod exit_codes {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::ExitMeaning;

    pub(super) fn serialize<S: Serializer>(codes: &BTreeMap<u32, ExitMeaning>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(codes.iter().map(|(code, meaning)| (code.to_string(), meaning)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, ExitMeaning>, D::Error> {
        let codes = BTreeMap::<String, ExitMeaning>::deserialize(from)?;
        let number = |code: &str| code.parse().map_err(|_| D::Error::custom(format!("`{code}` is no exit code")));
        codes.into_iter().map(|(code, meaning)| Ok((number(&code)?, meaning))).collect()
    }
}

/// How a package is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Windows Installer package.
    Msi {
        /// Properties and options after the fixed ones.
        arguments: Vec<String>,
    },
    /// Setup program.
    Exe {
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// `.cmd` file.
    Script {
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// A file that is put in a place.
    File {
        /// Full Windows path.
        destination: String,
    },
    /// Driver package: an `.inf` inside a `.cab` or alone, through `pnputil`.
    Driver,
    /// `.msu`, through `wusa`.
    Msu,
}

/// What an installer's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitMeaning {
    /// It worked.
    Success,
    /// It worked and wants a restart before it counts.
    RestartNeeded,
    /// It worked and has begun a restart of its own.
    RestartBegun,
    /// Another installation runs; try again.
    Busy,
}

/// One setting at one value: how it is applied and how it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingValue {
    /// Name of the axis.
    pub setting: String,
    /// The value.
    pub value: String,
    /// How it is applied, in order.
    pub apply: Vec<Apply>,
    /// What proves it; all must match. It is read after the change, and again when everything is installed.
    pub read_back: Vec<Probe>,
    /// Whether it takes a restart to have effect.
    pub restart: Restart,
}

/// Whether something takes a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// In effect at once.
    NotNeeded,
    /// In effect after the next boot.
    Needed,
}

/// One way to change a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apply {
    /// Set a registry value.
    Registry {
        /// Full key, `HKLM\…`.
        key: String,
        /// Value name.
        name: String,
        /// Type and data.
        data: RegistryData,
    },
    /// Run a command line under `cmd.exe`; its exit code must be 0.
    Command(String),
}

/// Registry data of the types that settings use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryData {
    /// `REG_DWORD`.
    Dword(u32),
    /// `REG_QWORD`.
    Qword(u64),
    /// `REG_SZ`.
    Text(String),
}

/// One look at a guest, with what must be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A service is running.
    Service {
        /// Its short name.
        name: String,
    },
    /// A driver's service is running.
    Driver {
        /// Its service name.
        name: String,
    },
    /// A file-system minifilter is attached.
    Filter {
        /// Its name.
        name: String,
        /// Its altitude, where the recipe says one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        altitude: Option<String>,
    },
    /// A registry value reads as this text: decimal for numbers.
    Registry {
        /// Full key.
        key: String,
        /// Value name.
        name: String,
        /// Text it must equal, any case.
        equals: String,
    },
    /// A file is there.
    File {
        /// Full Windows path.
        path: String,
    },
    /// A command ends with 0 and, where said, prints this text somewhere.
    Command {
        /// Command line for `cmd.exe`.
        run: String,
        /// Text that must appear, any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prints: Option<String>,
    },
}

impl std::fmt::Display for Probe {
    /// A short phrase for check names: no versions, stable across runs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service { name } => write!(f, "service {name} runs"),
            Self::Driver { name } => write!(f, "driver {name} is loaded"),
            Self::Filter { name, .. } => write!(f, "filter {name} is attached"),
            Self::Registry { key, name, .. } => {
                write!(f, "registry {}\\{name}", key.rsplit('\\').next().unwrap_or(key))
            }
            Self::File { path } => write!(f, "file {path} is there"),
            Self::Command { run, .. } => write!(f, "command {run}"),
        }
    }
}
