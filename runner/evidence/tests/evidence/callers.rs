//! Rules of blame that look behind the kernel and frameworks, and at the registers of the fault itself. A row each; the
//! tests of `blame` run them with the others.

use coexist_evidence::{DriverOwners, blame, read_kernel_dump};
use coexist_model::Strength;

use crate::blame::{Row, UNLOADED, row};
use crate::dump_builder::{ACME, DumpSpec, GLOBEX, KERNEL, STACK, module, quiet};

const FRAMEWORK: u64 = 0xffff_f802_5000_0000;
const OTHER: u64 = 0xffff_f802_6000_0000;
pub(crate) const NAMELESS: u64 = 0xffff_f802_7000_0000;
const AV: u64 = 0xffff_ffff_c000_0005;

impl DumpSpec {
    pub(crate) fn with_module(mut self, name: &'static str, base: u64) -> Self {
        self.modules.push(module(name, base, 0x8000, 0x6100_0001));
        self
    }

    fn with_filter_manager(self) -> Self {
        self.with_module("fltmgr.sys", FRAMEWORK)
    }

    /// What an x64 processor leaves on the stack where it traps, `distance` above the header's stack pointer.
    fn with_machine_frame(self, distance: u64, instruction: u64, stack: u64) -> Self {
        self.with_slot(distance, instruction)
            .with_slot(distance + 8, 0x10)
            .with_slot(distance + 0x10, 0x5_0246)
            .with_slot(distance + 0x18, stack)
            .with_slot(distance + 0x20, 0x18)
    }

    /// A `CONTEXT` of x64, `distance` above the header's stack pointer.
    fn with_context_record(self, distance: u64, instruction: u64, stack: u64) -> Self {
        self.with_slot(distance + 0x30, 0x10_005f)
            .with_slot(distance + 0x98, stack)
            .with_slot(distance + 0xf8, instruction)
    }
}

pub(crate) fn rows() -> Vec<Row> {
    [
        behind_frameworks(),
        in_frameworks(),
        at_the_fault(),
        by_the_code(),
        without_a_name(),
        of_hostile_lists(),
        of_arm64(),
    ]
    .concat()
}

fn behind_frameworks() -> Vec<Row> {
    use Strength::{Likely, Weak};
    let acme = Some(("acmeflt.sys", 0x2000));
    vec![
        row(
            "a framework carried the call of the driver behind it",
            quiet().with_filter_manager().with_slot(0x10, FRAMEWORK + 0x1500).with_slot(0x148, ACME + 0x2000),
            Likely,
            acme,
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "several frameworks did, one near the other",
            quiet()
                .with_filter_manager()
                .with_module("Wdf01000.sys", OTHER)
                .with_slot(0x100, OTHER + 0x1500)
                .with_slot(0x200, FRAMEWORK + 0x1500)
                .with_slot(0x300, ACME + 0x2000),
            Likely,
            acme,
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "the driver is too far behind the framework",
            quiet().with_filter_manager().with_slot(0x10, FRAMEWORK + 0x1500).with_slot(0x800, ACME + 0x2000),
            Weak,
            acme,
            "139|3|in msmpeng.exe|-",
        ),
        row(
            "nobody but a framework",
            quiet().with_module("VerifierExt.sys", FRAMEWORK).with_slot(0x10, FRAMEWORK + 0x1500),
            Weak,
            Some(("verifierext.sys", 0x1500)),
            "139|3|in msmpeng.exe|-",
        ),
        row(
            "Defender's filter is a product",
            quiet()
                .with_module("WdFilter.sys", FRAMEWORK)
                .with_slot(0x10, FRAMEWORK + 0x1500)
                .with_slot(0x20, ACME + 0x2000),
            Likely,
            Some(("wdfilter.sys", 0x1500)),
            "139|3|wdfilter.sys+0x1500|61000001-8000",
        ),
        row(
            "a parameter in a framework comes after one in a driver",
            DumpSpec { code: 0xc4, parameters: [0x62, FRAMEWORK + 0x10, GLOBEX + 0x10, 0], ..quiet() }
                .with_module("ndis.sys", FRAMEWORK),
            Weak,
            Some(("globex.sys", 0x10)),
            "c4|62|globex.sys+0x10|60000001-8000",
        ),
    ]
}

