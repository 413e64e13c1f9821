//! Parameters that lead to more about the fault than they say themselves, from Microsoft's bug check reference.

use super::base_code;

/// File systems name the same two records: FAT, NTFS, CDFS, the redirector, exFAT.
const FILE_SYSTEMS: &[u32] = &[0x23, 0x24, 0x26, 0x27, 0x12c];

/// The parameter (1 to 4) of a code that points to an exception record.
pub(crate) fn exception_record(code: u32) -> Option<usize> {
    match base_code(code) {
        0x7e | 0x139 => Some(3),
        code if FILE_SYSTEMS.contains(&code) => Some(2),
        _ => None,
    }
}

/// The parameter that points to the context record of the exception.
pub(crate) fn context_record(code: u32) -> Option<usize> {
    match base_code(code) {
        0x3b => Some(3),
        0x7e => Some(4),
        0x135 => Some(2),
        code if FILE_SYSTEMS.contains(&code) => Some(3),
        _ => None,
    }
}

/// The parameter that points to a trap frame.
pub(crate) fn trap_frame(code: u32) -> Option<usize> {
    (base_code(code) == 0x139).then_some(2)
}

/// Whether the header's context is that of the fault, and not of the routine that makes every stop (seen in two dumps).
pub(crate) fn header_has_the_fault(code: u32) -> bool {
    base_code(code) == 0x7e
}

/// What the trap is that led to a stop, where no parameter is the faulting instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trap {
    /// The processor's complaint about an instruction.
    Fault,
    /// A clock's interrupt, which found that something takes too long.
    Clock,
}

/// The trap that led to a stop, where one did and no parameter is the faulting instruction.
pub(crate) fn trap(code: u32) -> Option<Trap> {
    match base_code(code) {
        0x7f | 0xbe | 0xfc => Some(Trap::Fault),
        0x133 => Some(Trap::Clock),
        _ => None,
    }
}

/// The parameter that lies in the driver which broke a rule, where the reference says that it finds the driver, and what
/// it is: a routine of the driver, or its call.
pub(crate) fn routine(code: u32, parameters: &[u64; 4]) -> Option<(usize, &'static str)> {
    match (base_code(code), parameters[0]) {
        (0xe1, _) => Some((1, "the worker routine that returned")),
        (0x116 | 0x117, _) => Some((2, "an address in the display driver")),
        (0x135, _) => Some((3, "the registry callback that failed")),
        (0x10d, 4) => Some((3, "the caller of the framework")),
        (0x10d, 0xf) => Some((2, "the event callback that failed")),
        _ => None,
    }
}
