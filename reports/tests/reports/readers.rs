//! The sample as other people's programs read it.

use std::process::Command;

use coexist_reports::{JunitOptions, Report, junit};

use crate::{at, samples};

const JUNITPARSER: &str = r"
import sys, junitparser
xml = junitparser.JUnitXml.fromfile(sys.argv[1])
found = [0, 0, 0, 0]
names = set()
for suite in xml:
    properties = {it.name: it.value for it in suite.properties()}
    assert properties['stand-in'] == 'true', properties
    for case in suite:
        names.add((case.classname, case.name))
        found[0] += 1
        for result in case.result:
            found[1] += isinstance(result, junitparser.Failure)
            found[2] += isinstance(result, junitparser.Error)
            found[3] += isinstance(result, junitparser.Skipped)
told = [xml.tests, xml.failures, xml.errors, xml.skipped]
assert found == told, (found, told)
assert len(names) == found[0], 'names are not unique'
assert not any('forged' in name for _, name in names)
print(*found)
";

/// Python and both readers, or the reason why not.
fn python() -> Result<(), String> {
    let output = Command::new("python3").args(["-c", "import junitparser, junit2htmlreport.parser"]).output();
    match output {
        Err(error) => Err(format!("python3 does not start: {error}")),
        Ok(output) if !output.status.success() => {
            Err("the Python packages junitparser and junit2html are not installed".to_owned())
        }
        Ok(_) => Ok(()),
    }
}

fn ready() -> bool {
    match python() {
        Ok(()) => true,
        Err(reason) if std::env::var_os("COEXIST_REQUIRE_READERS").is_some() => panic!("{reason}"),
        Err(reason) => {
            println!("SKIPPED junit readers: {reason}");
            false
        }
    }
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new("python3").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn junitparser_counts_as_we_do() {
    if !ready() {
        return;
    }
    let record = samples::run();
    let verdicts = coexist_judge::verdicts(&record);
    let report = Report::new(&record, &verdicts).unwrap();
    let totals = junit(report, &JunitOptions::default()).unwrap()[0].totals;
    let counted = run(&["-c", JUNITPARSER, at("samples/junit.xml").to_str().unwrap()]);
    let ours = format!("{} {} {} {}\n", totals.tests, totals.failures, totals.errors, totals.skipped);
    assert_eq!(counted, ours);
}

#[test]
fn junit2html_shows_the_regression() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    run(&["-m", "junit2htmlreport", at("samples/junit.xml").to_str().unwrap(), page.to_str().unwrap()]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("REGRESSION: a boot loop in step reboot-1: stop 0x1000007e"));
    assert!(page.contains("standin-client.hvci-on.acme-endpoint+globex-sensor-candidate"));
    assert!(!page.contains("<testcase name=\"forged\""));
}
