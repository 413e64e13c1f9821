//! The sample against schemas, with xmllint as the judge of well-formedness.

use std::path::{Path, PathBuf};
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

fn written(dialect: Dialect, path: &Path) -> PathBuf {
    let run = samples::run();
    let verdicts = coexist_judge::verdicts(&run);
    let options = JunitOptions { dialect, ..JunitOptions::default() };
    let documents = junit(Report::new(&run, &verdicts).unwrap(), &options).unwrap();
    std::fs::write(path, &documents[0].xml).unwrap();
    path.to_owned()
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

/// A schema of somebody else's and what is known of it.
struct Foreign {
    file: &'static str,
    rich: bool,
    strict: bool,
    /// Why a dialect does not fit.
    because: &'static str,
    /// What xmllint says of the rich dialect, where it does not fit.
    said: &'static str,
}

const FOREIGN: [Foreign; 7] = [
    Foreign { file: "ours-rich.xsd", rich: true, strict: true, because: "-", said: "" },
    Foreign {
        file: "jenkins-xunit-junit-10.xsd",
        rich: false,
        strict: true,
        because: "rich: cases may have no `file`, `line`, `timestamp`, properties; the strict dialect is for this one",
        said: "Element 'testcase', attribute 'file': The attribute 'file' is not allowed",
    },
    Foreign {
        file: "junit-4-jenkins-dtkit.xsd",
        rich: false,
        strict: false,
        because: "`skipped` may have no `message` and `type`, and ours says why in them",
        said: "Element 'skipped', attribute 'message': The attribute 'message' is not allowed",
    },
    Foreign {
        file: "windyroad-JUnit.xsd",
        rich: false,
        strict: false,
        because: "`testsuites` may have no totals, `skipped` no `type`, time stamps no zone",
        said: "Element 'testsuites', attribute 'tests': The attribute 'tests' is not allowed",
    },
    Foreign {
        file: "windyroad-apache2-from-junit-report.xsd",
        rich: false,
        strict: false,
        because: "it does not know `skipped`",
        said: "Element 'skipped': This element is not expected",
    },
    Foreign {
        file: "surefire-test-report.xsd",
        rich: false,
        strict: false,
        because: "its root is one `testsuite`; ours holds many, in `testsuites`",
        said: "Element 'testsuites': No matching global declaration",
    },
    Foreign {
        file: "failsafe-summary.xsd",
        rich: false,
        strict: false,
        because: "it is for Failsafe's summary, which is no JUnit report",
        said: "Element 'testsuites': No matching global declaration",
    },
];

/// Exactly which of other people's schemas our dialects fit, and why not the others.
#[test]
fn the_sample_against_foreign_schemas() {
    let Some(shared) = std::env::var_os("COEXIST_SHARED") else {
        println!("SKIPPED foreign-schemas: COEXIST_SHARED is not set");
        return;
    };
    let schemas = Path::new(&shared).join("junit");
    let folder = tempfile::tempdir().unwrap();
    let rich = written(Dialect::Rich, &folder.path().join("rich.xml"));
    let strict = written(Dialect::Strict, &folder.path().join("strict.xml"));
    println!("{:<40} {:<6} {:<6} because", "schema of others", "rich", "strict");
    for name in schema_names(&schemas) {
        let known = FOREIGN.iter().find(|it| name == it.file).unwrap_or_else(|| panic!("nothing is known of {name}"));
        let [of_rich, of_strict] = [&rich, &strict].map(|file| validate(Some(&schemas.join(&name)), file));
        let word = |result: &Result<(), String>| if result.is_ok() { "valid" } else { "no" };
        println!("{name:<40} {:<6} {:<6} {}", word(&of_rich), word(&of_strict), known.because);
        assert_eq!(
            (of_rich.is_ok(), of_strict.is_ok()),
            (known.rich, known.strict),
            "{name}: {of_rich:?} {of_strict:?}"
        );
        if let Err(said) = of_rich {
            assert!(said.contains(known.said), "{name}: {said}");
        }
    }
}

fn schema_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".xsd")).collect();
    names.sort();
    assert!(!names.is_empty(), "no schema in {}", folder.display());
    names
}
