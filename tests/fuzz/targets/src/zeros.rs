//! Files with many zeros as short inputs. Dumps and logs lie in pages and chunks that are mostly empty; at full length
//! the fuzzer would change little else than those.
//!
//! A byte other than 0 stands for itself. After a 0, the next byte says how many zeros there are: up to 0x80 of them, or
//! pages of 0x100. There is no other mark, so that a byte put in or taken out changes one place alone.

/// Longest file that an input stands for.
pub const LONGEST: usize = 1 << 20;
/// Counts above it are of pages.
const SINGLE: usize = 0x80;
const PAGE: usize = 0x100;

/// The file that an input stands for, cut at [`LONGEST`].
#[must_use]
pub fn written_out(input: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut input = input.iter().copied();
    while let Some(byte) = input.next().filter(|_| file.len() < LONGEST) {
        let zeros = if byte == 0 { count(input.next().unwrap_or_default()) } else { 0 };
        match zeros {
            0 => file.push(byte),
            zeros => file.resize((file.len() + zeros).min(LONGEST), 0),
        }
    }
    file
}

/// The input that stands for a file.
#[must_use]
pub fn shortened(file: &[u8]) -> Vec<u8> {
    let mut input = Vec::new();
    let mut rest = file;
    while let Some(&byte) = rest.first() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        if zeros == 0 {
            input.push(byte);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let most = (0..=u8::MAX).rev().find(|&mark| count(mark) <= zeros).unwrap_or_default();
        input.extend([0, most]);
        rest = rest.get(count(most)..).unwrap_or_default();
    }
    input
}

/// Zeros that a byte behind a 0 stands for.
fn count(mark: u8) -> usize {
    match usize::from(mark) {
        single if single < SINGLE => single + 1,
        pages => (pages - SINGLE + 1) * PAGE,
    }
}
