//! The course of boots: by example, and for any signs whatever.

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
        5 => any::<bool>().prop_map(|guest| MachineSign::Reset { guest, reason: None }),
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
