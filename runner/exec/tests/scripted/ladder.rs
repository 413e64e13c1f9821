//! One row per misfortune: what it is called, what came of each rung, and which evidence is safe.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use coexist_evidence::disk::{GuestDisk, ImageFormat};
use coexist_lab::{DiskFiles, MemoryForm};
use coexist_model::{ArmOutcome, ArmRecord, Arms, EvidenceKind, FailureState, FaultKind, Hex, StepFailure, Strength};
use tempfile::TempDir;

use crate::disk_images::{FIRST_SECTOR, Ntfs, partitioned, qcow2};
use crate::dump_builder::{ACME, DumpSpec, GLOBEX, quiet};
use crate::loot::{AtInterrupt, Item, Loot, item};
use crate::world::{Blow, Fate, Script};
use crate::{Stage, blow, boots, play_on};

const STOP: [Hex; 5] = [Hex(0x50), Hex(0xffff_8405_0000_0074), Hex(0), Hex(0xffff_f806_7151_14ed), Hex(2)];

/// As it is told of [`crash_in`] `ACME`.
const TOLD: [Hex; 5] = [Hex(0xd1), Hex(0), Hex(2), Hex(0), Hex(ACME + 0x44c0)];

/// A crash whose faulting instruction lies in this module.
fn crash_in(base: u64) -> DumpSpec {
    DumpSpec { code: 0xd1, parameters: [0, 2, 0, base + 0x44c0], ..quiet() }
}

fn with(script: Script, loot: Loot) -> Script {
    Script { loot, ..script }
}

fn leaving(dump: &[u8]) -> Loot {
    Loot { dump: Some(dump.into()), ..Loot::default() }
}

fn crash_at_boot() -> Script {
    boots(&[Fate::Good, Fate::Crash])
}

fn boot_loop() -> Script {
    boots(&[Fate::Good, Fate::Crash, Fate::Crash, Fate::Crash])
}

fn hang_at_boot() -> Script {
    boots(&[Fate::Good, Fate::Hang])
}

/// What is expected of one row.
struct Row {
    name: &'static str,
    script: Script,
    state: FailureState,
    /// Rungs in the order they were climbed, with what came of them; of those that were skipped, why.
    ladder: &'static [&'static str],
    /// Files under the arm's folder, each with its rung.
    evidence: &'static [&'static str],
    /// Module and strength of the blame, where there are facts of a crash.
    blame: Option<(Option<&'static str>, Strength)>,
}

const NO_HANG: [&str; 2] = ["nmi: skipped: the guest does not hang", "memory: skipped: the guest does not hang"];

fn rows() -> Vec<Row> {
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
                "panic: the machine told of a stop, and not which",
                "console: 1 file",
                "sftp: 3 files",
                NO_HANG[0],
                NO_HANG[1],
                "disk: skipped: the evidence is complete",
            ],
            evidence: &["screen.png console", "minidump-1.dmp sftp", "system.evtx sftp", "acmeflt.sys sftp"],
            blame: strong,
        },
        Row {
            name: "a crash without a dump",
            script: with(crash_at_boot(), Loot { no_dump_file: true, told: Some(STOP), ..Loot::default() }),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: stop 0x50 PAGE_FAULT_IN_NONPAGED_AREA",
                "console: 1 file",
                "sftp: 1 file, but the guest holds no dump of this crash",
                NO_HANG[0],
                NO_HANG[1],
                "disk: cannot open disk image no-such-disk: No such file or directory (os error 2)",
            ],
            evidence: &["screen.png console", "system.evtx sftp"],
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
                "panic: stop 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL",
                "console: 1 file",
                "sftp: the guest did not come back",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 5 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
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
                "panic: the machine told of a stop, and not which",
                "console: 1 file",
                "sftp: the guest never settled",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 5 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
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
                "panic: the machine told of a stop, and not which",
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
                "panic: the machine told of a stop, and not which",
                "console: 1 file",
                "sftp: 3 files",
                NO_HANG[0],
                NO_HANG[1],
                "disk: skipped: the evidence is complete",
            ],
            evidence: &["screen.png console", "minidump-1.dmp sftp", "system.evtx sftp", "acmeflt.sys sftp"],
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
                "panic: the machine told of a stop, and not which",
                "console: 1 file",
                "sftp: the connection broke during fetching /C:/Windows/Minidump/0.dmp: reset by peer, and the guest did \
                 not answer again",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 5 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
        Row {
            name: "a dump cut off by power loss, whose whole is still in the page file",
            script: with(crash_at_boot(), Loot { disk: Some(disks().crashed.clone()), ..leaving(cut) }),
            state: FailureState::Bugcheck,
            ladder: &[
                "panic: the machine told of a stop, and not which",
                "console: 1 file",
                "sftp: 2 files, but the dump of this crash is cut off",
                NO_HANG[0],
                NO_HANG[1],
                "disk: 4 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp sftp",
                "system.evtx sftp",
                "minidump-2.dmp disk",
                "pagefile.dmp disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: strong,
        },
    ]
}

