//! The name of the process that the system stopped in: `ImageFileName` of its `EPROCESS`, cut to 14 characters.
//!
//! The field's place differs by build and processor and is not published by Microsoft. Some are known from real dumps,
//! others from public descriptions of the symbols; else the block is searched, and a name is taken only where a single
//! text in it can be one.

use super::Architecture;
use crate::bytes::deceptive;

/// Characters of the field, a final zero among them.
const FIELD: usize = 15;
/// No build known has the field further in, nor is a whole `EPROCESS` longer.
pub(super) const MAX_EPROCESS: u64 = 0xc00;
/// Shorter text in a block of pointers and counters may be chance.
const SHORTEST_FOUND: usize = 4;

/// Where the field lies.
enum Offset {
    /// As dumps of this kernel showed.
    Measured(usize),
    /// As public descriptions of the symbols say; no dump of these was at hand [K].
    Described(usize),
}

fn offset(architecture: Architecture, build: u32) -> Option<Offset> {
    match architecture {
        Architecture::X64 => offset_x64(build),
        Architecture::Arm64 => (build == 22000).then_some(Offset::Measured(0x560)),
        Architecture::X86 => None,
    }
}

fn offset_x64(build: u32) -> Option<Offset> {
    Some(match build {
        7600 | 7601 => Offset::Described(0x2e0),
        9200 => Offset::Described(0x438),
        9600 => Offset::Measured(0x438),
        10240 => Offset::Described(0x448),
        17763 => Offset::Measured(0x450),
        10586..=18363 => Offset::Described(0x450),
        // 19042 to 19045 run the kernel of 19041.
        19041..=19045 => Offset::Measured(0x5a8),
        20348..=22631 => Offset::Described(0x5a8),
        26100 => Offset::Described(0x338),
        _ => return None,
    })
}

/// The name in a copy of an `EPROCESS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// At the place known for this build.
    Known(String),
    /// The only text in the block that can be a name.
    Searched(String),
}

pub(super) fn image_name(process: &[u8], architecture: Option<Architecture>, build: Option<u32>) -> Option<Found> {
    let at_offset = |at: usize| field(process.get(at..)?, 1).map(Found::Known);
    match architecture.zip(build).and_then(|(architecture, build)| offset(architecture, build)) {
        Some(Offset::Measured(at)) => at_offset(at),
        Some(Offset::Described(at)) => at_offset(at).or_else(|| searched(process)),
        None => searched(process),
    }
}

fn searched(process: &[u8]) -> Option<Found> {
    // Pointers and counters may read as other text, as `2,])` was seen to.
    let of_a_file = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "._- ()+~".contains(c));
    let fields = (0..process.len()).step_by(8).filter_map(|at| field(process.get(at..)?, SHORTEST_FOUND));
    let mut names = fields.filter(of_a_file);
    let name = names.next()?;
    names.next().is_none().then_some(Found::Searched(name))
}

/// Text, then zeros up to the field's end.
fn field(bytes: &[u8], shortest: usize) -> Option<String> {
    let field = bytes.get(..FIELD)?;
    let length = field.iter().position(|&byte| byte == 0).filter(|&length| length >= shortest)?;
    let (name, rest) = field.split_at(length);
    let name = std::str::from_utf8(name).ok()?;
    let plausible = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.chars().any(deceptive);
    // Windows clears the field before it copies the name, so what follows a name is zero.
    (plausible && rest.iter().all(|&byte| byte == 0)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(texts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut block: Vec<u8> =
            (0..0xa40_u32 / 8).flat_map(|n| (0xffff_8405_0000_0000 + u64::from(n)).to_le_bytes()).collect();
        for (at, text) in texts {
            block[*at..at + 16].fill(0);
            block[*at..at + text.len()].copy_from_slice(text);
        }
        block
    }

    #[test]
    fn names() {
        let known = |name: &str| Some(Found::Known(name.to_owned()));
        let found = |name: &str| Some(Found::Searched(name.to_owned()));
        let x64 = Some(Architecture::X64);
        let long = b"notmyfault64.e".as_slice();
        for (texts, build, expected) in [
            (vec![(0x5a8, long)], Some(19041), known("notmyfault64.e")),
            (vec![(0x450, b"System".as_slice())], Some(17763), known("System")),
            // A place that is known is not searched for elsewhere.
            (vec![(0x450, b"System".as_slice())], Some(19045), None),
            (vec![(0x338, b"MsMpEng.exe".as_slice())], Some(26100), known("MsMpEng.exe")),
            (vec![(0x340, b"MsMpEng.exe".as_slice())], Some(26100), found("MsMpEng.exe")),
            (vec![(0x2e0, b"Idle".as_slice())], Some(7601), known("Idle")),
            (vec![(0x2e8, b"MsMpEng.exe".as_slice())], Some(27000), found("MsMpEng.exe")),
            (vec![(0x338, b"MsMpEng.exe".as_slice())], None, found("MsMpEng.exe")),
            (vec![(0x338, b"MsMpEng.exe".as_slice()), (0x700, b"Proc")], Some(27000), None),
            (vec![(0x338, b"abc".as_slice())], Some(27000), None),
            (vec![(0x5a8, b"\x1b[2Jevil".as_slice())], Some(19041), None),
            (vec![(0x5a8, b"fifteen-letters".as_slice())], Some(19041), None),
            (vec![], Some(19041), None),
            (vec![], None, None),
        ] {
            assert_eq!(image_name(&block(&texts), x64, build), expected, "{texts:?} {build:?}");
        }
        assert_eq!(image_name(&[], x64, Some(19041)), None);
        assert_eq!(image_name(&[0x41; 0x5a9], x64, Some(19041)), None);
        // Counters that read as text are no second name.
        let counters = block(&[(0x4e0, b"2,])"), (0x560, b"System")]);
        assert_eq!(image_name(&counters, x64, Some(27000)), found("System"));
        let arm64 = Some(Architecture::Arm64);
        let two = block(&[(0x4e0, b"Proc"), (0x560, b"System")]);
        assert_eq!(
            (image_name(&two, arm64, Some(22000)), image_name(&two, arm64, Some(22621))),
            (known("System"), None)
        );
        assert_eq!(image_name(&block(&[(0x438, b"System"), (0x700, b"Proc")]), x64, Some(9600)), known("System"));
        // A place of x64 is none of another processor.
        let elsewhere = block(&[(0x5b0, b"System")]);
        assert_eq!(image_name(&elsewhere, arm64, Some(19041)), found("System"));
    }
}
