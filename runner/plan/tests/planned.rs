//! Small matrices with what is planned for them, to the letter: `planned/NAME.yaml` and `planned/NAME.expected`.
//! A change to what is chosen or told shows here: look at the difference, then accept it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;

use coexist_plan::{Ask, Telling, load, plan, render};
use support::Lab;

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist-plan --test planned";

#[test]
fn every_matrix_is_planned_as_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planned");
    let accept = std::env::var_os("COEXIST_ACCEPT").is_some();
    let lab = Lab::new();
    for image in ["images/lab-11/image.yaml", "images/lab-2022/image.yaml"] {
        let entry = std::fs::read_to_string(lab.path(image)).unwrap();
        lab.write(image, &entry.replace("[hvci, locale]", "[hvci, locale, secure-boot]"));
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "yaml")) {
        count += 1;
        let name = file.file_name().unwrap().to_str().unwrap();
        let matrix = lab.write(&format!("matrices/{name}"), &std::fs::read_to_string(file).unwrap());
        let text = told(&lab, &matrix);
        let expected = file.with_extension("expected");
        if accept {
            std::fs::write(&expected, &text).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("==== {name}\n{text}"));
        }
    }
    assert!(count >= 3, "only {count} matrices in {}", folder.display());
    assert!(wrong.is_empty(), "{}\n{} changed. If they are right: {ACCEPT}", wrong.join("\n"), wrong.len());
}

/// The plan's text without steps of cells, its rows file, and what is told beside it.
fn told(lab: &Lab, matrix: &Path) -> String {
    let resolved = load(matrix).unwrap_or_else(|report| panic!("{}", lab.told(&report)));
    match plan(&resolved, &Ask::default()) {
        Ok(planned) => {
            let text = render(&planned, &Telling::default());
            // A large plan has one line for each cell, and that table stays.
            let summary = text.split("\n\n1. ").next().unwrap_or(&text).trim_end();
            let warnings = match planned.warnings.messages() {
                [] => String::new(),
                _ => format!("\n{}", lab.told(&planned.warnings)),
            };
            format!("{}\n\n{}{warnings}", summary, planned.rows)
        }
        Err(report) => lab.told(&report),
    }
}