fn in_frameworks() -> Vec<Row> {
    use Strength::{Likely, Weak};
    let fault = || {
        DumpSpec { code: 0xd1, parameters: [0, 2, 0, FRAMEWORK + 0x1700], ..quiet() }
            .with_filter_manager()
            .with_machine_frame(0x200, FRAMEWORK + 0x1700, STACK + 0x400)
    };
    vec![
        row(
            "the fault is in a framework, called by a driver",
            fault().with_slot(0x420, ACME + 0x2000),
            Likely,
            Some(("acmeflt.sys", 0x2000)),
            "d1|read|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "the fault is in a framework, and a driver is far up",
            fault().with_slot(0x800, ACME + 0x2000),
            Weak,
            Some(("acmeflt.sys", 0x2000)),
            "d1|read|fltmgr.sys+0x1700|61000001-8000",
        ),
        row(
            "the fault is in a framework, and nobody else is there",
            fault(),
            Likely,
            Some(("fltmgr.sys", 0x1700)),
            "d1|read|fltmgr.sys+0x1700|61000001-8000",
        ),
    ]
}

fn at_the_fault() -> Vec<Row> {
    use Strength::{Likely, None as Nobody, Strong, Weak};
    let memcpy = KERNEL + 0x7700;
    let acme = Some(("acmeflt.sys", 0x2000));
    vec![
        row(
            "behind the trap stands who called the kernel; before it, what the trap's handlers left",
            DumpSpec { code: 0x0a, parameters: [0x10, 2, 1, memcpy], ..quiet() }
                .with_slot(0x100, GLOBEX + 0x1500)
                .with_machine_frame(0x2e0, memcpy, STACK + 0x310)
                .with_slot(0x318, ACME + 0x2000),
            Likely,
            acme,
            "a|write|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "a trap whose frame is not at hand: what is near the stop is not near the fault",
            DumpSpec { code: 0x0a, parameters: [0x10, 2, 1, memcpy], ..quiet() }.with_slot(0x100, ACME + 0x2000),
            Weak,
            acme,
            "a|write|ntoskrnl.exe+0x7700|5dee2b07-1046000",
        ),
        row(
            "a jump to nowhere, seen by its trap",
            DumpSpec { code: 0xd1, parameters: [0, 2, 8, 0], ..quiet() }
                .with_machine_frame(0x2e0, 0, STACK + 0x310)
                .with_slot(0x310, ACME + 0x2000),
            Likely,
            acme,
            "d1|execute|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0xBE: what trapped",
            DumpSpec { code: 0xbe, parameters: [ACME + 0x30_0000, 0, STACK, 0xb], ..quiet() }
                .with_slot(0x80, GLOBEX + 0x1500)
                .with_machine_frame(0x300, ACME + 0x2000, STACK + 0x330),
            Strong,
            acme,
            "be|-|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x7F: the kernel trapped, called by a driver",
            DumpSpec { code: 0x7f, parameters: [0, 0, 0, 0], ..quiet() }
                .with_slot(0x80, GLOBEX + 0x1500)
                .with_machine_frame(0x300, memcpy, STACK + 0x330)
                .with_slot(0x338, ACME + 0x2000),
            Likely,
            acme,
            "7f|0|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0xFC: who called what is no code",
            DumpSpec { code: 0xfc, parameters: [0xffff_8405_7000_0000, 0, 0, 0], ..quiet() }
                .with_machine_frame(0x200, KERNEL + 0x1000, STACK + 0x240)
                .with_machine_frame(0x300, 0xffff_8405_7000_0000, STACK + 0x330)
                .with_slot(0x330, ACME + 0x2000),
            Likely,
            acme,
            "fc|-|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x133: the clock interrupted a driver",
            DumpSpec { code: 0x133, parameters: [0, 0x501, 0x500, 0], ..quiet() }
                .with_slot(0x80, GLOBEX + 0x1500)
                .with_machine_frame(0x300, ACME + 0x2000, STACK + 0x330),
            Likely,
            acme,
            "133|0|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x133: the clock interrupted the kernel, called by a driver",
            DumpSpec { code: 0x133, parameters: [0, 0x501, 0x500, 0], ..quiet() }
                .with_slot(0x80, GLOBEX + 0x1500)
                .with_machine_frame(0x300, memcpy, STACK + 0x330)
                .with_slot(0x348, ACME + 0x2000),
            Likely,
            acme,
            "133|0|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "a user's frame is none of the kernel's",
            DumpSpec { code: 0x0a, parameters: [0x10, 2, 1, memcpy], ..quiet() }
                .with_slot(0x2e0, memcpy)
                .with_slot(0x2e8, 0x33)
                .with_slot(0x2f8, STACK + 0x310)
                .with_slot(0x300, 0x2b),
            Nobody,
            None,
            "a|write|ntoskrnl.exe+0x7700|5dee2b07-1046000",
        ),
        row(
            "0x3B: the context record has the registers of the fault",
            DumpSpec { code: 0x3b, parameters: [0xc000_0005, memcpy, STACK + 0x300, 0], ..quiet() }
                .with_slot(0x20, GLOBEX + 0x1500)
                .with_context_record(0x300, memcpy, STACK + 0xa00)
                .with_slot(0xa20, ACME + 0x2000),
            Likely,
            acme,
            "3b|c0000005|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x139: the trap frame has them",
            DumpSpec { parameters: [3, STACK + 0x100, 0, 0], ..quiet() }
                .with_machine_frame(0x100 + 0x168, memcpy, STACK + 0x600)
                .with_slot(0x10, GLOBEX + 0x1500)
                .with_slot(0x608, ACME + 0x2000),
            Likely,
            acme,
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x139: the trap frame lies in a driver",
            DumpSpec { parameters: [3, STACK + 0x100, 0, 0], ..quiet() }.with_machine_frame(
                0x100 + 0x168,
                ACME + 0x2000,
                STACK + 0x600,
            ),
            Strong,
            acme,
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x24: the file system names an exception record",
            DumpSpec { code: 0x24, parameters: [0xb5_0019_061f, STACK + 0x300, 0, 0], ..quiet() }
                .with_slot(0x300, 0xc000_0005)
                .with_slot(0x310, ACME + 0x2000),
            Strong,
            acme,
            "24|b50019061f|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "what is no exception's code is no record",
            DumpSpec { code: 0x24, parameters: [0xb5_0019_061f, STACK + 0x300, 0, 0], ..quiet() }
                .with_slot(0x300, 0x1234)
                .with_slot(0x310, ACME + 0x10),
            Nobody,
            None,
            "24|b50019061f|in msmpeng.exe|-",
        ),
    ]
}

