//! A product whose service or filter goes while the guest lives.

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

/// Baseline: the filter goes out of memory. Candidate: the service ends as soon as it was started.
#[test]
fn a_filter_that_vanishes_and_a_service_that_dies() {
    let vanishes = Suffers::from(Trouble::FilterVanishes { after_ms: 500 });
    let ends = Suffers::from(Trouble::ServiceEnds { after_ms: 500 });
    let pair = run(&vanishes, &ends, "  dwell: 1s\n  reboots: 1\n  settle: 3s\n", |_| ());

    let (service, driver) = (format!("{}Svc", pair.candidate.vendor), pair.baseline.driver.trim_end_matches(".sys"));
    for (arm, part) in [(pair.baseline(), driver), (pair.candidate(), &*service)] {
        arm.assert_failed("probe", "unhealthy");
        let bucket = arm.json()["bucket"].as_str().unwrap();
        assert!(bucket.contains(part) && bucket.contains(&pair.agent), "{bucket}");
        assert!(pair.report.junit.contains(&format!("{part} ")), "what was looked for");
        arm.assert_gave("console", "screenshot");
        arm.assert_gave("sftp", "event-log");
        arm.assert_none("kernel-dump");
        arm.assert_blames_nobody();
    }
    assert!(pair.candidate().message().contains("STOPPED"), "{}", pair.candidate().message());
}
