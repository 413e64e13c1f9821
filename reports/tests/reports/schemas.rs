//! The sample against schemas, with xmllint as the judge of well-formedness.

use std::path::Path;
use std::process::Command;

use coexist_reports::{Dialect, JunitOptions, Report, junit};

use crate::{at, samples};

/// Validates with xmllint; the error is what it said.
pub(crate) fn validate(schema: Option<&Path>, file: &Path) -> Result<(), String> {
    let mut command = Command::new("xmllint");
    command.arg("--noout").arg("--nonet");
    if let Some(schema) = schema {
        command.arg("--schema").arg(schema);
    }
    let output = command.arg(file).output().unwrap_or_else(|error| {
        panic!("xmllint is needed (Debian package libxml2-utils; `cargo xtask test` installs it): {error}")
    });
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn written(dialect: Dialect, folder: &Path) -> std::path::PathBuf {
    let run = samples::run();
    let verdicts = coexist_judge::verdicts(&run);
    let options = JunitOptions { dialect, ..JunitOptions::default() };
    let documents = junit(Report::new(&run, &verdicts).unwrap(), &options).unwrap();
    let path = folder.join("junit.xml");
    std::fs::write(&path, &documents[0].xml).unwrap();
    path
}

#[test]
fn the_sample_is_valid_for_our_schema() {
    assert_eq!(validate(Some(&at("schema/junit-rich.xsd")), &at("samples/junit.xml")), Ok(()));
}

#[test]
fn our_schema_refuses_slips() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(at("samples/junit.xml")).unwrap();
    let slips = [
        (" skipped=\"", " skiped=\""),
        ("type=\"lab.qemu-died\"", "type=\"qemu-died\""),
        ("package=\"\"", "package=\"p\""),
        ("<failure type=\"product.loop\"", "<failure"),
        ("name=\"1-configure: hvci is off\"", "name=\"1-provision: image boots and answers\""),
        ("hvci-on.globex-sensor-baseline\"", "hvci-off.globex-sensor-baseline\""),
    ];
    for (from, to) in slips {
        assert!(good.contains(from), "{from}");
        let path = folder.path().join("slip.xml");
        std::fs::write(&path, good.replace(from, to)).unwrap();
        assert!(validate(Some(&at("schema/junit-rich.xsd")), &path).is_err(), "{from} -> {to}");
    }
}

#[test]
fn the_sample_is_valid_for_foreign_schemas() {
    let Some(shared) = std::env::var_os("COEXIST_SHARED") else {
        println!("SKIPPED foreign-schemas: COEXIST_SHARED is not set");
        return;
    };
    let schemas = Path::new(&shared).join("junit");
    let folder = tempfile::tempdir().unwrap();
    let rich = written(Dialect::Rich, folder.path());
    assert_eq!(validate(Some(&schemas.join("ours-rich.xsd")), &rich), Ok(()));
    let strict = written(Dialect::Strict, folder.path());
    assert_eq!(validate(Some(&schemas.join("jenkins-xunit-junit-10.xsd")), &strict), Ok(()));
    // The others contradict these two: no attributes on `testsuites` or `skipped`, or `testsuite` as the root.
}
