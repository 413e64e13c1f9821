//! One row per misfortune: what it is called, what came of each rung, and which evidence is safe.

mod disks;
mod hangs;
mod rows;

use std::time::Duration;

use coexist_lab::{DiskFiles, MemoryForm};
use coexist_model::{
    ArmOutcome, ArmRecord, Arms, BootState, EvidenceKind, FailureState, FaultKind, Hex, Pace, Rung, RungOutcome,
    StepFailure, Strength,
};

use crate::dump_builder::{ACME, DumpSpec, GLOBEX};
use crate::loot::{AtInterrupt, Loot, NoPicture, item};
use crate::script::{Blow, Fate, Script};
use crate::{Stage, boots, play_on};
use disks::{disks, known};
use hangs::hangs;
use rows::{Row, STOP, TOLD, crash_at_boot, crash_in, hang_at_boot, leaving, rows, with};

/// The candidate's record. Every guest of these knows one small dump from before.
fn play(script: Script) -> ArmRecord {
    play_at(Pace::AS_PLANNED, script)
}

fn play_at(pace: Pace, mut script: Script) -> ArmRecord {
    let mut known = known();
    known.file.modified = disks().known_modified;
    script.loot.before.push(known);
    let scripts = Arms { baseline: vec![Script::default()], candidate: vec![script] };
    let play = play_on(Stage { pace, ..Stage::default() }, scripts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play).cells.remove(0).candidate
}

fn failure(record: &ArmRecord) -> &StepFailure {
    let ArmOutcome::Failed { failure, .. } = &record.outcome else { panic!("{:?}", record.outcome) };
    failure
}

