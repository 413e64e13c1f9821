//! The rules of blame and bucket, a row each.

use coexist_evidence::{DriverOwners, blame, bucket, read_kernel_dump, stack_candidates};
use coexist_model::Strength;
use proptest::prelude::*;

use crate::callers;
use crate::dump_builder::{ACME, DumpSpec, GLOBEX, KERNEL, STACK, module, quiet};

pub(crate) const UNLOADED: u64 = 0xffff_f802_4000_0000;

#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) spec: DumpSpec,
    strength: Strength,
    place: Option<(&'static str, u64)>,
    bucket: &'static str,
}

pub(crate) fn row(
    what: &'static str,
    spec: DumpSpec,
    strength: Strength,
    place: Option<(&'static str, u64)>,
    bucket: &'static str,
) -> Row {
    Row { what, spec, strength, place, bucket }
}

fn rows() -> Vec<Row> {
    use Strength::{Likely, None as Nobody, Strong, Weak};
    let av = 0xffff_ffff_c000_0005;
    let acme = |offset| Some(("acmeflt.sys", offset));
    vec![
        row(
            "0xD1: parameter 4 in a driver",
            DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() },
            Strong,
            acme(0x1100),
            "d1|read|acmeflt.sys+0x1100|5f1a2b3c-40000",
        ),
        row(
            "0x3B: parameter 2 in a driver",
            DumpSpec { code: 0x3b, parameters: [0xc000_0005, GLOBEX + 0x1008, 0, 0], ..quiet() },
            Strong,
            Some(("globex.sys", 0x1008)),
            "3b|c0000005|globex.sys+0x1008|60000001-8000",
        ),
        row(
            "0x50: parameter 3 in a driver, write",
            DumpSpec { code: 0x50, parameters: [0xffff_8405_0000_0074, 2, ACME + 0x2000, 2], ..quiet() },
            Strong,
            acme(0x2000),
            "50|write|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "0xD5: parameter 3 in a driver",
            DumpSpec { code: 0xd5, parameters: [0xffff_8405_0000_0074, 1, GLOBEX + 0x1010, 0], ..quiet() },
            Strong,
            Some(("globex.sys", 0x1010)),
            "d5|write|globex.sys+0x1010|60000001-8000",
        ),
        row(
            "a live dump is an operator's wish",
            DumpSpec { code: 0x161, rip: ACME + 0x2000, ..quiet() },
            Nobody,
            None,
            "161|-|in msmpeng.exe|-",
        ),
        row(
            "context in a driver",
            DumpSpec { rip: ACME + 0x1234, ..quiet() },
            Strong,
            acme(0x1234),
            "139|3|acmeflt.sys+0x1234|5f1a2b3c-40000",
        ),
        row(
            "the parameter of a 0xD1 comes before the context",
            DumpSpec { code: 0xd1, parameters: [0, 2, 1, ACME + 0x1100], rip: GLOBEX + 0x1000, ..quiet() },
            Strong,
            acme(0x1100),
            "d1|write|acmeflt.sys+0x1100|5f1a2b3c-40000",
        ),
        row(
            "instruction where a driver was before it was unloaded",
            DumpSpec { code: 0xd1, parameters: [0, 2, 8, UNLOADED + 0x10], ..quiet() },
            Likely,
            Some(("dump_storahc", 0x10)),
            "d1|execute|dump_storahc+0x10|unloaded-33000",
        ),
        row(
            "where two drivers were loaded before they were unloaded",
            DumpSpec {
                code: 0xd1,
                parameters: [0, 2, 8, UNLOADED + 0x10],
                unloaded: vec![
                    ("dump_storahci", UNLOADED, UNLOADED + 0x3_3000),
                    ("WdBoot.sys", UNLOADED, UNLOADED + 0x1_1000),
                ],
                ..quiet()
            },
            Nobody,
            None,
            "d1|execute|in msmpeng.exe|-",
        ),
        row(
            "0x139: the exception record lies on the stack and names a driver",
            DumpSpec { parameters: [3, STACK + 0x900, STACK + 0x200, 0], ..quiet() }
                .with_slot(0x200, 0xc000_0409)
                .with_slot(0x210, ACME + 0x1f00),
            Strong,
            acme(0x1f00),
            "139|3|acmeflt.sys+0x1f00|5f1a2b3c-40000",
        ),
        row(
            "0x139: the exception record names the kernel",
            DumpSpec { parameters: [3, STACK + 0x900, STACK + 0x200, 0], ..quiet() }
                .with_slot(0x200, 0xc000_0409)
                .with_slot(0x210, KERNEL + 0x12_3456),
            Nobody,
            None,
            "139|3|ntoskrnl.exe+0x123456|5dee2b07-1046000",
        ),
        row(
            "exception in the kernel, called from a driver",
            DumpSpec {
                code: 0x1000_007e,
                parameters: [av, KERNEL + 0x4_a2d4, 0, 0],
                rip: KERNEL + 0x4_a2d4,
                ..quiet()
            }
            .with_slot(0, GLOBEX + 0x6755)
            .with_slot(8, ACME + 0x2000),
            Likely,
            Some(("globex.sys", 0x6755)),
            "7e|c0000005|globex.sys+0x6755|60000001-8000",
        ),
        row(
            "jump to nowhere, called from a driver",
            DumpSpec { code: 0x7e, parameters: [av, 0, 0, 0], rip: 0, ..quiet() }.with_slot(0, ACME + 0x2000),
            Likely,
            acme(0x2000),
            "7e|c0000005|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "below the stack pointer are values of calls that are over",
            DumpSpec { rsp: STACK + 0x800, ..quiet() }.with_below(0x10, GLOBEX + 0x1500).with_slot(0x20, ACME + 0x2000),
            Likely,
            acme(0x2000),
            "139|3|acmeflt.sys+0x2000|5f1a2b3c-40000",
        ),
        row(
            "a pointer to an image's headers is no return address",
            quiet().with_slot(0, GLOBEX).with_slot(8, GLOBEX + 0xfff).with_slot(0x10, ACME + 0x1000),
            Likely,
            acme(0x1000),
            "139|3|acmeflt.sys+0x1000|5f1a2b3c-40000",
        ),
        row(
            "no call stands before it",
            DumpSpec { blocks: vec![(GLOBEX + 0x1ff0, vec![0x90; 32])], ..quiet() }
                .with_slot(0, GLOBEX + 0x2000)
                .with_slot(8, ACME + 0x1000),
            Likely,
            acme(0x1000),
            "139|3|acmeflt.sys+0x1000|5f1a2b3c-40000",
        ),
        row(
            "far up, but a call stands before it",
            DumpSpec { blocks: vec![(GLOBEX + 0x1ff9, vec![0x90, 0x90, 0xe8, 1, 2, 3, 4])], ..quiet() }
                .with_slot(0x800, GLOBEX + 0x2000),
            Likely,
            Some(("globex.sys", 0x2000)),
            "139|3|globex.sys+0x2000|60000001-8000",
        ),
        row(
            "far up: a hint, and not part of the bucket",
            quiet().with_slot(0x800, ACME + 0x2000),
            Weak,
            acme(0x2000),
            "139|3|in msmpeng.exe|-",
        ),
        row("too far up", quiet().with_slot(0x1000, ACME + 0x2000), Nobody, None, "139|3|in msmpeng.exe|-"),
        row(
            "any parameter of a 0xC4",
            DumpSpec { code: 0xc4, parameters: [0x62, 0, GLOBEX + 0x10, 0], ..quiet() },
            Weak,
            Some(("globex.sys", 0x10)),
            "c4|62|globex.sys+0x10|60000001-8000",
        ),
        row(
            "a parameter in an unloaded driver",
            DumpSpec { code: 0xce, parameters: [UNLOADED + 0x2000, 0, 0, 0], ..quiet() },
            Weak,
            Some(("dump_storahc", 0x2000)),
            "ce|read|dump_storahc+0x2000|unloaded-33000",
        ),
        row(
            "the kernel is no suspect",
            DumpSpec { code: 0xd1, parameters: [0, 2, 0, KERNEL + 0x77], ..quiet() },
            Nobody,
            None,
            "d1|read|ntoskrnl.exe+0x77|5dee2b07-1046000",
        ),
        row("nothing", quiet(), Nobody, None, "139|3|in msmpeng.exe|-"),
        row(
            "operator: whatever points at a driver",
            DumpSpec { code: 0xe2, parameters: [ACME + 1, 0, 0, 0], rip: ACME + 0x2000, ..quiet() },
            Nobody,
            None,
            "e2|-|in msmpeng.exe|-",
        ),
        row(
            "operator, by the power button",
            DumpSpec { code: 0x1c8, rip: ACME + 0x2000, ..quiet() },
            Nobody,
            None,
            "1c8|-|in msmpeng.exe|-",
        ),
        row(
            "hardware",
            DumpSpec { code: 0x124, parameters: [4, ACME + 8, 0, 0], ..quiet() }.with_slot(0, ACME + 0x2000),
            Nobody,
            None,
            "124|4|in msmpeng.exe|-",
        ),
        row(
            "an address in no module never becomes part of a bucket",
            DumpSpec {
                code: 0x50,
                parameters: [0, 0x10, 0xffff_9000_1234_5678, 2],
                rip: 0xffff_9000_1234_5678,
                ..quiet()
            },
            Nobody,
            None,
            "50|execute|in msmpeng.exe|-",
        ),
        row(
            "a driver that claims user memory claims nothing",
            DumpSpec {
                code: 0x7e,
                parameters: [av, 0x7ffe_7350_d0c4, 0, 0],
                rip: 0x7ffe_7350_d0c4,
                modules: vec![module("greedy.sys", 0, u32::MAX, 1), module("big.sys", 0x7ffe_0000_0000, u32::MAX, 1)],
                ..quiet()
            },
            Nobody,
            None,
            "7e|c0000005|in msmpeng.exe|-",
        ),
    ]
}

