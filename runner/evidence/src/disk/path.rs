//! Paths on a guest's disk.

use super::DiskError;
use crate::bytes::{deceptive, one_line};

const MAX_COMPONENTS: usize = 64;
/// Longest name in NTFS, in characters.
const MAX_NAME: usize = 255;

/// A checked path: names from the volume's root down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuestPath(Vec<String>);

impl GuestPath {
    /// From `C:\a\b`, `\a\b`, `/C:/a/b` and the like; the drive letter is dropped.
    pub(super) fn parse(text: &str) -> Result<Self, DiskError> {
        let mut names: Vec<&str> = text.split(['\\', '/']).filter(|name| !name.is_empty()).collect();
        if names.first().is_some_and(|name| is_drive(name)) {
            names.remove(0);
        }
        if names.len() > MAX_COMPONENTS || !names.iter().all(|name| is_name(name)) {
            return Err(bad(text));
        }
        Ok(Self(names.into_iter().map(str::to_owned).collect()))
    }

    /// A name in this folder, as the guest wrote it.
    pub(super) fn below(&self, name: &str) -> Result<Self, DiskError> {
        if self.0.len() >= MAX_COMPONENTS || !is_name(name) {
            return Err(bad(&format!("{self}\\{name}")));
        }
        Ok(Self(self.0.iter().map(String::as_str).chain([name]).map(str::to_owned).collect()))
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

/// Whether this is one name, and shows what it is.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.encode_utf16().count() <= MAX_NAME
        && !name.contains(|c: char| matches!(c, ':' | '\\' | '/') || deceptive(c))
}

fn bad(path: &str) -> DiskError {
    DiskError::BadPath(one_line(path, 2 * MAX_NAME))
}

fn is_drive(name: &str) -> bool {
    matches!(name.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

impl std::fmt::Display for GuestPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("\\");
        }
        self.0.iter().try_for_each(|name| write!(f, "\\{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, shown) in [
            (r"C:\Windows\Minidump", r"\Windows\Minidump"),
            ("/C:/Windows/x.dmp", r"\Windows\x.dmp"),
            (r"\pagefile.sys", r"\pagefile.sys"),
            ("", "\\"),
        ] {
            assert_eq!(GuestPath::parse(text).unwrap().to_string(), shown);
        }
        for text in [r"C:\a\..\b", r"\a:stream", "a\0b", "a\u{202e}pmd.b", &"a".repeat(256), &"a/".repeat(65)] {
            assert!(matches!(GuestPath::parse(text), Err(DiskError::BadPath(_))), "{text}");
        }
    }

    #[test]
    fn names_that_are_no_names() {
        let folder = GuestPath::parse(r"\a").unwrap();
        assert_eq!(folder.below("b c.dmp").unwrap().to_string(), r"\a\b c.dmp");
        for name in ["", ".", "..", r"..\b", "b/c", "b:c", "b\n"] {
            assert!(matches!(folder.below(name), Err(DiskError::BadPath(_))), "{name}");
        }
    }
}
