//! Guests that fall silent: by a hang, by a dead network, behind the recovery screen; and one that is only slow.

use standin_forge::misbehaving::Trouble;

use crate::pairs::{Suffers, run};

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";
/// Seconds.
const SLOWER_BY: u64 = 15;
/// What an interrupt makes of any Windows.
const BY_INTERRUPT: u32 = 0x80;

/// Where a dump of a 64-bit kernel has its stop code.
fn stop_of(dump: &[u8]) -> u32 {
    u32::from_le_bytes(dump[0x38..0x3c].try_into().unwrap())
}

/// Baseline: no boot with the driver ends, and an interrupt comes through. Candidate: it does not.
#[test]
fn boots_that_never_end() {
    let hears = Suffers::from(Trouble::Hang);
    let deaf = Suffers::from(Trouble::HangDeaf);
    let pair = run(&hears, &deaf, QUIET, |lab| lab.policy.reboot = 30);

    let hears = pair.baseline();
    hears.assert_failed("reboot-1", "hang");
    assert!(hears.rung("nmi").contains("restarted at the interrupt"), "{}", hears.rung("nmi"));
    assert!(hears.rung("nmi").contains("did not come back"), "{}", hears.rung("nmi"));
    assert!(hears.rungs().contains(&"memory skipped".to_owned()), "{:?}", hears.rungs());
    // The next boot hangs too, so no file was made of it.
    assert_of_the_interrupt(&hears.assert_gave("disk", "kernel-dump"));

    let deaf = pair.candidate();
    deaf.assert_failed("reboot-1", "hang");
    assert!(deaf.rung("nmi").contains("did nothing"), "{}", deaf.rung("nmi"));
    deaf.assert_gave("memory", "memory-dump");
    deaf.assert_none("kernel-dump");

    for arm in [hears, deaf] {
        arm.assert_gave("console", "screenshot");
        arm.assert_gave("disk", "event-log");
        arm.assert_blames_nobody();
    }
}

/// Baseline: the network is dead from the boot on, and the system is idle. Candidate: the system hangs while it is left alone.
#[test]
fn a_dead_network_and_a_hang_in_the_dwell() {
    let dead = Suffers::from(Trouble::BreakNetwork);
    let hangs = Suffers::from(Trouble::HangsLater { after_ms: 20_000, deaf: false });
    let pair = run(&dead, &hangs, "  dwell: 25s\n  reboots: 1\n  settle: 1s\n", |lab| {
        // What stands still for a minute hangs; less would be a dead network.
        lab.policy.boot = Some(90);
        lab.policy.reboot = 40;
    });

    let dead = pair.baseline();
    // Nothing outside, and nothing on the disk, tells an idle system without a network from one that hangs.
    dead.assert_failed("reboot-1", "hang");
    dead.assert_gave("console", "screenshot");
    assert!(dead.rung("nmi").contains("restarted at the interrupt"), "{}", dead.rung("nmi"));
    dead.assert_gave("disk", "event-log");
    assert_of_the_interrupt(&dead.assert_gave("disk", "kernel-dump"));
    dead.assert_blames_nobody();

    let hangs = pair.candidate();
    hangs.assert_failed("dwell", "hang");
    assert_of_the_interrupt(&hangs.assert_gave("nmi", "kernel-dump"));
    hangs.assert_gave("nmi", "event-log");
    let rungs = hangs.rungs();
    assert!(rungs.ends_with(&["memory skipped".to_owned(), "disk skipped".to_owned()]), "{rungs:?}");
    hangs.assert_blames_nobody();
}

/// Baseline: with Windows' own default, the recovery screen comes after two boots that failed. Candidate: each boot takes
/// longer, and that is all.
#[test]
fn the_recovery_screen_and_a_slow_boot() {
    let slow = Suffers::from(Trouble::SlowBoot { ms: SLOWER_BY * 1_000 });
    let pair = run(&Suffers::from(Trouble::BootLoop), &slow, QUIET, |lab| {
        lab.then = vec!["bcdedit /set {default} recoveryenabled yes".to_owned()];
        lab.policy.reboot = 60;
    });

    let recovery = pair.baseline();
    recovery.assert_failed("reboot-1", "recovery");
    recovery.assert_gave("console", "screenshot");
    recovery.assert_gave("disk", "event-log");
    recovery.assert_gave("disk", "kernel-dump");
    recovery.assert_blames(&pair.baseline);

    let slow = pair.candidate();
    slow.assert_up();
    let (reboot, all) = (slow.took("reboot-1"), slow.rungs());
    assert!(reboot >= SLOWER_BY, "the boot took {reboot} s: {all:?}");
}

/// Every dump is of the stop that an interrupt brings about.
fn assert_of_the_interrupt(dumps: &[Vec<u8>]) {
    for dump in dumps {
        assert!(dump.starts_with(b"PAGEDU64"));
        assert_eq!(stop_of(dump), BY_INTERRUPT);
    }
}
