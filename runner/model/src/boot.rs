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
    /// Its power went: the lab cut it, or its machine's process ended.
    PowerLoss,
    /// It still runs as far as the record goes.
    Running,
}

/// One boot of a guest, as its machine's signs tell of it; see [`boots`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// What the start led to.
    pub state: BootState,
    /// How it ended.
    pub ended: BootEnd,
    /// From power-on or reset until the guest answered; until the boot's end when it never did.
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
    /// The lab asked the guest for a restart.
    RestartAsked,
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

impl std::fmt::Display for MachineSign {
    /// A short phrase.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started => f.write_str("power-on"),
            Self::Answered => f.write_str("an answer of the guest"),
            Self::RestartAsked => f.write_str("the order to restart"),
            Self::Reset { .. } => f.write_str("a reset"),
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
const ONE_EDGE: std::time::Duration = std::time::Duration::from_millis(900);

/// Tells boot edges from the resets that merely repeat one.
#[derive(Debug, Default)]
struct Edges {
    last_reset: Option<Timestamp>,
}

impl Edges {
    /// Whether this sign is a new edge.
    fn is_edge(&mut self, event: &MachineEvent) -> bool {
        let MachineSign::Reset { .. } = event.what else {
            self.last_reset = None;
            return false;
        };
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

/// The boots that a machine's signs tell of, in order.
#[must_use]
pub fn boots<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> Vec<Boot> {
    let mut boots = Vec::new();
    let mut edges = Edges::default();
    let mut open: Option<OpenBoot> = None;
    let mut last = Timestamp::UNIX_EPOCH;
    for event in signs {
        last = event.at;
        let edge = edges.is_edge(event);
        match &event.what {
            MachineSign::Started => open = Some(OpenBoot::at(event.at)),
            MachineSign::Reset { .. } if edge => {
                boots.extend(open.replace(OpenBoot::at(event.at)).map(|boot| boot.reset(event.at)));
            }
            MachineSign::Shutdown { guest: true, .. } => boots.extend(open.take().map(|boot| boot.reset(event.at))),
            MachineSign::Shutdown { guest: false, .. } | MachineSign::Exited { .. } => {
                // A boot that was cut as it began came to nothing that could be told.
                let boot = open.take().map(|boot| boot.end(event.at, BootEnd::PowerLoss));
                boots.extend(boot.filter(|boot| boot.took_s.to_duration() >= ONE_EDGE));
            }
            sign => {
                if let Some(boot) = &mut open {
                    boot.see(event.at, sign);
                }
            }
        }
    }
    boots.extend(open.map(|boot| boot.end(last, BootEnd::Running)));
    boots
}

/// A boot of which the end was not seen yet.
#[derive(Debug, Clone)]
struct OpenBoot {
    begun: Timestamp,
    answered: Option<Timestamp>,
    crashed: bool,
    /// Whether the lab asked this boot to end.
    asked: bool,
}

impl OpenBoot {
    fn at(begun: Timestamp) -> Self {
        Self { begun, answered: None, crashed: false, asked: false }
    }

    fn see(&mut self, at: Timestamp, sign: &MachineSign) {
        match sign {
            MachineSign::Answered => self.answered = self.answered.or(Some(at)),
            MachineSign::Panicked { .. } | MachineSign::CrashLoaded => self.crashed = true,
            MachineSign::RestartAsked => self.asked = true,
            MachineSign::Started
            | MachineSign::Reset { .. }
            | MachineSign::Shutdown { .. }
            | MachineSign::Paused { .. }
            | MachineSign::Exited { .. } => {}
        }
    }

    /// Ended by the guest itself.
    fn reset(self, at: Timestamp) -> Boot {
        let ended = if self.asked { BootEnd::Clean } else { BootEnd::Unexpected };
        self.end(at, ended)
    }

    fn end(self, at: Timestamp, ended: BootEnd) -> Boot {
        let state = match (self.answered, self.crashed, ended) {
            (Some(_), ..) => BootState::Up,
            (None, true, _) => BootState::Bugcheck,
            (None, false, BootEnd::Unexpected | BootEnd::Clean) => BootState::Loop,
            (None, false, _) => BootState::Hang,
        };
        let ended = if self.crashed { BootEnd::Bugcheck } else { ended };
        let took = self.answered.unwrap_or(at).duration_since(self.begun);
        Boot { state, ended, took_s: std::time::Duration::try_from(took).unwrap_or_default().into() }
    }
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
            MachineSign::Started | MachineSign::Answered | MachineSign::RestartAsked | MachineSign::Paused { .. } => {}
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
        check("a reset every half second", &[(0, RESET), (500, RESET), (1_000, RESET), (1_500, RESET)], 2, 0);
        check("the clock was set back", &[(5_000, RESET), (1_000, RESET)], 2, 0);
        check("nothing", &[(0, MachineSign::Started)], 0, 0);
    }

    #[test]
    fn boots_are_told_from_edge_to_edge() {
        let exited = MachineSign::Exited { status: "0".to_owned() };
        let list = signs(&[
            (0, MachineSign::Started),
            (3_000, MachineSign::Answered),
            (9_000, MachineSign::RestartAsked),
            (10_000, RESET),
            (10_005, RESET),
            (12_000, MachineSign::CrashLoaded),
            (12_500, RESET),
            (15_000, RESET),
            (19_000, MachineSign::Answered),
            (20_000, PANIC),
            (21_000, RESET),
            (25_000, exited),
        ]);
        let told: Vec<_> = boots(&list).iter().map(|boot| (boot.state, boot.ended, boot.took_s.as_millis())).collect();
        let expected = [
            (BootState::Up, BootEnd::Clean, 3_000),
            (BootState::Bugcheck, BootEnd::Bugcheck, 2_500),
            (BootState::Loop, BootEnd::Unexpected, 2_500),
            (BootState::Up, BootEnd::Bugcheck, 4_000),
            (BootState::Hang, BootEnd::PowerLoss, 4_000),
        ];
        assert_eq!(told, expected);
        assert_eq!(boots(&signs(&[(0, MachineSign::Started), (2, MachineSign::Answered)]))[0].ended, BootEnd::Running);
        assert!(boots(&[]).is_empty());
        let cut = MachineSign::Shutdown { guest: false, reason: "host-qmp-quit".to_owned() };
        let cut = signs(&[(0, MachineSign::Started), (2_000, PANIC), (2_500, RESET), (2_510, cut)]);
        assert_eq!(boots(&cut).len(), 1, "the boot that we cut as it began is not told");
    }
}
