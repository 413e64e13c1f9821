//! Stopping a run: machines end, reports are written, the exit code says who asked.

use crate::faults::{both_dwell, lab_with};
use crate::program::{Report, until};
use crate::sabotage;

fn stopped_by(signal: &str) -> Report {
    let lab = lab_with("  dwell: 600s\n  reboots: 1\n  settle: 1s\n");
    let out = lab.path("out");
    let child = lab.start(&out);
    until("both arms to dwell", || both_dwell(&out));
    sabotage::signal(child.id(), signal);
    let report = Report::of(child, &out);
    report.assert_nothing_left();
    assert_eq!(report.cell()["verdict"], "not-run");
    assert!(report.junit.contains("4-dwell: stays up"), "every planned check appears");
    assert!(!report.junit.contains("<failure") && !report.junit.contains("<error"), "nobody is accused");
    report
}

#[test]
fn ctrl_c_ends_with_130() {
    assert_eq!(stopped_by("-INT").exit, 130);
}

#[test]
fn sigterm_ends_with_143() {
    assert_eq!(stopped_by("-TERM").exit, 143);
}
