//! Scalars one by one. For text in quotes a schema is as strict as the reader: both see the same characters.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::judge::{judge, ready};
use crate::sites::SITES;
use crate::support::Lab;

/// Double quotes in which nothing but plain ASCII stands for itself.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        ' '..='~' if !matches!(c, '"' | '\\') => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A text with one or two characters put in, taken out or replaced.
fn nearly(text: &str) -> impl Strategy<Value = String> + use<> {
    let characters: Vec<char> = text.chars().collect();
    let alphabet = "059aezAMZ-._@+/\\:{}|\"'%\u{1}\u{7f}\u{a0}\u{2003}\u{2028}äé😀 \t\n";
    let put = prop::sample::select(alphabet.chars().collect::<Vec<_>>());
    let edit = (any::<prop::sample::Index>(), 0..2_usize, prop::option::of(put));
    prop::collection::vec(edit, 1..3).prop_map(move |edits| {
        let mut characters = characters.clone();
        for (at, length, put) in edits {
            let start = at.index(characters.len() + 1);
            let end = (start + length).min(characters.len());
            characters.splice(start..end, put);
        }
        characters.into_iter().collect()
    })
}

#[test]
fn text_in_quotes_is_judged_as_the_reader_judges_it() {
    if !ready() {
        return;
    }
    let lab = Lab::new();
    let mut runner = TestRunner::deterministic();
    let mut files = Vec::new();
    let mut takes = Vec::new();
    for (number, site) in SITES.iter().enumerate() {
        let mut texts: Vec<String> = site.texts.iter().map(|&text| text.to_owned()).collect();
        for text in site.texts {
            texts.extend((0..EDITS).map(|_| nearly(text).new_tree(&mut runner).unwrap().current()));
        }
        for text in texts {
            let (file, is_taken) = site.with(&quoted(&text), &lab);
            takes.push((number, text, is_taken));
            files.push((site.kind, file));
        }
    }
    let mut right = vec![0; SITES.len()];
    for ((number, text, takes), judged) in takes.iter().zip(judge(&files)) {
        let part = SITES[*number].part;
        assert_eq!(judged.no_yaml, None, "{part}{text:?}");
        assert_eq!(judged.refused.is_empty(), *takes, "{part}{text:?}: {:?}", judged.refused);
        right[*number] += usize::from(*takes);
    }
    for (site, right) in SITES.iter().zip(right) {
        assert!(right > 0, "no text is right in {}", site.part);
    }
}

const EDITS: usize = 6;

/// Without quotes YAML may see a number or a boolean where the reader sees text.
#[test]
fn plain_text_that_the_reader_takes_is_taken() {
    if !ready() {
        return;
    }
    let lab = Lab::new();
    let mut files = Vec::new();
    for site in SITES {
        for value in PLAIN {
            if let (file, true) = site.with(value, &lab) {
                files.push((site.kind, file));
            }
        }
    }
    assert!(files.len() >= SITES.len(), "only {} values are taken", files.len());
    for ((_, file), judged) in files.iter().zip(judge(&files)) {
        assert!(judged.no_yaml.is_none() && judged.refused.is_empty(), "{judged:?}\n{file}");
    }
}

/// Scalars that YAML and the reader see with different eyes.
const PLAIN: [&str; 28] = [
    "5",
    "+5",
    "007",
    "-5",
    "7.10",
    "1_000",
    "0x1F",
    "0o17",
    "0b1",
    "1e5",
    "1e21",
    "1e400",
    "1e-400",
    ".5",
    "5.",
    ".inf",
    "-.inf",
    ".nan",
    "12:30:45",
    "2026-11-23",
    "true",
    "False",
    "off",
    "Yes",
    "n",
    "=",
    "Null",
    "1234567890123456789012",
];
