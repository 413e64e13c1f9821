//! Dumps of physical memory, read by random access.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coexist_evidence::{DriverOwners, bucket, crash_from, read_dump_file, read_kernel_dump};
use coexist_model::Strength;
use proptest::prelude::*;

use crate::dump_builder::{ACME, DumpSpec, GLOBEX, KERNEL, Order, put32, put64, quiet};
use crate::memory_builder::{BITMAP, Machine};

const KINDS: [(u32, &str); 7] = [
    (1, "full64"),
    (5, "bitmap-full64"),
    (6, "bitmap-kernel64"),
    (7, "automatic64"),
    (8, "ranges-kernel64"),
    (9, "ranges-kernel-user64"),
    (10, "ranges-complete64"),
];

/// An exception in the kernel, with a return address on the stack that follows a call.
fn crash() -> DumpSpec {
    let code = vec![0x90, 0x90, 0xe8, 1, 2, 3, 4];
    DumpSpec {
        code: 0x1000_007e,
        parameters: [0xffff_ffff_c000_0005, KERNEL + 0x4_a2d4, 0, 0],
        rip: KERNEL + 0x4_a2d4,
        blocks: vec![(GLOBEX + 0x1ff0, [vec![0x90; 9], code].concat()), (ACME + 0x2ff0, vec![0x90; 16])],
        ..quiet()
    }
    .with_slot(0x40, ACME + 0x3000)
    .with_slot(0x800, GLOBEX + 0x2000)
}

/// Runs of a full dump have room for 42 in its header, so this one has all pages.
fn dump(spec: &DumpSpec, kind: u32) -> Vec<u8> {
    let total = (kind == 1).then_some(0x100);
    Machine::of(spec, 1).dump(spec, kind, total).whole()
}

#[test]
fn every_layout_gives_what_a_small_dump_gives_and_more() {
    let spec = crash();
    let small_bytes = spec.build();
    let small = read_kernel_dump(&small_bytes).unwrap();
    for (kind, format) in KINDS {
        let bytes = dump(&spec, kind);
        let big = read_dump_file(Cursor::new(bytes)).unwrap();
        assert_eq!(big.notes, Vec::<String>::new(), "{format}");
        assert_eq!(big.format.map(|kind| kind.name(big.width)).as_deref(), Some(format));
        assert_eq!((big.stop_code, big.parameters, big.build), (small.stop_code, small.parameters, small.build));
        assert_eq!(big.drivers, small.drivers, "{format}");
        assert_eq!(big.process, small.process, "{format}");
        // Big dumps hold the whole name.
        assert_eq!((big.unloaded[0].name.as_deref(), big.unloaded[0].name_is_cut), (Some("dump_storahci"), false));
        assert_eq!((big.unloaded.len(), big.unloaded[0].start), (1, small.unloaded[0].start));
        assert_eq!(bucket(&big), bucket(&small), "{format}");
        let crash = crash_from(&big, &DriverOwners::default());
        // The code shows that the nearer value follows no call, and that the further does.
        assert_eq!((crash.blame.strength, crash.blame.module.as_deref()), (Strength::Likely, Some("globex.sys")));
        assert!(crash.blame.reason.ends_with("behind a call"), "{}", crash.blame.reason);
    }
}

#[test]
fn small_and_strange_dumps_are_read_from_files_as_from_bytes() {
    let mut summary = quiet().build();
    put32(&mut summary, 0xf98, 2);
    let mut arm = dump(&DumpSpec { machine: 0xaa64, ..quiet() }, BITMAP);
    arm.truncate(0x8000);
    let windows = DumpSpec { order: Order::Windows, ..crash() }.build();
    for bytes in [windows, quiet().header(), summary, arm, quiet().build()[..0x70].to_vec()] {
        let from_file = read_dump_file(Cursor::new(bytes.clone())).unwrap();
        let from_bytes = read_kernel_dump(&bytes).unwrap();
        let owners = DriverOwners::default();
        assert_eq!(crash_from(&from_file, &owners), crash_from(&from_bytes, &owners));
    }
    for bytes in [&b""[..], b"MDMP", b"PAGEDU64", b"something else"] {
        let from_file = read_dump_file(Cursor::new(bytes.to_vec())).unwrap_err();
        assert_eq!(from_file, read_kernel_dump(bytes).unwrap_err());
    }
}