fn hangs() -> Vec<Row> {
    let crashed = || Some(disks().crashed.clone());
    let nmi = DumpSpec { code: 0x80, parameters: [0x4f_4454, 0, 0, 0], ..quiet() }.build();
    vec![
        Row {
            name: "a hang that an interrupt ends",
            script: with(hang_at_boot(), Loot { at_interrupt: AtInterrupt::ComeBack, ..leaving(&nmi) }),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest restarted at the interrupt, 2 files",
                "memory: skipped: the guest was restarted, and what hung is in its memory no more",
                "disk: skipped: the evidence is complete",
            ],
            evidence: &["screen.png console", "minidump-1.dmp nmi", "system.evtx nmi"],
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
                "panic: the machine told of no stop",
                "console: 1 file",
                "sftp: the guest does not answer",
                "nmi: the guest restarted at the interrupt, but it did not come back",
                "memory: skipped: the guest was restarted, and what hung is in its memory no more",
                "disk: 5 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
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
                "panic: the machine told of no stop",
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
            name: "a hang that stops at the interrupt and shows it",
            script: with(
                hang_at_boot(),
                Loot {
                    at_interrupt: AtInterrupt::Stop,
                    memory: Some(MemoryForm::Windows),
                    disk: Some(disks().encrypted.clone()),
                    ..Loot::default()
                },
            ),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop",
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
            name: "a hang of a machine that can do nothing",
            script: hang_at_boot(),
            state: FailureState::Hang,
            ladder: &[
                "panic: the machine told of no stop",
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
                "disk: 5 files",
            ],
            evidence: &[
                "screen.png console",
                "minidump-1.dmp disk",
                "pagefile.dmp disk",
                "system.evtx disk",
                "system.hive disk",
                "acmeflt.sys disk",
            ],
            blame: Some((Some("acmeflt.sys"), Strength::Strong)),
        },
    ]
}

/// Disks of guests that are off.
struct Disks {
    /// With an older crash in a small dump's file and the newest in its page file, and what else is of use.
    crashed: DiskFiles,
    encrypted: DiskFiles,
    /// When the dump was changed that every guest knows from before, as the disk has it.
    known_modified: u64,
    _folder: TempDir,
}

fn disks() -> &'static Disks {
    static DISKS: OnceLock<Disks> = OnceLock::new();
    DISKS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let ntfs = Ntfs::make(folder.path());
        for made in [
            "Windows",
            "Windows/Minidump",
            "Windows/System32",
            "Windows/System32/winevt",
            "Windows/System32/winevt/Logs",
        ] {
            ntfs.make_folder(made);
        }
        for made in ["Windows/System32/config", "Windows/System32/drivers"] {
            ntfs.make_folder(made);
        }
        let newest = crash_in(ACME);
        let older = DumpSpec { filetime: newest.filetime - 10_000_000_000, ..crash_in(GLOBEX) };
        ntfs.put("Windows/Minidump/a.dmp", &older.build());
        ntfs.put("Windows/Minidump/known.dmp", &known().content);
        ntfs.put("pagefile.sys", &[newest.build(), vec![7; 70_000]].concat());
        ntfs.put("Windows/System32/winevt/Logs/System.evtx", b"event log");
        ntfs.put("Windows/System32/config/SYSTEM", b"hive");
        ntfs.put("Windows/System32/drivers/AcmeFlt.sys", b"driver");
        // Of a crash that the image had met before: too old to be of any arm.
        ntfs.put("Windows/MEMORY.DMP", &DumpSpec { filetime: 1, ..crash_in(GLOBEX) }.build());
        let raw = folder.path().join("disk.raw");
        let crashed = overlay(folder.path(), &ntfs, &raw, "crashed");
        partitioned(&ntfs, &raw, "dos");
        let volume = std::fs::File::options().write(true).open(&raw).unwrap();
        let mark = (FIRST_SECTOR + 2048) * 512 + 3;
        std::os::unix::fs::FileExt::write_all_at(&volume, b"-FVE-FS-", mark).unwrap();
        let encrypted = converted(folder.path(), &raw, "encrypted");
        let disk = GuestDisk::open(&crashed.overlay, ImageFormat::Qcow2, &[]).unwrap();
        let files = disk.evidence_files().files;
        let known_modified = files.iter().find(|file| file.path.ends_with("known.dmp")).unwrap().modified;
        Disks { crashed, encrypted, known_modified, _folder: folder }
    })
}

