//! Guests that say nothing, and what the ladder makes of them.

use coexist_lab::MemoryForm;
use coexist_model::{FailureState, Strength};

use super::disks::disks;
use super::rows::{NO_HANG, Row, crash_in, hang_at_boot, leaving, with};
use crate::blow;
use crate::dump_builder::{DumpSpec, GLOBEX, quiet};
use crate::loot::{AtInterrupt, Loot};
use crate::script::Blow;

pub(super) fn hangs() -> Vec<Row> {
    let crashed = || Some(disks().crashed.clone());
    let nmi = DumpSpec { code: 0x80, parameters: [0x4f_4454, 0, 0, 0], ..quiet() }.build();
    // As QEMU writes it where nothing had stopped the system. The instruction pointer lies where it happened to be.
    let alive = DumpSpec { code: 0x161, ..crash_in(GLOBEX) }.build();
    vec![
        Row {
            name: "a hang that an interrupt ends",
            script: with(hang_at_boot(), Loot { at_interrupt: AtInterrupt::ComeBack, ..leaving(&nmi) }),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest restarted at the interrupt, 3 files",
                "memory: skipped: the guest was restarted, and what hung is in its memory no more",
                "disk: skipped: the evidence is complete",
            ],
            evidence: &["screen.png console", "minidump-1.dmp nmi", "system.evtx nmi", "application.evtx nmi"],
            // Every interrupted guest stops with this code: it accuses nobody and is like no other crash.
            blame: None,
        },
        Row {
            name: "a hang that comes again after the interrupt",
            script: with(
                hang_at_boot(),
                Loot { at_interrupt: AtInterrupt::HangAgain, disk: crashed(), ..Loot::default() },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest restarted at the interrupt, but it did not come back",
                "memory: skipped: the guest was restarted, and what hung is in its memory no more",
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
            blame: Some((Some("acmeflt.sys"), Strength::Strong)),
        },
        Row {
            name: "a hang that no interrupt moves",
            script: with(
                hang_at_boot(),
                Loot { at_interrupt: AtInterrupt::Nothing, memory: Some(MemoryForm::Elf), ..Loot::default() },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest did nothing within 60 s of the interrupt",
                "memory: 1 file",
                "disk: cannot open disk image no-such-disk: No such file or directory (os error 2)",
            ],
            evidence: &["screen.png console", "memory.elf memory"],
            blame: None,
        },
        Row {
            name: "a hang that powers the machine off at the interrupt",
            script: with(
                hang_at_boot(),
                Loot { at_interrupt: AtInterrupt::PowerOff, disk: crashed(), ..Loot::default() },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the machine went off at the interrupt",
                "memory: skipped: the machine does not run any more",
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
            blame: Some((Some("acmeflt.sys"), Strength::Strong)),
        },
        Row {
            name: "a hang that stops at the interrupt and shows it",
            script: with(
                hang_at_boot(),
                Loot {
                    at_interrupt: AtInterrupt::Stop,
                    memory: Some(MemoryForm::Windows),
                    remembers: Some(nmi.clone().into()),
                    disk: Some(disks().encrypted.clone()),
                    ..Loot::default()
                },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest stopped at the interrupt, but it did not restart",
                "memory: 1 file",
                "disk: the volume is encrypted",
            ],
            evidence: &["screen.png console", "memory.dmp memory"],
            blame: None,
        },
        Row {
            name: "a hang that is a stop which nobody told of",
            script: with(
                hang_at_boot(),
                Loot {
                    at_interrupt: AtInterrupt::Nothing,
                    memory: Some(MemoryForm::Windows),
                    remembers: Some(crash_in(GLOBEX).build().into()),
                    disk: Some(disks().encrypted.clone()),
                    ..Loot::default()
                },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest did nothing within 60 s of the interrupt",
                "memory: 1 file",
                "disk: the volume is encrypted",
            ],
            evidence: &["screen.png console", "memory.dmp memory"],
            blame: Some((Some("globex.sys"), Strength::Strong)),
        },
        Row {
            name: "a hang of a guest that had not stopped, in Windows' form",
            script: with(
                hang_at_boot(),
                Loot {
                    at_interrupt: AtInterrupt::Nothing,
                    memory: Some(MemoryForm::Windows),
                    remembers: Some(alive.into()),
                    disk: Some(disks().encrypted.clone()),
                    ..Loot::default()
                },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest did nothing within 60 s of the interrupt",
                "memory: 1 file",
                "disk: the volume is encrypted",
            ],
            evidence: &["screen.png console", "memory.dmp memory"],
            blame: None,
        },
        Row {
            name: "a hang whose memory cannot be read",
            script: with(
                hang_at_boot(),
                Loot {
                    at_interrupt: AtInterrupt::Nothing,
                    memory: Some(MemoryForm::Windows),
                    disk: crashed(),
                    ..Loot::default()
                },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest did nothing within 60 s of the interrupt",
                "memory: 1 file, but memory.dmp cannot be read as a kernel dump: not a kernel dump",
                "disk: 6 files",
            ],
            evidence: &[
                "screen.png console",
                "memory.dmp memory",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "application.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: Some((Some("acmeflt.sys"), Strength::Strong)),
        },
        Row {
            name: "a hang of a machine that can do nothing",
            script: hang_at_boot(),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop, resets: 1 guest-reset",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: this machine cannot inject an NMI",
                "memory: this machine cannot write its memory",
                "disk: cannot open disk image no-such-disk: No such file or directory (os error 2)",
            ],
            evidence: &["screen.png console"],
            blame: None,
        },
        Row {
            name: "a dead network",
            script: with(blow(Blow::Silence), Loot { disk: crashed(), ..Loot::default() }),
            state: FailureState::Unreachable,
            ladder: &[
                "panic: the machine told of no stop",
                "console: 1 file",
                "sftp: the guest does not answer",
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
            blame: Some((Some("acmeflt.sys"), Strength::Strong)),
        },
    ]
}
