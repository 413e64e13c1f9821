//! What installers do wrong, told by their exit codes and by what is left of them.

use standin_forge::Quirks;
use standin_forge::misbehaving::{Misbehaving, Trouble, harmless};

use crate::crashes::before;
use crate::lab::{Candidate, Lab};
use crate::program::Report;

const QUIET: &str = "  dwell: 1s\n  reboots: 1\n  settle: 1s\n";

/// The candidate's product failed at `step` in `state`, the baseline's did not, and nobody else is named.
fn assert_regressed(report: &Report, step: &str, state: &str, bucket: &str) {
    report.assert_nothing_left();
    assert_eq!(report.exit, 1);
    assert_eq!(report.cell()["verdict"], "regressed");
    assert_eq!(report.arm("baseline")["outcome"], "up");
    let candidate = report.arm("candidate");
    assert_eq!(candidate["outcome"], "failed");
    assert_eq!((&candidate["step"], &candidate["state"]), (&step.into(), &state.into()));
    assert_eq!(candidate["bucket"], bucket);
    assert!(!report.junit.contains("type=\"lab."), "the lab did its part");
}

/// One cell whose products' installers end with 3010, with 1641, with a restart before their code can be read, and with
/// 1618 at first; the candidate's ends with 1603.
#[test]
fn exit_codes_say_what_they_mean() {
    let mut lab = Lab::new();
    let mut restarts = harmless(lab.seed() ^ 1);
    restarts.quirks.wants_reboot = true;
    lab.add(&restarts);
    let done = |id: &str| format!(r"C:\Windows\Temp\{id}.txt");
    let (later, at_once) = ("restarts-later", "restarts-at-once");
    let lines = [format!("echo done>{}", done(later)), "shutdown.exe /r /t 2".into(), "exit /b 1641".into()];
    lab.add_script(later, &lines, &done(later));
    // It still runs when the system goes down.
    let lines = [format!("echo done>{}", done(at_once)), "shutdown.exe /r /t 0".into(), "ping -n 60 127.0.0.1".into()];
    lab.add_script(at_once, &lines, &done(at_once));
    lab.add(&Misbehaving::random(lab.seed() ^ 2, Trouble::UpdatesItself { ms: 12_000 }).agent);

    let mut new = harmless(lab.seed());
    let old = before(&new);
    new.quirks = Quirks { fails_with: Some(7), ..Quirks::default() };
    lab.write_matrix(&Candidate::Fresh { old: &old, new: &new }, QUIET);
    let report = lab.run();
    assert_regressed(&report, "candidate", "install", &format!("install|{}|1603", new.id));

    let baseline = report.arm("baseline");
    let boots = baseline["boots"].as_array().unwrap();
    assert_eq!(boots.len(), 5, "after 3010, 1641, an unread 1641 and the planned restart: {boots:?}");
    assert!(boots.iter().all(|boot| boot["state"] == "up"), "{boots:?}");
    let noted =
        |words: &str| baseline["notes"].as_array().unwrap().iter().any(|it| it.as_str().unwrap().contains(words));
    assert!(noted("before the installer's exit code could be read"), "{baseline}");
    let setup_log = report.evidence("candidate", "setup-log");
    assert!(!setup_log.is_empty(), "the log of the installer that failed");
    for arm in ["baseline", "candidate"] {
        let notes = report.arm(arm)["notes"].to_string();
        assert!(notes.contains("another installation ran (1618)"), "{arm} waited for the installer: {notes}");
    }
}

#[test]
fn an_installer_that_never_ends() {
    let mut lab = Lab::new();
    lab.policy.install = 25;
    let mut new = harmless(lab.seed());
    let old = before(&new);
    new.quirks.never_ends = true;
    lab.write_matrix(&Candidate::Fresh { old: &old, new: &new }, QUIET);
    let report = lab.run();
    assert_regressed(&report, "candidate", "install-timeout", &format!("install|{}|timeout", new.id));
    let candidate = report.arm("candidate");
    assert!(candidate["message"].as_str().unwrap().contains("the guest lives on"), "{candidate}");
    for kind in ["setup-log", "event-log"] {
        assert!(!report.evidence("candidate", kind).is_empty(), "{kind}");
    }
}