fn by_the_code() -> Vec<Row> {
    use Strength::{Likely, None as Nobody, Strong, Weak};
    let acme = Some(("acmeflt.sys", 0x2000));
    let called = |code, parameters| DumpSpec { code, parameters, ..quiet() }.with_slot(0x10, ACME + 0x2000);
    vec![
        row(
            "0x135: the callback finds the driver",
            DumpSpec { code: 0x135, parameters: [AV, 0, ACME + 0x2000, 0], ..quiet() },
            Strong,
            acme,
            "135|c0000005|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x135: the context record is nearer to the fault",
            DumpSpec { code: 0x135, parameters: [AV, STACK + 0x100, ACME + 0x2000, 0], ..quiet() }.with_context_record(
                0x100,
                GLOBEX + 0x1010,
                STACK + 0x400,
            ),
            Strong,
            Some(("globex.sys", 0x1010)),
            "135|c0000005|globex.sys+0x1010|60000001-8000",
        ),
        row(
            "0x10D: whom the framework says that it was called by",
            called(0x10d, [4, 0, GLOBEX + 0x1010, 0]),
            Strong,
            Some(("globex.sys", 0x1010)),
            "10d|4|globex.sys+0x1010|60000001-8000",
        ),
        row(
            "0x10D: other kinds name nobody",
            called(0x10d, [5, 0, 0, 0]),
            Likely,
            acme,
            "10d|5|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0xD3: parameter 4",
            called(0xd3, [0, 2, 0, ACME + 0x2000]),
            Strong,
            acme,
            "d3|read|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0x1A: who stumbles over damage",
            called(0x1a, [0x4_1790, 0, 0, 0]),
            Weak,
            acme,
            "1a|41790|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row("0xF4: a process ended", called(0xf4, [3, 0, 0, 0]), Nobody, None, "f4|3|in msmpeng.exe|-"),
        row("0x101: another processor hangs", called(0x101, [0x18, 0, 0, 2]), Nobody, None, "101|-|in msmpeng.exe|-"),
        row("0x80: an interrupt", called(0x80, [0x4f_4454, 0, 0, 0]), Nobody, None, "80|-|in msmpeng.exe|-"),
        row(
            "0xC000021A: a process ended, with this status",
            called(0xc000_021a, [0xffff_9000_0000_0000, 0xffff_ffff_c000_0005, 0, 0]),
            Nobody,
            None,
            "c000021a|c0000005|in msmpeng.exe|-",
        ),
        row("a debugger's dump of no stop", called(0, [0; 4]), Nobody, None, "0|-|in msmpeng.exe|-"),
    ]
}

/// What a list claims and what a name looks like.
fn of_hostile_lists() -> Vec<Row> {
    use Strength::Strong;
    let fault = || DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() };
    let mut greedy = fault();
    greedy.modules.insert(0, module("greedy.sys", KERNEL - 0x1000, u32::MAX, 1));
    let mut disguised = fault();
    disguised.modules[2].name = "in x|y.sys+0x1|z.sys";
    vec![
        row(
            "an entry that claims the place of others",
            greedy,
            Strong,
            Some(("acmeflt.sys", 0x1100)),
            "d1|read|acmeflt.sys+0x1100|5f1a2b3c-40000",
        ),
        row(
            "a name that looks like other parts of a bucket",
            disguised,
            Strong,
            Some(("in x|y.sys+0x1|z.sys", 0x1100)),
            "d1|read|in?x?y.sys?0x1?z.sys+0x1100|5f1a2b3c-40000",
        ),
    ]
}

