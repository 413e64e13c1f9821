//! What is publicly known of stop codes.
//!
//! Meanings of parameters: Microsoft's bug check reference, in our own words. A code that is not in the table has no
//! known faulting parameter, but any parameter or the stack may still hint at a driver.

mod names;
mod parameters;

pub use parameters::parameter_meanings;

/// The flag of the "_M" forms (`0x1000007E` for `0x7E`): same parameters, same meaning.
const M_FLAG: u32 = 0x1000_0000;

/// The code without the flag of the "_M" forms.
#[must_use]
pub fn base_code(code: u32) -> u32 {
    if code & 0xf000_0000 == M_FLAG { code ^ M_FLAG } else { code }
}

/// Public name of a code. An "_M" form has one only where Microsoft published it.
#[must_use]
pub fn name(code: u32) -> Option<&'static str> {
    names::PUBLISHED.iter().chain(names::DOCUMENTED).find(|(number, _)| *number == code).map(|(_, name)| *name)
}

/// How far a code allows blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspects {
    /// This parameter (1 to 4) is the faulting instruction.
    Parameter(usize),
    /// No parameter is the faulting instruction; parameters and the stack may hint at a driver.
    Hints,
    /// Nobody, with the reason.
    Nobody(&'static str),
}

const OPERATOR: &str = "an operator stopped the system with this code";
const HARDWARE: &str = "this code tells of hardware";

/// Whom a code (base or "_M" form) can be blamed on.
#[must_use]
pub fn suspects(code: u32) -> Suspects {
    match base_code(code) {
        0x0a | 0xd1 | 0xc5 => Suspects::Parameter(4),
        0x1e | 0x8e | 0x3b | 0x7e => Suspects::Parameter(2),
        0x50 | 0xce | 0xd5 | 0xd6 => Suspects::Parameter(3),
        0xe2 | 0xdead_dead | 0x161 | 0x1c8 => Suspects::Nobody(OPERATOR),
        0x2e | 0x80 | 0x9c | 0x122 | 0x124 | 0x12b => Suspects::Nobody(HARDWARE),
        0x4a => {
            Suspects::Nobody("the code that raised the interrupt level has left the stack by the time of this stop")
        }
        0x77 | 0x7a | 0x154 => Suspects::Nobody("this code tells of storage or memory, and names no instruction"),
        0x9f => {
            Suspects::Nobody("the driver that holds the power request is found through memory that small dumps lack")
        }
        0xef => Suspects::Nobody("a critical process ended: no driver is named by this code"),
        0x109 => Suspects::Nobody("a change of kernel code or data was found after the fact"),
        0x18b => Suspects::Nobody("the parameters of this code are reserved"),
        _ => Suspects::Hints,
    }
}

/// Where `EXCEPTION_RECORD64` has the address of the instruction.
pub(crate) const EXCEPTION_ADDRESS: u64 = 0x10;

/// The parameter (1 to 4) of a code that points to an exception record, where no parameter is the faulting instruction.
#[must_use]
pub fn exception_record(code: u32) -> Option<usize> {
    (base_code(code) == 0x139).then_some(3)
}

/// What tells two crashes of one code at one place apart: the exception, the kind of access, or the subcode.
/// Never an address.
#[must_use]
pub fn subcode(code: u32, parameters: &[u64; 4]) -> Option<String> {
    let [first, second, third, fourth] = *parameters;
    let number = |value: u64| u32::try_from(value).ok().map(|small| format!("{small:x}"));
    match base_code(code) {
        // An NTSTATUS, sign-extended to 64 bits.
        0x1e | 0x8e | 0x3b | 0x7e => Some(format!("{:x}", first & 0xffff_ffff)),
        base @ (0x50 | 0xce | 0xd5 | 0xd6) => {
            parameters::access(base, second).map(str::to_owned).or_else(|| number(second))
        }
        base @ (0x0a | 0xd1 | 0xc5) => parameters::access(base, third).map(str::to_owned).or_else(|| number(third)),
        0x19 | 0x1a | 0x7f | 0x9f | 0xc2 | 0xc4 | 0xc9 | 0xf4 | 0x10d | 0x124 | 0x133 | 0x139 | 0x13a => number(first),
        0xef => number(second),
        0x109 => number(fourth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_codes() {
        for (code, expected) in [
            (0x0a, Some("IRQL_NOT_LESS_OR_EQUAL")),
            (0x50, Some("PAGE_FAULT_IN_NONPAGED_AREA")),
            (0x7e, Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED")),
            (0x1000_007e, Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M")),
            (0x1000_007f, Some("UNEXPECTED_KERNEL_MODE_TRAP_M")),
            (0x1000_00d1, None),
            (0xd1, Some("DRIVER_IRQL_NOT_LESS_OR_EQUAL")),
            (0x139, Some("KERNEL_SECURITY_CHECK_FAILURE")),
            (0x133, Some("DPC_WATCHDOG_VIOLATION")),
            (0x170, Some("CLUSTER_CSV_CLUSSVC_DISCONNECT_WATCHDOG")),
            (0xe2, Some("MANUALLY_INITIATED_CRASH")),
            (0xdead_dead, Some("MANUALLY_INITIATED_CRASH1")),
            (0xc000_021a, Some("WINLOGON_FATAL_ERROR")),
            (0x10001, None),
            (0, None),
        ] {
            assert_eq!(name(code), expected, "{code:#x}");
        }
    }

    #[test]
    fn codes_are_named_once() {
        let mut codes: Vec<u32> = names::PUBLISHED.iter().chain(names::DOCUMENTED).map(|(code, _)| *code).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }

    #[test]
    fn only_the_flag_of_m_forms_is_taken_off() {
        for (code, base) in [(0x1000_007e, 0x7e), (0x7e, 0x7e), (0xdead_dead, 0xdead_dead), (0xc000_021a, 0xc000_021a)]
        {
            assert_eq!(base_code(code), base);
        }
    }

    #[test]
    fn subcodes() {
        for (code, parameters, expected) in [
            (0x1000_007e, [0xffff_ffff_c000_0005, 1, 2, 3], Some("c0000005")),
            (0x3b, [0xc000_0094, 1, 2, 3], Some("c0000094")),
            (0x50, [u64::MAX, 0, 0, 2], Some("read")),
            (0x50, [u64::MAX, 0x10, 0, 2], Some("execute")),
            (0xd1, [0, 2, 1, 0], Some("write")),
            (0x139, [3, 0, 0, 0], Some("3")),
            // An address in the place of a subcode must not split the bucket of one crash at two load addresses.
            (0x139, [0xffff_f800_0000_0003, 0, 0, 0], None),
            (0xef, [0xffff_9000_0000_0000, 0, 0, 0], Some("0")),
            (0x4a, [1, 2, 3, 4], None),
        ] {
            assert_eq!(subcode(code, &parameters).as_deref(), expected, "{code:#x} {parameters:x?}");
        }
    }
}
