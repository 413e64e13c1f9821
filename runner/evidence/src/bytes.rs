//! Checked little-endian reads and text from untrusted bytes.

use crate::dump::Width;

/// Windows fills header fields that nobody set with this word, "PAGE".
const UNSET: u32 = u32::from_le_bytes(*b"PAGE");
const UNSET_LONG: u64 = u64::from_le_bytes(*b"PAGEPAGE");

/// Untrusted bytes; a read outside them is `None`.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn len(self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn slice(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = usize::try_from(offset.checked_add(length)?).ok()?;
        self.0.get(start..end)
    }

    /// Of the bytes asked for those that are there.
    pub(crate) fn slice_up_to(self, offset: u64, length: u64) -> &'a [u8] {
        let there = self.len().saturating_sub(offset).min(length);
        self.slice(offset, there).unwrap_or_default()
    }

    pub(crate) fn u16(self, offset: u64) -> Option<u16> {
        Some(u16::from_le_bytes(self.slice(offset, 2)?.try_into().ok()?))
    }

    pub(crate) fn u32(self, offset: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.slice(offset, 4)?.try_into().ok()?))
    }

    pub(crate) fn u64(self, offset: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.slice(offset, 8)?.try_into().ok()?))
    }

    /// A header field, unless its writer left it unset.
    pub(crate) fn set_u32(self, offset: u64) -> Option<u32> {
        self.u32(offset).filter(|&value| value != UNSET)
    }

    /// A header field, unless its writer left it unset.
    pub(crate) fn set_u64(self, offset: u64) -> Option<u64> {
        self.u64(offset).filter(|&value| value != UNSET_LONG)
    }

    /// An address of a 32-bit or 64-bit system.
    pub(crate) fn address(self, width: Width, offset: u64) -> Option<u64> {
        match width {
            Width::Bits64 => self.u64(offset),
            Width::Bits32 => self.u32(offset).map(u64::from),
        }
    }

    /// An address in a header field, unless its writer left it unset.
    pub(crate) fn set_address(self, width: Width, offset: u64) -> Option<u64> {
        match width {
            Width::Bits64 => self.set_u64(offset),
            Width::Bits32 => self.set_u32(offset).map(u64::from),
        }
    }

    /// `characters` UTF-16 units, the terminator not counted in.
    pub(crate) fn utf16(self, offset: u64, characters: u64) -> Option<String> {
        let raw = self.slice(offset, characters.checked_mul(2)?)?;
        let units = raw.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        Some(char::decode_utf16(units.take_while(|&unit| unit != 0)).map(|c| c.unwrap_or('\u{fffd}')).collect())
    }
}

/// Lower-case base name of a driver's path, without anything that a terminal or a reader could be fooled by.
pub(crate) fn base_name(path: &str) -> String {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    name.chars().map(|c| if deceptive(c) { '\u{fffd}' } else { c }).flat_map(char::to_lowercase).collect()
}

/// Text for one line of a report: at most `most` characters, without anything that a reader could be fooled by.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    text.trim().chars().take(most).map(|c| if deceptive(c) { '\u{fffd}' } else { c }).collect()
}

/// Controls, and the marks that turn the direction of text or have no width.
pub(crate) fn deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stay_inside() {
        let bytes = Bytes(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(bytes.u32(5), Some(0x0908_0706));
        assert_eq!(bytes.u32(6), None);
        assert_eq!(bytes.u64(u64::MAX - 3), None);
        assert_eq!(bytes.slice_up_to(7, u64::MAX), [8, 9]);
        assert_eq!(bytes.slice_up_to(100, 1), [0_u8; 0]);
        assert_eq!(bytes.utf16(0, u64::MAX), None);
        assert_eq!(Bytes(b"PAGEPAGE").set_u32(4), None);
        assert_eq!(Bytes(b"PAGEPAGE").set_u64(0), None);
    }

    #[test]
    fn names_are_lower_case_base_names() {
        for (path, name) in [
            (r"\SystemRoot\System32\drivers\AMDppm.SYS", "amdppm.sys"),
            ("CLFS.SYS", "clfs.sys"),
            ("a\u{202e}sys.\u{1b}[2J", "a\u{fffd}sys.\u{fffd}[2j"),
            ("", ""),
        ] {
            assert_eq!(base_name(path), name);
        }
    }
}
