//! Stop codes that Windows wrote to its serial console.
//!
//! Emergency Management Services redirect the text of the blue screen to the console ("Redirect Stop error message
//! explanatory text", Microsoft's page on !SAC): `*** STOP: 0x00000050 (0x…,0x…,0x…,0x…)`. \[K\]: no real Windows wrote one
//! for this project.
//!
//! The console is the guest's: anybody in it may write anything there. A stop code from here is the weakest kind.

/// Bytes of a log that are read: its end, as the last stop is what counts.
const READ: usize = 8 << 20;

const STOP: &[u8] = b"*** STOP:";

/// A stop as a console tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsoleStop {
    /// The stop code.
    pub code: u32,
    /// Its parameters, where they are told.
    pub parameters: Option<[u64; 4]>,
}

/// The last stop that a serial log tells of, if it tells of any.
#[must_use]
pub fn console_stop(log: &[u8]) -> Option<ConsoleStop> {
    let text = plain(log.get(log.len().saturating_sub(READ)..).unwrap_or_default());
    (0..text.len()).rev().find_map(|at| stop_behind(text.get(at..)?.strip_prefix(STOP)?))
}

/// The stop that is told by what follows the mark.
fn stop_behind(text: &[u8]) -> Option<ConsoleStop> {
    let (code, rest) = number(text)?;
    let rest = rest.trim_ascii_start();
    // A code that the log's own gap or end cuts through would be another code.
    rest.starts_with(b"(").then_some(())?;
    Some(ConsoleStop { code: u32::try_from(code).ok()?, parameters: parameters(rest) })
}

/// Four numbers in brackets, with commas between them.
fn parameters(text: &[u8]) -> Option<[u64; 4]> {
    let mut rest = text.strip_prefix(b"(")?;
    let mut found = [0; 4];
    for (index, parameter) in found.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.trim_ascii_start().strip_prefix(b",")?;
        }
        (*parameter, rest) = number(rest)?;
    }
    rest.trim_ascii_start().starts_with(b")").then_some(found)
}

/// A number in base 16 behind spaces, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.trim_ascii_start().strip_prefix(b"0x")?;
    let length = digits.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(length)?;
    let value = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((value, rest))
}

/// The text without what moves a terminal's cursor or rings its bell, which may stand between any two letters.
fn plain(log: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(log.len());
    let mut bytes = log.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            // A control sequence (ECMA-48): bracket, parameters, one final byte.
            0x1b => {
                let mut rest = bytes.clone();
                if rest.next() == Some(b'[') {
                    bytes = rest;
                    bytes.find(|byte| (0x40..=0x7e).contains(byte));
                }
            }
            byte if byte.is_ascii_control() && !byte.is_ascii_whitespace() => {}
            byte => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: &str =
        "*** STOP: 0x00000050 (0xFFFF840500000074,0x0000000000000000,0xFFFFF806715114ED,0x0000000000000002)";
    const PARAMETERS: [u64; 4] = [0xffff_8405_0000_0074, 0, 0xffff_f806_7151_14ed, 2];

    fn stop(code: u32, parameters: Option<[u64; 4]>) -> Option<ConsoleStop> {
        Some(ConsoleStop { code, parameters })
    }

    #[test]
    fn the_last_stop_counts() {
        assert_eq!(console_stop(SCREEN.as_bytes()), stop(0x50, Some(PARAMETERS)));
        let boots = format!("{SCREEN}\r\n{}*** STOP: 0x000000E2 (", "BdsDxe: starting\r\n".repeat(100));
        assert_eq!(console_stop(boots.as_bytes()), stop(0xe2, None), "it borrows nothing from an earlier one");
    }

    #[test]
    fn cursor_movements_may_stand_anywhere() {
        let moved: String = SCREEN.chars().map(|c| format!("\x1b[1;37m{c}\x07\x1b[K")).collect();
        assert_eq!(console_stop(moved.as_bytes()), stop(0x50, Some(PARAMETERS)));
        let wrapped = SCREEN.replace(',', ",\r\n          ");
        assert_eq!(console_stop(wrapped.as_bytes()), stop(0x50, Some(PARAMETERS)));
    }

    #[test]
    fn what_is_cut_off_is_not_guessed() {
        let text = SCREEN.as_bytes();
        for length in 0..text.len() {
            let found = console_stop(&text[..length]);
            assert!(found.is_none() || found == stop(0x50, None), "{length}: {found:?}");
        }
        let gap = SCREEN.replace("00050", "00\n[123 bytes left out here]\n050");
        assert_eq!(console_stop(gap.as_bytes()), None);
        for odd in ["*** STOP:", "*** STOP: 0x", "*** STOP: 0x100000000 (", "*** STOP: 50", "STOP: 0x50", "!SAC>", ""] {
            assert_eq!(console_stop(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn a_flood_is_read_in_time() {
        let mut flood = SCREEN.as_bytes().to_vec();
        flood.extend("*** STOP: 0x".repeat(1 << 18).bytes());
        flood.extend(b"\x1b[".repeat(1 << 20));
        assert_eq!(console_stop(&flood), stop(0x50, Some(PARAMETERS)));
    }
}
