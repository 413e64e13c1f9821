//! What the parameters of a stop code stand for, in our own words, from Microsoft's bug check reference.

use super::base_code;

/// What a parameter stands for. An empty text: reserved, or different from case to case.
type Meanings = [&'static str; 4];

const EXCEPTION: &str = "exception";
const INSTRUCTION: &str = "faulting instruction";
const IF_KNOWN: &str = "faulting instruction, if known";
const ACCESS: &str = "kind of access";
const MEMORY: &str = "address that was accessed";
const IRQL: &str = "interrupt level at the time";
const SUBCODE: &str = "what exactly was found";
const ENTRY: &str = "page table entry";
const SOURCE: &str = "place in the file system's source";

#[rustfmt::skip]
const MEANINGS: &[(u32, Meanings)] = &[
    (0x0a, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0x19, [SUBCODE, "pool block that is damaged", "", ""]),
    (0x1a, [SUBCODE, "", "", ""]),
    (0x1e, [EXCEPTION, INSTRUCTION, "first detail of the exception", "second detail of the exception"]),
    (0x23, [SOURCE, "exception record", "context record", ""]),
    (0x24, [SOURCE, "exception record", "context record", ""]),
    (0x26, [SOURCE, "exception record", "context record", ""]),
    (0x27, [SOURCE, "exception record", "context record", ""]),
    (0x3b, [EXCEPTION, INSTRUCTION, "context record", ""]),
    (0x4a, ["routine of the system call that was returning", IRQL, "", ""]),
    (0x50, [MEMORY, ACCESS, IF_KNOWN, "kind of page fault"]),
    (0x7a, ["lock held, or page table entry", "status of the failed read", "", "address whose page could not be read"]),
    (0x7b, ["boot device, or its name", "", "", ""]),
    (0x7e, [EXCEPTION, INSTRUCTION, "exception record", "context record"]),
    (0x7f, ["processor's trap", "", "", ""]),
    (0x8e, [EXCEPTION, INSTRUCTION, "trap frame", ""]),
    (0x9f, [SUBCODE, "", "", ""]),
    (0xbe, ["address that was written", ENTRY, "", ""]),
    (0xc1, ["address around which memory was overwritten", "", "", ""]),
    (0xc2, [SUBCODE, "", "", ""]),
    (0xc4, [SUBCODE, "", "", ""]),
    (0xc5, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xc9, [SUBCODE, "", "", ""]),
    (0xcc, ["address in special memory already freed", ACCESS, IF_KNOWN, ""]),
    (0xcd, ["address behind the end of a special allocation", ACCESS, IF_KNOWN, ""]),
    (0xce, ["address in the unloaded driver", ACCESS, INSTRUCTION, ""]),
    (0xcf, [MEMORY, ACCESS, IF_KNOWN, ""]),
    (0xd0, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xd1, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xd3, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xd4, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xd5, ["address in memory already freed", ACCESS, INSTRUCTION, ""]),
    (0xd6, ["address behind the end of an allocation", ACCESS, INSTRUCTION, ""]),
    (0xdb, [MEMORY, IRQL, ACCESS, INSTRUCTION]),
    (0xe1, ["worker routine", "interrupt level that it returned at", "its argument", "its work item"]),
    (0xed, ["device of the boot volume", "status of the failed mount", "", ""]),
    (0xef, ["object of the process or thread that ended", "what ended", "", ""]),
    (0xf4, ["what ended", "its object", "its name", "text of the reason"]),
    (0xf5, [SUBCODE, "", "", ""]),
    (0xfc, ["address that was to be executed", ENTRY, "", ""]),
    (0x101, ["clock ticks waited", "", "data of the processor that hangs", "number of the processor that hangs"]),
    (0x109, ["", "", "what was changed", "kind of region that was changed"]),
    (0x10d, [SUBCODE, "", "", ""]),
    (0x116, ["record of the display timeout", "address in the display driver", "status of the last operation", ""]),
    (0x124, ["source of the error", "error record of the hardware", "upper half of the machine check's status", "lower half of the machine check's status"]),
    (0x12b, ["address of the page", "physical page", "", ""]),
    (0x12c, [SOURCE, "exception record", "context record", ""]),
    (0x133, ["what took too long", "", "", ""]),
    (0x135, [EXCEPTION, "context record", "callback of the registry filter", ""]),
    (0x139, [SUBCODE, "trap frame", "exception record", ""]),
    (0x13a, [SUBCODE, "heap that is damaged", "address of the damage", ""]),
    (0x154, ["context of the memory store", "details of the exception", "", ""]),
    (0xc000_021a, ["text that names the process", "status it ended with", "", ""]),
];

/// What each parameter of a stop stands for, with the meaning of its value where one is known: `kind of access: write`.
/// `None`: reserved, unknown, or different from case to case.
#[must_use]
pub fn parameter_meanings(code: u32, parameters: &[u64; 4]) -> [Option<String>; 4] {
    let code = base_code(code);
    let mut meanings = MEANINGS.iter().find(|(of, _)| *of == code).map_or([""; 4], |(_, meanings)| *meanings);
    refine(code, parameters[0], &mut meanings);
    let mut texts = meanings.into_iter().zip(parameters).map(|(meaning, &value)| {
        let value = value_of(code, meaning, value).map(|value| format!(": {value}")).unwrap_or_default();
        (!meaning.is_empty()).then(|| format!("{meaning}{value}"))
    });
    std::array::from_fn(|_| texts.next().flatten())
}

/// Meanings that depend on the first parameter.
fn refine(code: u32, first: u64, meanings: &mut Meanings) {
    let [_, second, third, fourth] = meanings;
    match (code, first) {
        (0x9f, 3) => {
            *second = "device at the bottom of the stack";
            *third = "what the power manager kept for debuggers";
            *fourth = "power request that does not return";
        }
        (0x133, 0) => {
            *second = "ticks that the routine took";
            *third = "ticks that it may take";
            *fourth = "what was kept for debuggers";
        }
        (0x133, 1) => {
            *second = "ticks of the watchdog's period";
            *third = "what was kept for debuggers";
        }
        _ => {}
    }
}

fn value_of(code: u32, meaning: &str, value: u64) -> Option<&'static str> {
    match (code, meaning) {
        (_, EXCEPTION) => exception(value),
        (_, ACCESS) => access(code, value),
        (0x139, SUBCODE) => fast_fail(value),
        (0x9f, SUBCODE) => pick(
            value,
            &[
                (1, "a device is gone that has a power request to finish"),
                (2, "a device finished a power request, but not for itself"),
                (3, "a device holds a power request for too long"),
                (4, "a change of power waits too long for plug and play"),
            ],
        ),
        (0x7f, _) => pick(
            value,
            &[
                (0, "division by zero"),
                (4, "overflow"),
                (6, "invalid instruction"),
                (8, "double fault: often no stack left"),
            ],
        ),
        (0xef, "what ended") => pick(value, &[(0, "a process"), (1, "a thread")]),
        (0xf4, "what ended") => pick(value, &[(3, "a process"), (6, "a thread")]),
        (0x124, "source of the error") => {
            pick(value, &[(0, "machine check"), (3, "non-maskable interrupt"), (4, "PCI Express")])
        }
        (0x133, "what took too long") => {
            pick(value, &[(0, "one deferred routine"), (1, "the processor was at a raised interrupt level altogether")])
        }
        _ => None,
    }
}