impl DumpSpec {
    fn with_below(mut self, distance: u64, value: u64) -> Self {
        let index = (self.rsp - distance - self.stack_at) / 8;
        self.stack[usize::try_from(index).unwrap()] = value;
        self
    }
}

#[test]
fn every_rule() {
    for Row { what, spec, strength, place, bucket: expected } in rows().into_iter().chain(callers::rows()) {
        let bytes = spec.build();
        let dump = read_kernel_dump(&bytes).unwrap();
        let blame = blame(&dump, &DriverOwners::default());
        let found = blame.module.as_deref().zip(blame.offset.map(|offset| offset.0));
        assert_eq!((blame.strength, found), (strength, place), "{what}: {}", blame.reason);
        assert_eq!(bucket(&dump).0, expected, "{what}");
        assert!(!blame.reason.is_empty());
    }
}

#[test]
fn the_same_crash_elsewhere_is_the_same() {
    for Row { what, spec, .. } in rows().into_iter().chain(callers::rows()) {
        let bytes = spec.build();
        let dump = read_kernel_dump(&bytes).unwrap();
        for seed in 1..=5_u64 {
            let elsewhere = spec.rebased(|part| (seed * 31 + part as u64 * 7) % 97 * 0x1_0000).build();
            let other = read_kernel_dump(&elsewhere).unwrap();
            assert_eq!(bucket(&dump), bucket(&other), "{what}");
            let owners = DriverOwners::default();
            assert_eq!(blame(&dump, &owners), blame(&other, &owners), "{what}");
        }
    }
}

