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
mod tests {
    use proptest::prelude::*;

    use super::super::signs::tests::{PANIC, RESET, signs};
    use super::super::{boot_edges, crashes};
    use super::*;

    fn stage(reached: BootStage) -> MachineSign {
        MachineSign::Stage { reached }
    }

    fn exited() -> MachineSign {
        MachineSign::Exited { status: "0".to_owned() }
    }

    #[test]
    fn boots_are_told_from_edge_to_edge() {
        let list = signs(&[
            (0, MachineSign::Started),
            (3_000, MachineSign::Answered),
            (3_500, stage(BootStage::Settled)),
            (9_000, MachineSign::RestartAsked),
            (10_000, RESET),
            (10_005, RESET),
            (12_000, MachineSign::CrashLoaded),
            (12_500, RESET),
            (15_000, RESET),
            (19_000, MachineSign::Answered),
            (20_000, PANIC),
            (21_000, RESET),
            (22_000, stage(BootStage::Network)),
            (25_000, exited()),
        ]);
        let told: Vec<_> =
            boots(&list).iter().map(|boot| (boot.state, boot.reached, boot.ended, boot.took_s.as_millis())).collect();
        let expected = [
            (BootState::Up, BootStage::Settled, BootEnd::Clean, 3_000),
            (BootState::Bugcheck, BootStage::Kernel, BootEnd::Bugcheck, 2_500),
            (BootState::Loop, BootStage::Firmware, BootEnd::Unexpected, 2_500),
            (BootState::Up, BootStage::Ssh, BootEnd::Bugcheck, 4_000),
            (BootState::Hang, BootStage::Network, BootEnd::PowerLoss, 4_000),
        ];
        assert_eq!(told, expected);
        assert_eq!(boots(&signs(&[(0, MachineSign::Started), (2, MachineSign::Answered)]))[0].ended, BootEnd::Running);
        assert!(boots(&[]).is_empty());
        let cut = MachineSign::Shutdown { guest: false, reason: "host-qmp-quit".to_owned() };
        let cut = signs(&[(0, MachineSign::Started), (2_000, PANIC), (2_500, RESET), (2_510, cut)]);
        assert_eq!(boots(&cut).len(), 1, "the boot that we cut as it began is not told");
    }

    #[test]
    fn boots_fail_in_a_row_until_one_settles() {
        let row = |list: &[(i64, MachineSign)]| {
            let Failing { boots, stopped, longest_life } = failing(&signs(list));
            (boots, stopped, longest_life.as_millis())
        };
        let up = [(0, MachineSign::Started), (3_000, MachineSign::Answered)];
        let settled = [up.as_slice(), &[(3_100, stage(BootStage::Settled))]].concat();
        let then = |before: &[(i64, MachineSign)], after: &[(i64, MachineSign)]| row(&[before, after].concat());
        assert_eq!(then(&settled, &[(90_000, PANIC), (91_000, RESET)]), (0, 0, 0), "it had settled");
        assert_eq!(then(&up, &[(9_000, PANIC), (10_000, RESET)]), (1, 1, 7_000), "it had only answered");
        let each_answers = [
            (10_000, RESET),
            (13_000, MachineSign::Answered),
            (15_000, RESET),
            (18_000, MachineSign::Answered),
            (19_000, PANIC),
            (20_000, RESET),
        ];
        assert_eq!(then(&up, &each_answers), (3, 1, 7_000));
        assert_eq!(then(&up, &[(9_000, MachineSign::RestartAsked), (10_000, RESET)]), (0, 0, 0), "asked for");
        let ours = [(9_000, MachineSign::NmiInjected), (9_500, PANIC), (10_000, RESET)];
        assert_eq!(then(&up, &ours), (0, 0, 0), "the lab's own stop");
    }

    #[test]
    fn an_order_that_is_told_late_is_not_the_next_boot_s() {
        let list = signs(&[
            (0, MachineSign::Started),
            (3_000, MachineSign::Answered),
            (9_000, RESET),
            (9_100, MachineSign::RestartAsked),
            (12_000, MachineSign::Answered),
            (13_000, RESET),
        ]);
        assert_eq!(boots(&list)[1].ended, BootEnd::Unexpected);
    }

    #[test]
    fn the_boot_that_was_given_up_is_the_one_before_the_lab_s_own_hands() {
        let list = signs(&[
            (0, MachineSign::Started),
            (5_000, RESET),
            (8_000, stage(BootStage::Network)),
            (60_000, MachineSign::NmiInjected),
            (61_000, PANIC),
            (62_000, RESET),
            (64_000, exited()),
        ]);
        let (past, at) = given_up(&list).unwrap();
        assert_eq!(
            (past.begun.as_millisecond(), past.boot.reached, at.as_millisecond()),
            (5_000, BootStage::Network, 60_000)
        );
        assert!(given_up(&[]).is_none());
    }