fn overlay(folder: &Path, ntfs: &Ntfs, raw: &Path, name: &str) -> DiskFiles {
    partitioned(ntfs, raw, "dos");
    converted(folder, raw, name)
}

fn converted(folder: &Path, raw: &Path, name: &str) -> DiskFiles {
    let overlay = folder.join(format!("{name}.qcow2"));
    qcow2(raw, &overlay, None);
    DiskFiles { overlay, golden: PathBuf::from("no-such-disk") }
}

/// The candidate's record. Every guest of these knows one small dump from before.
fn play(mut script: Script) -> ArmRecord {
    let mut known = known();
    known.file.modified = disks().known_modified;
    script.loot.before.push(known);
    let scripts = Arms { baseline: vec![Script::default()], candidate: vec![script] };
    let play = play_on(Stage::default(), scripts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play).cells.remove(0).candidate
}

fn known() -> Item {
    item("/C:/Windows/Minidump/known.dmp", EvidenceKind::KernelDump, crash_in(GLOBEX).build())
}

fn failure(record: &ArmRecord) -> &StepFailure {
    let ArmOutcome::Failed { failure, .. } = &record.outcome else { panic!("{:?}", record.outcome) };
    failure
}

fn ladder(record: &ArmRecord) -> Vec<String> {
    let words = |it: &coexist_model::RungRecord| match &it.outcome {
        coexist_model::RungOutcome::Skipped { why } => format!("{}: skipped: {why}", it.rung),
        climbed => format!("{}: {}", it.rung, climbed.words().unwrap()),
    };
    record.ladder.iter().map(words).collect()
}

fn evidence(record: &ArmRecord) -> Vec<String> {
    let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    record.evidence.iter().map(|it| format!("{} {}", name(&it.path), it.rung)).collect()
}

fn check(row: Row) {
    let Row { name, script, state, ladder: rungs, evidence: files, blame } = row;
    let record = play(script);
    let failure = failure(&record);
    assert_eq!(failure.state, state, "{name}");
    assert_eq!(ladder(&record), rungs, "{name}: {:?}", record.notes);
    assert_eq!(evidence(&record), files, "{name}");
    let found = failure.crash.as_ref().map(|it| (it.blame.module.as_deref(), it.blame.strength));
    assert_eq!(found, blame, "{name}: {:?}", record.notes);
    assert_eq!(failure.bucket(), failure.crash.as_ref().map(|it| &it.bucket), "{name}");
}

#[test]
fn a_crash_is_proved_by_the_best_rung_that_has_it() {
    rows().into_iter().for_each(check);
}

#[test]
fn a_hang_is_proved_before_it_is_ended() {
    hangs().into_iter().for_each(check);
}

/// What the machine told is better than nothing, and never taken for a dump.
#[test]
fn a_told_stop_speaks_where_there_is_no_dump() {
    let loot = Loot { no_dump_file: true, told: Some(STOP), ..Loot::default() };
    let record = play(with(crash_at_boot(), loot));
    let failure = failure(&record);
    let words = "stop 0x50 PAGE_FAULT_IN_NONPAGED_AREA (told by the hypervisor; no dump was got)";
    assert!(failure.message.ends_with(words), "{}", failure.message);
    let crash = failure.crash.as_ref().unwrap();
    assert_eq!((crash.format.as_ref(), &crash.parameters[..]), (None, &STOP[1..]));
    let dumped = play(with(crash_at_boot(), Loot { told: Some(STOP), ..leaving(&crash_in(ACME).build()) }));
    let crash = self::failure(&dumped).crash.as_ref().unwrap();
    assert_eq!(crash.stop_code, Hex(0xd1), "a dump says more");
    // It may be of a crash before that one: the disk is read, and the doubt is told.
    assert!(ladder(&dumped)[5].starts_with("disk: cannot open"), "{:?}", ladder(&dumped));
    assert!(crash.notes.iter().any(|note| note.contains("another stop than this dump's, 0x50")), "{:?}", crash.notes);
}

#[test]
fn a_dump_that_is_older_than_the_arm_is_kept_out() {
    let old = DumpSpec { filetime: 1, ..crash_in(ACME) }.build();
    let record = play(with(crash_at_boot(), leaving(&old)));
    assert_eq!(failure(&record).crash, None);
    assert!(record.notes.iter().any(|note| note.contains("is of an older crash")), "{:?}", record.notes);
}