fn without_a_name() -> Vec<Row> {
    use Strength::{Likely, None as Nobody};
    vec![
        row(
            "the fault is in a module whose name cannot be read",
            DumpSpec { code: 0xd1, parameters: [0, 2, 0, NAMELESS + 0x1100], ..quiet() }
                .with_module("", NAMELESS)
                .with_slot(0, ACME + 0x2000),
            Nobody,
            None,
            "d1|read|in msmpeng.exe|-",
        ),
        row(
            "the routine that makes every stop is in such a module, which says nothing of the fault",
            DumpSpec { rip: NAMELESS + 0x1100, ..quiet() }.with_module("", NAMELESS).with_slot(0, ACME + 0x2000),
            Likely,
            Some(("acmeflt.sys", 0x2000)),
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "a return address in such a module names nobody",
            quiet().with_module("", NAMELESS).with_slot(0, NAMELESS + 0x1100).with_slot(8, ACME + 0x2000),
            Likely,
            Some(("acmeflt.sys", 0x2000)),
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "where one without a name was unloaded",
            DumpSpec {
                code: 0xd1,
                parameters: [0, 2, 8, UNLOADED + 0x10],
                unloaded: vec![("", UNLOADED, UNLOADED + 0x3_3000)],
                ..quiet()
            },
            Nobody,
            None,
            "d1|execute|in msmpeng.exe|-",
        ),
    ]
}

fn of_arm64() -> Vec<Row> {
    use Strength::Likely;
    let arm = || DumpSpec { machine: 0xaa64, process: ("System", 0x5b0), ..quiet() };
    let acme = Some(("acmeflt.sys", 0x2000));
    let bucket = "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000";
    vec![
        row(
            "ARM64: the nearest return address is in a register",
            DumpSpec { link: ACME + 0x2000, ..arm() }.with_slot(0, GLOBEX + 0x1500),
            Likely,
            acme,
            bucket,
        ),
        row(
            "ARM64: a call is four bytes long",
            DumpSpec {
                blocks: vec![
                    (ACME + 0x1ffc, 0x97ff_1234_u32.to_le_bytes().to_vec()),
                    (GLOBEX + 0x14fc, 0xd503_201f_u32.to_le_bytes().to_vec()),
                ],
                ..arm()
            }
            .with_slot(0, GLOBEX + 0x1500)
            .with_slot(0x800, ACME + 0x2000),
            Likely,
            acme,
            bucket,
        ),
    ]
}

/// Not a row: a signed address does not move as plain ones do.
#[test]
fn a_signed_return_address_is_one() {
    let spec = DumpSpec { machine: 0xaa64, ..quiet() }.with_slot(0, (ACME + 0x2000) & 0x009f_ffff_ffff_ffff);
    for (machine, expected) in [(0xaa64, Some("acmeflt.sys")), (0x8664, None)] {
        let bytes = DumpSpec { machine, ..spec.clone() }.build();
        let blame = blame(&read_kernel_dump(&bytes).unwrap(), &DriverOwners::default());
        assert_eq!(blame.module.as_deref(), expected, "{machine:#x}");
    }
}

#[test]
fn reasons_say_what_was_passed_over_and_where_the_fault_was() {
    for (what, words) in [
        ("a framework carried the call of the driver behind it", "past fltmgr.sys, which works for other drivers"),
        (
            "the fault is in a framework, called by a driver",
            "parameter 4, the faulting instruction, lies in fltmgr.sys, which works for other drivers; the nearest return address in another is in acmeflt.sys",
        ),
        ("the fault is in a module whose name cannot be read", "lies in a module whose name could not be read"),
        ("0x1A: who stumbles over damage", "another may have done before"),
        ("ARM64: the nearest return address is in a register", "by the link register"),
    ] {
        let spec = rows().into_iter().find(|row| row.what == what).unwrap().spec;
        let bytes = spec.build();
        let reason = blame(&read_kernel_dump(&bytes).unwrap(), &DriverOwners::default()).reason;
        assert!(reason.contains(words), "{what}: {reason}");
    }
}
