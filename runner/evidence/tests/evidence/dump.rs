//! Facts of whole, partial and foreign dumps.

use coexist_evidence::dump::{Architecture, DumpFormat};
use coexist_evidence::{DriverOwners, DumpError, crash_from, read_dump_file, read_kernel_dump};

use crate::dump_builder::{ACME, DumpSpec, KERNEL, Order, STACK, module, put32, put64, quiet};

#[test]
fn every_fact_whatever_the_order_of_parts() {
    for order in [Order::Windows, Order::Debugger] {
        let blocks = vec![(ACME + 0x2000, vec![7; 32]), (KERNEL + 0x1000, vec![9; 16])];
        let bytes = DumpSpec { order, blocks, ..quiet() }.with_slot(0x10, 0x1234).build();
        let dump = read_kernel_dump(&bytes).unwrap();
        assert_eq!(dump.notes, Vec::<String>::new());
        assert_eq!(dump.format, Some(DumpFormat::Triage));
        assert_eq!((dump.stop_code, dump.parameters), (0x139, [3, 0, 0, 0]));
        assert_eq!((dump.build, dump.processors), (Some(19041), Some(4)));
        assert_eq!(dump.architecture, Some(Architecture::X64));
        assert_eq!(dump.time.unwrap().to_string(), "2024-07-19T04:09:00Z");
        assert_eq!(dump.uptime.unwrap().as_millis(), 3747);
        let context = dump.context.unwrap();
        assert_eq!((context.instruction, context.stack), (KERNEL + 0x3f_d6f0, STACK));
        let drivers: Vec<_> =
            dump.drivers.iter().map(|d| (d.name.as_deref().unwrap(), d.base, d.size, d.timestamp.unwrap())).collect();
        assert_eq!(drivers.len(), 4);
        assert_eq!(drivers[0], ("ntoskrnl.exe", KERNEL, 0x104_6000, 0x5dee_2b07));
        assert_eq!(drivers[2], ("acmeflt.sys", ACME, 0x4_0000, 0x5f1a_2b3c));
        let unloaded = &dump.unloaded[0];
        assert_eq!((unloaded.name.as_deref(), unloaded.end - unloaded.start), (Some("dump_storahc"), 0x3_3000));
        let (top, copy) = dump.memory.stack().unwrap();
        assert_eq!((top, copy.len()), (STACK, 0x1800));
        assert_eq!(dump.memory.read(STACK + 0x10, 8), Some(&0x1234_u64.to_le_bytes()[..]));
        assert_eq!(dump.memory.read(ACME + 0x2010, 16), Some(&[7; 16][..]));
        assert_eq!(dump.memory.read(KERNEL + 0x1000, 16), Some(&[9; 16][..]));
        assert_eq!(dump.memory.read(KERNEL + 0x1000, 17), None);
        assert_eq!(dump.memory.read(ACME + 0x1fff, 1), None);
        assert_eq!(dump.memory.read(u64::MAX, 8), None);
    }
}

/// As in two of three real dumps.
#[test]
fn a_block_within_a_longer_one_does_not_hide_it() {
    let blocks = vec![(ACME + 0x2000, vec![7; 0x100]), (ACME + 0x2040, vec![7; 8])];
    let bytes = DumpSpec { blocks, ..quiet() }.build();
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!(dump.memory.read(ACME + 0x2050, 16), Some(&[7; 16][..]));
    assert_eq!(dump.memory.read(ACME + 0x20f8, 16), None);
}

#[test]
fn a_process_is_named_where_its_place_is_known_or_nothing_else_can_be_meant() {
    let of = |build, process| {
        let bytes = DumpSpec { build, process, ..quiet() }.build();
        let dump = read_kernel_dump(&bytes).unwrap();
        (dump.process, dump.notes.len())
    };
    assert_eq!(of(17763, ("System", 0x450)), (Some("System".to_owned()), 0));
    assert_eq!(of(26100, ("System", 0x338)), (Some("System".to_owned()), 0));
    assert_eq!(of(27000, ("System", 0x338)), (Some("System".to_owned()), 1));
    assert_eq!(of(19041, ("System", 0x338)), (None, 0));
    assert_eq!(of(27000, ("Sys", 0x338)), (None, 0));
}

#[test]
fn arm64() {
    let bytes = DumpSpec { machine: 0xaa64, ..quiet() }.build();
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!(dump.architecture, Some(Architecture::Arm64));
    assert_eq!(dump.context.unwrap().instruction, quiet().rip);
}

