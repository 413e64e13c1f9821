//! Values on the crashed thread's stack that may be return addresses into drivers.
//!
//! Without symbols a stack cannot be unwound, so each slot is judged alone: it must point into a driver's code, and
//! where the dump holds the bytes before it, a call must end there. Of a real dump's slots that point into modules some
//! 22 in 100 were true frames, so these are candidates and no more.

use coexist_model::{Hex, StackCandidate};

use crate::blame::UNNAMED;
use crate::dump::{Architecture, Driver, KernelDump};

/// Code does not begin before the image's headers end.
const FIRST_CODE: u64 = 0x1000;
/// Further up than this a value is more likely left over than a return address.
const FAR: u64 = 0x1000;

/// Candidates that are published: frames further out name nobody nearer.
const PUBLISHED: usize = 32;

/// Candidates from the stack pointer upwards, as blame sees them, at most 32.
#[must_use]
pub fn stack_candidates(dump: &KernelDump<'_>) -> Vec<StackCandidate> {
    let (kept, _) = kept(dump);
    let public = |found: &Kept<'_>| StackCandidate {
        address: Hex(found.slot),
        module: found.driver.name.clone().unwrap_or_else(|| UNNAMED.to_owned()),
        offset: Hex(found.offset),
        follows_call: found.proved,
    };
    kept.iter().take(PUBLISHED).map(public).collect()
}

pub(crate) struct Kept<'d> {
    pub(crate) slot: u64,
    /// Bytes above the stack pointer.
    pub(crate) distance: u64,
    pub(crate) driver: &'d Driver,
    pub(crate) offset: u64,
    pub(crate) proved: bool,
}

/// The candidates that no missing call rules out, and how many there were before.
pub(crate) fn kept<'d>(dump: &'d KernelDump<'_>) -> (Vec<Kept<'d>>, usize) {
    let mut candidates = 0;
    let mut kept = Vec::new();
    let Some(context) = dump.context else { return (kept, candidates) };
    for (slot, value) in dump.memory.slots_from(context.stack) {
        let distance = slot - context.stack;
        if distance >= FAR {
            break;
        }
        let Some((driver, offset)) = dump.suspect_at(value).filter(|(_, offset)| *offset >= FIRST_CODE) else {
            continue;
        };
        candidates += 1;
        let follows = follows_call(dump, value);
        if follows != Some(false) {
            kept.push(Kept { slot, distance, driver, offset, proved: follows.is_some() });
        }
    }
    (kept, candidates)
}

/// Whether a call instruction ends at an address; `None` where the dump does not hold the bytes or they are not x64.
fn follows_call(dump: &KernelDump<'_>, address: u64) -> Option<bool> {
    /// The longest form looked at: `FF /2` with a SIB byte and a 32-bit displacement.
    const LONGEST: u64 = 7;
    if dump.architecture != Some(Architecture::X64) {
        return None;
    }
    let before = dump.memory.read(address.checked_sub(LONGEST)?, LONGEST)?;
    let near = before.get(2) == Some(&0xe8);
    // `FF /2` has 2 in the middle bits of the byte behind; the rest of its length is that byte's affair.
    let indirect = [2, 3, 4, 6, 7].iter().any(|length| {
        let start = before.len().wrapping_sub(*length);
        matches!(before.get(start..), Some([0xff, form, ..]) if form & 0x38 == 0x10)
    });
    Some(near || indirect)
}
