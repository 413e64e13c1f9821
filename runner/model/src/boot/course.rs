//! The course of a machine's boots: one state machine, fed by every sign of the machine and of those who look on.
//!
//! ```text
//!           power-on             answered            settled
//!   off ───────────────► starting ───────► answering ───────► settled
//!    ▲                    │ ▲ │               │  │              │  │
//!    │                    │ │ └───────────────┼──┴──────────────┘  │
//!    │                    │ │                 ▼ restart asked      │
//!    │                    │ │◄─── reset ─── leaving                │
//!    │                    │ │                 │                    │
//!    │                    ▼ │ reset           ▼                    ▼
//!    │                  stopped ◄──────────── panic device ────────┘
//!    │                  struck  ◄── NMI (from any boot that runs)
//!    └─── power-off, end of the process (from anywhere)
//! ```
//!
//! A reset begins the next boot wherever the present one is: where nobody asked for it and no stop was told, that boot
//! ended unexpectedly. A stop once told stays told. An answer of a boot that was asked to leave proves that the order
//! was the boot's before it: an installer's restart may be told later than it happens.

use std::time::Duration;

use jiff::Timestamp;

use super::signs::{Edges, ONE_EDGE};
use super::{Boot, BootEnd, BootStage, BootState, MachineEvent, MachineSign, between};

/// What a machine's boot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// No boot runs.
    Off,
    /// It has not answered yet.
    Starting,
    /// It has answered, and has to show that it stays.
    Answering,
    /// It stays.
    Settled,
    /// The lab asked it to end.
    Leaving,
    /// It told that it stopped.
    Stopped,
    /// The lab sent it an NMI.
    Struck,
}

/// Every move there is, staying where it is aside; anything else is a bug of this file.
const MOVES: [(Course, &[Course]); 7] = {
    use Course::{Answering, Leaving, Off, Settled, Starting, Stopped, Struck};
    [
        (Off, &[Starting]),
        (Starting, &[Off, Answering, Settled, Leaving, Stopped, Struck]),
        (Answering, &[Off, Starting, Settled, Leaving, Stopped, Struck]),
        (Settled, &[Off, Starting, Leaving, Stopped, Struck]),
        (Leaving, &[Off, Starting, Answering, Stopped, Struck]),
        (Stopped, &[Off, Starting]),
        (Struck, &[Off, Starting]),
    ]
};

impl Course {
    /// Where a sign leads that neither begins nor ends a boot.
    fn after(self, sign: &MachineSign) -> Self {
        match (sign, self) {
            (_, Self::Off | Self::Stopped | Self::Struck) => self,
            (MachineSign::Panicked { .. } | MachineSign::CrashLoaded, _) => Self::Stopped,
            (MachineSign::NmiInjected, _) => Self::Struck,
            (MachineSign::RestartAsked, _) => Self::Leaving,
            (MachineSign::Answered, Self::Starting | Self::Leaving) => Self::Answering,
            (MachineSign::Stage { reached: BootStage::Settled }, Self::Starting | Self::Answering) => Self::Settled,
            (MachineSign::Stage { reached: BootStage::Services }, Self::Starting) => Self::Answering,
            (
                MachineSign::Answered
                | MachineSign::Stage { .. }
                | MachineSign::Concluded { .. }
                | MachineSign::Started
                | MachineSign::Reset { .. }
                | MachineSign::Shutdown { .. }
                | MachineSign::Paused { .. }
                | MachineSign::Exited { .. },
                _,
            ) => self,
        }
    }

    /// Goes there, which must be a legal move.
    fn go(&mut self, to: Self) {
        debug_assert!(*self == to || is_legal(*self, to), "no boot goes from {self:?} to {to:?}");
        *self = to;
    }
}

fn is_legal(from: Course, to: Course) -> bool {
    MOVES.iter().any(|(course, moves)| *course == from && moves.contains(&to))
}

/// A boot of which the end was not seen yet.
#[derive(Debug, Clone)]
struct OpenBoot {
    course: Course,
    begun: Timestamp,
    reached: BootStage,
    answered: Option<Timestamp>,
    concluded: Option<BootState>,
}