/// The image's own headers tell its time stamp best; older systems have something else where the list tells it.
#[test]
fn time_stamps_of_images() {
    let of = |build, with_headers: bool| {
        let spec = DumpSpec { build, ..crash() };
        let mut machine = Machine::of(&spec, 1);
        if with_headers {
            machine.put(ACME, b"MZ");
            machine.put(ACME + 0x3c, &0xe8_u32.to_le_bytes());
            machine.put(ACME + 0xe8, b"PE\0\0\x64\x86\x08\x00\x21\x43\x65\x47");
        }
        let dump = read_dump_file(Cursor::new(machine.dump(&spec, BITMAP, None).whole())).unwrap();
        (dump.drivers[2].timestamp, bucket(&dump).0)
    };
    assert_eq!(of(19041, false).0, Some(0x5f1a_2b3c));
    assert_eq!(of(19041, true).0, Some(0x4765_4321));
    assert_eq!(of(7601, true).0, Some(0x4765_4321));
    let (unknown, bucket) = of(7601, false);
    assert_eq!((unknown, bucket.as_str()), (None, "7e|c0000005|globex.sys+0x2000|--8000"));
}

/// A small dump cuts names, a big one does not: the crash is the same.
#[test]
fn an_unloaded_driver_has_one_signature_in_small_and_big_dumps() {
    let start = quiet().unloaded[0].1;
    let spec = DumpSpec { code: 0xd1, parameters: [0, 2, 8, start + 0x10], rip: start + 0x10, ..quiet() };
    let small_bytes = spec.build();
    let small = read_kernel_dump(&small_bytes).unwrap();
    let big = read_dump_file(Cursor::new(dump(&spec, BITMAP))).unwrap();
    assert_eq!(bucket(&small).0, "d1|execute|dump_storahc+0x10|unloaded-33000");
    assert_eq!(bucket(&big), bucket(&small));
}

/// The registers of the fault lead to the same caller in a big dump, whose code shows that a call stands before it.
#[test]
fn the_stack_is_looked_at_from_the_fault_upwards() {
    let memcpy = KERNEL + 0x7700;
    let spec = DumpSpec {
        code: 0x3b,
        parameters: [0xc000_0005, memcpy, quiet().rsp + 0x300, 0],
        blocks: vec![(GLOBEX + 0x1ff9, vec![0x90, 0x90, 0xe8, 1, 2, 3, 4])],
        ..quiet()
    }
    .with_slot(0x330, 0x10_005f)
    .with_slot(0x398, quiet().rsp + 0x1000)
    .with_slot(0x3f8, memcpy)
    .with_slot(0x1600, GLOBEX + 0x2000);
    let big = read_dump_file(Cursor::new(dump(&spec, BITMAP))).unwrap();
    let crash = crash_from(&big, &DriverOwners::default());
    assert_eq!((crash.blame.strength, crash.blame.module.as_deref()), (Strength::Likely, Some("globex.sys")));
    assert!(
        crash.blame.reason.ends_with("0x600 bytes above the stack pointer, behind a call"),
        "{}",
        crash.blame.reason
    );
}

/// A dump still lying in the page file has the rest of that file behind it.
#[test]
fn what_lies_behind_a_dump_is_not_part_of_it() {
    for (kind, format) in KINDS {
        let mut bytes = dump(&crash(), kind);
        let alone = read_dump_file(Cursor::new(bytes.clone())).unwrap();
        bytes.extend(vec![0xa5; 0x10_0000]);
        let in_page_file = read_dump_file(Cursor::new(bytes)).unwrap();
        let owners = DriverOwners::default();
        assert_eq!(crash_from(&in_page_file, &owners), crash_from(&alone, &owners), "{format}");
    }
}

#[test]
fn an_exception_record_is_found_wherever_it_lies() {
    let record = 0xffff_8405_6000_0000;
    let spec = DumpSpec { code: 0x139, parameters: [3, 0, record, 0], ..quiet() };
    let mut machine = Machine::of(&spec, 1);
    machine.put(record, &[0; 0x98]);
    machine.put_long(record, 0xc000_0409);
    machine.put_long(record + 0x10, ACME + 0x1f00);
    let dump = read_dump_file(Cursor::new(machine.dump(&spec, BITMAP, None).whole())).unwrap();
    assert_eq!(bucket(&dump).0, "139|3|acmeflt.sys+0x1f00|5f1a2b3c-40000");
}

/// Counts what is read of a file.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn eight_gigabytes_are_not_read() {
    let spec = crash();
    let pages = 8 << 18;
    let file = Machine::of(&spec, 0x4000).dump(&spec, BITMAP, Some(pages)).sparse();
    assert!(file.metadata().unwrap().len() > 8_589_000_000);
    let read = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let dump = read_dump_file(Counted(file, Arc::clone(&read))).unwrap();
    let took = started.elapsed();
    assert_eq!((dump.notes.as_slice(), dump.drivers.len()), (&[][..], 4));
    assert_eq!(dump.process.as_deref(), Some("MsMpEng.exe"));
    let read = read.load(Ordering::Relaxed);
    // Tests are not optimized, and share their machine: the benchmark holds the limit of time.
    println!("8 GiB bitmap dump: {took:?}, {read} bytes read");
    assert!(read < 4 << 20, "{read}");
}

