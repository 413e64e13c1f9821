//! What the disk of a machine proves of the boot that was given up, once its power is off.
//!
//! From outside, a hang, a dead network and the recovery screen look alike: silence. The disk tells them apart. Automatic
//! repair writes a log of its own where it has looked at a start that failed (`Windows\System32\LogFiles\Srt\SrtTrail.txt`;
//! whether it always does so before it offers its screen is [K]: never seen here on a real Windows). A system that runs
//! goes on writing its System log. What the disk does not prove leaves a state as it was told. A still picture without
//! that log stays `recovery` too, as nothing proves that there is no screen without the log; but it is told.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::course::given_up;
use super::{BootStage, BootState, MachineEvent, MachineSign, between};
use crate::FailureState;

/// A guest's clock, as told when it first answered, is this good from boot to boot: it is read from a clock of whole
/// seconds, and firmware takes seconds longer at one start than at another.
const CLOCK: SignedDuration = SignedDuration::from_secs(10);
/// A log that ends earlier than this after its boot began is one of a start that broke off: Windows writes what it held
/// back as soon as its event log service runs.
const RAN_ON: Duration = Duration::from_secs(30);

/// What was read from the disk of a machine that was powered off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskWitness {
    /// The log of automatic repair, beside that of the golden image.
    pub repair_log: RepairLog,
    /// The last boot in the System log; none where the log could not be read, or tells of none.
    pub last_boot: Option<LogSpan>,
}

/// The log of automatic repair on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RepairLog {
    /// The disk could not be read, or not so far.
    #[default]
    Unread,
    /// As it was in the golden image: not there, or unchanged.
    AsBefore,
    /// Written while the machine ran.
    Written,
}

/// The last boot that a System log tells of; times are by the guest's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSpan {
    /// When it began (Kernel-General 12, `StartTime`).
    pub began: Timestamp,
    /// Time of the last record.
    pub last_record: Timestamp,
}

/// What a disk proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// What the boot led to: what was told, where the disk speaks against that and does not disprove it.
    pub state: FailureState,
    /// The farthest stage that is proved with it.
    pub reached: BootStage,
    /// Why, or what speaks against it: a clause for people.
    pub because: &'static str,
}

/// What the disk proves of a silent boot that was told as `told`; nothing where it proves nothing else.
///
/// `signs` are all signs of the machine; what came after the lab laid hands on it is not looked at. `guest_began` is when
/// the guest's first boot began by its own clock, unknown if it never answered: it says how far that clock is off.
#[must_use]
pub fn what_the_disk_proves(
    told: FailureState,
    signs: &[MachineEvent],
    guest_began: Option<Timestamp>,
    disk: &DiskWitness,
) -> Option<Proof> {
    let (boot, until) = given_up(signs)?;
    // One that answered, or told of a stop, is known without its disk.
    if boot.boot.state != BootState::Hang {
        return None;
    }
    let proof = |state, reached, because| Some(Proof { state, reached: boot.boot.reached.max(reached), because });
    match (told, disk.repair_log) {
        (
            FailureState::Bugcheck | FailureState::Hang | FailureState::Unreachable | FailureState::UnexpectedRestart,
            RepairLog::Written,
        ) => {
            // The kernel that wrote it is the recovery system's own.
            proof(FailureState::Recovery, BootStage::Kernel, "automatic repair wrote its log, SrtTrail.txt")
        }
        (FailureState::Recovery, RepairLog::AsBefore) => {
            let against = "automatic repair wrote no log, SrtTrail.txt: it may be another screen that stands still";
            proof(FailureState::Recovery, BootStage::Firmware, against)
        }
        (FailureState::Hang, RepairLog::Unread | RepairLog::AsBefore) => {
            if !ran_on(disk.last_boot?, boot.begun, until, ahead(signs, guest_began?)?) {
                return None;
            }
            proof(FailureState::Unreachable, BootStage::Kernel, "its System log went on while nothing of it answered")
        }
        // A machine that starts again and again is in a loop, whether or not it was repaired in between; what else is
        // not of a boot is not the disk's to judge.
        _ => None,
    }
}

/// How far the guest's clock is ahead of that of the signs.
fn ahead(signs: &[MachineEvent], guest_began: Timestamp) -> Option<SignedDuration> {
    let started = signs.iter().find(|event| event.what == MachineSign::Started)?;
    Some(guest_began.duration_since(started.at))
}

