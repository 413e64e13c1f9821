//! Stops whose dump is late, large, cut off, far from complete or not there at all.

use standin_forge::misbehaving::{CutShort, DumpSettings, Trouble};

use crate::pairs::{Suffers, run};

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";
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

    let stands = pair.candidate();
    stands.assert_failed("reboot-1", "bugcheck");
    stands.assert_gave("console", "screenshot");
    stands.assert_gave("disk", "event-log");
    stands.assert_gave("disk", "kernel-dump");
    assert!(stands.rung("disk").contains("cut off"), "{}", stands.rung("disk"));
}

/// Baseline: a full disk, on which Windows can make no file of the dump. Candidate: connections that fetch much are cut.
#[test]
fn a_full_disk_and_cut_downloads() {
    let full = Suffers::from(Trouble::FullDisk { leave: 32 << 10 });
    let cut = Suffers::from(Trouble::CutsDownloads { bytes: 40 << 10, times: 2 });
    let pair = run(&full, &cut, QUIET, |_| ());

    let full = pair.baseline();
    full.assert_failed("reboot-1", "bugcheck");
    full.assert_gave("disk", "kernel-dump");
    full.assert_blames(&pair.baseline);

    let cut = pair.candidate();
    cut.assert_failed("reboot-1", "bugcheck");
    for dump in cut.assert_gave("sftp", "kernel-dump") {
        assert!(dump.len() > 40 << 10, "more than one connection may fetch");
    }
    cut.assert_gave("sftp", "event-log");
    assert!(cut.rungs().contains(&"disk skipped".to_owned()), "nothing is missing: {:?}", cut.rungs());
    cut.assert_blames(&pair.candidate);
}

/// Baseline: the log of the stop is cleared before anybody has read it. Candidate: a live report, which is no crash.
#[test]
fn a_cleared_log_and_a_live_report() {
    let cleared = Suffers::from(Trouble::ClearsLog { after_ms: 1_000 });
    let pair = run(
        &cleared,
        &Suffers::from(Trouble::LiveReport { after_ms: 1_500 }),
        "  dwell: 3s\n  reboots: 1\n  settle: 1s\n",
        |_| (),
    );

    let cleared = pair.baseline();
    cleared.assert_failed("reboot-1", "bugcheck");
    cleared.assert_gave("sftp", "kernel-dump");
    cleared.assert_gave("sftp", "event-log");
    cleared.assert_blames(&pair.baseline);

    let reports = pair.candidate();
    reports.assert_up();
    assert!(reports.json()["notes"].to_string().contains("live report"), "{}", reports.json()["notes"]);
    reports.assert_blames_nobody();
}