#[test]
fn different_crashes_differ() {
    let of = |spec: DumpSpec| {
        let bytes = spec.build();
        bucket(&read_kernel_dump(&bytes).unwrap()).0
    };
    let crash = DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() };
    let mut newer = crash.clone();
    newer.modules[2].stamp += 1;
    let mut others = vec![
        of(crash.clone()),
        of(DumpSpec { code: 0x0a, ..crash.clone() }),
        of(DumpSpec { parameters: [0, 2, 1, ACME + 0x1100], ..crash.clone() }),
        of(DumpSpec { parameters: [0, 2, 0, ACME + 0x1108], ..crash.clone() }),
        of(DumpSpec { parameters: [0, 2, 0, GLOBEX + 0x1100], ..crash.clone() }),
        of(newer),
    ];
    let all = others.len();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), all);
    // The "_M" form is the same crash.
    let long = DumpSpec { code: 0x7e, parameters: [0xffff_ffff_c000_0005, ACME + 8, 0, 0], ..quiet() };
    assert_eq!(of(DumpSpec { code: 0x1000_007e, ..long.clone() }), of(long));
}

/// The numbers Microsoft published of the fault of 19 July 2024 (security blog, 27 July 2024); the stop code is
/// inferred from them.
#[test]
fn the_july_2024_pattern() {
    let base = 0xffff_f806_7143_0000;
    let spec = DumpSpec {
        code: 0x50,
        parameters: [0xffff_8405_0000_0074, 0, 0xffff_f806_7151_14ed, 2],
        modules: vec![module("ntoskrnl.exe", KERNEL, 0x104_6000, 1), module(r"\??\C:\CSAgent.sys", base, 0x30_0000, 2)],
        ..quiet()
    };
    let bytes = spec.build();
    let dump = read_kernel_dump(&bytes).unwrap();
    let blame = blame(&dump, &DriverOwners::default());
    assert_eq!(bucket(&dump).0, "50|read|csagent.sys+0xe14ed|2-300000");
    assert_eq!(blame.strength, Strength::Strong);
    assert_eq!(blame.module.as_deref(), Some("csagent.sys"));
    assert_eq!(blame.offset.unwrap().to_string(), "0xe14ed");
    assert_eq!(blame.vendor.as_deref(), Some("CrowdStrike"));
    assert_eq!(blame.reason, "parameter 3, the faulting instruction, lies in csagent.sys");
}