/// Whether the log is of the boot that began at `begun` and went on into the second half of the wait, which ended at
/// `until`.
fn ran_on(log: LogSpan, begun: Timestamp, until: Timestamp, guest_ahead: SignedDuration) -> bool {
    // Times in a log are whatever the guest wrote: a span out of range is no proof.
    let here = |time: Timestamp| time.checked_sub(guest_ahead).ok();
    let (Some(began), Some(last)) = (here(log.began), here(log.last_record)) else { return false };
    let (lasted, waited) = (between(began, last), between(begun, until));
    // A boot that the lab's own interrupt or reset led to is another one.
    began.duration_since(begun) >= -CLOCK && began <= until && lasted >= RAN_ON && lasted >= waited / 2
}

#[cfg(test)]
mod tests {
    use super::super::signs::tests::{PANIC, RESET, signs};
    use super::*;

    /// The guest's clock is in local time.
    const AHEAD: SignedDuration = SignedDuration::from_hours(2);

    fn guest(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap() + AHEAD
    }

    fn log(began: i64, last: i64) -> DiskWitness {
        let last_boot = Some(LogSpan { began: guest(began), last_record: guest(last) });
        DiskWitness { repair_log: RepairLog::AsBefore, last_boot }
    }

    fn repair(repair_log: RepairLog) -> DiskWitness {
        DiskWitness { repair_log, last_boot: None }
    }

    /// A restart at 100 s that nobody came back from until the power was cut at 700 s.
    fn silent() -> Vec<MachineEvent> {
        let cut = MachineSign::Shutdown { guest: false, reason: "host-qmp-quit".to_owned() };
        signs(&[(0, MachineSign::Started), (9_000, MachineSign::Answered), (100_000, RESET), (700_000, cut)])
    }

    fn proves(told: FailureState, list: &[MachineEvent], disk: &DiskWitness) -> Option<FailureState> {
        what_the_disk_proves(told, list, Some(guest(0)), disk).map(|proof| proof.state)
    }

    #[test]
    fn a_log_that_went_on_tells_a_dead_network_from_a_hang() {
        let hang = |disk| proves(FailureState::Hang, &silent(), &disk);
        assert_eq!(hang(log(103, 650)), Some(FailureState::Unreachable));
        assert_eq!(hang(log(103, 140)), None, "it hung while it started");
        assert_eq!(hang(log(3, 650)), None, "the log is of the boot before, on a clock that jumped");
        assert_eq!(hang(log(3, 99)), None, "the boot before");
        assert_eq!(hang(repair(RepairLog::AsBefore)), None);
        assert_eq!(hang(DiskWitness::default()), None);
        let no_clock = what_the_disk_proves(FailureState::Hang, &silent(), None, &log(103, 650));
        assert_eq!(no_clock, None, "no clock to compare");
        let far = LogSpan { began: Timestamp::MIN, last_record: Timestamp::MAX };
        assert_eq!(hang(DiskWitness { last_boot: Some(far), ..DiskWitness::default() }), None);
    }

    #[test]
    fn the_log_of_automatic_repair_tells_the_recovery_screen() {
        use FailureState::{Bugcheck, Hang, Install, Loop, Recovery, UnexpectedRestart, Unhealthy, Unreachable};
        for told in [Hang, Unreachable, Bugcheck, UnexpectedRestart] {
            assert_eq!(proves(told, &silent(), &repair(RepairLog::Written)), Some(Recovery), "{told}");
        }
        for told in [Loop, Recovery, Install, Unhealthy] {
            assert_eq!(proves(told, &silent(), &repair(RepairLog::Written)), None, "{told}");
        }
        // It wrote its log, then the guest came up after all.
        let came_up =
            signs(&[(0, MachineSign::Started), (9_000, PANIC), (9_900, RESET), (15_000, MachineSign::Answered)]);
        assert_eq!(proves(Bugcheck, &came_up, &repair(RepairLog::Written)), None);
        let stopped_for_good = signs(&[(0, MachineSign::Started), (9_000, RESET), (15_000, PANIC)]);
        assert_eq!(proves(Bugcheck, &stopped_for_good, &repair(RepairLog::Written)), None);
    }

    #[test]
    fn a_still_picture_without_that_log_is_still_taken_for_the_recovery_screen_and_told() {
        let crashed = signs(&[
            (0, MachineSign::Started),
            (9_000, PANIC),
            (9_900, RESET),
            (19_000, PANIC),
            (19_900, RESET),
            (90_000, MachineSign::Exited { status: "0".to_owned() }),
        ]);
        let told = |list: &[MachineEvent], log| {
            what_the_disk_proves(FailureState::Recovery, list, Some(guest(0)), &repair(log))
        };
        for list in [&crashed, &silent()] {
            let proof = told(list, RepairLog::AsBefore).unwrap();
            assert_eq!((proof.state, proof.reached), (FailureState::Recovery, BootStage::Firmware));
            assert!(proof.because.starts_with("automatic repair wrote no log"), "{}", proof.because);
        }
        assert_eq!(told(&crashed, RepairLog::Unread), None);
    }
}