fn ladder(record: &ArmRecord) -> Vec<String> {
    let words = |it: &coexist_model::RungRecord| match &it.outcome {
        RungOutcome::Skipped { why } => format!("{}: skipped: {why}", it.rung),
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
    let words = "stop 0x50 PAGE_FAULT_IN_NONPAGED_AREA (told by the hypervisor; no dump of it was got)";
    assert!(failure.message.ends_with(words), "{}", failure.message);
    let crash = failure.crash.as_ref().unwrap();
    assert_eq!((crash.format.as_ref(), &crash.parameters[..]), (None, &STOP[1..]));
}

/// A crash that has a dump of its own must not be accused of one that has none.
#[test]
fn a_dump_of_another_stop_does_not_speak() {
    let record = play(with(crash_at_boot(), Loot { told: Some(STOP), ..leaving(&crash_in(ACME).build()) }));
    let crash = failure(&record).crash.as_ref().unwrap();
    assert_eq!((crash.stop_code, &crash.parameters[..]), (STOP[0], &STOP[1..]));
    assert_eq!((&crash.blame.module, crash.blame.strength), (&None, Strength::None));
    assert!(crash.bucket.0.starts_with("told|50|"), "{}", crash.bucket);
    let note = "/C:/Windows/Minidump/0.dmp is of another stop, 0xd1: it proves nothing here";
    assert!(crash.notes.iter().any(|it| it == note), "{:?}", crash.notes);
    let files = ["screen.png console", "minidump-1.dmp sftp", "system.evtx sftp", "application.evtx sftp"];
    assert_eq!(evidence(&record), files, "no file of a driver that is not to blame");
    assert_eq!(ladder(&record)[2], "sftp: 3 files, but none of the dumps is known to be of this crash");
    assert!(ladder(&record)[5].starts_with("disk: cannot open"), "{:?}", ladder(&record));
    assert!(record.ladder[2].took_s.as_millis() >= 45_000, "its own dump was waited for");
}

/// The same code is not the same stop: the doubt is told, and its own dump is sought on.
#[test]
fn a_dump_with_other_parameters_speaks_with_a_doubt() {
    let told = [TOLD[0], Hex(1), TOLD[2], TOLD[3], TOLD[4]];
    let script = boots(&[Fate::Good, Fate::Crash, Fate::Crash]);
    let record = play(with(script, Loot { told: Some(told), ..leaving(&crash_in(ACME).build()) }));
    let crash = failure(&record).crash.as_ref().unwrap();
    assert_eq!(crash.blame.module.as_deref(), Some("acmeflt.sys"));
    assert!(crash.notes.iter().any(|note| note.contains("other parameters than this dump's: 0xd1 0x1 ")), "{crash:?}");
    assert!(ladder(&record)[5].starts_with("disk: cannot open"), "{:?}", ladder(&record));
}

/// A dump may lie about its time. It cannot know what the machine was told.
#[test]
fn a_newer_dump_does_not_speak_for_one_that_is_as_told() {
    let newer = DumpSpec { filetime: crash_in(GLOBEX).filetime + 10_000_000_000, ..crash_in(GLOBEX) };
    let planted = item("/C:/Windows/Minidump/planted.dmp", EvidenceKind::KernelDump, newer.build());
    let loot = Loot { told: Some(TOLD), after: vec![planted], ..leaving(&crash_in(ACME).build()) };
    let record = play(with(crash_at_boot(), loot));
    assert_eq!(failure(&record).crash.as_ref().unwrap().blame.module.as_deref(), Some("acmeflt.sys"));
}

/// Small dumps of one system often have one size: a new one under an old name is another file.
#[test]
fn a_file_that_changed_on_the_disk_is_not_taken_for_the_one_before() {
    let there = item("/C:/Windows/Minidump/a.dmp", EvidenceKind::KernelDump, crash_in(GLOBEX).build());
    // None of these dumps is of the stop that the machine told of, so the disk is read as well.
    let loot = Loot { told: Some(STOP), disk: Some(disks().crashed.clone()), no_dump_file: true, ..Loot::default() };
    let record = play(with(crash_at_boot(), Loot { after: vec![there], ..loot }));
    let dumps: Vec<_> = evidence(&record).into_iter().filter(|it| it.contains(".dmp")).collect();
    assert_eq!(dumps, ["minidump-1.dmp sftp", "minidump-2.dmp disk", "pagefile.dmp disk"]);
}

/// A rung that broke says more than one that had nothing.
#[test]
fn a_broken_session_is_no_empty_guest() {
    let loot = Loot { cuts: 1, gone_when_cut: true, ..leaving(&crash_in(ACME).build()) };
    let record = play(with(crash_at_boot(), loot));
    let RungOutcome::Failed { why } = &record.ladder[2].outcome else { panic!("{:?}", record.ladder[2]) };
    assert!(why.ends_with("and the guest did not answer again"), "{why}");
    let silent = play(with(hang_at_boot(), Loot::default()));
    assert!(matches!(silent.ladder[2].outcome, RungOutcome::Nothing { .. }), "{:?}", silent.ladder[2]);
}

/// What is cut at the limit is kept, and not had.
#[test]
fn a_log_without_end_is_not_had_whole() {
    let endless = item("/C:/coexist/acme.log", EvidenceKind::SetupLog, vec![b'x'; 33 << 20]);
    let script = crate::blow(Blow::Code(1603));
    let record = play(with(script, Loot { after: vec![endless], ..Loot::default() }));
    let sftp = &ladder(&record)[2];
    assert!(sftp.contains("of /C:/coexist/acme.log the first 33554432 bytes were fetched"), "{sftp}");
    assert!(ladder(&record)[5].starts_with("disk: cannot open"), "the log is sought on: {:?}", ladder(&record));
}

#[test]
fn a_dump_that_is_older_than_the_arm_is_kept_out() {
    let old = DumpSpec { filetime: 1, ..crash_in(ACME) }.build();
    let record = play(with(crash_at_boot(), leaving(&old)));
    assert_eq!(failure(&record).crash, None);
    assert_eq!(ladder(&record)[2], "sftp: 3 files, but the guest's dumps are not of this crash");
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

/// Windows keeps copies of its own dumps among the reports of programs.
#[test]
fn a_kernel_s_dump_among_reports_is_no_crashed_program() {
    let path = "/C:/ProgramData/Microsoft/Windows/WER/ReportQueue/Kernel_141_1/report.dmp";
    let after = vec![item(path, EvidenceKind::UserDump, crash_in(ACME).build())];
    let script = Script { sick: true, ..Script::default() };
    let record = play(with(script, Loot { after, ..Loot::default() }));
    assert!(evidence(&record).contains(&"report.dmp sftp".to_owned()), "{:?}", evidence(&record));
    assert!(!failure(&record).message.contains("a program crashed"), "{}", failure(&record).message);
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

/// Packed as it comes, over three sessions, and read without being unpacked.
#[test]
fn a_big_dump_is_kept_packed() {
    let mut dump = crash_in(ACME).build();
    dump.resize(17 << 20, 0);
    let record = play(with(crash_at_boot(), Loot { cuts: 2, ..leaving(&dump) }));
    assert!(evidence(&record).contains(&"minidump-1.dmp.zst sftp".to_owned()), "{:?}", evidence(&record));
    let packed = record.evidence.iter().find(|it| it.kind == EvidenceKind::KernelDump).unwrap();
    assert!(packed.size < 1 << 20, "{}", packed.size);
    let crash = failure(&record).crash.as_ref().unwrap();
    assert_eq!(crash.blame.module.as_deref(), Some("acmeflt.sys"));
    assert_eq!(ladder(&record)[5], "disk: skipped: the evidence is complete");
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

/// Silence is what a recovery screen has to say; its disk says more.
#[test]
fn the_disk_tells_the_recovery_screen_from_a_hang() {
    let record = play(with(hang_at_boot(), Loot { disk: Some(disks().repaired.clone()), ..Loot::default() }));
    let told = failure(&record);
    assert_eq!(told.state, FailureState::Recovery, "{}", told.message);
    let why = "seen as hang from outside, but automatic repair wrote its log, SrtTrail.txt";
    assert!(told.message.contains(why), "{}", told.message);
    assert!(record.evidence.iter().any(|file| file.path.ends_with("SrtTrail.txt") && file.rung == Rung::Disk));
    let same = DiskFiles { golden: disks().repaired.overlay.clone(), ..disks().repaired.clone() };
    let before = play(with(hang_at_boot(), Loot { disk: Some(same), ..Loot::default() }));
    assert_eq!(failure(&before).state, FailureState::Hang, "the image brought that log along");
}

/// A rung that does not end is cut, and the next one is climbed.
#[test]
fn a_guest_that_drips_does_not_keep_the_lab() {
    let loot = Loot { drips: true, disk: Some(disks().crashed.clone()), ..leaving(b"never") };
    let record = play(with(crash_at_boot(), loot));
    let rungs = ladder(&record);
    assert_eq!((rungs[2].as_str(), rungs[5].as_str()), ("sftp: its time of 600 s was over", "disk: 6 files"));
    assert_eq!(record.ladder[2].took_s.as_millis(), 600_000);
}

/// A host that takes no evidence takes nothing from what a product did, and blames it for nothing.
#[test]
fn a_store_that_refuses_hides_no_failure() {
    let stage = Stage { refuses_evidence: true, ..Stage::default() };
    let play = |script| {
        let scripts = Arms { baseline: vec![Script::default()], candidate: vec![script] };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play_on(stage, scripts)).cells.remove(0).candidate
    };
    let loot = Loot { told: Some(TOLD), disk: Some(disks().crashed.clone()), ..leaving(&crash_in(ACME).build()) };
    let record = play(with(crash_at_boot(), loot));
    assert_eq!(failure(&record).state, FailureState::Bugcheck);
    assert_eq!(failure(&record).crash.as_ref().unwrap().stop_code, TOLD[0], "what was told needs no store");
    assert!(record.evidence.is_empty() && record.abandoned.is_empty());
    for rung in [Rung::Console, Rung::Sftp, Rung::Disk] {
        let of = record.ladder.iter().find(|it| it.rung == rung).unwrap();
        let words = of.outcome.words().unwrap();
        assert!(words.contains("Not a directory"), "{rung}: {words}");
    }
    let at_interrupt = AtInterrupt::Nothing;
    let hang = Loot { at_interrupt, memory: Some(MemoryForm::Elf), ..Loot::default() };
    let record = play(with(hang_at_boot(), hang));
    assert_eq!(failure(&record).state, FailureState::Hang, "a picture that the host refuses is no machine that hangs");
    let well = play(Script::default());
    assert!(
        matches!(&well.outcome, ArmOutcome::Fault { fault, .. } if fault.kind == FaultKind::HostFile),
        "{:?}",
        well.outcome
    );
}

/// A machine that does not even give a picture hangs itself: nobody is accused, and nothing more is sought.
#[test]
fn a_machine_that_hangs_itself_accuses_nobody() {
    let loot = Loot { no_picture: Some(NoPicture::Hangs), ..Loot::default() };
    let record = play(with(hang_at_boot(), loot));
    assert!(matches!(&record.outcome, ArmOutcome::Fault { fault, .. } if fault.kind == FaultKind::QemuHung));
    assert_eq!(record.ladder.len(), 2, "{:?}", ladder(&record));
}

/// One that has no picture to give lives all the same: the hang is the guest's.
#[test]
fn a_machine_without_a_picture_is_no_hung_machine() {
    let record = play(with(hang_at_boot(), Loot { no_picture: Some(NoPicture::Refused), ..Loot::default() }));
    assert_eq!(failure(&record).state, FailureState::Hang);
    assert_eq!(ladder(&record)[1], "console: there is no picture of the screen: as the script says");
    assert_eq!(record.ladder.len(), 6, "{:?}", ladder(&record));
    assert!(record.abandoned.is_empty());
}

/// A guest whose clock is known: `seconds` from its first boot.
fn dump_at(seconds: u64, spec: DumpSpec) -> Vec<u8> {
    // 1601 to 1970, and the two hours by which the guest's clock is ahead.
    DumpSpec { filetime: (11_644_473_600 + 2 * 3_600 + seconds) * 10_000_000, ..spec }.build()
}

/// After the lab's own interrupt a guest may do anything: only a dump from before it says why the guest hung.
#[test]
fn what_follows_the_lab_s_interrupt_accuses_nobody() {
    let nmi = DumpSpec { code: 0x80, parameters: [0x4f_4454, 0, 0, 0], ..crash_in(ACME) };
    for (seconds, blamed) in [(20, Some("acmeflt.sys")), (400, None)] {
        let loot = Loot {
            at_interrupt: AtInterrupt::CrashAgain,
            later_dumps: Some(dump_at(seconds, crash_in(ACME)).into()),
            ..leaving(&dump_at(70, nmi.clone()))
        };
        let record = play(Script { clock_off: 2, ..with(hang_at_boot(), loot) });
        let failure = failure(&record);
        assert_eq!(failure.state, FailureState::Hang, "{}", failure.message);
        let found = failure.crash.as_ref().and_then(|crash| crash.blame.module.as_deref());
        assert_eq!(found, blamed, "{:?}", record.notes);
        let files = ["minidump-1.dmp nmi", "minidump-2.dmp nmi"].map(str::to_owned);
        assert!(files.iter().all(|file| evidence(&record).contains(file)), "{:?}", evidence(&record));
        let told = |words: &str| record.notes.iter().any(|note| note.contains(words));
        assert!(told("0.dmp is of the stop that the lab's interrupt caused"), "{:?}", record.notes);
        assert_eq!(told("1.dmp is of a boot that the lab's interrupt led to"), blamed.is_none(), "{:?}", record.notes);
    }
}

/// The boot after the interrupt came up: what hung is the one before it.
#[test]
fn the_boot_after_the_interrupt_is_told_as_it_was() {
    let loot = Loot { at_interrupt: AtInterrupt::ComeBack, ..leaving(b"bytes") };
    let record = play(with(hang_at_boot(), loot));
    let states: Vec<_> = record.boots.iter().map(|boot| boot.state).collect();
    assert_eq!(states[2..], [BootState::Hang, BootState::Up], "{:?}", record.boots);
}

/// On a slow host the plan's deadlines are stretched already, and the lab's own once.
#[test]
fn the_wait_after_an_interrupt_is_stretched_once() {
    let pace = Pace::measured(Duration::from_secs(3), Duration::from_secs(1));
    let loot = Loot { at_interrupt: AtInterrupt::HangAgain, ..Loot::default() };
    let record = play_at(pace, with(hang_at_boot(), loot));
    let nmi = record.ladder.iter().find(|it| it.rung == Rung::Nmi).unwrap();
    // The plan gives its starts 60 s.
    let took = nmi.took_s.to_duration();
    assert!(took >= Duration::from_secs(180) && took < Duration::from_secs(200), "{took:?}");
}

/// What the panic device tells of a dump that was not written need not be waited for.
#[test]
fn a_dump_that_was_not_written_is_not_waited_for() {
    for tells_of_no_dump in [false, true] {
        let loot = Loot { tells_of_no_dump, no_dump_file: true, told: Some(STOP), ..Loot::default() };
        let record = play(with(crash_at_boot(), loot));
        assert_eq!(failure(&record).state, FailureState::Bugcheck);
        let sftp = record.ladder.iter().find(|it| it.rung == Rung::Sftp).unwrap();
        let waited = sftp.took_s.to_duration() >= Duration::from_secs(40);
        assert_eq!(waited, !tells_of_no_dump, "{:?}", sftp.took_s);
        let words = sftp.outcome.words().unwrap();
        assert_eq!(words.contains("told that it wrote none"), tells_of_no_dump, "{words}");
        assert!(failure(&record).crash.is_some(), "what was told of the stop is kept");
    }
}
