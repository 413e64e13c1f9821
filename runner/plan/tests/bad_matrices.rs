//! Every file in `tests/bad-matrices` holds a mistake; what `check` says of it is pinned beside it, to the letter.
//! A new mistake is one file: write it, accept what is printed, read it as an author would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coexist_plan::{Mistake, check};

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist-plan --test bad_matrices";

/// Kinds that no text file can show: a folder that is not there, bytes that are no text, a megabyte of text.
const SHOWN_ELSEWHERE: [Mistake; 3] = [Mistake::Unreadable, Mistake::TooLarge, Mistake::DamagedRows];

#[test]
fn every_bad_file_is_told_as_pinned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bad-matrices");
    // Messages show paths as given; from here they have no part of this machine in them.
    std::env::set_current_dir(&folder).unwrap();
    let accept = std::env::var_os("COEXIST_ACCEPT").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(".")
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 80, "only {} files in {}", files.len(), folder.display());

    let mut wrong = Vec::new();
    let mut kinds = BTreeSet::new();
    for file in &files {
        let report = check(&[file]);
        let text = report.to_string();
        kinds.extend(report.messages().iter().map(coexist_plan::Message::mistake));
        assert!(!report.messages().is_empty(), "{}: no message", file.display());
        for message in report.messages() {
            assert!(!message.expected().is_empty(), "{}: nothing is expected in\n{text}", file.display());
            let page = message.page_of_docs().unwrap_or_else(|| panic!("{}: no page in\n{text}", file.display()));
            assert!(text.contains(&format!("see docs/{page}\n")), "{}: {page} is not in\n{text}", file.display());
        }
        assert!(!text.contains(folder.to_str().unwrap()), "{}: an absolute path in\n{text}", file.display());
        let pinned = file.with_extension("expected");
        if accept {
            std::fs::write(&pinned, &text).unwrap();
        } else if std::fs::read_to_string(&pinned).unwrap_or_default() != text {
            wrong.push(format!("==== {}\n{text}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\n{} changed. If they are right: {ACCEPT}", wrong.join("\n"), wrong.len());

    let orphans: Vec<_> = std::fs::read_dir(".")
        .unwrap()
        .map(|entry| PathBuf::from(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|it| it == "expected") && !path.with_extension("yaml").exists())
        .collect();
    assert!(orphans.is_empty(), "pinned, but the file is gone: {orphans:?}");

    let never: Vec<_> =
        Mistake::ALL.iter().filter(|kind| !kinds.contains(kind) && !SHOWN_ELSEWHERE.contains(kind)).collect();
    assert!(never.is_empty(), "no bad file shows {never:?}");
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(
        path("utf-16.yaml"),
        "\u{feff}matrix: x".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    )
    .unwrap();
    std::fs::write(path("large.yaml"), "# ".repeat(5_000_000)).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    std::fs::create_dir_all(path("agents/folder.yaml")).unwrap();
    std::os::unix::fs::symlink("loop.yaml", path("loop.yaml")).unwrap();
    let kind = |path: PathBuf| {
        let report = check(&[path]);
        assert_eq!(report.errors(), 1, "{report}");
        assert!(
            report
                .to_string()
                .ends_with("see docs/matrix.md#how-files-are-written\n\n1 error; no file could be read\n"),
            "{report}"
        );
        report.messages()[0].mistake()
    };
    assert_eq!(kind(path("absent.yaml")), Mistake::Unreadable);
    assert_eq!(kind(path("utf-16.yaml")), Mistake::NotUtf8);
    assert_eq!(kind(path("empty")), Mistake::Unreadable);
    assert_eq!(kind(path("loop.yaml")), Mistake::Unreadable);
    assert_eq!(kind(path("large.yaml")), Mistake::TooLarge);
    let report = check(&[path("lagre.yaml")]);
    assert!(report.to_string().contains("did you mean `large.yaml`?"), "{report}");
    // A pipe that nobody writes to: opening it would wait for ever.
    let status = std::process::Command::new("mkfifo").arg(path("pipe.yaml")).status().unwrap();
    assert!(status.success());
    assert_eq!(kind(path("pipe.yaml")), Mistake::Unreadable);
}

/// A folder with what may lie about in one: every mistake of every file is told, and the walk ends.
#[test]
fn a_folder_is_walked_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("matrices/deep.yaml/er")).unwrap();
    std::fs::create_dir_all(path("images/lab-11")).unwrap();
    std::fs::create_dir_all(path("matrices/agents")).unwrap();
    std::fs::write(path("matrices/one.yaml"), "matrix: One\n").unwrap();
    std::fs::write(path("matrices/deep.yaml/er/two.yml"), "matrix: two\nimagse: []\n").unwrap();
    std::fs::write(path("images/lab-11/image.yaml"), "id: lab-12\n").unwrap();
    std::fs::write(path("matrices/agents/acme-endpoint.yaml"), "id: acme-endpoint\nversoins: []\n").unwrap();
    std::fs::write(path("unrelated.yaml"), "services: {web: {}}\n").unwrap();
    std::os::unix::fs::symlink("..", path("matrices/back")).unwrap();
    std::os::unix::fs::symlink(folder.path(), path("matrices/agents/round")).unwrap();
    let report = check(&[folder.path()]);
    let files: BTreeSet<&str> =
        report.messages().iter().map(|message| report.place(message).0.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, BTreeSet::from(["one.yaml", "two.yml", "image.yaml", "acme-endpoint.yaml"]), "{report}");
    let kinds: BTreeSet<_> = report.messages().iter().map(coexist_plan::Message::mistake).collect();
    for kind in [Mistake::BadName, Mistake::UnknownKey, Mistake::IdMismatch, Mistake::MissingKey] {
        assert!(kinds.contains(&kind), "{kind:?} in {report}");
    }
    assert!(report.to_string().ends_with(" errors in 5 files\n"), "{report}");
}
