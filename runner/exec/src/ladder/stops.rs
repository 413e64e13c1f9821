//! The stops of an arm, and which of them a dump is of.
//!
//! The last stop is the one to be explained. A dump of an earlier one must neither speak for it nor end the search for its
//! own. Three things tell them apart: what the machine told of the last stop, what the serial console shows of it, and the
//! boot that the dump's time lies in.

use coexist_evidence::ConsoleStop;
use coexist_evidence::stop_codes::base_code;
use coexist_model::{Crash, Hex, MachineEvent, MachineSign};
use jiff::{SignedDuration, Timestamp};

use super::crashes::Found;

/// How near a dump comes to the last stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It is of another one.
    OfAnother,
    /// Nothing proves it.
    Possible,
    /// As far as anything tells, it is of the last.
    OfTheLast,
    /// Its code and parameters are those that the machine told.
    AsTold,
}

/// What is known of an arm's stops.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// Code and parameters of the last one, as the machine told them.
    pub(super) told: Option<[Hex; 5]>,
    /// What the guest's serial console shows of the last one: anybody in the guest may write there, so it accuses nobody.
    pub(super) shown: Option<ConsoleStop>,
    /// When the boots began that ended in a stop, on this host's clock.
    boots: Vec<Timestamp>,
    /// How far the guest's clock is ahead of it, where it told when its first boot began.
    ahead: Option<SignedDuration>,
}

impl Stops {
    /// The stops that the signs of a machine tell of; those before sign `from` are not of this arm's products. The guest's
    /// first boot began at `guest_began` by its own clock.
    pub(super) fn of(signs: &[MachineEvent], from: usize, guest_began: Option<Timestamp>) -> Self {
        let mut began = None;
        let mut boots = Vec::new();
        let mut told = None;
        for (index, sign) in signs.iter().enumerate() {
            match sign.what {
                MachineSign::Started | MachineSign::Reset { .. } => began = Some(sign.at),
                MachineSign::Panicked { .. } | MachineSign::CrashLoaded if index >= from => {
                    if let Some(began) = began.take() {
                        boots.push(began);
                        // What was told of the stop before is not told of this one.
                        told = None;
                    }
                    if let MachineSign::Panicked { stop: Some(stop) } = sign.what {
                        told = Some(stop);
                    }
                }
                _ => {}
            }
        }
        let powered_on = signs.iter().find(|sign| sign.what == MachineSign::Started);
        let ahead = guest_began.zip(powered_on).map(|(guest, host)| guest.duration_since(host.at));
        Self { told, shown: None, boots, ahead }
    }

    /// How near a dump comes to the last stop.
    pub(super) fn standing(&self, Found { crash, raw, .. }: &Found) -> Standing {
        let of_the_last = |proved: bool| if proved { Standing::OfTheLast } else { Standing::Possible };
        if let Some([code, parameters @ ..]) = self.told {
            return match base(code) == base(crash.stop_code) {
                false => Standing::OfAnother,
                true if crash.parameters == parameters => Standing::AsTold,
                // A stop of the same code in another boot has other addresses.
                true => of_the_last(self.by_time(crash) == Some(true)),
            };
        }
        if self.shown.is_some_and(|shown| base(Hex::from(shown.code)) != base(crash.stop_code)) {
            return Standing::Possible;
        }
        // Each raw dump lies where the one before it lay.
        of_the_last(self.by_time(crash).unwrap_or(*raw || self.boots.len() < 2))
    }

    /// Whether a dump is of the last stop, as far as anything tells.
    pub(super) fn is_of_the_last(&self, found: &Found) -> bool {
        self.standing(found) >= Standing::OfTheLast
    }