    #[test]
    fn what_was_concluded_of_a_silent_boot_is_what_it_led_to() {
        let concluded = |state| MachineSign::Concluded { state };
        let told = |before: &[(i64, MachineSign)], after: &[(i64, MachineSign)]| {
            let up = [(0, MachineSign::Started), (3_000, MachineSign::Answered), (9_000, RESET)];
            let told = boots(&signs(&[&up, before, after].concat()));
            (told[1].state, told[1].reached)
        };
        let recovery = [(70_000, concluded(BootState::Recovery)), (71_000, stage(BootStage::Kernel))];
        let (is_recovery, kernel) = (BootState::Recovery, BootStage::Kernel);
        assert_eq!(told(&[], &recovery), (is_recovery, kernel), "it still runs");
        assert_eq!(told(&[(60_000, exited())], &recovery), (is_recovery, kernel), "its power was cut");
        let struck = [(50_000, MachineSign::NmiInjected), (51_000, PANIC), (52_000, RESET)];
        assert_eq!(told(&struck, &recovery), (is_recovery, kernel), "an NMI ended it, and the next boot runs");
        assert_eq!(told(&[(12_000, PANIC), (13_000, exited())], &recovery).0, BootState::Bugcheck, "it told of a stop");
        assert_eq!(told(&[(12_000, MachineSign::Answered)], &recovery).0, BootState::Up, "it answered");
        let taken_back = [(70_000, concluded(BootState::Hang))];
        assert_eq!(told(&[], &taken_back).0, BootState::Hang);
    }

    fn any_sign() -> impl Strategy<Value = MachineSign> {
        prop_oneof![
            1 => Just(MachineSign::Started),
            3 => Just(MachineSign::Answered),
            3 => prop::sample::select(&BootStage::ALL[..]).prop_map(stage),
            2 => Just(MachineSign::RestartAsked),
            1 => prop::sample::select(vec![BootState::Hang, BootState::Recovery, BootState::Unreachable])
                .prop_map(|state| MachineSign::Concluded { state }),
            1 => Just(MachineSign::NmiInjected),
            5 => any::<bool>().prop_map(|guest| MachineSign::Reset { guest }),
            2 => Just(PANIC),
            2 => Just(MachineSign::CrashLoaded),
            1 => any::<bool>().prop_map(|guest| MachineSign::Shutdown { guest, reason: String::new() }),
            1 => Just(MachineSign::Paused { state: "paused".to_owned(), host_full: false }),
            1 => Just(exited()),
        ]
    }

    fn any_signs() -> impl Strategy<Value = Vec<MachineEvent>> {
        // Clocks of hosts are set back now and then.
        prop::collection::vec((-50_i64..4_000, any_sign()), 0..60).prop_map(|list| {
            let mut at = 100_000;
            let timed: Vec<_> = list
                .into_iter()
                .map(|(ms, what)| {
                    at += ms;
                    (at, what)
                })
                .collect();
            signs(&timed)
        })
    }

    proptest! {
        /// Whatever a machine shows, its boots move as the table says, and nothing is counted that was not shown.
        #[test]
        fn any_signs_lead_to_legal_boots(list in any_signs()) {
            let mut history = History::default();
            for event in &list {
                let before = history.open.as_ref().map(|boot| (boot.course, boot.reached, boot.begun));
                history.see(event);
                let after = history.open.as_ref().map(|boot| (boot.course, boot.reached, boot.begun));
                let course = |at: Option<(Course, BootStage, Timestamp)>| at.map_or(Course::Off, |(course, ..)| course);
                let (from, to) = (course(before), course(after));
                prop_assert!(from == to || is_legal(from, to), "{:?} led from {from:?} to {to:?}", event.what);
                if let (Some((_, before, begun)), Some((_, after, same))) = (before, after) && begun == same
                    && !matches!(event.what, MachineSign::Started | MachineSign::Reset { .. })
                {
                    prop_assert!(before <= after, "a boot fell back from {before} to {after}");
                }
            }
            let told = boots(&list);
            let starts = list.iter().filter(|it| it.what == MachineSign::Started).count();
            prop_assert!(told.len() <= starts + boot_edges(&list));
            let stopped = told.iter().filter(|boot| boot.ended == BootEnd::Bugcheck).count();
            let nmis = list.iter().filter(|it| it.what == MachineSign::NmiInjected).count();
            prop_assert!(stopped <= crashes(&list) + nmis, "more boots stopped than crashed");
            let last = told.len().saturating_sub(1);
            for (place, boot) in told.iter().enumerate() {
                prop_assert!(boot.state != BootState::Up || boot.reached >= BootStage::Ssh);
                prop_assert!(boot.state == BootState::Up || boot.reached <= BootStage::Ssh);
                prop_assert!(boot.ended != BootEnd::Running || place == last, "only the last boot runs");
            }
            let row = failing(&list);
            prop_assert!(row.stopped <= row.boots && row.boots <= told.len());
            prop_assert_eq!(reached(&list).is_some(), history.open.is_some());
        }
    }
}