/// A program that crashed beside a product that is not whole says more than the probe.
#[test]
fn a_crashed_program_is_evidence_and_is_named() {
    let after = vec![
        item("/C:/ProgramData/WER/AcmeSvc.exe.1234.dmp", EvidenceKind::UserDump, *b"user"),
        item("/C:/Windows/Panther/setup act.log", EvidenceKind::SetupLog, *b"setup"),
    ];
    let script = Script { sick: true, ..Script::default() };
    let record = play(with(script, Loot { after, ..Loot::default() }));
    assert_eq!(failure(&record).state, FailureState::Unhealthy);
    let message = &failure(&record).message;
    assert!(message.ends_with("; a program crashed in this arm: AcmeSvc.exe.1234.dmp"), "{message}");
    let files = [
        "screen.png console",
        "system.evtx sftp",
        "application.evtx sftp",
        "AcmeSvc.exe.1234.dmp sftp",
        "setup_act.log sftp",
    ];
    assert_eq!(evidence(&record), files);
    assert_eq!(ladder(&record)[5], "disk: skipped: the evidence is complete");
}

/// Of a healthy arm it is a remark.
#[test]
fn a_crashed_program_fails_no_arm() {
    let after = vec![item("/C:/ProgramData/WER/other.exe.9.dmp", EvidenceKind::UserDump, *b"user")];
    let record = play(with(Script::default(), Loot { after, ..Loot::default() }));
    assert_eq!(record.outcome, ArmOutcome::Up);
    assert!(record.notes.iter().any(|note| note.contains("a program crashed")), "{:?}", record.notes);
    assert_eq!(record.ladder, [], "nothing is sought of an arm that is well");
}

#[test]
fn the_installer_s_log_is_fetched_however_it_ended() {
    for (blow, state) in [(Blow::Code(1603), FailureState::Install), (Blow::Never, FailureState::InstallTimeout)] {
        let record = play(crate::blow(blow));
        assert_eq!(failure(&record).state, state);
        assert!(evidence(&record).contains(&"candidate.log sftp".to_owned()), "{:?}", record.evidence);
    }
}

#[test]
fn a_file_beyond_the_budget_stays_where_it_is() {
    let mut huge = item("/C:/Windows/MEMORY.DMP", EvidenceKind::KernelDump, *b"huge");
    huge.file.size = 6 << 30;
    huge.file.live = true;
    let script = Script { sick: true, ..Script::default() };
    let record = play(with(script, Loot { after: vec![huge], ..Loot::default() }));
    let sftp = &ladder(&record)[2];
    assert!(sftp.starts_with("sftp: 2 files, but /C:/Windows/MEMORY.DMP has 6442450944 bytes, "), "{sftp}");
}

/// Anybody in the guest may write to its console: what stands there is told, and nobody is accused by it.
#[test]
fn a_stop_on_the_console_is_told() {
    let loot = Loot { serial: Some("booting\r\n*** STOP: 0x00000050 (0x1,0x2,0x3,0x4)\r\n"), ..Loot::default() };
    let record = play(with(hang_at_boot(), loot));
    assert_eq!(ladder(&record)[1], "console: stop 0x50 on the serial console, 2 files");
    let failure = failure(&record);
    assert!(failure.message.ends_with("; the serial console shows a stop 0x50"), "{}", failure.message);
    assert_eq!((&failure.crash, failure.bucket()), (&None, None));
}

/// A rung that does not end is cut, and the next one is climbed.
#[test]
fn a_guest_that_drips_does_not_keep_the_lab() {
    let loot = Loot { drips: true, disk: Some(disks().crashed.clone()), ..leaving(b"never") };
    let record = play(with(crash_at_boot(), loot));
    let rungs = ladder(&record);
    assert_eq!((rungs[2].as_str(), rungs[5].as_str()), ("sftp: its time of 600 s was over", "disk: 5 files"));
    assert_eq!(record.ladder[2].took_s.as_millis(), 600_000);
}

/// A machine that does not even give a picture hangs itself: nobody is accused, and nothing more is sought.
#[test]
fn a_machine_that_hangs_itself_accuses_nobody() {
    let loot = Loot { no_picture: Some(FaultKind::QemuHung), ..Loot::default() };
    let record = play(with(hang_at_boot(), loot));
    assert!(matches!(&record.outcome, ArmOutcome::Fault { fault, .. } if fault.kind == FaultKind::QemuHung));
    assert_eq!(record.ladder.len(), 2, "{:?}", ladder(&record));
}
