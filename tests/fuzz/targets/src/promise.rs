//! What must hold for facts, whatever bytes they come from.

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
    let limit = 64 * input.len() + 0x4000;
    assert!(json.len() <= limit, "{} bytes of facts from {} of input", json.len(), input.len());
    assert!(notes.len() <= MAX_NOTES, "{} notes", notes.len());
    for note in notes {
        assert!(!note.contains(char::is_control), "a control character in {note:?}");
    }
}