impl OpenBoot {
    fn at(begun: Timestamp) -> Self {
        Self { course: Course::Starting, begun, reached: BootStage::Firmware, answered: None, concluded: None }
    }

    fn see(&mut self, at: Timestamp, sign: &MachineSign) {
        // Who looks on may be late: nothing is reached by a boot that has stopped.
        let late = matches!(self.course, Course::Stopped | Course::Struck) && matches!(sign, MachineSign::Stage { .. });
        if let Some(stage) = shown_by(sign).filter(|_| !late) {
            self.reached = self.reached.max(stage);
        }
        // A session that merely began is no answer.
        if *sign == MachineSign::Answered || self.reached >= BootStage::Services {
            self.answered.get_or_insert(at);
        }
        if let MachineSign::Concluded { state } = sign {
            self.concluded = Some(*state);
        }
        self.course.go(self.course.after(sign));
    }

    /// Ended by the guest itself.
    fn reset(self, at: Timestamp) -> Past {
        let ended = match self.course {
            Course::Stopped | Course::Struck => BootEnd::Bugcheck,
            Course::Leaving => BootEnd::Clean,
            Course::Off | Course::Starting | Course::Answering | Course::Settled => BootEnd::Unexpected,
        };
        self.end(at, ended)
    }

    fn cut(self, at: Timestamp, ended: BootEnd) -> Past {
        let ended = if self.course == Course::Stopped { BootEnd::Bugcheck } else { ended };
        self.end(at, ended)
    }

    fn end(self, at: Timestamp, ended: BootEnd) -> Past {
        let state = match (self.answered, self.course, ended) {
            (Some(_), ..) => BootState::Up,
            (None, Course::Stopped, _) => BootState::Bugcheck,
            (None, Course::Struck, _) => BootState::Hang,
            (None, _, BootEnd::Unexpected | BootEnd::Clean) => BootState::Loop,
            (None, ..) => BootState::Hang,
        };
        let state = self.concluded.map_or(state, |concluded| conclude(state, concluded));
        let took_s = between(self.begun, self.answered.unwrap_or(at)).into();
        let lived = self.answered.map_or(Duration::ZERO, |answered| between(answered, at));
        Past {
            boot: Boot { state, reached: self.reached, ended, took_s },
            lived,
            begun: self.begun,
            lasted: between(self.begun, at),
            struck: self.course == Course::Struck,
        }
    }
}

/// What a boot led to of which the signs tell `state`. Only a boot that said nothing can be something else in truth: what
/// answered came up, and what told of a stop stopped.
fn conclude(state: BootState, concluded: BootState) -> BootState {
    match (state, concluded) {
        (BootState::Hang, BootState::Recovery | BootState::Unreachable) => concluded,
        (state, _) => state,
    }
}

/// The stage that a sign proves its boot to be in.
fn shown_by(sign: &MachineSign) -> Option<BootStage> {
    match sign {
        MachineSign::Stage { reached } => Some(*reached),
        MachineSign::Answered => Some(BootStage::Ssh),
        // A port of its own, which only a driver of the guest's kernel writes to.
        MachineSign::Panicked { .. } | MachineSign::CrashLoaded => Some(BootStage::Kernel),
        MachineSign::Started
        | MachineSign::Concluded { .. }
        | MachineSign::RestartAsked
        | MachineSign::NmiInjected
        | MachineSign::Reset { .. }
        | MachineSign::Shutdown { .. }
        | MachineSign::Paused { .. }
        | MachineSign::Exited { .. } => None,
    }
}

/// A boot that is over, or told as far as the record goes.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) boot: Boot,
    /// From its answer to its end; nothing if it never answered.
    lived: Duration,
    pub(super) begun: Timestamp,
    /// From its beginning to its end.
    lasted: Duration,
    /// Whether the lab's NMI ended it.
    struck: bool,
}

/// All boots that a machine's signs tell of, in order, and whether the last of them still runs.
#[derive(Debug, Default)]
struct History {
    past: Vec<Past>,
    edges: Edges,
    open: Option<OpenBoot>,
}

impl History {
    fn of<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> (Self, Timestamp) {
        let mut history = Self::default();
        let mut last = Timestamp::UNIX_EPOCH;
        for event in signs {
            history.see(event);
            last = event.at;
        }
        (history, last)
    }

