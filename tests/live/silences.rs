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

/// Both systems hang while they are left alone. Baseline: no interrupt comes through. Candidate: one does.
#[test]
fn hangs_in_the_dwell() {
    let after = |deaf| Suffers::from(Trouble::HangsLater { after_ms: 20_000, deaf });
    let pair = run(&after(true), &after(false), "  dwell: 25s\n  reboots: 1\n  settle: 1s\n", |lab| {
        // What stands still for a minute hangs; less would be a dead network.
        lab.policy.boot = Some(75);
    });

    let deaf = pair.baseline();
    deaf.assert_failed("dwell", "hang");
    assert!(deaf.rung("nmi").contains("did nothing"), "{}", deaf.rung("nmi"));
    deaf.assert_gave("memory", "memory-dump");
    deaf.assert_gave("disk", "event-log");
    deaf.assert_none("kernel-dump");

    let hears = pair.candidate();
    hears.assert_failed("dwell", "hang");
    assert_of_the_interrupt(&hears.assert_gave("nmi", "kernel-dump"));
    hears.assert_gave("nmi", "event-log");
    let rungs = hears.rungs();
    assert!(rungs.ends_with(&["memory skipped".to_owned(), "disk skipped".to_owned()]), "{rungs:?}");

    for arm in [deaf, hears] {
        arm.assert_gave("console", "screenshot");
        arm.assert_blames_nobody();
    }
}

/// The systems run on, and nobody outside hears of them. Baseline: from the boot on. Candidate: from some time after it.
#[test]
fn networks_that_are_dead_and_fall_silent() {
    let dead = Suffers::from(Trouble::BreakNetwork);
    let silent = Suffers::from(Trouble::GoesSilent { after_ms: 4_000 });
    let pair = run(&dead, &silent, "  dwell: 6s\n  reboots: 1\n  settle: 1s\n", |lab| {
        lab.policy.boot = Some(30);
        lab.policy.reboot = 30;
    });

    let (dead, silent) = (pair.baseline(), pair.candidate());
    dead.assert_failed("reboot-1", "unreachable");
    // On a busy host the installation is not over when the network goes.
    let step = if silent.json()["step"] == "candidate" { "candidate" } else { "dwell" };
    silent.assert_failed(step, "unreachable");
    for arm in [dead, silent] {
        arm.assert_gave("console", "screenshot");
        assert!(arm.rungs().contains(&"nmi skipped".to_owned()), "nothing hangs: {:?}", arm.rungs());
        // Nothing else can give the log of this guest.
        arm.assert_gave("disk", "event-log");
        arm.assert_none("kernel-dump");
        arm.assert_blames_nobody();
    }
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
