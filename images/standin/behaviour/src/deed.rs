//! What a misfortune does.

use serde::{Deserialize, Serialize};

/// What a misfortune does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// The kernel stops with this code: dump into the page file, panic device, reset.
    Bugcheck {
        /// Stop code.
        code: u32,
        /// Its four parameters.
        parameters: [Parameter; 4],
    },
    /// The kernel stops with this code, and half of the dump is written when the power fails.
    BugcheckCutShort {
        /// Stop code.
        code: u32,
        /// Its four parameters.
        parameters: [Parameter; 4],
        /// What then becomes of the machine.
        end: CutShort,
    },
    /// The system stops making progress: nothing answers, nothing resets. A non-maskable interrupt still comes through.
    Hang,
    /// As [`Deed::Hang`], and not even a non-maskable interrupt comes through.
    HangDeaf,
    /// The boot takes this much longer, with the network up and no service started.
    SlowBoot {
        /// Milliseconds.
        ms: u64,
    },
    /// The network comes up this much later; the boot goes on meanwhile.
    SlowNetwork {
        /// Milliseconds.
        ms: u64,
    },
    /// The guest's network goes silent; the system runs on.
    BreakNetwork,
    /// The product fills the system's disk with a file of its own until no more than this is left.
    FillDisk {
        /// Bytes left free.
        leave: u64,
    },
    /// A service of the system or of another vendor is stopped.
    StopService(String),
    /// A service's process ends without a word, as when its program crashes.
    EndService(String),
    /// A service's program crashes, and Windows Error Reporting keeps a dump of its process.
    CrashService(String),
    /// The driver of this service goes out of memory, and with it its filter.
    UnloadDriver(String),
    /// A driver asks for a live report: the kernel writes a dump of itself and the system lives on.
    LiveReport {
        /// Name of the component, and of the report's folder (`WATCHDOG`).
        component: String,
        /// Code of the report.
        code: u32,
        /// Its four parameters.
        parameters: [Parameter; 4],
    },
    /// An event log (`System`, `Application`) is cleared.
    ClearLog(String),
    /// Whoever presses the power button is not heard: no shutdown begins.
    IgnorePowerButton,
    /// The connections of the SSH service are reset, as by a network filter that takes them for an attack. New ones are
    /// let in.
    CutSessions,
    /// Until the system restarts, a connection that brings more than this many bytes to the SSH service is reset.
    LimitUploads {
        /// Bytes, counted from now on.
        bytes: u64,
    },
    /// Until the system restarts, a connection that takes more than this many bytes from the SSH service is reset.
    LimitDownloads {
        /// Bytes, counted from now on.
        bytes: u64,
        /// How many connections are reset before the filter lets the rest pass.
        times: u32,
    },
    /// Until the system restarts, the SSH service may start no process: who logs in gets nothing done.
    DenyCommands,
    /// Windows Installer is busy for this long, as with a product that updates itself.
    KeepInstallerBusy {
        /// Milliseconds.
        ms: u64,
    },
    /// The driver refuses to load with this Win32 error code.
    RefuseLoad(u32),
}

impl Deed {
    /// The parameters of the stop or report it brings about, where it does.
    #[must_use]
    pub fn parameters(&self) -> Option<&[Parameter; 4]> {
        match self {
            Self::Bugcheck { parameters, .. }
            | Self::BugcheckCutShort { parameters, .. }
            | Self::LiveReport { parameters, .. } => Some(parameters),
            _ => None,
        }
    }
}

/// How a machine ends whose dump is half written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutShort {
    /// It switches off.
    PowerOff,
    /// It starts anew.
    Reset,
    /// It stands still, its screen as it was, until somebody cuts its power.
    StandStill,
}

/// One parameter of a stop code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parameter {
    /// This very number.
    Value(u64),
    /// An address this many bytes into the driver's own image, wherever the kernel loaded it in this boot.
    InDriver(u32),
}

impl Parameter {
    /// The number this parameter has when the driver is loaded at `base`.
    #[must_use]
    pub fn resolve(self, base: u64) -> u64 {
        match self {
            Self::Value(value) => value,
            Self::InDriver(offset) => base.wrapping_add(u64::from(offset)),
        }
    }
}