    /// Why a dump that speaks may be of an earlier stop than the last one.
    pub(super) fn doubt(&self, found: &Found) -> Option<String> {
        if self.is_of_the_last(found) {
            return None;
        }
        let crash = &found.crash;
        Some(match (self.told, self.shown) {
            (Some(told), _) => {
                let told: Vec<_> = told.iter().map(Hex::to_string).collect();
                format!("the machine told of a stop with other parameters than this dump's: {}", told.join(" "))
            }
            (None, Some(shown)) if base(Hex::from(shown.code)) != base(crash.stop_code) => {
                format!("the serial console shows another stop than this dump's, {}", Hex::from(shown.code))
            }
            (None, _) => {
                let stops = self.boots.len();
                format!("the guest stopped {stops} times, and nothing proves that this dump is of the last stop")
            }
        })
    }

    /// Whether the dump's boot is the one that the last stop ended: of all boots that stopped, its begin is nearest. The
    /// guest's first boot tells how its clock goes; firmware may take longer at one start than at another, which is less
    /// than a boot takes. Nothing where a time is missing.
    fn by_time(&self, crash: &Crash) -> Option<bool> {
        let (last, earlier) = self.boots.split_last()?;
        if earlier.is_empty() {
            return Some(true);
        }
        let uptime = SignedDuration::try_from(crash.uptime_s?.to_duration()).ok()?;
        let began = crash.time?.checked_sub(uptime).ok()?.checked_sub(self.ahead?).ok()?;
        let distance = |boot: &Timestamp| boot.duration_since(began).abs();
        Some(earlier.iter().all(|boot| distance(last) <= distance(boot)))
    }
}

/// A stop code without the mark that small dumps add to some; nothing for what is none.
fn base(code: Hex) -> Option<u32> {
    u32::try_from(code.0).ok().map(base_code)
}

#[cfg(test)]
mod tests {
    use super::super::panic::crash_of;
    use super::*;
    use coexist_model::Seconds;

    const GUEST_AHEAD: i64 = 7200;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signs(list: &[(i64, MachineSign)]) -> Vec<MachineEvent> {
        list.iter().map(|(second, what)| MachineEvent { at: at(*second), what: what.clone() }).collect()
    }

    fn reset() -> MachineSign {
        MachineSign::Reset { guest: true, reason: None }
    }

    fn panic(code: u64) -> MachineSign {
        MachineSign::Panicked { stop: Some([code, 1, 2, 3, 4].map(Hex)) }
    }

    fn stop(code: u64) -> Crash {
        crash_of([code, 1, 2, 3, 4].map(Hex))
    }

    fn file(crash: impl std::borrow::Borrow<Crash>) -> Found {
        Found { path: "a.dmp".to_owned(), crash: crash.borrow().clone(), whole: true, raw: false }
    }

    /// A boot that came up, one that stopped at 160 s, one that stopped at 230 s.
    fn two(told: bool) -> Stops {
        let panic = |code| if told { panic(code) } else { MachineSign::CrashLoaded };
        let list = [
            (0, MachineSign::Started),
            (30, MachineSign::Answered),
            (100, reset()),
            (160, panic(0x50)),
            (165, reset()),
            (166, reset()),
            (230, panic(0x7e)),
            (231, MachineSign::CrashLoaded),
            (235, reset()),
        ];
        Stops::of(&signs(&list), 2, Some(at(GUEST_AHEAD + 3)))
    }

    /// A dump of a boot that had run for so long at a time of this host.
    fn dump(code: u64, second: i64, uptime: u64) -> Crash {
        let uptime_s = Some(Seconds::from(std::time::Duration::from_secs(uptime)));
        Crash { time: Some(at(GUEST_AHEAD + second)), uptime_s, ..stop(code) }
    }

    #[test]
    fn a_dump_of_another_code_is_of_another_stop() {
        let stops = two(true);
        assert_eq!(stops.told.map(|[code, ..]| code), Some(Hex(0x7e)));
        assert_eq!(stops.standing(&file(dump(0x50, 230, 61))), Standing::OfAnother);
        assert_eq!(stops.standing(&file(stop(0x7e))), Standing::AsTold);
        assert_eq!(stops.standing(&file(stop(0x1000_007e))), Standing::AsTold, "small dumps mark their code");
        assert_eq!(Stops::default().standing(&file(stop(0x50))), Standing::OfTheLast);
    }

