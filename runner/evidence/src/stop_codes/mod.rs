//! What is publicly known of stop codes.
//!
//! Meanings of parameters: Microsoft's bug check reference, in our own words. A code that is not in the table has no
//! known faulting parameter, but any parameter or the stack may still hint at a driver.

mod names;
mod parameters;
mod records;
mod subcodes;

pub use parameters::parameter_meanings;
pub use subcodes::subcode;

pub(crate) use records::{Trap, context_record, exception_record, header_has_the_fault, routine, trap, trap_frame};

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
const INTERRUPT: &str = "a non-maskable interrupt stopped the system: hardware raised it, or whoever injected it, as this lab does into a guest that hangs";
const PROCESS: &str = "a process that Windows cannot do without ended: the dump shows who noticed, not why it ended";

/// Whom a code (base or "_M" form) can be blamed on.
#[must_use]
pub fn suspects(code: u32) -> Suspects {
    match base_code(code) {
        0x0a | 0xc5 | 0xd0 | 0xd1 | 0xd3 | 0xd4 | 0xdb => Suspects::Parameter(4),
        0x1e | 0x8e | 0x3b | 0x7e => Suspects::Parameter(2),
        0x50 | 0xcc..=0xcf | 0xd5 | 0xd6 => Suspects::Parameter(3),
        0 => Suspects::Nobody("no stop: a debugger made the dump of a system that ran"),
        0xe2 | 0xe5 | 0xdead_dead | 0x161 | 0x1c8 => Suspects::Nobody(OPERATOR),
        0x2e | 0x9c | 0xfb | 0x122 | 0x124 | 0x12b => Suspects::Nobody(HARDWARE),
        0x80 | 0x111 => Suspects::Nobody(INTERRUPT),
        0x101 => Suspects::Nobody("a processor hangs: the stack is that of another, which noticed"),
        0x2_0001 => Suspects::Nobody("the hypervisor stopped: the dump shows the system above it"),
        0x4a => {
            Suspects::Nobody("the code that raised the interrupt level has left the stack by the time of this stop")
        }
        0x77 | 0x7a | 0x154 => Suspects::Nobody("this code tells of storage or memory, and names no instruction"),
        0x7b | 0xed => Suspects::Nobody("the boot volume could not be used: the dump does not show who is in the way"),
        0x9f => Suspects::Nobody(
            "the driver that holds the power request is found through its devices, which are not followed here",
        ),
        0xef | 0xf4 | 0xc000_021a => Suspects::Nobody(PROCESS),
        0x109 => Suspects::Nobody("a change of kernel code or data was found after the fact"),
        0x18b => Suspects::Nobody("the parameters of this code are reserved"),
        _ => Suspects::Hints,
    }
}

/// Whether a code tells of memory that was found damaged: whoever stumbles over it stands on the stack, and need not be
/// who did the damage. Debuggers blame no driver for these.
#[must_use]
pub fn is_found_late(code: u32) -> bool {
    matches!(base_code(code), 0x19 | 0x1a | 0x4e | 0xc5 | 0xd0 | 0xdb | 0x13a)
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

    /// Codes of which no dump can name a culprit, and neighbours that are none of them.
    #[test]
    fn nobody_is_blamed_for_what_operators_hardware_and_processes_cause() {
        for (code, words) in [
            (0, "no stop"),
            (0xe2, "an operator"),
            (0xdead_dead, "an operator"),
            (0x1c8, "an operator"),
            (0x9c, "hardware"),
            (0x124, "hardware"),
            (0x80, "this lab"),
            (0x111, "non-maskable interrupt"),
            (0x101, "another"),
            (0x2_0001, "hypervisor"),
            (0x7b, "boot volume"),
            (0xef, "process"),
            (0xf4, "process"),
            (0x1000_00f4, "process"),
            (0xc000_021a, "process"),
        ] {
            let Suspects::Nobody(reason) = suspects(code) else { panic!("{code:#x}: {:?}", suspects(code)) };
            assert!(reason.contains(words), "{code:#x}: {reason}");
        }
        // Special pool found damage when a driver freed it; a watchdog of drivers; a filter's mistake.
        for code in [0xc1, 0x133, 0xf5, 0x1a, 0x10d] {
            assert_eq!(suspects(code), Suspects::Hints, "{code:#x}");
        }
    }
}
