//! The record of boots.
//!
//! ```text
//!           begin             good                 stopped
//! Stopped ─────────► Starting ─────────► Running ───────────► Stopped
//!                     │    ▲                │
//!                     └────┴──── begin ─────┘   the last shutdown was none
//! ```
//! Kept in the registry under a key of the stand-in's own, so that it is as durable as everything else.

use std::io;
use std::time::SystemTime;

use standin_face::{BootIdentity, RegValue, Registry};

use crate::clock;

/// The stand-in's own key.
const KEY: &str = r"HKLM\SYSTEM\StandIn";
/// Where Windows counts its boots. [K: nobody has watched it on a real guest]
const PREFETCH: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";

/// Where a boot is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopped,
    Starting,
    Running,
}

impl State {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Stopped, "stopped"), (Self::Starting, "starting"), (Self::Running, "running")];

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
    };
    let boot_id = id.wrapping_add(1);
    registry.set(KEY, "Boots", RegValue::Dword(boot_id))?;
    registry.set(KEY, "Started", RegValue::Qword(clock::filetime(started)))?;
    registry.set(PREFETCH, "BootId", RegValue::Dword(boot_id))?;
    State::Starting.write(registry)?;
    Ok((BootIdentity { boot_id, started }, last))
}

/// The system is up.
pub(crate) fn good(registry: &Registry) -> io::Result<()> {
    expect(registry, State::Starting)?;
    State::Running.write(registry)
}

/// The system was shut down properly.
pub(crate) fn stopped(registry: &Registry) -> io::Result<()> {
    expect(registry, State::Running)?;
    State::Stopped.write(registry)
}

fn expect(registry: &Registry, state: State) -> io::Result<()> {
    match State::read(registry) {
        Some(found) if found == state => Ok(()),
        found => Err(io::Error::other(format!("boot record: {found:?} where {state:?} was due"))),
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
            assert_eq!(last, LastBoot { id, started: last_started, boot_good, shutdown_good }, "boot {number}");
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
        good(&registry).unwrap();
        assert!(good(&registry).is_err());
    }
}
