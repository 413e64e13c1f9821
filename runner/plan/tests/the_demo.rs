//! The matrices that ship: they have no mistakes, and their digests are those of the packages that are made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coexist_plan::{Mistake, check};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

#[test]
fn shipped_matrices_recipes_and_images_have_no_mistakes() {
    let root = root();
    let report = check(&[
        root.join("matrices"),
        root.join("images/standin-client/image.yaml"),
        root.join("images/standin-server/image.yaml"),
    ]);
    assert!(report.files() >= 7, "{report}");
    let other: Vec<_> = report.messages().iter().filter(|it| it.mistake() != Mistake::MissingFile).collect();
    assert!(other.is_empty(), "{report}");
    assert_eq!(report.errors(), 0, "{report}");
}

/// The stand-in's packages are made the same to the byte everywhere; `images/standin/forge/packages.sha256` says so.
/// `COEXIST_ACCEPT=1` writes its digests into the files that name the packages.
#[test]
fn digests_are_those_of_the_packages() {
    let root = root();
    let list = std::fs::read_to_string(root.join("images/standin/forge/packages.sha256")).unwrap();
    let digests: BTreeMap<&str, &str> =
        list.lines().filter_map(|line| line.split_once("  ")).map(|(digest, name)| (name, digest)).collect();
    assert!(!digests.is_empty());
    let accept = std::env::var_os("COEXIST_ACCEPT").is_some();
    let (mut named, mut wrong) = (0, Vec::new());
    for folder in ["matrices", "matrices/agents"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|it| it != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for at in 0..lines.len() {
                let Some((_, name)) = lines[at].split_once("out/packages/") else { continue };
                let name = name.trim_end().to_owned();
                let expected = digests.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in packages.sha256"));
                let line = &mut lines[at + 1];
                let (key, digest) = line.split_once("sha256: ").expect("`sha256:` follows `path:`");
                named += 1;
                if digest != *expected {
                    wrong.push(format!("{name} in {}", path.strip_prefix(&root).unwrap().display()));
                    *line = format!("{key}sha256: {expected}");
                }
            }
            if accept {
                std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            }
        }
    }
    assert!(named >= 5, "only {named} packages are named");
    assert!(
        accept || wrong.is_empty(),
        "other digests: {wrong:?}; if they are right: COEXIST_ACCEPT=1 cargo test -p coexist-plan --test the_demo"
    );
}
