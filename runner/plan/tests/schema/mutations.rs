//! Whatever the reader takes, the schema takes: over many damaged versions of good files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coexist_plan::{FileKind, check};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::files::{explained, shipped};
use crate::judge::{judge, ready};
use crate::{UNSEEN, mistakes_in, root};

/// Values that YAML and the reader see with different eyes, and some that few would write.
const VALUES: [&str; 36] = [
    "5",
    "+5",
    "007",
    "-5",
    "7.10",
    "1_000",
    "0x1F",
    "0o17",
    "1e21",
    "1e400",
    ".5",
    ".inf",
    ".nan",
    "12:30:45",
    "2026-11-23",
    "true",
    "True",
    "off",
    "Yes",
    "n",
    "~",
    "null",
    "Null",
    "nULL",
    "'5'",
    "\"5\"",
    "''",
    "' '",
    "\"a\\tb\"",
    "\"\\u2028\"",
    "30s",
    "0s",
    "\"2 m\"",
    "[]",
    "{}",
    "!t x",
];

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    /// Bytes replaced by others.
    Splice(prop::sample::Index, usize, String),
    /// The value behind a colon or dash replaced.
    Value(prop::sample::Index, String),
    /// A value put into a block of its own.
    Block(prop::sample::Index, &'static str),
    /// A line taken out, or given twice.
    Line(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>();
    let put = r#"([a-z0-9]{0,6}|[\[\]{}:,"'&*!|>%@. \n-]{0,3})"#;
    prop_oneof![
        2 => (at(), 0..12_usize, put).prop_map(|(at, length, put)| Change::Splice(at, length, put)),
        4 => (at(), prop::sample::select(&VALUES[..])).prop_map(|(at, value)| Change::Value(at, value.to_owned())),
        1 => (at(), prop::sample::select(&["|", ">", "|-", "|+"][..])).prop_map(|(at, style)| Change::Block(at, style)),
        1 => (at(), prop::sample::select(&[0, 2][..])).prop_map(|(at, times)| Change::Line(at, times)),
    ]
}

/// Where scalars stand that close a line or an item, each with the indentation of its line.
fn values(text: &str) -> Vec<(std::ops::Range<usize>, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        for (at, mark) in line.match_indices([':', '-', '[', ',']) {
            let rest = &line[at + mark.len()..];
            if mark != "[" && !rest.starts_with(' ') {
                continue;
            }
            let begin = at + mark.len() + (rest.len() - rest.trim_start_matches(' ').len());
            let length = line[begin..].find([',', '}', ']', '\n']).unwrap_or(0);
            if length > 0 && !line[begin..].starts_with(['{', '[']) {
                found.push((start + begin..start + begin + length, indent));
            }
        }
        start += line.len();
    }
    found
}

fn changed(text: &str, change: &Change) -> String {
    let mut text = text.to_owned();
    match change {
        Change::Splice(at, length, put) => {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, put);
        }
        Change::Value(at, value) => {
            let places = values(&text);
            if !places.is_empty() {
                text.replace_range(at.get(&places).0.clone(), value);
            }
        }
        Change::Block(at, style) => {
            let places: Vec<_> = values(&text).into_iter().filter(|(it, _)| text[it.end..].starts_with('\n')).collect();
            if !places.is_empty() {
                let (place, indent) = at.get(&places);
                let block = format!("{style}\n{}{}", " ".repeat(indent + 2), &text[place.clone()]);
                text.replace_range(place.clone(), &block);
            }
        }
        Change::Line(at, times) => {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            let at = at.index(lines.len());
            let line = lines[at];
            lines.splice(at..=at, std::iter::repeat_n(line, *times));
            text = lines.concat();
        }
    }
    text
}

/// The shipped files in a place of their own, where they have no mistakes, so that every one is of a mutation's making.
fn laboratory() -> (tempfile::TempDir, Vec<(FileKind, PathBuf, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (kind, path) in shipped() {
        let text = std::fs::read_to_string(&path).unwrap();
        let place = folder.path().join(path.strip_prefix(root()).unwrap());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, &text).unwrap();
        let place = match kind {
            FileKind::Matrix => folder.path().join("matrices/mutated.yaml"),
            FileKind::Recipe => folder.path().join("recipes/agents/mutated.yaml"),
            FileKind::Image => folder.path().join("entries/mutated/image.yaml"),
        };
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        files.push((kind, place, text));
    }
    let places: Vec<_> = files.iter().map(|(kind, place, _)| (*kind, place.clone())).collect();
    for (kind, _, text) in explained() {
        let place = places.iter().find(|(it, _)| *it == kind).unwrap().1.clone();
        files.push((kind, place, text));
    }
    (folder, files)
}

fn is_taken(path: &Path, text: &str) -> bool {
    std::fs::write(path, text).unwrap();
    let mistakes = mistakes_in(&check(&[path]), path);
    mistakes.iter().all(|mistake| UNSEEN.contains(mistake))
}

#[test]
fn the_schema_takes_whatever_the_reader_takes() {
    if !ready() {
        return;
    }
    let (_folder, files) = laboratory();
    let mut runner = TestRunner::deterministic();
    let several = (any::<prop::sample::Index>(), prop::collection::vec(change(), 1..3));
    let mut taken: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut judged = Vec::new();
    for _ in 0..MUTATIONS {
        let (at, changes) = several.new_tree(&mut runner).unwrap().current();
        let (kind, path, text) = at.get(&files);
        let text = changes.iter().fold(text.clone(), |text, change| changed(&text, change));
        if is_taken(path, &text) && taken.insert((kind.as_str(), text.clone())) {
            judged.push((*kind, text));
        }
    }
    let verdicts = judge(&judged);
    let mut seen = 0;
    for ((kind, text), verdict) in judged.iter().zip(verdicts) {
        assert!(verdict.refused.is_empty(), "{}: {:?}\n{text}", kind.as_str(), verdict.refused);
        seen += usize::from(verdict.no_yaml.is_none());
    }
    // What another YAML parser does not take says nothing; there must not be much of it.
    assert!(seen >= MUTATIONS / 5 && judged.len() - seen <= judged.len() / 20, "{seen} of {} judged", judged.len());
}

const MUTATIONS: usize = 1500;
