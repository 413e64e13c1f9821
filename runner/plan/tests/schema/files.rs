//! The files that are here, good and bad, as an editor with the schema sees them.

use std::path::{Path, PathBuf};

use coexist_plan::{FileKind, Mistake, check};

use crate::judge::{judge, ready};
use crate::support::pages::{PAGES, examples, page, whole};
use crate::{UNSEEN, mistakes_in, root};

/// Bad files in which a kind of mistake that schemas see elsewhere lies between two keys, or where YAML takes the text
/// for a number.
const UNSEEN_HERE: [(&str, Mistake); 10] = [
    ("bad-digest.yaml", Mistake::BadDigest),
    ("bad-file-name.yaml", Mistake::BadFileName),
    ("choice-of-nobody.yaml", Mistake::Empty),
    ("choice-unknown-agent.yaml", Mistake::Empty),
    ("image-without-digest.yaml", Mistake::ExactlyOne),
    ("order-without-coverage.yaml", Mistake::MissingKey),
    ("recipe-file-without-destination.yaml", Mistake::MissingKey),
    ("row-without-setting.yaml", Mistake::MissingKey),
    ("rule-without-parts.yaml", Mistake::Empty),
    ("unknown-setting.yaml", Mistake::MissingKey),
];

fn yaml_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    files
}

/// What the repository ships.
pub(crate) fn shipped() -> Vec<(FileKind, PathBuf)> {
    let root = root();
    let matrices = yaml_in(&root.join("matrices")).into_iter().map(|path| (FileKind::Matrix, path));
    let recipes = yaml_in(&root.join("matrices/agents")).into_iter().map(|path| (FileKind::Recipe, path));
    let images = std::fs::read_dir(root.join("images")).unwrap().map(|entry| entry.unwrap().path().join("image.yaml"));
    let images = images.filter(|path| path.is_file()).map(|path| (FileKind::Image, path));
    matrices.chain(recipes).chain(images).collect()
}

/// Every example of the pages, as a part of a whole file.
pub(crate) fn explained() -> Vec<(FileKind, String, String)> {
    let mut all = Vec::new();
    for name in PAGES {
        for (line, kind, example) in examples(&page(name)) {
            let file = FileKind::ALL.into_iter().find(|file| file.as_str() == kind).unwrap();
            all.push((file, format!("docs/{name}:{line}"), whole(&kind, &example)));
        }
    }
    all
}

#[test]
fn whatever_is_shipped_or_explained_is_right() {
    if !ready() {
        return;
    }
    let shipped = shipped();
    assert!(shipped.len() >= 8, "only {} files", shipped.len());
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let mut files: Vec<_> =
        shipped.iter().map(|(kind, path)| (*kind, path.display().to_string(), read(path))).collect();
    files.extend(explained());
    let texts: Vec<_> = files.iter().map(|(kind, _, text)| (*kind, text.clone())).collect();
    for ((_, name, _), judged) in files.iter().zip(judge(&texts)) {
        assert!(judged.no_yaml.is_none() && judged.refused.is_empty(), "{name}: {judged:?}");
    }
}

/// The line with which an editor finds the schema leads there, from every file that is shipped.
#[test]
fn shipped_files_name_their_schema() {
    for (kind, path) in shipped() {
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let named = named.unwrap_or_else(|| panic!("{}: the first line names no schema", path.display()));
        let schema = path.parent().unwrap().join(named).canonicalize().unwrap();
        assert_eq!(schema, root().join(format!("docs/schema/{}.schema.json", kind.as_str())), "{}", path.display());
    }
}

/// An editor tells at least one mistake of every file that has one it can see, and none of the others.
#[test]
fn bad_files_are_refused_unless_no_schema_can_see_why() {
    if !ready() {
        return;
    }
    let folder = root().join("tests/bad-matrices");
    let mut files: Vec<(FileKind, PathBuf)> = yaml_in(&folder)
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let named_after = FileKind::ALL.into_iter().find(|kind| name.starts_with(&format!("{}-", kind.as_str())));
            (named_after.unwrap_or(FileKind::Matrix), path)
        })
        .collect();
    for agents in ["agents", "bad-agents", "clash"] {
        files.extend(yaml_in(&folder.join("catalogue").join(agents)).into_iter().map(|it| (FileKind::Recipe, it)));
    }
    // What is no text is for no editor: the program tells it before any rule.
    files.retain(|(_, path)| std::str::from_utf8(&std::fs::read(path).unwrap()).is_ok());
    let texts: Vec<_> = files.iter().map(|(kind, path)| (*kind, std::fs::read_to_string(path).unwrap())).collect();
    let (mut refused, mut accepted) = (0, 0);
    for ((_, path), judged) in files.iter().zip(judge(&texts)) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut mistakes = mistakes_in(&check(&[path]), path);
        mistakes.retain(|it| !UNSEEN.contains(it) && !UNSEEN_HERE.contains(&(name, *it)));
        if mistakes.is_empty() {
            assert!(judged.no_yaml.is_none() && judged.refused.is_empty(), "{name} is accepted by check: {judged:?}");
            accepted += 1;
        } else {
            assert!(judged.is_told(), "{name} has {mistakes:?}, and the schema accepts it: {judged:?}");
            refused += 1;
        }
    }
    assert!(refused >= 30 && accepted >= 20, "{refused} refused, {accepted} accepted");
}
