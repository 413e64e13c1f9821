//! Boots: what one start of a machine led to, and what the machine showed from outside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Hex, Seconds};

/// What one start of the machine led to.
///
/// ```text
/// power-on / reset ─► (starting) ─► up ────────► next boot
///                        ├─► bugcheck ─► (starting) … three in a row without `up` ─► loop
///                        ├─► hang          guest alive on the bus, nothing answers, nothing resets
///                        ├─► recovery      the recovery screen (seen, not guessed)
///                        └─► unreachable   the system runs, its network does not answer
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootState {
    /// The guest answered under a new boot identity and settled.
    Up,
    /// It stopped with a stop code.
    Bugcheck,
    /// It restarted again and again without ever settling.
    Loop,
    /// It stopped making progress.
    Hang,
    /// It shows the recovery screen.
    Recovery,
    /// It runs but its network does not answer.
    Unreachable,
}

impl BootState {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Bugcheck => "bugcheck",
            Self::Loop => "loop",
            Self::Hang => "hang",
            Self::Recovery => "recovery",
            Self::Unreachable => "unreachable",
        }
    }
}

impl std::fmt::Display for BootState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootEnd {
    /// Shut down or restarted in order.
    Clean,
    /// With a stop code.
    Bugcheck,
    /// It reset without any word of why.
    Unexpected,
    /// The lab cut its power.
    PowerLoss,
    /// It still runs as far as the record goes.
    Running,
}

/// One boot of a guest, as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// What the start led to.
    pub state: BootState,
    /// How it ended.
    pub ended: BootEnd,
    /// From power-on or reset until the guest answered, or until the boot ended.
    pub took_s: Seconds,
}

/// What makes one boot different from another (`LastBootId` and `StartTime` of the guest's own log).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootIdentity {
    /// The guest's own count of its boots.
    pub boot_id: u32,
    /// When the guest says it started; text as the guest wrote it, compared only for equality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
}

/// Something a machine did, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineEvent {
    /// When it was seen.
    pub at: Timestamp,
    /// What.
    pub what: MachineSign,
}

/// The signs a machine gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "sign")]
pub enum MachineSign {
    /// Powered on.
    Started,
    /// The guest answered on its network: the mark between two boot edges.
    Answered,
    /// Reset.
    Reset {
        /// Whether the guest asked for it.
        guest: bool,
    },
    /// The guest told the panic device that it stopped.
    Panicked {
        /// Stop code and its four parameters, where the hypervisor learns them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<[Hex; 5]>,
    },
    /// The guest told the panic device that it writes a dump.
    CrashLoaded,
    /// Powered off.
    Shutdown {
        /// Whether the guest asked for it.
        guest: bool,
        /// QEMU's word for why.
        reason: String,
    },
    /// The machine was paused, which nobody asked for (an I/O error of the host, for one).
    Paused {
        /// QEMU's run state.
        state: String,
        /// Whether it is the host's disk that is full.
        host_full: bool,
    },
    /// The machine's process ended.
    Exited {
        /// Its exit status in words.
        status: String,
    },
}

/// Two resets closer than this with nothing between them are one: a guest that reboots shows up to three.
/// Measured on QEMU 7.2: they arrive within a few milliseconds, and no guest boots and resets again in a second.
const ONE_EDGE: std::time::Duration = std::time::Duration::from_millis(900);

/// Counts boot edges: how many times the guest started anew, the first start not counted.
#[must_use]
pub fn boot_edges<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> usize {
    let mut edges = 0;
    let mut last_reset: Option<Timestamp> = None;
    for event in signs {
        match event.what {
            MachineSign::Reset { .. } => {
                let same = last_reset.is_some_and(|last| {
                    event.at.duration_since(last) < jiff::SignedDuration::try_from(ONE_EDGE).unwrap_or_default()
                });
                edges += usize::from(!same);
                last_reset = Some(event.at);
            }
            MachineSign::Started
            | MachineSign::Answered
            | MachineSign::Panicked { .. }
            | MachineSign::CrashLoaded
            | MachineSign::Shutdown { .. }
            | MachineSign::Paused { .. }
            | MachineSign::Exited { .. } => last_reset = None,
        }
    }
    edges
}

/// Counts crashes: a crash may show itself as a panic, as a dump being written, or both; a reset closes it.
#[must_use]
pub fn crashes<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> usize {
    let mut crashes = 0;
    let mut open = false;
    for event in signs {
        match event.what {
            MachineSign::Panicked { .. } | MachineSign::CrashLoaded => {
                crashes += usize::from(!open);
                open = true;
            }
            MachineSign::Reset { .. } | MachineSign::Shutdown { .. } | MachineSign::Exited { .. } => open = false,
            MachineSign::Started | MachineSign::Answered | MachineSign::Paused { .. } => {}
        }
    }
    crashes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(list: &[(i64, MachineSign)]) -> Vec<MachineEvent> {
        list.iter()
            .map(|(ms, what)| MachineEvent { at: Timestamp::from_millisecond(*ms).unwrap(), what: what.clone() })
            .collect()
    }

    const RESET: MachineSign = MachineSign::Reset { guest: true };
    const PANIC: MachineSign = MachineSign::Panicked { stop: None };

    fn check(name: &str, list: &[(i64, MachineSign)], edges: usize, crashed: usize) {
        let list = signs(list);
        assert_eq!(boot_edges(&list), edges, "edges: {name}");
        assert_eq!(crashes(&list), crashed, "crashes: {name}");
    }

    #[test]
    fn resets_without_activity_between_them_are_one_edge() {
        check("one reboot shown three times", &[(0, RESET), (3, RESET), (9, RESET)], 1, 0);
        check("two boots", &[(0, RESET), (4000, RESET)], 2, 0);
        check("an answer lies between", &[(0, RESET), (400, MachineSign::Answered), (500, RESET)], 2, 0);
        check("a crash lies between", &[(0, RESET), (400, PANIC), (500, RESET)], 2, 1);
        check("dump written, then panic: one crash", &[(0, MachineSign::CrashLoaded), (1, PANIC), (9, RESET)], 1, 1);
        check("two crashes", &[(0, PANIC), (1, RESET), (2, RESET), (3000, PANIC), (3100, RESET)], 2, 2);
        check("nothing", &[(0, MachineSign::Started)], 0, 0);
    }
}
