//! One product that stops the machine, at every moment it can: the report must name code, driver, offset and vendor.

use standin_forge::Agent;
use standin_forge::misbehaving::{Misbehaving, Trouble, Truth};

use crate::lab::{Candidate, Lab};
use crate::program::Report;

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";

/// The same product as it was before anything was wrong with it.
pub(crate) fn before(new: &Agent) -> Agent {
    let mut old = new.clone();
    old.version = "0.1".to_owned();
    old.product_code = "{5A7E1C00-0000-4000-8000-000000000001}".to_owned();
    old.driver.card.misfortunes.clear();
    old
}

/// Runs a candidate with this trouble against its own past.
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
    for hint in ["misfortune", "Bugcheck {", "boot-once", "content-load"] {
        assert!(!report.junit.contains(hint), "the report knows what only the guest can know: {hint}");
    }
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

#[test]
fn a_stop_during_the_installation() {
    let (report, truth) = report_of(Trouble::Install, QUIET);
    assert_accused(&report, &truth, "candidate", "bugcheck", &["sftp"]);
}

#[test]
fn a_stop_at_content_load() {
    // The content stays, so every boot that reads it stops again.
    let (report, truth) = report_of(Trouble::ContentLoad, QUIET);
    assert_accused(&report, &truth, "candidate", "loop", &["disk"]);
}

#[test]
fn a_stop_in_the_dwell() {
    // Long enough after the load that the installer is done with.
    let dwell = "  dwell: 15s\n  reboots: 1\n  settle: 1s\n";
    let (report, truth) = report_of(Trouble::Running { after_ms: 12_000 }, dwell);
    // The driver stops the next boots too, some seconds after they came up: the guest may be gone again before its dump
    // was fetched, and then the disk gives it.
    assert_accused(&report, &truth, "dwell", "bugcheck", &["sftp", "disk"]);
}

#[test]
fn a_stop_at_one_boot() {
    let (report, truth) = report_of(Trouble::BootOnce, QUIET);
    assert_accused(&report, &truth, "reboot-1", "bugcheck", &["sftp"]);
    let boots = report.arm("candidate")["boots"].as_array().unwrap();
    assert!(boots.iter().any(|boot| boot["ended"] == "bugcheck"), "{boots:?}");
}

#[test]
fn a_stop_at_every_boot() {
    let (report, truth) = report_of(Trouble::BootLoop, QUIET);
    assert_accused(&report, &truth, "reboot-1", "loop", &["disk"]);
    assert!(!report.evidence("candidate", "screenshot").is_empty(), "the screen of a guest that is gone");
    assert!(!report.evidence("candidate", "serial-log").is_empty());
}
