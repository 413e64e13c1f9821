//! Values on the crashed thread's stack that may be return addresses into drivers.
//!
//! Without symbols a stack cannot be unwound, so each slot is judged alone: it must point into a driver's code, and
//! where the dump holds the bytes before it, a call must end there. Of a real dump's slots that point into modules some
//! 22 in 100 were true frames, so these are candidates and no more.

use coexist_model::{Hex, StackCandidate};

use crate::dump::{Architecture, Driver, KernelDump};
use crate::fault;
use crate::frameworks::is_framework;

/// Code does not begin before the image's headers end.
const FIRST_CODE: u64 = 0x1000;
/// Further up than this a value is more likely left over than a return address.
const FAR: u64 = 0x1000;
/// A trap's dispatcher takes this much stack below the kernel's stop routine (measured on a dump of build 19041), so a
/// return address nearer than this is of a direct caller.
const NEAR: u64 = 0x140;

/// Candidates that are published: frames further out name nobody nearer.
const PUBLISHED: usize = 32;

/// Candidates from the fault's stack pointer upwards, as blame sees them, at most 32.
#[must_use]
pub fn stack_candidates(dump: &KernelDump<'_>) -> Vec<StackCandidate> {
    let public = |found: Kept<'_>| {
        Some(StackCandidate {
            address: Hex(found.slot?),
            module: found.module.to_owned(),
            offset: Hex(found.offset),
            follows_call: found.proved,
        })
    };
    kept(dump).0.into_iter().filter_map(public).take(PUBLISHED).collect()
}

/// A candidate that no missing call rules out.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'d> {
    /// Where on the stack; none for the register that holds a return address.
    slot: Option<u64>,
    /// Bytes above the stack pointer.
    distance: u64,
    pub(crate) module: &'d str,
    pub(crate) driver: &'d Driver,
    pub(crate) offset: u64,
    proved: bool,
}

impl Kept<'_> {
    /// Where it was found, in words that follow its module.
    pub(crate) fn how(&self) -> String {
        let proved = if self.proved { ", behind a call" } else { "" };
        match self.slot {
            Some(_) => format!("{:#x} bytes above the stack pointer{proved}", self.distance),
            None => format!("by the link register{proved}"),
        }
    }
}

/// Whose calls led to the fault, as far as the stack tells.
#[derive(Default)]
pub(crate) struct Callers<'d> {
    /// The nearest driver that is near, or known to follow a call; frameworks are passed over.
    pub(crate) near: Option<Kept<'d>>,
    /// The frameworks that were passed over on the way there.
    pub(crate) passed: Vec<&'d str>,
    /// The nearest driver of all but frameworks, however far up.
    pub(crate) far: Option<Kept<'d>>,
    /// The nearest framework.
    pub(crate) framework: Option<Kept<'d>>,
    /// How much of the stack was believed.
    pub(crate) note: String,
}

/// Looks from the fault's stack pointer upwards. What is near a framework's frame that is near itself is near too.
pub(crate) fn callers<'d>(dump: &'d KernelDump<'_>) -> Callers<'d> {
    let (kept, candidates) = kept(dump);
    let mut callers =
        Callers { note: format!("thread stack: {} of {candidates} candidates kept", kept.len()), ..Callers::default() };
    let is_far = fault::is_far_from_the_fault(dump);
    let mut reached = 0;
    for found in kept {
        let near = !is_far && (found.proved || found.distance.saturating_sub(reached) < NEAR);
        if is_framework(found.module) {
            callers.framework.get_or_insert(found);
            if near {
                reached = found.distance;
                if !callers.passed.contains(&found.module) {
                    callers.passed.push(found.module);
                }
            }
        } else {
            callers.far.get_or_insert(found);
            if near {
                callers.near = Some(found);
                break;
            }
        }
    }
    callers
}

/// The candidates that are kept, the nearest first, and how many there were before.
fn kept<'d>(dump: &'d KernelDump<'_>) -> (Vec<Kept<'d>>, usize) {
    let mut candidates = 0;
    let mut kept = Vec::new();
    let Some(registers) = fault::registers(dump) else { return (kept, candidates) };
    let near = dump.memory.slots_from(registers.stack).map(|(slot, value)| (Some(slot), slot - registers.stack, value));
    let link = registers.link.map(|link| (None, 0, link));
    for (slot, distance, value) in link.into_iter().chain(near).take_while(|(_, distance, _)| *distance < FAR) {
        let value = plain(dump, value);
        let Some((driver, offset)) = dump.suspect_at(value).filter(|(_, offset)| *offset >= FIRST_CODE) else {
            continue;
        };
        let Some(module) = driver.name.as_deref() else { continue };
        candidates += 1;
        let follows = follows_call(dump, value);
        if follows != Some(false) {
            kept.push(Kept { slot, distance, module, driver, offset, proved: follows.is_some() });
        }
    }
    (kept, candidates)
}

/// A return address without the signature that ARM64 processors put into its upper bits; bit 55 tells the kernel's half.
/// No dump of ARM64 was at hand to see one [K].
fn plain(dump: &KernelDump<'_>, value: u64) -> u64 {
    const SIGNATURE: u64 = 0xffff << 48;
    let is_kernels = dump.architecture == Some(Architecture::Arm64) && value >> 55 & 1 == 1;
    if is_kernels { value | SIGNATURE } else { value }
}

/// Whether a call instruction ends at an address; `None` where the dump does not hold the bytes or they are not known.
fn follows_call(dump: &KernelDump<'_>, address: u64) -> Option<bool> {
    match dump.architecture? {
        Architecture::X64 => follows_x64_call(dump, address),
        Architecture::Arm64 => follows_arm64_call(dump, address),
        Architecture::X86 => None,
    }
}

fn follows_x64_call(dump: &KernelDump<'_>, address: u64) -> Option<bool> {
    /// The longest form looked at: `FF /2` with a SIB byte and a 32-bit displacement.
    const LONGEST: u64 = 7;
    let before = dump.memory.read(address.checked_sub(LONGEST)?, LONGEST)?;
    let near = before.get(2) == Some(&0xe8);
    // `FF /2` has 2 in the middle bits of the byte behind; the rest of its length is that byte's affair.
    let indirect = [2, 3, 4, 6, 7].iter().any(|length| {
        let start = before.len().wrapping_sub(*length);
        matches!(before.get(start..), Some([0xff, form, ..]) if form & 0x38 == 0x10)
    });
    Some(near || indirect)
}

/// `BL`, `BLR` and the forms of `BLR` that check a signature.
fn follows_arm64_call(dump: &KernelDump<'_>, address: u64) -> Option<bool> {
    let before = dump.memory.read(address.checked_sub(4)?, 4)?;
    let word = u32::from_le_bytes(before.try_into().ok()?);
    let direct = word >> 26 == 0b10_0101;
    let by_register = word & 0xfeff_f000 == 0xd63f_0000;
    Some(direct || by_register)
}
