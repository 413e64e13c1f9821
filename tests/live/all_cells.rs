//! The matrices of the repository, run whole, and what other people's readers say of the reports.

use std::path::Path;
use std::process::Command;

use crate::lab::repository;
use crate::program::{Program, Report};

/// One of the repository's matrices, run to its end.
fn run_matrix(name: &str, out: &Path) -> Report {
    Report::of(Program::run(name, repository(), out, None), out)
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("installed by `cargo xtask test`");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The README's promise: one cell regresses, one pair is broken without the candidate, the rest is compatible; and the
/// reports say the same to everybody who reads them.
#[test]
fn the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let report = run_matrix("matrices/demo.yaml", &out);
    report.assert_nothing_left();
    assert_eq!(report.exit, 1);

    let cells = report.run["cells"].as_array().unwrap();
    let verdict_of = |id: &str| {
        let cell = cells.iter().find(|cell| cell["id"] == id).unwrap_or_else(|| panic!("no cell {id}"));
        cell["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(cells.len(), 6);
    for (id, verdict) in [
        ("standin-client.hvci-off.globex-sensor", "compatible"),
        ("standin-client.hvci-off.acme-endpoint+globex-sensor", "compatible"),
        ("standin-client.hvci-off.globex-sensor+initech-guard", "compatible"),
        ("standin-client.hvci-on.globex-sensor", "compatible"),
        ("standin-client.hvci-on.acme-endpoint+globex-sensor", "regressed"),
        ("standin-client.hvci-on.globex-sensor+initech-guard", "already-broken"),
    ] {
        assert_eq!(verdict_of(id), verdict, "{id}");
    }
    let regressed = cells.iter().find(|cell| cell["verdict"] == "regressed").unwrap();
    let candidate = &regressed["arms"]["candidate"];
    assert_eq!((&candidate["state"], &candidate["step"]), (&"loop".into(), &"reboot-1".into()));
    let blame = &candidate["crash"]["blame"];
    for (field, value) in
        [("strength", "strong"), ("module", "globexflt.sys"), ("offset", "0x314ed"), ("vendor", "Globex")]
    {
        assert_eq!(blame[field], value, "{blame}");
    }
    let dumps = candidate["evidence"].as_array().unwrap().iter().filter(|it| it["kind"] == "kernel-dump");
    let rungs: Vec<_> = dumps.map(|it| it["rung"].as_str().unwrap()).collect();
    assert_eq!(rungs, ["disk"], "the guest never came back");
    let problem = &report.run["problems"][0];
    assert!(problem["bucket"].as_str().unwrap().contains("globexflt.sys"), "{problem}");
    for text in ["0x50", "globexflt.sys+0x314ed", "Globex"] {
        assert!(report.junit.contains(text), "the report names {text}");
    }
    readers_agree(&out, &report);
}

fn readers_agree(out: &Path, report: &Report) {
    let junit = out.join("junit.xml").display().to_string();
    let schema = repository().join("reports/schema/junit-rich.xsd").display().to_string();
    output("xmllint", &["--noout", "--schema", &schema, &junit]);
    if let Some(shared) = std::env::var_os("COEXIST_SHARED") {
        let schema = Path::new(&shared).join("junit/ours-rich.xsd").display().to_string();
        output("xmllint", &["--noout", "--schema", &schema, &junit]);
    }

    let count = "import sys, junitparser\n\
        suites = junitparser.JUnitXml.fromfile(sys.argv[1])\n\
        cases = [case for suite in suites for case in suite]\n\
        kinds = [type(result).__name__ for case in cases for result in case.result]\n\
        print(len(cases), kinds.count('Failure'), kinds.count('Error'), kinds.count('Skipped'))";
    let counted: Vec<usize> =
        output("python3", &["-c", count, &junit]).split_whitespace().map(|word| word.parse().unwrap()).collect();
    let planned: usize = counted[0];
    let attribute = |name: &str| -> usize {
        let head = report.junit.split("<testsuite ").next().unwrap();
        let value = head.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        value.parse().unwrap()
    };
    assert_eq!(counted, ["tests", "failures", "errors", "skipped"].map(attribute));
    assert!(planned > 100, "{planned} checks");
    // One failing check, and the comparison that says so.
    assert_eq!((counted[1], counted[2]), (2, 0));

    let html = out.join("junit.html").display().to_string();
    output("python3", &["-m", "junit2htmlreport", &junit, &html]);
    assert!(std::fs::read_to_string(html).unwrap().contains("hvci-on.acme-endpoint+globex-sensor"));
}

/// The same guest under UEFI, the candidate an upgrade in place, the record read back by `coexist report`.
#[test]
fn an_upgrade_in_place_under_uefi() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let report = run_matrix("matrices/upgrade.yaml", &out);
    report.assert_nothing_left();
    assert_eq!(report.exit, 0);
    assert_eq!(report.cell()["verdict"], "compatible");
    assert!(!report.evidence("candidate", "event-log").is_empty());

    let again = Command::new(env!("CARGO_BIN_EXE_coexist")).arg("report").arg(&out).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    let without_place = |text: &str| text.replace(&out.display().to_string(), "");
    assert_eq!(without_place(&junit), without_place(&report.junit), "the record alone gives the same report");
}