#[test]
fn a_header_alone_gives_code_and_parameters() {
    let bytes = quiet().header();
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!((dump.stop_code, dump.parameters[0]), (0x139, 3));
    assert!(dump.drivers.is_empty() && dump.unloaded.is_empty() && dump.memory.stack().is_none());
    assert_eq!(dump.notes, ["nothing behind the header: no drivers, no stack"]);
    // The shortest that still tells.
    let dump = read_kernel_dump(&bytes[..0x60]).unwrap();
    assert_eq!((dump.stop_code, dump.format, dump.time), (0x139, None, None));
    assert_eq!(dump.notes, ["truncated: 0x60 of the header's 0x2000 bytes"]);
}

#[test]
fn fields_nobody_wrote_are_absent() {
    let mut bytes = quiet().build();
    for (offset, length) in [(0x0c, 4), (0x30, 8), (0x58, 8), (0x348 + 0x30, 4), (0xfa8, 8), (0x1030, 8)] {
        for at in (offset..offset + length).step_by(4) {
            put32(&mut bytes, at, u32::from_le_bytes(*b"PAGE"));
        }
    }
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!((dump.build, dump.processors, dump.architecture), (None, None, None));
    assert_eq!((dump.time, dump.uptime, dump.context), (None, None, None));
    assert_eq!(dump.notes[0], "parameter 4 was never written");
    assert!(dump.notes[1].starts_with("process: the only text"), "{:?}", dump.notes);
    assert_eq!((dump.notes.len(), dump.process.as_deref()), (2, Some("MsMpEng.exe")));
    assert_eq!(dump.drivers.len(), 4);
}

#[test]
fn truncation_is_noted_and_the_rest_is_kept() {
    let bytes = DumpSpec { order: Order::Windows, ..quiet() }.build();
    let dump = read_kernel_dump(&bytes[..0x2080 + 0x400]).unwrap();
    assert_eq!(dump.stop_code, 0x139);
    assert_eq!(dump.memory.stack().unwrap().1.len(), 0x400);
    assert!(dump.drivers.is_empty());
    assert!(dump.notes[0].starts_with("truncated: 0x2480 of 0x"), "{:?}", dump.notes);
    assert!(dump.notes.contains(&"drivers: 0 of 4 entries read".to_owned()), "{:?}", dump.notes);
    assert!(dump.notes.contains(&"thread stack: 0x400 of 0x1800 bytes read".to_owned()), "{:?}", dump.notes);

    let dump = read_kernel_dump(&bytes[..bytes.len() - 9]).unwrap();
    assert_eq!((dump.notes.len(), dump.drivers.len()), (1, 4));
    assert!(dump.notes[0].ends_with("bytes, behind the small dump itself"), "{:?}", dump.notes);

    let mut unfinished = bytes;
    let mark = unfinished.windows(4).position(|four| four == b"TRGD").unwrap();
    unfinished[mark] = 0;
    let dump = read_kernel_dump(&unfinished).unwrap();
    assert_eq!(dump.notes, ["the mark of a finished small dump is missing"]);
    assert!(dump.cut_short);
    assert_eq!(dump.drivers.len(), 4);
}

#[test]
fn other_types_give_their_header() {
    for (kind, format, name) in [
        (1, Some(DumpFormat::Full), "full64"),
        (2, Some(DumpFormat::Kernel), "kernel64"),
        (3, Some(DumpFormat::Header), "header64"),
        (5, Some(DumpFormat::BitmapFull), "bitmap-full64"),
        (6, Some(DumpFormat::BitmapKernel), "bitmap-kernel64"),
        (7, Some(DumpFormat::Automatic), "automatic64"),
        (99, None, ""),
    ] {
        let mut bytes = quiet().build();
        put32(&mut bytes, 0xf98, kind);
        let dump = read_kernel_dump(&bytes).unwrap();
        assert_eq!((dump.format, dump.stop_code, dump.drivers.len(), dump.notes.len()), (format, 0x139, 0, 1));
        assert_eq!(dump.format.map_or(String::new(), |format| format.name(dump.width)), name);
    }
}

#[test]
fn what_is_not_such_a_dump() {
    let mut no_code = quiet().build();
    put32(&mut no_code, 0x38, u32::from_le_bytes(*b"PAGE"));
    for (bytes, expected) in [
        (&b""[..], DumpError::NotADump),
        (b"PAGEDU6", DumpError::NotADump),
        (b"MDMP\x93\xa7\0\0", DumpError::UserMode),
        (b"PAGEDUMP", DumpError::TooShort { length: 8 }),
        (b"PAGEDU64", DumpError::TooShort { length: 8 }),
        (&quiet().build()[..0x5f], DumpError::TooShort { length: 0x5f }),
        (&no_code, DumpError::NoStopCode),
    ] {
        assert_eq!(read_kernel_dump(bytes).unwrap_err(), expected);
    }
}

#[test]
fn a_list_that_claims_too_much_is_read_as_far_as_it_goes() {
    for field in [0x34, 0x7c] {
        let mut bytes = quiet().build();
        put32(&mut bytes, 0x2000 + field, u32::MAX);
        let dump = read_kernel_dump(&bytes).unwrap();
        assert!(dump.notes.iter().any(|note| note.contains("of 4294967295 entries read")), "{:?}", dump.notes);
        assert_eq!(dump.drivers[..4].len(), 4);
    }
}

