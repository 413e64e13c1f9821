//! What a check of a folder takes for a matrix, recipe or image, what it has doubts about, and what it passes over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use coexist_plan::{Report, check};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Each message as "file: kind: what was found", in the order of the report.
fn told(folder: &TempDir, report: &Report) -> Vec<String> {
    let line = |message| {
        let (file, ..) = report.place(message);
        let file = file.strip_prefix(folder.path().to_str().unwrap()).unwrap().trim_start_matches('/');
        format!("{file}: {}: {}", message.mistake().as_str(), message.found())
    };
    report.messages().iter().map(line).collect()
}

#[test]
fn the_place_of_a_file_says_what_it_is_whatever_it_holds() {
    let folder = folder(&[
        ("m/nightly.yaml", "- matrix: nightly\n"),
        ("m/agents/acme.yaml", "- id: acme\n"),
        ("m/agents/zed.yaml", "vendors: nope\n"),
        ("m/images/x/image.yaml", "just words\n"),
    ]);
    let report = check(&[folder.path()]);
    let told = told(&folder, &report);
    for expected in [
        "m/agents/acme.yaml: wrong-type: a list where a recipe is wanted",
        "m/agents/zed.yaml: unknown-key: a recipe has no key `vendors`",
        "m/images/x/image.yaml: wrong-type: `just words` where an image is wanted",
        "m/nightly.yaml: unknown-file: this file is neither matrix nor recipe nor image",
    ] {
        assert!(told.iter().any(|it| it == expected), "{expected} is not in {told:#?}");
    }
    assert_eq!(report.warnings(), 1, "{report}");
    let text = report.to_string();
    for part in ["warning[unknown-file]", "a list where keys are wanted", "see docs/matrix.md#how-files-are-written"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// The same, where the check begins within the folder that tells: its name is in no path that was given. No other test
/// here minds the current folder.
#[test]
fn the_place_is_known_from_within() {
    let folder = folder(&[("agents/acme.yaml", "- id: acme\n")]);
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(folder.path().join("agents")).unwrap();
    let reports = [".", "acme.yaml"].map(|path| check(&[path]));
    std::env::set_current_dir(before).unwrap();
    for report in reports {
        let found: Vec<&str> = report.messages().iter().map(coexist_plan::Message::found).collect();
        assert_eq!(found, ["a list where a recipe is wanted"], "{report}");
    }
}

#[test]
fn a_file_of_no_kind_is_told_among_matrices_and_recipes_only() {
    let folder = folder(&[
        ("lab/nightly.yaml", "matrix: nightly\n"),
        ("lab/weekly.yaml", "matrx: weekly\nimagse: [lab-11]\n"),
        ("lab/words.yml", "just words\n"),
        ("lab/deploy/chart.yaml", "apiVersion: v2\n"),
        ("recipes/acme.yaml", "id: acme\nvendor: Acme\n"),
        ("recipes/zed.yaml", "[]\n"),
        ("other/agents/acme.yaml", "id: acme\n"),
        ("other/agents/old/zed.yaml", "vendors: nope\n"),
        ("other/beside.yaml", "- nothing\n"),
        ("images/lab-11/image.yaml", "id: lab-11\n"),
        ("images/lab-11/build.yaml", "- hosts: all\n"),
        ("docker-compose.yaml", "version: '3'\nservices: {web: {image: nginx}}\n"),
    ]);
    let report = check(&[folder.path()]);
    let told = told(&folder, &report);
    let unknown: Vec<&str> =
        told.iter().filter_map(|it| it.split_once(": unknown-file").map(|(file, _)| file)).collect();
    let expected =
        ["lab/weekly.yaml", "lab/words.yml", "other/agents/old/zed.yaml", "other/beside.yaml", "recipes/zed.yaml"];
    assert_eq!(unknown, expected, "{report}");
    assert_eq!(report.warnings(), expected.len(), "{report}");
}

#[test]
fn files_of_other_tools_are_passed_over() {
    let folder = folder(&[
        (".travis.yml", "matrix: {include: []}\ninstall: make\nservices: [docker]\n"),
        (".github/workflows/ci.yml", "matrix: nightly\n"),
        ("appveyor.yml", "matrix: {fast_finish: true}\nimages: [a]\ninstall: [make]\nservices: [mysql]\n"),
        ("builds.yaml", "matrix: [a, b]\n"),
        ("docker-compose.yaml", "version: '3'\nservices: {web: {image: nginx}}\n"),
        ("target/nightly.yaml", "matrix: Nightly\n"),
        ("node_modules/nightly.yaml", "matrix: Nightly\n"),
        ("out/nightly.yaml", "matrix: Nightly\n"),
        ("matrices/.hidden.yaml", "matrix: Nightly\n"),
        ("matrices/nightly.yaml", "matrix: Nightly\n"),
    ]);
    let report = check(&[folder.path()]);
    let told = told(&folder, &report);
    assert!(!told.is_empty() && told.iter().all(|it| it.starts_with("matrices/nightly.yaml: ")), "{told:#?}");
    assert_eq!(report.files(), 4, "{report}");
    // Named, a file is checked whatever its name.
    let report = check(&[folder.path().join("matrices/.hidden.yaml")]);
    assert!(report.to_string().contains("error[bad-name]"), "{report}");
}

#[test]
fn a_folder_of_other_files_alone_is_not_without_mistakes() {
    let other = folder(&[("deploy/chart.yaml", "apiVersion: v2\n"), ("values.yml", "a: 1\n")]);
    let report = check(&[other.path()]);
    assert_eq!(
        told(&other, &report),
        [": unreadable: no `.yaml` file in this folder is a matrix, a recipe or an image"]
    );
    assert_eq!(report.errors(), 1);
    // Beside one that is of a kind they are passed over.
    let matrix = folder(&[("recipes/acme.yaml", "id: acme\nvendor: Acme\n")]);
    let report = check(&[other.path(), matrix.path()]);
    assert!(report.messages().iter().all(|message| !message.found().starts_with("no `.yaml`")), "{report}");
}
