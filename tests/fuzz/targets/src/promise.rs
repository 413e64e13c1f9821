//! What must hold for facts, whatever bytes they come from.

use coexist_evidence::{DriverOwners, KernelDump, bucket, crash_from};
use coexist_model::Strength;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Notes of one file; readers keep a little more than thirty.
const MAX_NOTES: usize = 40;

/// The published form can be written and read again, is no more than a small multiple of the input, and holds nothing
/// that acts on a terminal.
pub(crate) fn published<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    facts: &T,
    notes: &[String],
    input: &[u8],
) {
    let json = serde_json::to_string(facts).unwrap_or_else(|error| panic!("facts cannot be written: {error}"));
    let again: T = serde_json::from_str(&json).unwrap_or_else(|error| panic!("facts cannot be read: {error}\n{json}"));
    assert_eq!(&again, facts, "facts change on their way");
    bounded(&json, notes, input.len() as u64);
}

/// The published form of what `input` bytes gave is no more than a small multiple of them, and its notes can be shown.
pub(crate) fn bounded(json: &str, notes: &[String], input: u64) {
    let limit = input.saturating_mul(64).saturating_add(0x4000);
    assert!(json.len() as u64 <= limit, "{} bytes of facts from {input} of input", json.len());
    assert!(notes.len() <= MAX_NOTES, "{} notes", notes.len());
    for note in notes {
        assert!(!note.contains(char::is_control), "a control character in {note:?}");
    }
}

/// What is concluded from a dump that `input` gave.
pub(crate) fn concluded(dump: &KernelDump<'_>, input: &[u8]) {
    let crash = crash_from(dump, &DriverOwners::from_iter([("acmeflt.sys", "Acme")]));
    assert_eq!(crash.bucket, bucket(dump));
    assert_eq!(crash.blame.strength == Strength::None, crash.blame.module.is_none());
    published(&crash, &crash.notes, input);
}
