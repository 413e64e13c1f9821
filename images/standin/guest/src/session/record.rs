//! The record of boots.
//!
//! ```text
//!           begin             good            steady (two minutes later)
//! Stopped ─────────► Starting ─────────► Running ─────────► Steady
//!    ▲                │    ▲                │ │               │ │
//!    │                └────┴──── begin ─────┼─┴───────────────┘ │    the last shutdown was none
//!    └──────────────────────────── stopped ─┴───────────────────┘
//! ```
//! A boot that never became good failed; so, to Windows, did one that was gone within two minutes of being good. Two such in
//! a row are what leads to the recovery environment (Windows RE technical reference).
//!
//! Kept in the registry under a key of the stand-in's own, so that it is as durable as everything else.

use std::io;
use std::time::SystemTime;

use standin_face::{BootIdentity, BootStatusPolicy, RegValue, Registry};

use crate::clock;

/// The stand-in's own key.
const KEY: &str = r"HKLM\SYSTEM\StandIn";
/// Value that remembers when the last boot began that was up.
const LAST_GOOD: &str = "LastGood";
/// Value that remembers the power button.
const BUTTON: &str = "PowerButton";
/// Where Windows counts its boots. [K: nobody has watched it on a real guest]
const PREFETCH: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";

/// Where a boot is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopped,
    Starting,
    Running,
    Steady,
}

impl State {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Stopped, "stopped"),
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::Steady, "steady"),
    ];

    fn read(registry: &Registry) -> Option<Self> {
        let word = registry.text(KEY, "State")?;
        Self::ALL.iter().find(|(_, it)| *it == word).map(|(state, _)| *state)
    }

    fn write(self, registry: &Registry) -> io::Result<()> {
        let word = Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word);
        registry.set(KEY, "State", RegValue::Sz(word.to_owned()))
    }
}

/// How the boot before this one went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastBoot {
    /// Its number; 0 when there was none.
    pub(crate) id: u32,
    /// When it began.
    pub(crate) started: Option<SystemTime>,
    /// Whether the system was up in it.
    pub(crate) boot_good: bool,
    /// Whether it was shut down properly.
    pub(crate) shutdown_good: bool,
    /// When the power button was last pressed in it without a shutdown that followed, FILETIME.
    pub(crate) button: Option<u64>,
}

/// How many boots before this one failed in a row; asked once per boot, before [`begin`].
pub(crate) fn failures_in_a_row(registry: &Registry, policy: BootStatusPolicy) -> io::Result<u32> {
    let number = |name| registry.get(KEY, name).and_then(|it| it.as_u32()).unwrap_or(0);
    let last = number("Boots");
    let failed = match State::read(registry) {
        Some(State::Starting) => {
            !matches!(policy, BootStatusPolicy::IgnoreAllFailures | BootStatusPolicy::IgnoreBootFailures)
        }
        // whether the policy that ignores failed shutdowns covers these is not documented [K]
        Some(State::Running) => policy != BootStatusPolicy::IgnoreAllFailures,
        Some(State::Stopped | State::Steady) | None => false,
    };
    // the recovery environment may come and go between two boots: no boot counts twice
    let failures = match (failed, number("Counted") == last) {
        (false, _) => 0,
        (true, true) => number("Failures"),
        (true, false) => number("Failures") + 1,
    };
    remember_failures(registry, failures, last)?;
    Ok(failures)
}

/// The recovery environment starts; failures are counted anew from here.
pub(crate) fn recovered(registry: &Registry) -> io::Result<()> {
    let last = registry.get(KEY, "Boots").and_then(|it| it.as_u32()).unwrap_or(0);
    remember_failures(registry, 0, last)
}

fn remember_failures(registry: &Registry, failures: u32, counted: u32) -> io::Result<()> {
    let held = registry.hold();
    registry.set(KEY, "Failures", RegValue::Dword(failures))?;
    registry.set(KEY, "Counted", RegValue::Dword(counted))?;
    held.release()
}

/// Begins a boot: counts it and remembers that it has not come up yet. Allowed in every state, for a machine may be reset
/// at any moment.
pub(crate) fn begin(registry: &Registry, started: SystemTime) -> io::Result<(BootIdentity, LastBoot)> {
    let state = State::read(registry);
    let id = registry.get(KEY, "Boots").and_then(|it| it.as_u32()).unwrap_or(0);
    let last = LastBoot {
        id,
        started: match registry.get(KEY, "Started") {
            Some(RegValue::Qword(filetime)) => Some(clock::moment(filetime)),
            _ => None,
        },
        boot_good: state != Some(State::Starting),
        shutdown_good: matches!(state, None | Some(State::Stopped)),
        button: match registry.get(KEY, BUTTON) {
            Some(RegValue::Qword(filetime)) if filetime != 0 => Some(filetime),
            _ => None,
        },
    };
    registry.set(KEY, BUTTON, RegValue::Qword(0))?;
    let boot_id = id.wrapping_add(1);
    registry.set(KEY, "Boots", RegValue::Dword(boot_id))?;
    registry.set(KEY, "Started", RegValue::Qword(clock::filetime(started)))?;
    registry.set(PREFETCH, "BootId", RegValue::Dword(boot_id))?;
    State::Starting.write(registry)?;
    Ok((BootIdentity { boot_id, started }, last))
}

