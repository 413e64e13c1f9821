//! What befalls an arm, and what the ladder makes of it.

use coexist_model::{EvidenceKind, FailureState, Hex, Strength};

use super::disks::disks;
use crate::boots;
use crate::dump_builder::{ACME, DumpSpec, GLOBEX, quiet};
use crate::loot::{Loot, item};
use crate::script::{Fate, Script};

pub(super) const STOP: [Hex; 5] = [Hex(0x50), Hex(0xffff_8405_0000_0074), Hex(0), Hex(0xffff_f806_7151_14ed), Hex(2)];

/// As it is told of [`crash_in`] `ACME`.
pub(super) const TOLD: [Hex; 5] = [Hex(0xd1), Hex(0), Hex(2), Hex(0), Hex(ACME + 0x44c0)];

/// A crash whose faulting instruction lies in this module.
pub(super) fn crash_in(base: u64) -> DumpSpec {
    DumpSpec { code: 0xd1, parameters: [0, 2, 0, base + 0x44c0], ..quiet() }
}

pub(super) fn with(script: Script, loot: Loot) -> Script {
    Script { loot, ..script }
}

pub(super) fn leaving(dump: &[u8]) -> Loot {
    Loot { dump: Some(dump.into()), ..Loot::default() }
}

pub(super) fn crash_at_boot() -> Script {
    boots(&[Fate::Good, Fate::Crash])
}

pub(super) fn boot_loop() -> Script {
    boots(&[Fate::Good, Fate::Crash, Fate::Crash, Fate::Crash])
}

pub(super) fn hang_at_boot() -> Script {
    boots(&[Fate::Good, Fate::Hang])
}

/// What is expected of one row.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) script: Script,
    pub(super) state: FailureState,
    /// Rungs in the order they were climbed, with what came of them; of those that were skipped, why.
    pub(super) ladder: &'static [&'static str],
    /// Files under the arm's folder, each with its rung.
    pub(super) evidence: &'static [&'static str],
    /// Module and strength of the blame, where there are facts of a crash.
    pub(super) blame: Option<(Option<&'static str>, Strength)>,
}

pub(super) const NO_HANG: [&str; 2] =
    ["nmi: skipped: the guest does not hang", "memory: skipped: the guest does not hang"];

pub(super) fn rows() -> Vec<Row> {
    let whole = crash_in(ACME).build();
    let cut = &whole[..whole.len() / 2];
    let strong = Some((Some("acmeflt.sys"), Strength::Strong));
    let told_only = Some((None, Strength::None));
    vec![
        Row {
            name: "a crash with a dump",
            script: with(crash_at_boot(), leaving(&whole)),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: 4 files",
                NO_HANG[0],
                NO_HANG[1],
                "disk: skipped: the evidence is complete",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "system.evtx sftp",
                "application.evtx sftp",
                "acmeflt.sys sftp",
            ],
            blame: strong,
        },
        Row {
            name: "a crash without a dump",
            script: with(crash_at_boot(), Loot { no_dump_file: true, told: Some(STOP), ..Loot::default() }),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: stop 0x50 PAGE_FAULT_IN_NONPAGED_AREA, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: 2 files, but the guest holds no dump of this crash",
                NO_HANG[0],
                NO_HANG[1],
                "disk: cannot open disk image no-such-disk: No such file or directory (os error 2)",
            ],
            evidence: &["screen.png console", "system.evtx sftp", "application.evtx sftp"],
            blame: told_only,
        },
        Row {
            name: "a crash after which nothing comes back",
            script: with(
                boots(&[Fate::Good, Fate::Crash, Fate::Hang]),
                Loot { told: Some(TOLD), disk: Some(disks().crashed.clone()), ..Loot::default() },
            ),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: stop 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: the guest did not come back",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 6 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "application.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
        Row {
            name: "a loop that never gets its good boot",
            script: with(boot_loop(), Loot { disk: Some(disks().crashed.clone()), ..Loot::default() }),
            state: FailureState::Loop,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 7 guest-reset",
                "console: 1 file",
                "sftp: the guest never settled",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 6 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "application.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
        Row {
            name: "an encrypted disk",
            script: with(boot_loop(), Loot { disk: Some(disks().encrypted.clone()), ..Loot::default() }),
            state: FailureState::Loop,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 7 guest-reset",
                "console: 1 file",
                "sftp: the guest never settled",
                NO_HANG[0],
                NO_HANG[1],
                "disk: the volume is encrypted",
            ],
            evidence: &["screen.png console"],
            blame: None,
        },
        Row {
            name: "transfers that are cut and resumed",
            script: with(crash_at_boot(), Loot { cuts: 3, ..leaving(&whole) }),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: 4 files",
                NO_HANG[0],
                NO_HANG[1],
                "disk: skipped: the evidence is complete",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "system.evtx sftp",
                "application.evtx sftp",
                "acmeflt.sys sftp",
            ],
            blame: strong,
        },
        Row {
            name: "a guest that is gone in the middle of a transfer",
            script: with(
                crash_at_boot(),
                Loot { cuts: 1, gone_when_cut: true, disk: Some(disks().crashed.clone()), ..leaving(&whole) },
            ),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: the connection broke during fetching /C:/Windows/Minidump/0.dmp: reset by peer, and the guest did \
                 not answer again",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 6 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "application.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
        Row {
            name: "a dump of an earlier stop, and the last one's some time after",
            script: with(
                crash_at_boot(),
                Loot {
                    told: Some(TOLD),
                    late: Some((9, item("/C:/Windows/Minidump/last.dmp", EvidenceKind::KernelDump, whole.clone()))),
                    ..leaving(&DumpSpec { code: 0x50, ..crash_in(GLOBEX) }.build())
                },
            ),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: stop 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: 5 files",
                NO_HANG[0],
                NO_HANG[1],
                "disk: skipped: the evidence is complete",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "minidump-2.dmp sftp",
                "system.evtx sftp",
                "application.evtx sftp",
                "acmeflt.sys sftp",
            ],
            blame: strong,
        },
        Row {
            name: "a dump of an earlier stop alone",
            script: with(
                boots(&[Fate::Good, Fate::Crash, Fate::Crash]),
                Loot { disk: Some(disks().encrypted.clone()), ..leaving(&whole) },
            ),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 5 guest-reset",
                "console: 1 file",
                "sftp: 5 files, but none of the dumps is known to be of this crash",
                NO_HANG[0],
                NO_HANG[1],
                "disk: the volume is encrypted",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "minidump-2.dmp sftp",
                "system.evtx sftp",
                "application.evtx sftp",
                "acmeflt.sys sftp",
            ],
            blame: strong,
        },
        Row {
            name: "a dump cut off by power loss, whose whole is still in the page file",
            script: with(crash_at_boot(), Loot { disk: Some(disks().crashed.clone()), ..leaving(cut) }),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which, resets: 3 guest-reset",
                "console: 1 file",
                "sftp: 3 files, but the dump of this crash is cut off",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 4 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "system.evtx sftp",
                "application.evtx sftp",
                "minidump-2.dmp disk",
                "pagefile.dmp disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
    ]
}