#[test]
fn the_published_form() {
    let spec = DumpSpec {
        code: 0x1000_007e,
        parameters: [0xffff_ffff_c000_0005, ACME + 0x334c, 0xffff_8504_2989_1ee8, 0xffff_8504_2989_1720],
        rip: ACME + 0x334c,
        ..quiet()
    };
    let bytes = spec.build();
    let owners = DriverOwners::from_iter([("ACMEFLT.sys", "Acme")]);
    let crash = crash_from(&read_kernel_dump(&bytes).unwrap(), &owners);
    let json = serde_json::to_value(&crash).unwrap();
    let expected = serde_json::json!({
        "format": "triage64",
        "stop_code": "0x1000007e",
        "stop_name": "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M",
        "parameters": ["0xffffffffc0000005", "0xfffff8022000334c", "0xffff850429891ee8", "0xffff850429891720"],
        "build": 19041,
        "architecture": "x64",
        "time": "2024-07-19T04:09:00Z",
        "uptime_s": 3.747,
        "processors": 4,
        "process": "MsMpEng.exe",
        "blame": {
            "strength": "strong", "module": "acmeflt.sys", "offset": "0x334c", "vendor": "Acme",
            "reason": "parameter 2, the faulting instruction, lies in acmeflt.sys",
        },
        "bucket": "7e|c0000005|acmeflt.sys+0x334c|5f1a2b3c-40000",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&json[key], value, "{key}");
    }
    assert_eq!(
        json["drivers"][2],
        serde_json::json!({"name": "acmeflt.sys", "base": "0xfffff80220000000", "size": 0x4_0000, "timestamp": "0x5f1a2b3c"})
    );
    assert!(json.get("notes").is_none());
}

#[test]
fn times_of_no_sense_are_absent() {
    let mut bytes = quiet().build();
    put64(&mut bytes, 0xfa8, u64::MAX);
    put64(&mut bytes, 0x1030, u64::MAX);
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!(dump.time, None);
    serde_json::to_string(&crash_from(&dump, &DriverOwners::default())).unwrap();
}

#[test]
fn thirty_two_bits() {
    // The builder's kernel and driver lie in the upper half of 32 bits too.
    let (nt, acme) = (0x8180_0000, 0x9020_0000);
    let modules = vec![module("ntoskrnl.exe", nt, 0x40_0000, 7), module(r"\SystemRoot\AcmeFlt.SYS", acme, 0x4_0000, 8)];
    let spec = DumpSpec {
        code: 0xd1,
        parameters: [0x10, 2, 1, acme + 0x334c],
        build: 9600,
        rip: nt + 0x1234,
        modules,
        ..quiet()
    };
    let bytes = spec.build_narrow();
    let dump = read_kernel_dump(&bytes).unwrap();
    assert_eq!(dump.notes, ["32-bit: read by the public layout alone, no real dump of this kind was seen"]);
    let crash = crash_from(&dump, &DriverOwners::default());
    let json = serde_json::to_value(&crash).unwrap();
    assert_eq!((&json["format"], &json["architecture"]), (&"triage32".into(), &"x86".into()));
    assert_eq!((&json["build"], &json["processors"]), (&9600.into(), &4.into()));
    assert_eq!((&json["time"], &json["uptime_s"]), (&"2024-07-19T04:09:00Z".into(), &3.747.into()));
    assert_eq!(json["parameters"][3], "0x9020334c");
    assert_eq!(json["blame"]["strength"], "strong");
    assert_eq!(json["bucket"], "d1|write|acmeflt.sys+0x334c|8-40000");
    assert_eq!(
        read_dump_file(std::io::Cursor::new(bytes.clone())).map(|dump| crash_from(&dump, &DriverOwners::default())),
        Ok(crash)
    );

    // Entries of another size are not guessed at.
    let mut other = bytes.clone();
    put32(&mut other, 0x1000 + 0x34, 1);
    let dump = read_kernel_dump(&other).unwrap();
    assert_eq!(
        (dump.drivers.len(), dump.notes[1].as_str()),
        (0, "drivers: not read, their entries have an unknown size")
    );
    for kind in [1, 2, 3, 5] {
        put32(&mut other, 0xf88, kind);
        let dump = read_dump_file(std::io::Cursor::new(other.clone())).unwrap();
        assert_eq!((dump.stop_code, dump.parameters[3], dump.notes.len()), (0xd1, acme + 0x334c, 2));
    }
    for length in 0..bytes.len() {
        let _ = read_kernel_dump(&bytes[..length]).map(|dump| crash_from(&dump, &DriverOwners::default()));
    }
}
