//! Stops whose dump is late, large, cut off, far from complete or not there at all.

use std::path::{Path, PathBuf};

use standin_forge::misbehaving::{CutShort, DumpSettings, Trouble};

use crate::lab::Lab;
use crate::pairs::{Suffers, run, run_watched};
use crate::program::{triage, until};

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";
/// Bytes that a session brings before it is cut: more than one request of SFTP asks for, so that something arrives.
const CUT_AFTER: u64 = 400 << 10;
/// Seconds.
const LATER_BY: u64 = 12;
/// Where the header of a 64-bit dump has its kind; 4 is a small one.
const DUMP_KIND: usize = 0xf98;

fn kind_of(dump: &[u8]) -> u32 {
    u32::from_le_bytes(dump[DUMP_KIND..DUMP_KIND + 4].try_into().unwrap())
}

/// Baseline: Windows writes no dump at all, and the guest comes back. Candidate: it writes one of the kernel's memory, and
/// never comes back to make a file of it.
#[test]
fn no_dump_and_a_large_one_that_stays_raw() {
    let none = Suffers::from(Trouble::BootOnce).with_dumps(DumpSettings::None);
    let raw = Suffers::from(Trouble::BootLoop).with_dumps(DumpSettings::Kernel);
    let pair = run(&none, &raw, QUIET, |_| ());

    let none = pair.baseline();
    none.assert_failed("reboot-1", "bugcheck");
    none.assert_none("kernel-dump");
    none.assert_gave("sftp", "event-log");
    assert!(none.rung("sftp").contains("no dump of this crash"), "{}", none.rung("sftp"));
    assert!(none.rung("disk").contains("no dump of this crash"), "{}", none.rung("disk"));
    // Only the console tells of the stop where the hypervisor passes on no more than that there was one.
    let code = format!("{:#x}", pair.baseline.stop.unwrap().code);
    assert!(none.rung("console").contains(&code), "{}", none.rung("console"));
    assert!(none.message().contains(&code), "{}", none.message());
    none.assert_blames_nobody();

    let raw = pair.candidate();
    raw.assert_failed("reboot-1", "loop");
    let dumps = raw.assert_gave("disk", "kernel-dump");
    assert!(dumps.iter().any(|dump| dump.starts_with(b"PAGEDU64") && kind_of(dump) != 4), "no dump of the kernel");
    raw.assert_blames(&pair.candidate);
}

/// Baseline: half of the dump is written when the machine resets. Candidate: it stands still then.
#[test]
fn dumps_that_the_power_cut_short() {
    let reset = Suffers::from(Trouble::PowerLost { end: CutShort::Reset });
    let stands = Suffers::from(Trouble::PowerLost { end: CutShort::StandStill });
    let pair = run(&reset, &stands, QUIET, |lab| lab.policy.reboot = 30);

    let reset = pair.baseline();
    reset.assert_failed("reboot-1", "bugcheck");
    reset.assert_none("kernel-dump");
    reset.assert_gave("sftp", "event-log");
    assert!(reset.rung("sftp").contains("no dump of this crash"), "{}", reset.rung("sftp"));
    // The next good boot threw the half away, and the hypervisor passes on no more than that there was a stop.
    assert!(reset.rung("disk").contains("no dump of this crash"), "{}", reset.rung("disk"));
    let code = format!("{:#x}", pair.baseline.stop.unwrap().code);
    assert!(reset.message().contains(&code), "{}", reset.message());
    reset.assert_blames_nobody();

    let stands = pair.candidate();
    stands.assert_failed("reboot-1", "bugcheck");
    stands.assert_gave("console", "screenshot");
    stands.assert_gave("disk", "event-log");
    stands.assert_gave("disk", "kernel-dump");
    assert!(stands.rung("disk").contains("cut off"), "{}", stands.rung("disk"));
    stands.assert_knows_the_stop_alone(&pair.candidate);
}