/// The system is up.
pub(crate) fn good(registry: &Registry) -> io::Result<()> {
    expect(registry, &[State::Starting])?;
    if let Some(started) = registry.get(KEY, "Started") {
        registry.set(KEY, LAST_GOOD, started)?;
    }
    State::Running.write(registry)
}

/// When the last boot began that was up, where there was one.
pub(crate) fn last_good(registry: &Registry) -> Option<SystemTime> {
    match registry.get(KEY, LAST_GOOD)? {
        RegValue::Qword(filetime) => Some(clock::moment(filetime)),
        _ => None,
    }
}

/// The system was shut down properly.
pub(crate) fn stopped(registry: &Registry) -> io::Result<()> {
    expect(registry, &[State::Running, State::Steady])?;
    registry.set(KEY, BUTTON, RegValue::Qword(0))?;
    State::Stopped.write(registry)
}

/// The system has been up for two minutes.
pub(crate) fn steady(registry: &Registry) -> io::Result<()> {
    expect(registry, &[State::Running])?;
    State::Steady.write(registry)
}

/// Somebody pressed the power button.
pub(crate) fn button_pressed(registry: &Registry, now: SystemTime) -> io::Result<()> {
    registry.set(KEY, BUTTON, RegValue::Qword(clock::filetime(now)))
}

fn expect(registry: &Registry, states: &[State]) -> io::Result<()> {
    match State::read(registry) {
        Some(found) if states.contains(&found) => Ok(()),
        found => Err(io::Error::other(format!("boot record: {found:?} where one of {states:?} was due"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use standin_face::Volume;

    use super::*;

    /// What happens between two power-ons.
    #[derive(Clone, Copy)]
    enum Life {
        CrashesAtBoot,
        ComesUpAndIsReset,
        ComesUpAndShutsDown,
    }

    #[test]
    fn every_boot_knows_how_the_last_one_went() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let lives = [
            (Life::ComesUpAndShutsDown, true, true),
            (Life::CrashesAtBoot, true, true),
            (Life::CrashesAtBoot, false, false),
            (Life::ComesUpAndIsReset, false, false),
            (Life::ComesUpAndShutsDown, true, false),
            (Life::ComesUpAndShutsDown, true, true),
        ];
        for (number, (life, boot_good, shutdown_good)) in lives.into_iter().enumerate() {
            // each boot reads what the disk holds
            let registry = Registry::load(&volume).unwrap();
            let id = u32::try_from(number).unwrap();
            let started = UNIX_EPOCH + Duration::from_secs(1000 * u64::from(id + 1));
            let (identity, last) = begin(&registry, started).unwrap();
            assert_eq!(identity.boot_id, id + 1);
            let last_started = (number > 0).then(|| started - Duration::from_secs(1000));
            assert_eq!(
                last,
                LastBoot { id, started: last_started, boot_good, shutdown_good, button: None },
                "boot {number}"
            );
            assert_eq!(registry.text(PREFETCH, "BootId").unwrap(), (id + 1).to_string());
            match life {
                Life::CrashesAtBoot => {}
                Life::ComesUpAndIsReset => good(&registry).unwrap(),
                Life::ComesUpAndShutsDown => {
                    good(&registry).unwrap();
                    stopped(&registry).unwrap();
                }
            }
        }
    }

    #[test]
    fn moves_that_make_no_sense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::load(&Volume::new(folder.path().to_owned())).unwrap();
        assert!(good(&registry).is_err());
        begin(&registry, UNIX_EPOCH).unwrap();
        assert!(stopped(&registry).is_err());
        assert!(steady(&registry).is_err());
        good(&registry).unwrap();
        assert!(good(&registry).is_err());
        steady(&registry).unwrap();
        assert!(steady(&registry).is_err());
        stopped(&registry).unwrap();
    }

    #[test]
    fn failed_boots_are_counted_once_and_a_steady_one_ends_the_row() {
        use BootStatusPolicy as Policy;
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::load(&Volume::new(folder.path().to_owned())).unwrap();
        let failures = |policy| failures_in_a_row(&registry, policy).unwrap();
        let boot = || begin(&registry, UNIX_EPOCH).unwrap();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 0, "there was none");
        boot();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 1);
        boot();
        good(&registry).unwrap();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 2, "gone soon after it was good");
        recovered(&registry).unwrap();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 0, "the same boot does not count again");
        boot();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 1);
        boot();
        good(&registry).unwrap();
        steady(&registry).unwrap();
        assert_eq!(failures(Policy::IgnoreShutdownFailures), 0);
        boot();
        assert_eq!(failures(Policy::IgnoreBootFailures), 0);
        boot();
        assert_eq!(failures(Policy::IgnoreAllFailures), 0);
    }

    #[test]
    fn the_power_button_is_remembered_unless_a_shutdown_follows() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::load(&Volume::new(folder.path().to_owned())).unwrap();
        let boot = || {
            let (_, last) = begin(&registry, UNIX_EPOCH).unwrap();
            good(&registry).unwrap();
            last.button
        };
        assert_eq!(boot(), None);
        button_pressed(&registry, UNIX_EPOCH).unwrap();
        assert_eq!(boot(), Some(clock::filetime(UNIX_EPOCH)));
        button_pressed(&registry, UNIX_EPOCH).unwrap();
        stopped(&registry).unwrap();
        assert_eq!(boot(), None);
    }
}
