//! The command line as a user meets it, without machines.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod doctor;
mod faults;
mod ledger;
mod mending;
mod pict;
mod plan;
mod triage;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coexist"));
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_remove("COEXIST_OUT");
    // No test writes into the repository.
    command.env("COEXIST_LEDGER", "/dev/null/ledger.sqlite");
    command
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn coexist(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A file that never has room.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
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
fn schemas_are_those_that_are_checked_in() {
    for file in ["matrix", "recipe", "image"] {
        let output = coexist(&["schema", file]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schema/{file}.schema.json"));
        assert!(stdout(&output) == std::fs::read_to_string(path).unwrap(), "{file}");
    }
    for wrong in [&["schema"][..], &["schema", "matrices"]] {
        let output = coexist(wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("matrix"), "{}", stderr(&output));
        assert!(stdout(&output).is_empty());
    }
}

#[test]
fn a_ledger_that_cannot_be_read_costs_prices_and_no_plan() {
    let ledger = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ledger.path(), "no ledger at all, and longer than the first words of one".repeat(40)).unwrap();
    let plan = |more: &[&str]| {
        let arguments: Vec<&str> = ["plan", "matrices/demo.yaml"].iter().chain(more).copied().collect();
        command(&arguments).env("COEXIST_LEDGER", ledger.path()).output().unwrap()
    };
    let output = plan(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("made without the ledger"), "{}", stderr(&output));
    let output = plan(&["--prefer-untested"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stdout(&output).is_empty());
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

const CELL: &str = "standin-client.hvci-on.acme-endpoint+globex-sensor";

#[test]
fn a_cell_that_is_not_there_is_named_beside_those_that_are() {
    for (cells, code) in
        [(&[CELL][..], 0), (&["nothing", CELL], 2), (&["nothing"], 4), (&["nothing", "nothing-either"], 4)]
    {
        let asked = cells.iter().flat_map(|id| ["--cell", id]);
        let arguments: Vec<&str> = ["plan", "--json", "matrices/demo.yaml"].into_iter().chain(asked).collect();
        let output = coexist(&arguments);
        assert_eq!(output.status.code(), Some(code), "{cells:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).contains("has no cell nothing"), code != 0, "{}", stderr(&output));
        assert_eq!(stderr(&output).contains(CELL), code != 0, "{}", stderr(&output));
        assert_eq!(stdout(&output).is_empty(), code != 0);
    }
}

/// A copy of the demo's matrix with more text, and with the original's catalogue.
fn demo_with(text: &str, folder: &Path) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = std::fs::read_to_string(repository.join("matrices/demo.yaml")).unwrap();
    let images = repository.join("images").display().to_string();
    let demo = demo.replace("../images", &images);
    let agents = repository.join("matrices/agents").display().to_string();
    let place = folder.join("demo.yaml");
    std::fs::write(&place, format!("{demo}catalogue: {{agents: {agents}, images: {images}}}\n{text}")).unwrap();
    place.display().to_string()
}

#[test]
fn warnings_are_told_on_standard_error_and_only_then() {
    let quiet = coexist(&["plan", "matrices/demo.yaml"]);
    assert_eq!((quiet.status.code(), stderr(&quiet).as_str()), (Some(0), ""));

    let folder = tempfile::tempdir().unwrap();
    let rule = "exclude:\n  - agents: [acme-endpoint, initech-guard]\n";
    let matrix = demo_with(rule, folder.path());
    let output = coexist(&["plan", &matrix]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("warning[excludes-nothing]"), "{}", stderr(&output));
    assert!(!stderr(&output).contains('\u{1b}'), "no colour where there is no terminal");
    assert!(!stdout(&output).contains("warning"));
}

#[test]
fn a_matrix_that_excludes_every_cell_is_4() {
    let folder = tempfile::tempdir().unwrap();
    let matrix = demo_with("exclude:\n  - image: standin-client\n", folder.path());
    let out = folder.path().join("out");
    for command in [&["plan"][..], &["run", "--out", out.to_str().unwrap()]] {
        let output = coexist(&[command, &[&matrix]].concat());
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert!(stderr(&output).contains("no cell"), "{}", stderr(&output));
    }
    assert!(!out.exists());
}

#[test]
fn a_reader_that_has_seen_enough_changes_nothing() {
    for (arguments, code) in [
        (&["plan", "--json", "matrices/demo.yaml"][..], 0),
        (&["help"], 0),
        (&["--version"], 0),
        (&["help", "exit-codes"], 0),
        (&["plan", "matrices/demo.yaml", "--cell", "nothing"], 4),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_written_is_74() {
    for arguments in [
        &["plan", "--json", "matrices/demo.yaml"][..],
        &["plan", "matrices/demo.yaml"],
        &["check", "matrices"],
        &["schema", "matrix"],
        &["doctor"],
        &["doctor", "--json"],
        &["help"],
        &["help", "exit-codes"],
        &["run", "--help"],
        &["--version"],
    ] {
        let output = command(arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("standard output cannot be written"), "{arguments:?}: {}", stderr(&output));
    }
    let nobody_hears = command(&["plan", "nothing.yaml"]).stderr(full()).status().unwrap();
    assert_eq!(nobody_hears.code(), Some(2));
    let nobody_hears = command(&["nonsense"]).stderr(full()).status().unwrap();
    assert_eq!(nobody_hears.code(), Some(2));
}

#[test]
fn without_qemu_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut run = command(&["run", "matrices/demo.yaml", "--out", out.to_str().unwrap()]);
    let output = run.env("PATH", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    for words in ["`qemu-system-x86_64` is not installed", "package `qemu-system-x86`", "nothing was started"] {
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    assert!(!out.exists());
}

#[test]
fn a_run_never_writes_over_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("junit.xml"), "precious").unwrap();
    let output = coexist(&["run", "matrices/demo.yaml", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(folder.path().join("junit.xml")).unwrap(), "precious");
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
