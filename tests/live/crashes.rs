//! One product that stops the machine, at every moment it can: the report must name code, driver, offset and vendor.

use standin_forge::Agent;
use standin_forge::misbehaving::{CutShort, Misbehaving, Trouble, Truth};

use crate::lab::{Candidate, Lab};
use crate::pairs::{Suffers, run};
use crate::program::Report;

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";

/// The same product as it was before anything was wrong with it.
pub(crate) fn before(new: &Agent) -> Agent {
    let mut old = new.clone();
    old.version = "0.1".to_owned();
    old.product_code = "{5A7E1C00-0000-4000-8000-000000000001}".to_owned();
    old.misfortunes_mut().clear();
    old
}

/// A candidate with this trouble against its own past.
fn report_of(trouble: Trouble, scenario: &str) -> (Tried, Truth) {
    let lab = Lab::new();
    let drawn = Misbehaving::random(lab.seed(), trouble);
    match &drawn.candidate_content {
        None => {
            let old = before(&drawn.agent);
            lab.write_matrix(&Candidate::Fresh { old: &old, new: &drawn.agent }, scenario);
        }
        Some(content) => lab.write_matrix(&Candidate::Content { agent: &drawn.agent, content }, scenario),
    }
    let report = lab.run();
    report.assert_nothing_left();
    report.assert_knows_no_card();
    (Tried { report, _lab: lab }, drawn.truth)
}

/// A report, and the folder that its evidence lies in.
struct Tried {
    report: Report,
    _lab: Lab,
}

impl std::ops::Deref for Tried {
    type Target = Report;
    fn deref(&self) -> &Report {
        &self.report
    }
}

/// The candidate arm failed at `step` in `state`, for the reason that was drawn, got on `rung`.
fn assert_accused(report: &Report, truth: &Truth, step: &str, state: &str, rungs: &[&str]) {
    let stop = truth.stop.unwrap();
    assert_eq!(report.exit, 1);
    assert_eq!(report.cell()["verdict"], "regressed");
    assert_eq!(report.arm("baseline")["outcome"], "up");
    let candidate = report.arm("candidate");
    assert_eq!(candidate["outcome"], "failed");
    assert_eq!(candidate["step"], step);
    assert_eq!(candidate["state"], state);

    let crash = &candidate["crash"];
    assert_eq!(crash["stop_code"], format!("{:#x}", stop.code));
    assert_eq!(crash["blame"]["strength"], "strong");
    assert_eq!(crash["blame"]["module"], truth.driver.as_str());
    assert_eq!(crash["blame"]["offset"], format!("{:#x}", stop.offset));
    assert_eq!(crash["blame"]["vendor"], truth.vendor.as_str());
    let bucket = report.cell()["bucket"].as_str().unwrap();
    assert!(bucket.contains(&truth.driver), "{bucket}");

    let dumps = report.evidence("candidate", "kernel-dump");
    assert!(dumps.iter().any(|(got, _)| rungs.contains(&got.as_str())), "no dump by {rungs:?}: {dumps:?}");
    for (_, path) in &dumps {
        assert!(std::fs::read(path).unwrap().starts_with(b"PAGEDU64"), "{}", path.display());
    }
    assert!(report.junit.contains(&format!("{:#x}", stop.code)), "the report names the stop code");
    assert!(report.junit.contains(&truth.driver) && report.junit.contains(&truth.vendor));
}

/// Baseline: the machine stops while the product is installed. Candidate: at the first boot with it.
#[test]
fn a_stop_during_the_installation_and_one_at_a_boot() {
    let pair = run(&Suffers::from(Trouble::Install), &Suffers::from(Trouble::BootOnce), QUIET, |_| ());
    for (arm, truth, step) in
        [(pair.baseline(), &pair.baseline, "candidate"), (pair.candidate(), &pair.candidate, "reboot-1")]
    {
        arm.assert_failed(step, "bugcheck");
        arm.assert_gave("sftp", "kernel-dump");
        arm.assert_gave("sftp", "event-log");
        arm.assert_gave("console", "screenshot");
        arm.assert_blames(truth);
        let boots = arm.json()["boots"].as_array().unwrap();
        assert!(boots.iter().any(|boot| boot["ended"] == "bugcheck"), "{boots:?}");
    }
}

#[test]
fn a_stop_at_content_load() {
    // The content stays, so every boot that reads it stops again.
    let (report, truth) = report_of(Trouble::ContentLoad, QUIET);
    assert_accused(&report, &truth, "candidate", "loop", &["disk"]);
}

/// Baseline: half of the dump is written when the machine goes off. Candidate: the system runs for a while before it stops.
#[test]
fn a_stop_that_ends_with_the_power_and_one_in_the_dwell() {
    let off = Suffers::from(Trouble::PowerLost { end: CutShort::PowerOff });
    // Long enough after the load that the installer is done with.
    let runs = Suffers::from(Trouble::Running { after_ms: 12_000 });
    let pair = run(&off, &runs, "  dwell: 15s\n  reboots: 1\n  settle: 1s\n", |_| ());

    let off = pair.baseline();
    off.assert_failed("reboot-1", "bugcheck");
    assert!(off.message().contains("powered the machine off"), "{}", off.message());
    off.assert_gave("disk", "event-log");
    off.assert_gave("disk", "kernel-dump");
    assert!(off.rung("disk").contains("cut off"), "{}", off.rung("disk"));
    off.assert_knows_the_stop_alone(&pair.baseline);

    let runs = pair.candidate();
    runs.assert_failed("dwell", "bugcheck");
    // The driver stops the next boots too, some seconds after they came up: the guest may be gone again before its dump
    // was fetched, and then the disk gives it.
    runs.assert_gave_by_any(&["sftp", "disk"], "kernel-dump");
    runs.assert_gave_by_any(&["sftp", "disk"], "event-log");
    runs.assert_blames(&pair.candidate);
}

#[test]
fn a_stop_at_every_boot() {
    let (report, truth) = report_of(Trouble::BootLoop, QUIET);
    assert_accused(&report, &truth, "reboot-1", "loop", &["disk"]);
    assert!(!report.evidence("candidate", "screenshot").is_empty(), "the screen of a guest that is gone");
    assert!(!report.evidence("candidate", "serial-log").is_empty());
    report.assert_stops_were_noticed_at_once("candidate");
}
