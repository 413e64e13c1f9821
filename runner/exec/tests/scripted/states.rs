//! What boots lead to, and when it is decided: every state of a boot, what is told of it, and what it costs.

use std::time::Duration;

use coexist_model::{
    ArmOutcome, ArmRecord, BootEnd, BootStage, BootState, FailureState, MachineSign, StepFailure, crashes, failing,
};
use proptest::prelude::*;

use crate::script::{Blow, Fate, Script};
use crate::{boots, candidate, failed};

/// The failure of the candidate's arm, and how long its step took.
async fn failure_at(step: &str, script: Script) -> (StepFailure, Duration, ArmRecord) {
    let record = candidate(script).await;
    let ArmOutcome::Failed { step: at, failure } = &record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!(at.as_str(), step);
    let took = record.steps[at].to_duration();
    (failure.clone(), took, record)
}

fn dwell(blow: Blow) -> Script {
    Script { dwell: Some(blow), ..Script::default() }
}

fn blind(script: Script) -> Script {
    Script { blind: true, ..script }
}

fn reached(record: &ArmRecord) -> Vec<BootStage> {
    record.boots.iter().map(|boot| boot.reached).collect()
}

#[tokio::test(start_paused = true)]
async fn boots_are_told_with_how_far_they_came() {
    use BootStage::{Firmware, Kernel, Network, Settled, Ssh};
    let good = candidate(Script::default()).await;
    assert_eq!(reached(&good), [Settled; 3]);
    let services = |it: &coexist_model::MachineEvent| it.what == MachineSign::Stage { reached: BootStage::Services };
    assert!(good.signs.iter().any(services), "the products' services were there before the boot settled");
    let table = [
        (Fate::Hang, Firmware),
        (Fate::StopForGood, Kernel),
        (Fate::Refuse, Network),
        (Fate::WrongKey, Ssh),
        (Fate::Lockout, Ssh),
    ];
    for (fate, stage) in table {
        let record = candidate(boots(&[Fate::Good, fate])).await;
        assert_eq!(reached(&record), [Settled, Settled, stage], "{fate:?}");
    }
}

/// The deadline is the matrix author's: silence alone never ends a wait early, and motion never doubles it.
#[tokio::test(start_paused = true)]
async fn a_guest_that_moves_has_half_its_time_again() {
    let wait = Duration::from_secs(60);
    let (failure, took, _) = failure_at("reboot-1", boots(&[Fate::Good, Fate::Hang])).await;
    assert_eq!(failure.state, FailureState::Hang);
    assert!(took >= wait && took < wait + Duration::from_secs(10), "{took:?}");
    assert!(failure.message.contains("there was no new picture, no console output"), "{}", failure.message);

    let (failure, took, record) = failure_at("reboot-1", boots(&[Fate::Good, Fate::NoNetwork])).await;
    assert_eq!(failure.state, FailureState::Unreachable);
    assert_eq!(record.boots.last().unwrap().state, BootState::Unreachable);
    assert!(took >= wait * 3 / 2 && took < wait * 3 / 2 + Duration::from_secs(10), "{took:?}");
    assert!(failure.message.contains("its disk worked"), "{}", failure.message);

    assert_eq!(candidate(boots(&[Fate::Good, Fate::Slow(80)])).await.outcome, ArmOutcome::Up);
    assert_eq!(failed(&candidate(blind(boots(&[Fate::Good, Fate::Slow(80)]))).await, "reboot-1"), FailureState::Hang);
}

