//! The command line as a user meets it, without machines.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::Path;
use std::process::{Command, Output};

fn coexist(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coexist"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env_remove("COEXIST_OUT")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn exit_codes_are_explained() {
    let output = coexist(&["help", "exit-codes"]);
    assert!(output.status.success());
    for code in ["0", "1", "2", "3", "4", "5", "70", "74", "130", "143"] {
        assert!(stdout(&output).lines().any(|line| line.split_whitespace().next() == Some(code)), "{code}");
    }
}

#[test]
fn the_matrices_of_the_repository_are_right() {
    let output = coexist(&["check", "matrices"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_wrong_matrix_is_2_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let matrix = folder.path().join("wrong.yaml");
    std::fs::write(&matrix, "matrix: wrong\nimagse: []\n").unwrap();
    let out = folder.path().join("out");
    for command in [&["check"][..], &["plan"], &["run", "--out", out.to_str().unwrap()]] {
        let output = coexist(&[command, &[matrix.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("wrong.yaml:2:1"), "{}", stderr(&output));
        assert!(stderr(&output).contains("images"), "the nearest known word");
    }
    assert!(!out.exists());
}

#[test]
fn a_plan_is_whole_and_pinned() {
    let output = coexist(&["plan", "--json", "matrices/demo.yaml"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let plan: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let cells = plan["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    for cell in cells {
        let ids = |arm: &str| -> Vec<String> {
            let steps = cell["arms"][arm].as_array().unwrap();
            steps.iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids("baseline"), ids("candidate"));
    }
    let digests = plan["packages"].as_object().unwrap().keys().chain(
        plan["images"].as_object().unwrap().values().map(|image| &image["disk"]["sha256"]).map(|digest| {
            let serde_json::Value::String(text) = digest else { panic!("no digest") };
            text
        }),
    );
    for digest in digests {
        assert_eq!(digest.len(), 64, "{digest}");
    }
}

#[test]
fn a_cell_that_is_not_there_is_4_and_the_cells_are_named() {
    let output = coexist(&["plan", "matrices/demo.yaml", "--cell", "nothing"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("standin-client.hvci-on.acme-endpoint+globex-sensor"), "{}", stderr(&output));
}

#[test]
fn a_run_never_writes_over_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("junit.xml"), "precious").unwrap();
    let output = coexist(&["run", "matrices/demo.yaml", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(folder.path().join("junit.xml")).unwrap(), "precious");
}

#[test]
fn the_doctor_answers_in_words_and_in_json() {
    let words = coexist(&["doctor"]);
    assert!(stdout(&words).contains("QEMU"), "{}", stderr(&words));
    let json = coexist(&["doctor", "--json"]);
    assert!(serde_json::from_slice::<serde_json::Value>(&json.stdout).is_ok());
}

/// Stand-in and collectors may share the language's own libraries and protocols, never a format.
#[test]
fn the_stand_in_and_the_collectors_share_no_format_code() {
    let crates_of = |package: &str| -> std::collections::BTreeSet<String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    };
    let collectors = &crates_of("coexist-evidence") | &crates_of("coexist-windows");
    let formats = ["msi", "cab", "cfb", "object", "evtx", "ntfs", "imago", "windows-sys", "pelite", "quick-xml"];
    for package in ["standin", "standin-face", "standin-formats", "standin-forge", "standin-image"] {
        let standin = crates_of(package);
        let shared: Vec<&String> = standin.intersection(&collectors).collect();
        for name in &shared {
            assert!(!name.starts_with("coexist") && !name.starts_with("standin"), "{package} shares {name}");
            assert!(!formats.contains(&name.as_str()), "{package} and the collectors share the format crate {name}");
        }
    }
}