fn pick(value: u64, known: &[(u64, &'static str)]) -> Option<&'static str> {
    known.iter().find(|(number, _)| *number == value).map(|(_, text)| *text)
}

/// The kinds of access; their numbers differ between codes.
pub(super) fn access(code: u32, value: u64) -> Option<&'static str> {
    match (code, value) {
        (_, 0) => Some("read"),
        // Of 0x50 the 1 is what systems before Windows 10 1507 wrote. The numbers since are bits of the processor's error
        // code of a page fault, of which the lowest says that the page was there.
        (_, 1) | (0x50, 2 | 3) => Some("write"),
        (0x50, 0x10 | 0x11) | (0x0a | 0xd1 | 0xc5, 8) | (0xd1, 2) => Some("execute"),
        _ => None,
    }
}

/// Exceptions are NTSTATUS values, sign-extended to 64 bits.
fn exception(value: u64) -> Option<&'static str> {
    pick(
        value & 0xffff_ffff,
        &[
            (0x8000_0003, "breakpoint"),
            (0x8000_0004, "single step"),
            (0xc000_0005, "access violation"),
            (0xc000_0006, "a page could not be read in"),
            (0xc000_001d, "illegal instruction"),
            (0xc000_0094, "integer division by zero"),
            (0xc000_0095, "integer overflow"),
            (0xc000_0096, "privileged instruction"),
            (0xc000_00fd, "stack overflow"),
            (0xc000_0409, "security check failed"),
            (0xc000_0420, "assertion failed"),
        ],
    )
}

/// The public numbers of `__fastfail` in the Windows SDK.
fn fast_fail(value: u64) -> Option<&'static str> {
    pick(
        value,
        &[
            (2, "a stack buffer was overrun"),
            (3, "a list entry is damaged"),
            (4, "the stack pointer is outside of the stack"),
            (5, "an argument is invalid"),
            (8, "an index is out of range"),
            (9, "unsafe access to the registry"),
            (10, "an indirect call to a target that is not allowed"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Suspects, name, suspects};
    use super::*;

    #[test]
    fn meanings() {
        let of = |code, parameters: [u64; 4]| parameter_meanings(code, &parameters).map(Option::unwrap_or_default);
        assert_eq!(
            of(0x1000_007e, [0xffff_ffff_c000_0005, 1, 2, 3]),
            ["exception: access violation", "faulting instruction", "exception record", "context record"]
        );
        assert_eq!(
            of(0x50, [0xffff_8405_0000_0074, 0x10, 1, 2]),
            [
                "address that was accessed",
                "kind of access: execute",
                "faulting instruction, if known",
                "kind of page fault"
            ]
        );
        for (number, kind) in [(3, ": write"), (0x11, ": execute"), (8, "")] {
            assert_eq!(of(0x50, [0xffff_8405_0000_0074, number, 1, 2])[1], format!("kind of access{kind}"));
        }
        assert_eq!(of(0xd1, [0, 2, 8, 0])[2], "kind of access: execute");
        assert_eq!(of(0xd1, [0, 2, 0x77, 0])[2], "kind of access");
        assert_eq!(of(0x139, [3, 1, 2, 0])[0], "what exactly was found: a list entry is damaged");
        assert_eq!(of(0x9f, [3, 1, 2, 4])[3], "power request that does not return");
        assert_eq!(of(0x9f, [4, 1, 2, 4])[3], "");
        assert_eq!(of(0x133, [1, 1, 2, 4])[2], "what was kept for debuggers");
        assert_eq!(of(0xef, [1, 0, 0, 0])[1], "what ended: a process");
        assert_eq!(parameter_meanings(0xe2, &[0; 4]), [const { None }; 4]);
        assert_eq!(parameter_meanings(0x10001, &[1; 4]), [const { None }; 4]);
    }

    #[test]
    fn the_table_has_each_code_once_with_a_name() {
        assert!(MEANINGS.is_sorted_by(|(one, _), (next, _)| one < next));
        for (code, meanings) in MEANINGS {
            assert!(name(*code).is_some(), "{code:#x}");
            assert!(meanings.iter().any(|meaning| !meaning.is_empty()), "{code:#x}");
        }
    }

    /// What blame takes for the faulting instruction is told as such.
    #[test]
    fn blame_and_meaning_agree() {
        for code in 0..0x200 {
            if let Suspects::Parameter(number) = suspects(code) {
                let meanings = parameter_meanings(code, &[0; 4]);
                let meaning = meanings[number - 1].as_deref();
                assert!(meaning.is_some_and(|meaning| meaning.starts_with(INSTRUCTION)), "{code:#x}");
            }
        }
    }
}
