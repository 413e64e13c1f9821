//! Identifiers that follow from names, so that the same vendor always has the same ones.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// An identifier for these words.
#[must_use]
pub fn uuid(words: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for word in words {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The same in the form Windows Installer wants: upper case, in braces.
#[must_use]
pub fn guid(words: &[&str]) -> String {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    format!("{{{}}}", uuid(&words).hyphenated()).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::guid;

    #[test]
    fn follows_the_words_and_their_bounds() {
        assert_eq!(guid(&["ab", "c"]), guid(&["ab", "c"]));
        assert_ne!(guid(&["ab", "c"]), guid(&["a", "bc"]));
        assert_eq!(guid(&[]).len(), 38);
    }
}