/// What cannot be seen proves nothing: no stillness, no recovery screen.
#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_tell_gets_the_benefit_of_the_doubt() {
    use Fate::{Crash, Good, Hang, NoNetwork};
    let table = [
        ("reboot-1", boots(&[Good, Hang]), FailureState::Hang),
        ("reboot-1", boots(&[Good, NoNetwork]), FailureState::Hang),
        ("reboot-1", boots(&[Good, Crash, Crash, Hang]), FailureState::Bugcheck),
        ("dwell", dwell(Blow::Hang), FailureState::Unreachable),
        ("dwell", dwell(Blow::Silence), FailureState::Unreachable),
    ];
    for (step, script, state) in table {
        let told = format!("{script:?}");
        let (failure, ..) = failure_at(step, blind(script)).await;
        assert_eq!(failure.state, state, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_stays_the_only_one_costs_a_moment_more() {
    let (failure, took, record) = failure_at("reboot-1", boots(&[Fate::Good, Fate::Crash])).await;
    assert_eq!(failure.message, "the guest stopped once and came back");
    // Two boots of two seconds, the watch, and the two looks that its dump takes.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(record.evidence.iter().any(|it| it.path.ends_with("minidump-1.dmp")), "its dump was fetched");
    assert!(record.evidence.iter().any(|it| it.path.ends_with("system.evtx")));
}

#[tokio::test(start_paused = true)]
async fn a_loop_is_decided_at_the_third_boot_whether_or_not_it_answers() {
    use Fate::{Crash, CrashLater, Good, Reset, ResetLater, StopUnseenLater};
    let table: &[(&[Fate], &str, Option<&str>)] = &[
        (&[Good, Crash, Crash, Crash], "boot loop: 3 boots in a row never settled, 3 times with a stop", None),
        (
            &[Good, CrashLater(900), Crash, CrashLater(700)],
            "boot loop: 3 boots in a row never settled, 3 times with a stop",
            None,
        ),
        (
            &[Good, ResetLater(900), Reset, ResetLater(900)],
            "boot loop: 3 boots in a row never settled, without a word of why",
            Some("loop|no-stop"),
        ),
        (
            &[Good, StopUnseenLater(900), StopUnseenLater(900), StopUnseenLater(900)],
            "before that, the guest's own log tells of a stop with 0x50",
            None,
        ),
    ];
    for (fates, words, bucket) in table {
        let (failure, took, record) = failure_at("reboot-1", boots(fates)).await;
        assert_eq!(failure.state, FailureState::Loop, "{fates:?}");
        assert!(failure.message.contains(words), "{}", failure.message);
        assert_eq!(failure.bucket.as_ref().map(|it| it.0.as_str()), *bucket, "{fates:?}");
        assert!(took < Duration::from_secs(30), "{took:?}: long before the deadline");
        assert!(record.boots[2..5].iter().all(|boot| boot.reached < BootStage::Settled), "{:?}", record.boots);
    }
}

/// Servicing of Windows restarts more than once. Nothing but the guest's own log tells that from a loop of silent resets.
#[tokio::test(start_paused = true)]
async fn restarts_in_order_are_no_loop_until_no_servicing_needs_so_many() {
    use Fate::{EarlyReset, Good, Restart};
    let update = |fates: &[Fate]| Script { updates_windows: true, ..boots(fates) };
    for (times, words) in [(1, "once"), (3, "3 times"), (5, "5 times")] {
        let record = candidate(update(&[&[Good], [Restart; 5][..times].as_ref()].concat())).await;
        assert_eq!(record.outcome, ArmOutcome::Up, "{times}");
        let note = format!("the guest restarted {words} more than it was asked to, in order each time");
        assert!(record.notes.contains(&note), "{:?}", record.notes);
    }
    let (failure, took, _) = failure_at("reboot-1", update(&[&[Good], [Restart; 6].as_slice()].concat())).await;
    assert_eq!(failure.state, FailureState::Loop);
    let words = "6 boots in a row never settled, without a word of why; restarts in order look the same from outside, and \
                 no servicing needs so many";
    assert!(failure.message.contains(words), "{}", failure.message);
    assert!(took < Duration::from_secs(30), "{took:?}: long before the deadline");

    // Two of three that its log knows nothing of were in no order that anybody could know.
    let fates = [Good, EarlyReset, Restart, EarlyReset];
    let (failure, ..) = failure_at("reboot-1", update(&fates)).await;
    assert_eq!(failure.state, FailureState::Loop);
    let words = "its own log knows of 2 boots, and of 0 that ended out of order";
    assert!(failure.message.contains(words), "{}", failure.message);
    // Those in order and the one that follows are no row.
    let fates = [Good, Restart, Restart, Restart, Fate::ResetLater(500)];
    let (failure, ..) = failure_at("reboot-1", update(&fates[..])).await;
    assert_eq!(failure.state, FailureState::UnexpectedRestart, "{}", failure.message);
    // Where no update of Windows came, or nobody asked for a restart, three are three.
    let (failure, ..) = failure_at("reboot-1", boots(&[Good, Restart, Restart, Restart])).await;
    assert!(failure.message.starts_with("boot loop: 3 boots in a row"), "{}", failure.message);
    let unasked = Script { dwell: Some(Blow::Restart), ..update(&[Good, Restart, Restart, Restart]) };
    let (failure, ..) = failure_at("dwell", unasked).await;
    assert!(failure.message.starts_with("boot loop: 3 boots in a row"), "{}", failure.message);
}

/// A stop of which only the guest's log knows, and which does not come again.
#[tokio::test(start_paused = true)]
async fn a_stop_that_nobody_saw_is_told_by_the_log() {
    let (failure, ..) = failure_at("reboot-1", boots(&[Fate::Good, Fate::StopUnseenLater(900)])).await;
    assert_eq!(failure.state, FailureState::Bugcheck);
    // Nor is it hidden by the lab's own trouble afterwards.
    let then_dies = boots(&[Fate::Good, Fate::StopUnseenLater(900), Fate::StopUnseenLater(900), Fate::Die]);
    let (failure, _, record) = failure_at("reboot-1", then_dies).await;
    assert_eq!(failure.state, FailureState::Bugcheck);
    assert!(record.abandoned.is_empty());
}

/// What vanished counts where the product's health is asked for, whether or not a later boot brings it back.
#[tokio::test(start_paused = true)]
async fn what_vanishes_is_named_with_its_product() {
    let gone = Script { vanished_for_good: true, ..dwell(Blow::EndService) };
    for (script, words) in [
        (gone, "found no; it vanished in step dwell"),
        (dwell(Blow::EndService), "so again, but it vanished in step dwell, which nobody asked for"),
    ] {
        let (failure, _, record) = failure_at("probe", script).await;
        assert_eq!(failure.state, FailureState::Unhealthy);
        assert_eq!(failure.message, format!("acme: service AcmeSvc runs: {words}"));
        assert_eq!(failure.bucket.unwrap().0, "unhealthy|acme|service AcmeSvc runs");
        let note = "acme: service AcmeSvc runs: vanished in step dwell, found no";
        assert!(record.notes.iter().any(|it| it == note), "{:?}", record.notes);
    }
    let (failure, ..) = failure_at("probe", dwell(Blow::DetachFilter)).await;
    assert!(failure.message.contains("acme: filter acmeflt is attached"), "{}", failure.message);
    // What was never there has not vanished.
    let (failure, ..) = failure_at("probe", Script { sick: true, ..Script::default() }).await;
    assert_eq!(failure.message, "acme: service AcmeSvc runs: found no");
    let away = candidate(dwell(Blow::EndServiceFor(20))).await;
    assert_eq!(away.outcome, ArmOutcome::Up);
    assert!(away.notes.iter().any(|it| it.contains("service AcmeSvc runs: not so for a moment")), "{:?}", away.notes);
}

fn any_fate() -> impl Strategy<Value = Fate> {
    use Fate::{
        Crash, CrashLater, Dirty, EarlyReset, Good, Hang, NoNetwork, Reset, ResetLater, Restart, Slow, StopForGood,
        StopUnseenLater,
    };
    prop_oneof![
        3 => Just(Good),
        3 => Just(Crash),
        2 => Just(Reset),
        3 => (0_u64..5_000).prop_map(CrashLater),
        2 => (0_u64..5_000).prop_map(ResetLater),
        1 => (0_u64..5_000).prop_map(StopUnseenLater),
        1 => (0_u64..120).prop_map(Slow),
        2 => prop::sample::select(vec![Restart, EarlyReset]),
        1 => prop::sample::select(vec![Hang, NoNetwork, StopForGood, Dirty]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever boots do, the arm comes to a state that its own record bears out.
    #[test]
    fn a_state_is_borne_out_by_the_signs(fates in prop::collection::vec(any_fate(), 0..7), blind: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let script = Script { blind, ..boots(&[&[Fate::Good], fates.as_slice()].concat()) };
        let record = runtime.block_on(candidate(script));
        let stopped = record.boots.iter().filter(|boot| boot.ended == BootEnd::Bugcheck).count();
        prop_assert_eq!(stopped, crashes(&record.signs));
        let row = failing(&record.signs).boots;
        match &record.outcome {
            ArmOutcome::Up => {
                let (stayed, restarted): (Vec<_>, Vec<_>) =
                    record.boots.iter().partition(|boot| boot.ended != BootEnd::Unexpected);
                prop_assert!(stayed.iter().all(|boot| boot.reached == BootStage::Settled), "{:?}", record.boots);
                let told = record.notes.iter().any(|note| note.contains("more than it was asked to"));
                prop_assert_eq!(told, !restarted.is_empty(), "{:?}", record.notes);
            }
            ArmOutcome::Failed { failure, .. } => match failure.state {
                FailureState::Loop => {
                    // Restarts that the guest's own log calls orderly are in no row.
                    let said = |row: &usize| failure.message.contains(&format!("boot loop: {row} boots in a row"));
                    prop_assert!((3..=row).any(|row| said(&row)), "{}: {row}", failure.message);
                }
                // More boots may fail while the evidence is collected.
                FailureState::Bugcheck => {
                    let told = crashes(&record.signs) > 0 || failure.message.contains("the guest's own log");
                    prop_assert!(told, "{}", failure.message);
                }
                FailureState::Recovery => {
                    let last = record.boots.last().map(|boot| boot.state);
                    prop_assert!(row >= 2 && !blind && last == Some(BootState::Recovery));
                }
                FailureState::Hang | FailureState::Unreachable => {
                    let last = record.boots.last().and_then(|boot| boot.state.try_into().ok());
                    prop_assert!(row == 0 && last == Some(failure.state), "{:?}", record.boots);
                }
                FailureState::UnexpectedRestart => {
                    // Seen, or told by a log that the script has tell so.
                    let seen = record.boots.iter().any(|boot| boot.ended == BootEnd::Unexpected);
                    let told = failure.message.contains("ended out of order") && fates.contains(&Fate::Dirty);
                    prop_assert!(seen || told, "{}: {:?}", failure.message, record.boots);
                }
                other => prop_assert!(false, "no boot leads to {other}"),
            },
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
