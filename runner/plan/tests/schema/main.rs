//! The JSON Schemas in `docs/schema`: as the types have them, valid, and of one mind with the reader.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod exactness;
mod files;
mod judge;
mod mutations;
mod sites;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use coexist_plan::{FileKind, Mistake, Report, schema, vocabulary};

const ACCEPT: &str = "COEXIST_ACCEPT=1 cargo test -p coexist-plan --test schema";

/// Mistakes that no schema can see: they lie in other files, or between keys.
const UNSEEN: [Mistake; 40] = [
    Mistake::MissingFile,
    Mistake::IdMismatch,
    Mistake::UnknownImage,
    Mistake::UnknownAgent,
    Mistake::UnknownVersion,
    Mistake::UnknownSetting,
    Mistake::UnknownValue,
    Mistake::SettingNotAccepted,
    Mistake::Duplicate,
    Mistake::BadPlaceholder,
    Mistake::NamesItself,
    Mistake::RequirementCycle,
    Mistake::ImpossibleProduct,
    Mistake::ImpossibleSet,
    Mistake::RequirementAbsent,
    Mistake::RequirementLater,
    Mistake::CandidateAbsent,
    Mistake::CandidateNeeds,
    Mistake::CandidateNotNew,
    Mistake::NotForThisKind,
    Mistake::NoSuccess,
    Mistake::DriverClaimedTwice,
    Mistake::ExcludesNothing,
    Mistake::IncludedAndExcluded,
    Mistake::NoCells,
    Mistake::TooManyCells,
    Mistake::BadSentence,
    Mistake::Ambiguous,
    Mistake::UnknownName,
    Mistake::UnknownVendor,
    Mistake::BadBounds,
    Mistake::NoUsualValue,
    Mistake::ValueNotNamed,
    Mistake::NotForServer,
    Mistake::Contradiction,
    Mistake::ImpossibleValue,
    Mistake::EmptyWave,
    Mistake::IncludedAgainstRule,
    Mistake::NeverTrue,
    Mistake::SaysNothing,
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What a report tells of one file.
fn mistakes_in(report: &Report, file: &Path) -> Vec<Mistake> {
    let shown = file.to_string_lossy();
    let messages = report.messages().iter().filter(|message| report.place(message).0 == shown);
    messages.map(coexist_plan::Message::mistake).collect()
}

#[test]
fn the_schemas_that_are_checked_in_are_those_of_the_types() {
    let folder = root().join("docs/schema");
    let accept = std::env::var_os("COEXIST_ACCEPT").is_some();
    let mut names = Vec::new();
    for kind in FileKind::ALL {
        let name = format!("{}.schema.json", kind.as_str());
        let (path, text) = (folder.join(&name), schema(kind));
        names.push(name);
        if accept {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let pinned = std::fs::read_to_string(&path).unwrap_or_default();
        let at = pinned.lines().zip(text.lines()).position(|(one, other)| one != other);
        assert!(
            pinned == text,
            "{} is not what the types say, from line {}. If they are right: {ACCEPT}",
            path.display(),
            at.map_or_else(|| pinned.lines().count().min(text.lines().count()), |at| at + 1)
        );
    }
    let there = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strange: Vec<_> = there.filter(|name| !names.contains(name)).collect();
    assert!(strange.is_empty(), "no schema of ours: {strange:?}");
}

#[test]
fn editors_have_a_sentence_to_show_for_every_mapping_and_key() {
    let is_sentence = |help: &str| help.ends_with('.') && help.chars().next().is_some_and(|c| !c.is_lowercase());
    for record in vocabulary() {
        assert!(is_sentence(record.help), "{} needs a doc comment, which is a sentence", record.what);
        for key in record.keys {
            assert!(is_sentence(key.help), "`{}` of {} needs a doc comment, a sentence", key.name, record.what);
        }
    }
}
