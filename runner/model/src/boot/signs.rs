//! What a machine showed from outside, and what can be counted in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BootStage, BootState};
use crate::Hex;

/// Something a machine did, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineEvent {
    /// When it was seen.
    pub at: Timestamp,
    /// What.
    pub what: MachineSign,
}

/// The signs a machine gives, and what the lab did to it or learned of it in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "sign")]
pub enum MachineSign {
    /// Powered on.
    Started,
    /// The guest answered on its network: the mark between two boot edges.
    Answered,
    /// The boot was seen at a stage beyond those it had been seen at; after the end, its disk proves it.
    Stage {
        /// Which.
        reached: BootStage,
    },
    /// What the lab concluded of a boot that it gave up.
    Concluded {
        /// What the boot led to.
        state: BootState,
    },
    /// The lab asked the guest for a restart.
    RestartAsked,
    /// The lab sent the guest a non-maskable interrupt: a stop that follows in this boot is the lab's doing.
    NmiInjected,
    /// Reset.
    Reset {
        /// Whether the guest asked for it.
        guest: bool,
        /// QEMU's word for why (`ShutdownCause` of `qapi/run-state.json`: `guest-reset`, `host-qmp-system-reset`, …).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
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

impl std::fmt::Display for MachineSign {
    /// A short phrase.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started => f.write_str("power-on"),
            Self::Answered => f.write_str("an answer of the guest"),
            Self::Stage { reached } => write!(f, "the stage `{reached}` of its boot"),
            Self::Concluded { state } => write!(f, "the conclusion that its boot led to `{state}`"),
            Self::RestartAsked => f.write_str("the order to restart"),
            Self::NmiInjected => f.write_str("an NMI that the lab sent"),
            Self::Reset { reason: Some(reason), .. } => write!(f, "a reset ({reason})"),
            Self::Reset { reason: None, .. } => f.write_str("a reset"),
            Self::Panicked { .. } => f.write_str("a stop, by the panic device"),
            Self::CrashLoaded => f.write_str("a stop that writes a dump, by the panic device"),
            Self::Shutdown { reason, .. } => write!(f, "power-off ({reason})"),
            Self::Paused { state, .. } => write!(f, "a pause ({state})"),
            Self::Exited { status } => write!(f, "the end of its process ({status})"),
        }
    }
}

/// Two resets closer than this with nothing between them are one: a guest that reboots shows up to three.
/// Measured on QEMU 7.2: they arrive within a few milliseconds, and no guest boots and resets again in a second.
pub(super) const ONE_EDGE: std::time::Duration = std::time::Duration::from_millis(900);

/// Tells boot edges from the resets that merely repeat one.
#[derive(Debug, Default)]
pub(super) struct Edges {
    last_reset: Option<Timestamp>,
}

impl Edges {
    /// Whether this sign is a new edge.
    pub(super) fn is_edge(&mut self, event: &MachineEvent) -> bool {
        match event.what {
            MachineSign::Reset { .. } => {}
            // Told by who looks on, who may be late: nothing that the guest did lies between the resets.
            MachineSign::Stage { .. } | MachineSign::Concluded { .. } => return false,
            _ => {
                self.last_reset = None;
                return false;
            }
        }
        let since = self.last_reset.map(|last| event.at.duration_since(last));
        let repeated = since.is_some_and(|since| std::time::Duration::try_from(since).is_ok_and(|it| it < ONE_EDGE));
        if !repeated {
            // The window begins with the edge and does not move: resets in quick succession are no single edge for ever.
            self.last_reset = Some(event.at);
        }
        !repeated
    }
}

/// Counts boot edges: how many times the guest started anew, the first start not counted.
#[must_use]
pub fn boot_edges<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> usize {
    let mut edges = Edges::default();
    signs.into_iter().filter(|event| edges.is_edge(event)).count()
}

/// Whose the next word of the panic device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// A crash of its own that was not counted yet.
    New,
    /// The crash that was counted.
    Known,
    /// What the lab's interrupt did.
    Ours,
}