    #[test]
    fn a_stop_of_the_same_code_is_told_by_its_boot() {
        let stops = two(true);
        let other = |crash| Crash { parameters: [9, 9, 9, 9].map(Hex).to_vec(), ..crash };
        assert!(stops.is_of_the_last(&file(other(dump(0x7e, 230, 61)))));
        let earlier = other(dump(0x7e, 160, 57));
        assert!(!stops.is_of_the_last(&file(&earlier)));
        assert!(
            stops.doubt(&file(&earlier)).unwrap().ends_with("other parameters than this dump's: 0x7e 0x1 0x2 0x3 0x4")
        );
        assert!(!stops.is_of_the_last(&file(other(stop(0x7e)))), "without a time nothing proves it");
    }

    #[test]
    fn where_no_code_is_told_the_boot_tells() {
        let stops = two(false);
        assert!(stops.is_of_the_last(&file(dump(0x50, 230, 62))) && stops.is_of_the_last(&file(dump(0x50, 231, 68))));
        assert!(!stops.is_of_the_last(&file(dump(0x50, 160, 58))));
        assert!(!stops.is_of_the_last(&file(stop(0x50))), "one of two, and nothing tells which");
        assert!(stops.doubt(&file(stop(0x50))).unwrap().starts_with("the guest stopped 2 times"));
        let raw = Found { raw: true, ..file(stop(0x50)) };
        assert!(stops.is_of_the_last(&raw), "the last one lies over those before it");
        let no_clock = Stops { ahead: None, ..two(false) };
        assert!(!no_clock.is_of_the_last(&file(dump(0x50, 230, 62))));
    }

    #[test]
    fn what_was_told_of_one_stop_is_not_told_of_the_next() {
        let list = signs(&[(0, MachineSign::Started), (9, panic(0x50)), (12, reset()), (30, MachineSign::CrashLoaded)]);
        assert_eq!(Stops::of(&list, 0, None).told, None);
        let same = signs(&[(0, MachineSign::Started), (9, panic(0x50)), (9, MachineSign::CrashLoaded)]);
        assert!(Stops::of(&same, 0, None).told.is_some(), "both devices tell of one stop");
    }

    #[test]
    fn the_only_stop_is_the_last() {
        let list = signs(&[(0, MachineSign::Started), (9, MachineSign::CrashLoaded), (9, panic(0x50)), (12, reset())]);
        let untold = Stops { told: None, ..Stops::of(&list, 0, None) };
        assert!(untold.is_of_the_last(&file(stop(0x7e))) && untold.doubt(&file(stop(0x7e))).is_none());
        assert!(Stops::of(&list, 4, None).told.is_none(), "of what was there before the products");
        assert!(Stops::default().is_of_the_last(&file(stop(0x7e))), "nobody told of a stop");
    }

    #[test]
    fn another_stop_on_the_console_is_a_doubt() {
        let shown = Some(ConsoleStop { code: 0x50, parameters: None });
        let stops = Stops { shown, ..Stops::default() };
        assert!(stops.is_of_the_last(&file(stop(0x50))) && !stops.is_of_the_last(&file(stop(0x7e))));
        assert_eq!(stops.standing(&file(stop(0x7e))), Standing::Possible, "anybody may write there");
        assert!(stops.doubt(&file(stop(0x7e))).unwrap().contains("shows another stop than this dump's, 0x50"));
    }

    #[test]
    fn times_out_of_range_prove_nothing() {
        let stops = two(false);
        for time in [Timestamp::MIN, Timestamp::MAX] {
            let crash = Crash { time: Some(time), ..dump(0x50, 0, u64::MAX / 2000) };
            let _ = (stops.is_of_the_last(&file(&crash)), stops.doubt(&file(&crash)));
        }
    }
}
