//! The first rung: what the machine told of a stop while it happened.

use std::collections::BTreeMap;

use coexist_evidence::stop_codes::{Suspects, name, suspects};
use coexist_model::{Blame, Bucket, Crash, Hex, MachineEvent, MachineSign, Strength, crashes};

use super::stops::Stops;
use super::{Climbed, Lacks, Ladder};

impl Ladder<'_, '_> {
    /// Whether the machine told of stops in this arm, and of each that its guest writes no dump of it. The panic device's
    /// driver says so after the system had its chance to write one, and says the other thing as it begins (virtio-win,
    /// `pvpanic/bugcheck.c`); what the hypervisor tells by itself has stop codes and says nothing of dumps.
    pub(super) fn no_dump_comes(&self) -> bool {
        let Some(machine) = &self.arm.machine else { return false };
        let signs = machine.journal().since(self.arm.signs_before_products);
        let mut stops = signs
            .split(|sign| matches!(sign.what, MachineSign::Started | MachineSign::Reset { .. }))
            .filter(|boot| boot.iter().any(tells_of_a_stop))
            .peekable();
        let without_dump = |boot: &[MachineEvent]| {
            let none = boot.iter().any(|sign| sign.what == MachineSign::Panicked { stop: None });
            none && boot.iter().all(|sign| sign.what != MachineSign::CrashLoaded)
        };
        stops.peek().is_some() && stops.all(without_dump)
    }

    /// The last stop that the machine told of, where the hypervisor passes it on, and why it was reset.
    pub(super) fn panic(&mut self) -> Climbed {
        let Some(machine) = &self.arm.machine else { return Climbed::nothing("there is no machine") };
        // A stop before any product was there ended the arm then.
        let before = self.arm.signs_before_products;
        let all = machine.journal().since(0);
        self.stops = Stops::of(&all, before, self.arm.guest_began);
        let signs = all.get(before..).unwrap_or_default();
        let resets = reset_words(signs).map(|words| format!(", {words}")).unwrap_or_default();
        match self.stops.told {
            Some([code, ..]) => {
                let name = stop_name(code).map(|name| format!(" {name}")).unwrap_or_default();
                Climbed::gave(format!("stop {code}{name}{resets}"), Lacks::default())
            }
            None if crashes(signs) > 0 => {
                Climbed::nothing(format!("the machine told of a stop, and not which{resets}"))
            }
            None => Climbed::nothing(format!("the machine told of no stop{resets}")),
        }
    }
}

fn tells_of_a_stop(sign: &MachineEvent) -> bool {
    matches!(sign.what, MachineSign::Panicked { .. } | MachineSign::CrashLoaded)
}

/// The resets, by their reasons. They are as many as were told: of one restart the machine may tell two or three.
fn reset_words(signs: &[MachineEvent]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for sign in signs {
        if let MachineSign::Reset { reason, .. } = &sign.what {
            *counts.entry(reason.as_deref().unwrap_or("for no reason told")).or_default() += 1;
        }
    }
    let words: Vec<_> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    (!words.is_empty()).then(|| format!("resets: {}", words.join(", ")))
}

/// The facts of a stop of which nothing is known but what the machine told.
pub(super) fn crash_of(stop: [Hex; 5]) -> Crash {
    let [code, parameters @ ..] = stop;
    let base = u32::try_from(code.0).ok();
    let reason = match base.map(suspects) {
        Some(Suspects::Nobody(reason)) => reason,
        _ => "only the stop code and its parameters were told; without a dump nobody knows which driver lies where",
    };
    Crash {
        format: None,
        stop_code: code,
        stop_name: stop_name(code).map(str::to_owned),
        parameters: parameters.to_vec(),
        build: None,
        architecture: None,
        time: None,
        uptime_s: None,
        processors: None,
        process: None,
        drivers: Vec::new(),
        unloaded: Vec::new(),
        stack: Vec::new(),
        blame: Blame { strength: Strength::None, module: None, offset: None, vendor: None, reason: reason.to_owned() },
        bucket: bucket_of(stop),
        notes: vec!["the stop was told by the hypervisor; there is no dump of it".to_owned()],
    }
}

fn stop_name(code: Hex) -> Option<&'static str> {
    u32::try_from(code.0).ok().and_then(name)
}

/// Two crashes of one code need not be alike, and without a dump nothing tells them apart but the parameters: so all of
/// them are part of it, and it is equal for the very same stop only. Its first word keeps it from any dump's.
fn bucket_of(stop: [Hex; 5]) -> Bucket {
    Bucket(format!("told|{}", stop.map(|number| format!("{:x}", number.0)).join("|")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(numbers: [u64; 5]) -> [Hex; 5] {
        numbers.map(Hex)
    }

    #[test]
    fn resets_are_told_with_their_reasons() {
        let reset = |reason: Option<&str>| MachineEvent {
            at: jiff::Timestamp::UNIX_EPOCH,
            what: MachineSign::Reset { guest: true, reason: reason.map(str::to_owned) },
        };
        let guest = || reset(Some("guest-reset"));
        let told = [guest(), reset(Some("host-qmp-system-reset")), guest(), reset(None)];
        let words = "resets: 1 for no reason told, 2 guest-reset, 1 host-qmp-system-reset";
        assert_eq!(reset_words(&told).as_deref(), Some(words));
        assert_eq!(reset_words(&[]), None);
    }

    #[test]
    fn a_told_stop_accuses_nobody() {
        let crash = crash_of(stop([0x50, 0xffff_8405_0000_0074, 0, 0xffff_f806_7151_14ed, 2]));
        assert_eq!(crash.stop_name.as_deref(), Some("PAGE_FAULT_IN_NONPAGED_AREA"));
        assert_eq!((crash.blame.strength, &crash.blame.module), (Strength::None, &None));
        assert_eq!(crash.parameters.len(), 4);
        assert!(crash_of(stop([0xe2, 0, 0, 0, 0])).blame.reason.contains("operator"));
        assert_eq!(crash_of(stop([u64::MAX, 0, 0, 0, 0])).stop_name, None);
    }

    /// A bucket that is equal hides a regression, so it must not be equal by chance.
    #[test]
    fn a_told_stop_is_like_no_other() {
        let one = crash_of(stop([0x50, 1, 0, 3, 2]));
        assert_eq!(one.bucket, crash_of(stop([0x50, 1, 0, 3, 2])).bucket);
        assert_ne!(one.bucket, crash_of(stop([0x50, 1, 0, 4, 2])).bucket);
        assert_ne!(one.bucket, crash_of(stop([0x51, 1, 0, 3, 2])).bucket);
        // A dump's begins with its code in base 16.
        assert!(one.bucket.0.starts_with("told|"));
    }
}
