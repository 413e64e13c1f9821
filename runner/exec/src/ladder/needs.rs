//! When evidence is complete, as pure tables.

use std::collections::BTreeSet;
use std::time::Duration;

use coexist_lab::memory_dump_time;
use coexist_model::{FailureState, Rung};

/// The rungs in the order they are climbed; the module's documentation says why.
pub(super) const ORDER: [Rung; 6] = [Rung::Panic, Rung::Console, Rung::Sftp, Rung::Nmi, Rung::Memory, Rung::Disk];

/// Something that an explanation of a failure needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// A picture of the screen.
    Picture,
    /// What the guest wrote to its serial port.
    Console,
    /// A whole dump of the kernel: of this crash, or of what hung.
    Dump,
    /// The System event log.
    SystemLog,
    /// The Application event log: what programs said.
    ApplicationLog,
    /// The log of the step's installer, where it writes one.
    SetupLog,
    /// Every file of evidence that is new in this arm.
    NewFiles,
}

/// What a failure needs to be explained: once all of it is safe, the evidence is complete. Both event logs always belong
/// to it: what a service of a product said before a crash stands in Application.
pub(super) fn needs(state: FailureState) -> &'static [Need] {
    use Need::{ApplicationLog, Console, Dump, NewFiles, Picture, SetupLog, SystemLog};
    match state {
        FailureState::Bugcheck | FailureState::Loop | FailureState::Hang | FailureState::Recovery => {
            &[Picture, Console, Dump, SystemLog, ApplicationLog]
        }
        FailureState::Install | FailureState::InstallTimeout => {
            &[Picture, Console, SetupLog, SystemLog, ApplicationLog, NewFiles]
        }
        FailureState::Unreachable
        | FailureState::UnexpectedRestart
        | FailureState::Unhealthy
        | FailureState::Exercise => &[Picture, Console, SystemLog, ApplicationLog, NewFiles],
    }
}

/// What a rung may give.
pub(super) fn gives(rung: Rung) -> &'static [Need] {
    use Need::{ApplicationLog, Console, Dump, NewFiles, Picture, SetupLog, SystemLog};
    match rung {
        // The facts of a stop, which no state can do with alone.
        Rung::Panic => &[],
        Rung::Console | Rung::Host => &[Picture, Console],
        Rung::Sftp | Rung::Disk => &[Dump, SystemLog, ApplicationLog, SetupLog, NewFiles],
        Rung::Nmi | Rung::Memory => &[Dump],
    }
}

/// Whether a rung may give what is still missing.
pub(super) fn is_useful(rung: Rung, state: FailureState, safe: &BTreeSet<Need>) -> bool {
    needs(state).iter().any(|need| !safe.contains(need) && gives(rung).contains(need))
}

/// Longest time on a rung, on a host as planned, of a machine with so many MiB of memory.
pub(super) fn deadline(rung: Rung, memory_mib: u32) -> Duration {
    let seconds = Duration::from_secs;
    match rung {
        Rung::Panic => seconds(5),
        // A picture and copies of files on this host.
        Rung::Console | Rung::Host => seconds(90),
        // Two transfers of the budget at 10 MB/s would take longer: a guest that drips must not keep the lab.
        Rung::Sftp | Rung::Disk => seconds(600),
        // The interrupt, the dump, the boot after it, and its files.
        Rung::Nmi => seconds(420),
        // It is written once and read once, for its digest; a disk reads no slower than it writes.
        Rung::Memory => memory_dump_time(memory_mib) * 2,
    }
}

/// Whether a failure of this state may be explained by a stop of the system. Where programs failed, a dump beside them
/// is evidence and explains nothing by itself.
pub(super) fn is_of_a_stop(state: FailureState) -> bool {
    match state {
        FailureState::Bugcheck
        | FailureState::Loop
        | FailureState::Hang
        | FailureState::Recovery
        | FailureState::Unreachable
        | FailureState::UnexpectedRestart => true,
        FailureState::Install | FailureState::InstallTimeout | FailureState::Unhealthy | FailureState::Exercise => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Need::{ApplicationLog, Console, Dump, NewFiles, Picture, SetupLog, SystemLog};

    fn climbed(state: FailureState, safe: &[Need]) -> Vec<Rung> {
        let safe = safe.iter().copied().collect();
        ORDER.into_iter().filter(|rung| is_useful(*rung, state, &safe)).collect()
    }

    #[test]
    fn nothing_more_is_sought_once_the_evidence_is_complete() {
        use FailureState::{Bugcheck, Exercise, Hang, Install, Loop, UnexpectedRestart, Unreachable};
        use Rung::{Disk, Memory, Nmi, Sftp};
        let shown = [Picture, Console];
        let table: &[(FailureState, &[Need], &[Rung])] = &[
            (Bugcheck, &[Dump, SystemLog, ApplicationLog], &[]),
            (Bugcheck, &[Dump, SystemLog], &[Sftp, Disk]),
            (Bugcheck, &[SystemLog, ApplicationLog, NewFiles], &[Sftp, Nmi, Memory, Disk]),
            (Loop, &[Dump, SystemLog, ApplicationLog], &[]),
            (Hang, &[SystemLog, ApplicationLog], &[Sftp, Nmi, Memory, Disk]),
            (Hang, &[Dump], &[Sftp, Disk]),
            (Hang, &[Dump, SystemLog, ApplicationLog], &[]),
            (Unreachable, &[SystemLog], &[Sftp, Disk]),
            (Unreachable, &[SystemLog, ApplicationLog, NewFiles], &[]),
            (UnexpectedRestart, &[SystemLog, ApplicationLog, NewFiles], &[]),
            (Install, &[SystemLog, ApplicationLog, NewFiles], &[Sftp, Disk]),
            (Install, &[SetupLog, SystemLog, ApplicationLog, NewFiles], &[]),
            (Exercise, &[SystemLog, ApplicationLog, NewFiles], &[]),
        ];
        for (state, safe, rungs) in table {
            let safe: Vec<_> = safe.iter().chain(&shown).copied().collect();
            assert_eq!(climbed(*state, &safe), *rungs, "{state} with {safe:?}");
        }
    }

    /// A rung that ends before its provider gives up loses what was written, and its reason.
    #[test]
    fn a_guest_s_memory_has_time_to_be_written() {
        for memory_mib in [256, 4096, 8192] {
            assert!(deadline(Rung::Memory, memory_mib) > memory_dump_time(memory_mib), "{memory_mib} MiB");
        }
    }

    #[test]
    fn every_state_can_be_completed() {
        for state in FailureState::ALL {
            let all: Vec<_> = ORDER.into_iter().flat_map(gives).copied().collect();
            assert!(needs(state).iter().all(|need| all.contains(need)), "{state}");
            for always in [Picture, Console, SystemLog, ApplicationLog] {
                assert!(needs(state).contains(&always), "{state}: {always:?}");
            }
            assert!(is_of_a_stop(state) || !needs(state).contains(&Dump), "{state}: a dump that would explain nothing");
            assert!(climbed(state, &[]).contains(&Rung::Console));
        }
    }
}