/// Baseline: a full disk, on which Windows can make no file of the dump. Candidate: connections that fetch much are cut.
#[test]
fn a_full_disk_and_cut_downloads() {
    let full = Suffers::from(Trouble::FullDisk { leave: 32 << 10 });
    let cut = Suffers::from(Trouble::CutsDownloads { bytes: CUT_AFTER, times: 2 }).with_dumps(DumpSettings::Kernel);
    let mut serial = PathBuf::new();
    // A busy host fills a disk slowly.
    let patient = |lab: &mut Lab| lab.policy.install = 120;
    let pair = run_watched(&full, &cut, QUIET, patient, |out| serial = keep_serial_log(out, "candidate"));

    let full = pair.baseline();
    full.assert_failed("reboot-1", "bugcheck");
    full.assert_gave("disk", "kernel-dump");
    full.assert_blames(&pair.baseline);

    let cut = pair.candidate();
    cut.assert_failed("reboot-1", "bugcheck");
    let dumps = cut.assert_gave("sftp", "kernel-dump");
    assert!(dumps.iter().any(|dump| dump.len() > 2 * CUT_AFTER as usize), "two connections may fetch it whole");
    assert_resumed(&std::fs::read_to_string(serial).unwrap());
    cut.assert_gave("sftp", "event-log");
    assert!(cut.rungs().contains(&"disk skipped".to_owned()), "nothing is missing: {:?}", cut.rungs());
    cut.assert_blames(&pair.candidate);
}

/// A second name for the log of an arm's serial port, under which it outlives the machine.
fn keep_serial_log(out: &Path, arm: &str) -> PathBuf {
    let kept = out.with_file_name(format!("{arm}-serial.log"));
    let log = until("the machine to have a serial port", || {
        let cells = std::fs::read_dir(out.join("work")).ok()?;
        let logs = cells.filter_map(|cell| Some(cell.ok()?.path().join(arm).join("serial.log")));
        logs.into_iter().find(|log| log.exists())
    });
    std::fs::hard_link(log, &kept).unwrap();
    kept
}

/// The guest tells from which byte on each session reads a file: none reads again what the ones before it have brought.
fn assert_resumed(serial: &str) {
    let reads = serial.lines().filter_map(|line| line.split_once("sftp reads ")?.1.split_once(" from byte "));
    let of_the_dump = reads.filter(|(file, _)| file.ends_with("MEMORY.DMP"));
    let mut from: Vec<u64> = of_the_dump.map(|(_, at)| at.trim().parse().unwrap()).collect();
    assert!(from.starts_with(&[0]) && from.is_sorted(), "{from:?}");
    // A session that brought nothing, on a busy host, begins where the one before it did.
    from.dedup();
    assert!(from.len() >= 3, "two cuts make three sessions: {from:?}");
}

/// Baseline: the log of the stop is cleared before anybody has read it. Candidate: a live report, which is no crash, and a
/// network that comes up late, which is none either.
#[test]
fn a_cleared_log_and_a_live_report() {
    let cleared = Suffers::from(Trouble::ClearsLog { after_ms: 1_000 });
    let reports = Suffers::from(Trouble::LiveReport { after_ms: 1_500 });
    let reports = reports.and(Trouble::SlowNetwork { ms: LATER_BY * 1_000 });
    let pair = run(&cleared, &reports, "  dwell: 3s\n  reboots: 1\n  settle: 1s\n", |_| ());

    let cleared = pair.baseline();
    cleared.assert_failed("reboot-1", "bugcheck");
    cleared.assert_gave("sftp", "kernel-dump");
    cleared.assert_gave("sftp", "event-log");
    cleared.assert_blames(&pair.baseline);
    let logs = pair.report.evidence("baseline", "event-log");
    let says = logs.iter().map(|(_, log)| triage(log)["notes"].to_string());
    assert!(says.clone().any(|notes| notes.contains("the log System was cleared")), "{:?}", says.collect::<Vec<_>>());

    let reports = pair.candidate();
    reports.assert_up();
    assert!(reports.took("reboot-1") >= LATER_BY, "{} s", reports.took("reboot-1"));
    assert!(reports.json()["notes"].to_string().contains("live report"), "{}", reports.json()["notes"]);
    reports.assert_blames_nobody();
}