#[test]
fn stack_candidates_are_those_that_blame_weighs() {
    let spec = DumpSpec { blocks: vec![(GLOBEX + 0x1ff0, vec![0x90; 32])], ..quiet() }
        .with_slot(0, GLOBEX + 0x2000)
        .with_slot(0x10, KERNEL + 0x2000)
        .with_slot(0x18, ACME + 0x10)
        .with_slot(0x20, ACME + 0x3000)
        .with_slot(0x900, ACME + 0x4000)
        .with_slot(0x1000, ACME + 0x5000);
    let proved = spec.clone();
    for (spec, expected) in [
        (spec, vec![(STACK + 0x20, 0x3000, false), (STACK + 0x900, 0x4000, false)]),
        (
            DumpSpec { blocks: vec![(ACME + 0x2ff9, vec![0x90, 0x90, 0xe8, 0, 0, 0, 0])], ..proved },
            vec![(STACK, 0x2000, false), (STACK + 0x20, 0x3000, true), (STACK + 0x900, 0x4000, false)],
        ),
    ] {
        let bytes = spec.build();
        let found = stack_candidates(&read_kernel_dump(&bytes).unwrap());
        let found: Vec<_> = found.iter().map(|found| (found.address.0, found.offset.0, found.follows_call)).collect();
        assert_eq!(found, expected);
    }
}

/// What makes two crashes the same.
type Identity = (u32, u64, usize, u64, u32);

fn identity() -> impl Strategy<Value = Identity> {
    (prop::sample::select(vec![0x0a, 0xd1, 0x50, 0x7e, 0x3b]), 0_u64..2, 2_usize..4, 0_u64..0x40, 0_u32..2)
}

/// A crash of this identity: code, access or exception, module, offset in it, time stamp.
fn spec_of((code, kind, index, offset, stamp): Identity) -> DumpSpec {
    let mut spec = quiet();
    let module = &mut spec.modules[index];
    module.stamp = 0x7000_0000 + stamp;
    let fault = module.base + 0x1000 + 8 * offset;
    spec.code = code;
    spec.parameters = match code {
        0x0a | 0xd1 => [0x10, 2, kind, fault],
        0x50 => [0xffff_8405_0000_0074, 2 * kind, fault, 2],
        _ => [0xffff_ffff_c000_0005 + kind, fault, 0, 0],
    };
    spec
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn buckets_are_equal_exactly_for_equal_crashes(one in identity(), other in identity(), by in 1_u64..0x400) {
        let of = |spec: &DumpSpec| bucket(&read_kernel_dump(&spec.build()).unwrap());
        let first = of(&spec_of(one));
        prop_assert_eq!(&first, &of(&spec_of(one).rebased(|part| (by + part as u64 * 3) * 0x1000)));
        prop_assert_eq!(first == of(&spec_of(other)), one == other);
    }
}