/// Counts crashes of the guest's own: a crash may show itself as a panic, as a dump being written, or both; the end of its
/// boot closes it.
#[must_use]
pub fn crashes<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> usize {
    let mut crashes = 0;
    let mut told = Told::New;
    for event in signs {
        told = match (&event.what, told) {
            (MachineSign::Panicked { .. } | MachineSign::CrashLoaded, Told::New) => {
                crashes += 1;
                Told::Known
            }
            (MachineSign::NmiInjected, Told::New) => Told::Ours,
            (
                MachineSign::Started
                | MachineSign::Reset { .. }
                | MachineSign::Shutdown { .. }
                | MachineSign::Exited { .. },
                _,
            ) => Told::New,
            (
                MachineSign::Panicked { .. }
                | MachineSign::CrashLoaded
                | MachineSign::NmiInjected
                | MachineSign::Answered
                | MachineSign::Stage { .. }
                | MachineSign::Concluded { .. }
                | MachineSign::RestartAsked
                | MachineSign::Paused { .. },
                told,
            ) => told,
        };
    }
    crashes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::boot) fn signs(list: &[(i64, MachineSign)]) -> Vec<MachineEvent> {
        list.iter()
            .map(|(ms, what)| MachineEvent { at: Timestamp::from_millisecond(*ms).unwrap(), what: what.clone() })
            .collect()
    }

    pub(in crate::boot) const RESET: MachineSign = MachineSign::Reset { guest: true, reason: None };
    pub(in crate::boot) const PANIC: MachineSign = MachineSign::Panicked { stop: None };

    fn check(name: &str, list: &[(i64, MachineSign)], edges: usize, crashed: usize) {
        let list = signs(list);
        assert_eq!(boot_edges(&list), edges, "edges: {name}");
        assert_eq!(crashes(&list), crashed, "crashes: {name}");
    }

    #[test]
    fn resets_without_activity_between_them_are_one_edge() {
        let stage = || MachineSign::Stage { reached: BootStage::Network };
        check("one reboot shown three times", &[(0, RESET), (3, RESET), (9, RESET)], 1, 0);
        check("two boots", &[(0, RESET), (4000, RESET)], 2, 0);
        check("an answer lies between", &[(0, RESET), (400, MachineSign::Answered), (500, RESET)], 2, 0);
        check("who looks on was late", &[(0, RESET), (2, stage()), (3, RESET)], 1, 0);
        check("a crash lies between", &[(0, RESET), (400, PANIC), (500, RESET)], 2, 1);
        check("dump written, then panic: one crash", &[(0, MachineSign::CrashLoaded), (1, PANIC), (9, RESET)], 1, 1);
        check("two crashes", &[(0, PANIC), (1, RESET), (2, RESET), (3000, PANIC), (3100, RESET)], 2, 2);
        check("a reset every half second", &[(0, RESET), (500, RESET), (1_000, RESET), (1_500, RESET)], 2, 0);
        check("the clock was set back", &[(5_000, RESET), (1_000, RESET)], 2, 0);
        check("nothing", &[(0, MachineSign::Started)], 0, 0);
        check("the lab's own stop", &[(0, MachineSign::NmiInjected), (9, PANIC), (20, RESET), (3_000, PANIC)], 1, 1);
        check("an NMI after a stop", &[(0, PANIC), (1, MachineSign::NmiInjected), (9, PANIC)], 0, 1);
    }

    #[test]
    fn signs_of_older_records_are_read() {
        let old = [
            (r#"{"at":"1970-01-01T00:00:01Z","what":{"sign":"started"}}"#, MachineSign::Started),
            (r#"{"at":"1970-01-01T00:00:01Z","what":{"sign":"reset","guest":true}}"#, RESET),
            (r#"{"at":"1970-01-01T00:00:01Z","what":{"sign":"panicked"}}"#, PANIC),
        ];
        for (line, sign) in old {
            assert_eq!(serde_json::from_str::<MachineEvent>(line).unwrap().what, sign);
        }
    }
}
