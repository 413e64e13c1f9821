//! What a stopping kernel writes down: the images in memory, a register or two, and a stack that looks like one.
//!
//! For most stop codes Windows records the context of `KeBugCheckEx`; for the "thread exception" family it records that of
//! the fault itself (seen in real dumps: facts on 0x7E against 0x4A). Return addresses of the driver that is to blame are
//! on the stack either way.

use std::time::{Duration, SystemTime};

use standin_formats::dump::{DumpDriver, SmallDump, Stack, UnloadedDriver};

use super::memory::Memory;
use crate::clock;

/// Offsets within the kernel's image, all invented.
const BUGCHECK: u64 = 0x003f_d6f0;
const DISPATCH: u64 = 0x0040_f3a9;
const PAGE_FAULT: u64 = 0x0040_b5e1;
const THREAD_START: u64 = 0x0034_b8c5;
const START_SYSTEM: u64 = 0x0040_7a48;
/// Length of the copied stack.
const WORDS: usize = 768;
/// First word above the stack pointer; below it lie leftovers of calls that have returned.
const USED_FROM: usize = 96;

/// The image a stop is due to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Culprit {
    /// File name.
    pub(crate) base_name: String,
    /// The instruction that went wrong.
    pub(crate) fault: u64,
    /// Where the image lies.
    pub(crate) base: u64,
    /// Its length.
    pub(crate) size: u32,
}

/// What the kernel knows at the moment of a stop.
pub(crate) struct Scene<'a> {
    pub(crate) build: u32,
    pub(crate) now: SystemTime,
    pub(crate) uptime: Duration,
    /// All images in load order, the kernel first.
    pub(crate) images: &'a [DumpDriver],
    /// How many of them are Windows' own; they come first.
    pub(crate) windows: usize,
    pub(crate) unloaded: &'a [UnloadedDriver],
}

/// Puts the dump together.
pub(crate) fn dump(
    scene: &Scene<'_>,
    code: u32,
    parameters: [u64; 4],
    culprit: Option<&Culprit>,
    random: &mut Memory,
) -> SmallDump {
    let kernel = scene.images.first().map_or(0, |it| it.base);
    let top = 0xffff_8000_0000_0000 + random.below(0x10_0000) * 0x1_0000;
    let of_the_fault = culprit.filter(|_| records_the_fault(code));
    let rip = of_the_fault.map_or(kernel + BUGCHECK, |it| it.fault);
    SmallDump {
        build: scene.build,
        processors: 1,
        system_time: clock::filetime(scene.now),
        uptime_100ns: u64::try_from(scene.uptime.as_nanos() / 100).unwrap_or(0),
        stop_code: code,
        parameters,
        drivers: scene.images.to_vec(),
        unloaded: scene.unloaded.to_vec(),
        process_name: "System".to_owned(),
        context_rip: rip,
        context_rsp: top + 8 * USED_FROM as u64,
        stack: Stack::of_words(top, &stack(scene, top, culprit, of_the_fault.is_some(), random)),
    }
}

/// Whether the context in the header is that of the exception (0x7E and its relatives with bit 28).
fn records_the_fault(code: u32) -> bool {
    matches!(code & !0x1000_0000, 0x7e)
}

/// Leftovers below the stack pointer, then the frames: the stop, the driver that is to blame, the filter manager that
/// called it, and the kernel's thread start.
fn stack(scene: &Scene<'_>, top: u64, culprit: Option<&Culprit>, of_the_fault: bool, random: &mut Memory) -> Vec<u64> {
    let kernel = scene.images.first().map_or(0, |it| it.base);
    let mut words: Vec<u64> = (0..WORDS).map(|at| noise(scene, top, at < USED_FROM, random)).collect();
    let mut at = USED_FROM;
    let mut frame = |address: u64, locals: usize| {
        if let Some(word) = words.get_mut(at) {
            *word = address;
        }
        at += 1 + locals;
    };
    if !of_the_fault {
        frame(kernel + DISPATCH, 12);
        frame(kernel + PAGE_FAULT, 40);
    }
    if let Some(culprit) = culprit {
        let within = |offset: u64| culprit.base + offset % u64::from(culprit.size.max(1));
        let fault = culprit.fault.wrapping_sub(culprit.base);
        if !of_the_fault {
            frame(culprit.fault, 14);
        }
        frame(within(fault + 0x2c3), 22);
        frame(within(fault + 0x95d), 9);
    }
    if let Some(manager) = scene.images.iter().find(|it| it.name == "FLTMGR.SYS") {
        frame(manager.base + 0x72ac, 18);
        frame(manager.base + 0x6cb7, 26);
    }
    frame(kernel + THREAD_START, 7);
    frame(kernel + START_SYSTEM, 5);
    words
}