fn survive(bytes: Vec<u8>, what: &str) -> Option<usize> {
    let length = bytes.len();
    let dump = read_dump_file(Cursor::new(bytes)).ok()?;
    let crash = crash_from(&dump, &DriverOwners::default());
    assert!(crash.notes.len() <= 40 && dump.drivers.len() <= 4096 && dump.unloaded.len() <= 50, "{what} {length:#x}");
    Some(dump.drivers.len())
}

#[test]
fn cut_anywhere() {
    for (kind, format) in KINDS {
        let bytes = dump(&crash(), kind);
        for length in (0x60..bytes.len()).step_by(0x7f1).chain(0x1ff0..0x2080) {
            let dump = read_dump_file(Cursor::new(bytes[..length].to_vec())).unwrap();
            assert_eq!(dump.stop_code, 0x1000_007e);
            assert!(!dump.notes.is_empty(), "{format} {length:#x}");
            let _ = crash_from(&dump, &DriverOwners::default());
        }
    }
}

#[test]
fn fields_out_of_range() {
    for (kind, format) in KINDS {
        let whole = dump(&crash(), kind);
        let fields = [0x10, 0x20, 0x80, 0x88, 0x90, 0x98, 0xa0].into_iter().chain((0x2000..0x2070).step_by(8));
        for field in fields {
            for value in
                [0, 1, 0x1f, 0x20, 0x2fff, 1 << 40, u64::from(u32::MAX), i64::MAX as u64, u64::MAX - 0xfff, u64::MAX]
            {
                let mut bytes = whole.clone();
                put64(&mut bytes, field, value);
                survive(bytes, &format!("{format} {field:#x} {value:#x}"));
            }
        }
    }
}

/// A list that never comes back to its head must not be followed for ever, not by the library either.
#[test]
fn lists_without_end() {
    let spec = crash();
    let mut circle = Machine::of(&spec, 1);
    circle.put_long(Machine::entry(2), Machine::entry(1));
    let mut broken = Machine::of(&spec, 1);
    broken.put_long(Machine::entry(2), 0xffff_9999_0000_0000);
    let mut low = Machine::of(&spec, 1);
    low.put_long(Machine::entry(1), 0x1000);
    for (machine, kept, reason) in [
        (circle, 3, "drivers: the list ends after 3: it runs in a circle"),
        (broken, 3, "drivers: the list ends after 3: an entry is not in the dump"),
        (low, 2, "drivers: the list ends after 2: an entry is not in the dump"),
    ] {
        let dump = read_dump_file(Cursor::new(machine.dump(&spec, BITMAP, None).whole())).unwrap();
        assert_eq!((dump.drivers.len(), dump.notes.as_slice()), (kept, &[reason.to_owned()][..]));
    }
}

/// A map that states every page of a huge machine, in a small file.
#[test]
fn a_map_that_claims_everything() {
    let spec = crash();
    let mut bytes = dump(&spec, BITMAP);
    put64(&mut bytes, 0x2030, u64::MAX);
    bytes[0x2100..0x3000].fill(0xff);
    bytes.extend(vec![0xff; 0x10_0000]);
    survive(bytes, "bitmap");
    for kind in [1, 9, 10] {
        let mut bytes = dump(&spec, kind);
        let count = if kind == 1 { 0xa0 } else { 0x2038 };
        put64(&mut bytes, count, (1 << 40) - 0x100);
        put64(&mut bytes, 0x2028, if kind == 10 { u64::MAX } else { 0 });
        survive(bytes, "ranges");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Words of the header and the page map, and words of the pages: tables, lists, names.
    #[test]
    fn any_word_anywhere(kind in 0..KINDS.len(), at in 0_usize..0x10_0000, value: u64, near: bool, cut in 0_usize..0x4_0000) {
        let (kind, format) = KINDS[kind];
        let mut bytes = dump(&crash(), kind);
        let at = if near { at % 0x2200 } else { at % bytes.len() };
        let at = at.min(bytes.len() - 8) & !7;
        put64(&mut bytes, at, value);
        survive(bytes.clone(), format);
        let length = bytes.len().saturating_sub(cut).max(0x60);
        bytes.truncate(length);
        survive(bytes, format);
    }
}