    fn see(&mut self, event: &MachineEvent) {
        let edge = self.edges.is_edge(event);
        match &event.what {
            MachineSign::Started => {
                let before = self.open.replace(OpenBoot::at(event.at));
                self.past.extend(before.map(|boot| boot.cut(event.at, BootEnd::PowerLoss)));
            }
            MachineSign::Reset { .. } if edge => {
                let before = self.open.replace(OpenBoot::at(event.at));
                self.past.extend(before.map(|boot| boot.reset(event.at)));
            }
            MachineSign::Shutdown { guest: true, .. } => {
                self.past.extend(self.open.take().map(|boot| boot.reset(event.at)));
            }
            MachineSign::Shutdown { guest: false, .. } | MachineSign::Exited { .. } => {
                // A boot that was cut as it began came to nothing that could be told.
                let boot = self.open.take().map(|boot| boot.cut(event.at, BootEnd::PowerLoss));
                self.past.extend(boot.filter(|boot| boot.lasted >= ONE_EDGE));
            }
            sign @ (MachineSign::Concluded { .. } | MachineSign::Stage { .. })
                if self.open.is_none() || self.past.last().is_some_and(|past| past.struck) =>
            {
                // Of the boot that was given up, although it is over by the lab's own hands.
                if let Some(past) = self.past.last_mut() {
                    past.learn(sign);
                }
            }
            sign => {
                if let Some(boot) = &mut self.open {
                    boot.see(event.at, sign);
                }
            }
        }
    }
}

impl Past {
    fn learn(&mut self, sign: &MachineSign) {
        match sign {
            MachineSign::Concluded { state } => self.boot.state = conclude(self.boot.state, *state),
            // What never answered did not come as far as an answer leads.
            MachineSign::Stage { reached } if self.boot.state != BootState::Up => {
                self.boot.reached = self.boot.reached.max((*reached).min(BootStage::Ssh));
            }
            _ => {}
        }
    }
}

/// The boots that a machine's signs tell of, in order.
#[must_use]
pub fn boots<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> Vec<Boot> {
    let (history, last) = History::of(signs);
    let open = history.open.map(|boot| boot.cut(last, BootEnd::Running));
    history.past.into_iter().chain(open).map(|past| past.boot).collect()
}

/// How far the boot has come that runs now; nothing while the machine is off.
#[must_use]
pub fn reached<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> Option<BootStage> {
    History::of(signs).0.open.map(|boot| boot.reached)
}

/// Boots that failed one after another, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failing {
    /// How many ended by themselves before they had settled, since the last one that settled or was asked to end.
    pub boots: usize,
    /// How many of these told of a stop.
    pub stopped: usize,
    /// Longest time that one of them lived after its answer: another may be on its way to die as old.
    pub longest_life: Duration,
}

/// The boots that failed in a row, the present one not counted.
#[must_use]
pub fn failing<'a>(signs: impl IntoIterator<Item = &'a MachineEvent>) -> Failing {
    let failed = |past: &&Past| {
        let by_itself = matches!(past.boot.ended, BootEnd::Bugcheck | BootEnd::Unexpected) && !past.struck;
        by_itself && past.boot.reached < BootStage::Settled
    };
    let (history, _) = History::of(signs);
    history.past.iter().rev().take_while(failed).fold(Failing::default(), |row, past| Failing {
        boots: row.boots + 1,
        stopped: row.stopped + usize::from(past.boot.ended == BootEnd::Bugcheck),
        longest_life: row.longest_life.max(past.lived),
    })
}

/// The boot that the lab gave up, before it laid hands on the machine, and when it had last been heard of.
pub(super) fn given_up(signs: &[MachineEvent]) -> Option<(Past, Timestamp)> {
    let hands_on = |event: &MachineEvent| {
        matches!(
            event.what,
            MachineSign::NmiInjected | MachineSign::Shutdown { guest: false, .. } | MachineSign::Exited { .. }
        )
    };
    let until = signs.iter().position(hands_on).unwrap_or(signs.len());
    let last = signs.get(until).or(signs.last())?.at;
    let (history, _) = History::of(&signs[..until]);
    Some((history.open?.cut(last, BootEnd::Running), last))
}

#[cfg(test)]
mod tests;