/// A word as it lies about on stacks: zero, small numbers, pool and stack addresses, now and then an old return address
/// into the kernel, and below the stack pointer into any image of Windows: whoever reads the whole copy finds those.
fn noise(scene: &Scene<'_>, top: u64, below: bool, random: &mut Memory) -> u64 {
    match random.below(12) {
        0..=4 => 0,
        5 | 6 => random.below(0x1000),
        7 | 8 => top + 8 * random.below(WORDS as u64),
        9 | 10 => 0xffff_9c00_0000_0000 + 0x10 * random.below(0x1000_0000),
        _ => {
            let candidates = if below { scene.windows.min(scene.images.len()) } else { 1 };
            let pick = usize::try_from(random.below(candidates as u64)).unwrap_or(0);
            scene.images.get(pick).map_or(0, |it| it.base + random.below(u64::from(it.size)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xffff_f806_7143_0000;

    fn images() -> Vec<DumpDriver> {
        [("ntoskrnl.exe", 0xffff_f800_0020_0000, 0x144_7000), ("FLTMGR.SYS", BASE - 0x10_0000, 0x7_3000)]
            .into_iter()
            .chain([("acme.sys", BASE, 0x10_0000)])
            .map(|(name, base, size)| DumpDriver { name: name.to_owned(), base, size, timestamp: 1, checksum: 0 })
            .collect()
    }

    fn dump_of(code: u32, culprit: Option<&Culprit>) -> SmallDump {
        let images = images();
        let scene = Scene {
            build: 26_100,
            now: SystemTime::UNIX_EPOCH,
            uptime: Duration::from_secs(3),
            images: &images,
            windows: 2,
            unloaded: &[],
        };
        dump(&scene, code, [1, 2, 3, 4], culprit, &mut Memory::new(99))
    }

    fn culprit() -> Culprit {
        Culprit { base_name: "acme.sys".to_owned(), fault: BASE + 0xe_14ed, base: BASE, size: 0x10_0000 }
    }

    /// Words from the stack pointer upwards.
    fn used(dump: &SmallDump) -> Vec<u64> {
        let from = usize::try_from(dump.context_rsp - dump.stack.top).unwrap();
        dump.stack.bytes[from..].chunks_exact(8).map(|it| u64::from_le_bytes(it.try_into().unwrap())).collect()
    }

    #[test]
    fn a_fault_lies_in_the_driver_and_its_callers_on_the_stack() {
        let dump = dump_of(0x1000_007e, Some(&culprit()));
        assert_eq!(dump.context_rip, BASE + 0xe_14ed);
        assert_eq!(used(&dump)[0], BASE + 0xe_14ed + 0x2c3);
    }

    #[test]
    fn other_stops_have_the_kernels_context_and_the_fault_on_the_stack() {
        let dump = dump_of(0x50, Some(&culprit()));
        assert_eq!(dump.context_rip, images()[0].base + BUGCHECK);
        let first_outside = used(&dump).into_iter().find(|it| (BASE..BASE + 0x10_0000).contains(it));
        assert_eq!(first_outside, Some(BASE + 0xe_14ed));
    }

    #[test]
    fn nobody_is_blamed_without_a_culprit() {
        let dump = dump_of(0x80, None);
        let range = BASE..BASE + 0x10_0000;
        let words = dump.stack.bytes.chunks_exact(8).map(|it| u64::from_le_bytes(it.try_into().unwrap()));
        assert_eq!(words.filter(|it| range.contains(it)).count(), 0);
        assert_eq!(dump.stop_code, 0x80);
        assert_eq!(dump.parameters, [1, 2, 3, 4]);
    }
}
