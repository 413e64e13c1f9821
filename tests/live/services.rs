//! A product whose service goes while the guest lives.

use standin_forge::misbehaving::Trouble;

use crate::pairs::{Suffers, run};

/// Baseline: the service is stopped, as if somebody had done it. Candidate: it crashes, and Windows keeps a dump of it.
#[test]
fn services_that_stop_and_crash() {
    let stops = Suffers::from(Trouble::ServiceStops { after_ms: 8_000 });
    let crashes = Suffers::from(Trouble::ServiceCrashes { after_ms: 8_000 });
    let pair = run(&stops, &crashes, "  dwell: 12s\n  reboots: 1\n  settle: 12s\n", |_| ());

    for arm in [pair.baseline(), pair.candidate()] {
        arm.assert_failed("probe", "unhealthy");
        let service = format!("{}Svc", pair.candidate.vendor);
        assert!(arm.message().contains(&service) && arm.message().contains("vanished"), "{}", arm.message());
        arm.assert_gave("console", "screenshot");
        arm.assert_gave("sftp", "event-log");
        arm.assert_none("kernel-dump");
        arm.assert_blames_nobody();
    }
    pair.baseline().assert_none("user-dump");
    let crashed = pair.candidate();
    for dump in crashed.assert_gave("sftp", "user-dump") {
        assert!(dump.starts_with(b"MDMP"));
    }
    assert!(crashed.message().contains("a program crashed in this arm"), "{}", crashed.message());
}
