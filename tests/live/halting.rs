//! Stopping a run: machines end, reports are written, the exit code says who asked.

use std::path::Path;

use crate::faults::{both_dwell, lab_with};
use crate::program::{Report, events_of, until};
use crate::sabotage;

/// Sends the signal once both arms have come as far as is waited for.
fn stopped_by(signal: &str, when: impl Fn(&Path) -> Option<()>) -> Report {
    let lab = lab_with("  dwell: 600s\n  reboots: 1\n  settle: 1s\n");
    let out = lab.path("out");
    let child = lab.start(&out);
    until("both arms to come so far", || when(&out));
    sabotage::signal(child.id(), signal);
    let report = Report::of(child, &out);
    report.assert_nothing_left();
    assert_eq!(report.cell()["verdict"], "not-run");
    assert!(report.junit.contains("4-dwell: stays up"), "every planned check appears");
    assert!(!report.junit.contains("<failure") && !report.junit.contains("<error"), "nobody is accused");
    report
}

/// Whether both machines have been started; their guests still boot then.
fn both_boot(out: &Path) -> Option<()> {
    let events = events_of(out);
    (events.iter().filter(|event| event["machine"]["what"]["sign"] == "started").count() == 2).then_some(())
}

#[test]
fn ctrl_c_ends_with_130() {
    assert_eq!(stopped_by("-INT", both_dwell).exit, 130);
}

#[test]
fn sigterm_ends_with_143() {
    assert_eq!(stopped_by("-TERM", both_boot).exit, 143);
}
