//! The dump of the kernel's memory, read back by `kdmp-parser`, which nobody here wrote.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::collections::BTreeMap;
use std::io::Cursor;

use kdmp_parser::gxa::{Gva, Gxa as _};
use kdmp_parser::parse::KernelDumpParser;
use kdmp_parser::virt;
use standin_formats::dump::{DumpDriver, SmallDump, Stack, UnloadedDriver};

const KERNEL: u64 = 0xffff_f800_1240_0000;
const FLT: u64 = 0xffff_f806_7143_0000;
const STACK: u64 = 0xffff_8000_5d03_0000;

const POOL: [u8; 10_000] = [0x5a; 10_000];

fn dump() -> SmallDump {
    let driver = |name: &str, base, size| DumpDriver { name: name.to_owned(), base, size, timestamp: 7, checksum: 9 };
    // the list entries run over several pages, the stack over the end of one
    let many = (0..40).map(|number| driver(&format!("filter{number}.sys"), FLT + 0x100_0000 * (number + 1), 0x9000));
    SmallDump {
        build: 26_100,
        processors: 1,
        system_time: 0x01dc_1abe_d41f_d543,
        uptime_100ns: 41_266_745,
        stop_code: 0x50,
        parameters: [0xffff_8405_0000_0074, 0, FLT + 0xe14ed, 2],
        drivers: [driver("ntoskrnl.exe", KERNEL, 0x0104_6000), driver("größe.sys", FLT, 0x12_0000)]
            .into_iter()
            .chain(many)
            .collect(),
        unloaded: vec![UnloadedDriver { name: "dam.sys".to_owned(), start: FLT - 0x2_0000, end: FLT - 0x1_0000 }],
        process_name: "System".to_owned(),
        context_rip: FLT + 0xe14ed,
        context_rsp: STACK + 0x300,
        stack: Stack::of_words(STACK, &(0..768).collect::<Vec<u64>>()),
    }
}

fn parsed(dump: &SmallDump) -> KernelDumpParser {
    KernelDumpParser::with_reader(Cursor::new(dump.to_kernel_dump(&POOL))).unwrap()
}

#[test]
fn kdmp_parser_finds_the_stop_and_every_image() {
    let dump = dump();
    let parser = parsed(&dump);
    let headers = parser.headers();
    assert_eq!(headers.dump_type, 6);
    assert_eq!((headers.bug_check_code, headers.bug_check_code_parameters), (0x50, dump.parameters));
    assert_eq!(headers.minor_version, 26_100);
    assert_eq!(headers.required_dump_space, i64::try_from(dump.to_kernel_dump(&POOL).len()).unwrap());
    assert_eq!(parser.context_record().rip, dump.context_rip);
    let theirs: BTreeMap<(u64, u64), &str> =
        parser.kernel_modules().map(|(range, name)| ((range.start.u64(), range.end.u64()), name)).collect();
    let ours: BTreeMap<(u64, u64), &str> =
        dump.drivers.iter().map(|it| ((it.base, it.base + u64::from(it.size)), it.name.as_str())).collect();
    assert_eq!(theirs, ours);
}

#[test]
fn memory_reads_as_it_was_and_the_rest_is_absent() {
    let dump = dump();
    let parser = parsed(&dump);
    let reader = virt::Reader::new(&parser);
    let mut stack = vec![0; dump.stack.bytes.len()];
    reader.read_exact(Gva::new(STACK), &mut stack).unwrap();
    assert_eq!(stack, dump.stack.bytes);
    // KDBG leads to the array of unloaded images
    let word = |at: u64| {
        let mut bytes = [0; 8];
        reader.read_exact(Gva::new(at), &mut bytes).map(|()| u64::from_le_bytes(bytes))
    };
    let debugger_data = parser.headers().kd_debugger_data_block;
    let array = word(word(debugger_data + 0x220).unwrap()).unwrap();
    assert_eq!(word(word(debugger_data + 0x228).unwrap()).unwrap(), 1);
    assert_eq!((word(array + 0x10).unwrap(), word(array + 0x18).unwrap()), (FLT - 0x2_0000, FLT - 0x1_0000));
    assert!(word(FLT).is_err(), "images are not in the dump");
}

#[test]
fn odd_facts_still_make_a_dump() {
    let empty = SmallDump { drivers: Vec::new(), unloaded: Vec::new(), stack: Stack::default(), ..dump() };
    assert_eq!(parsed(&empty).kernel_modules().len(), 0);
    let long = DumpDriver { name: "x".repeat(1000), base: FLT, size: 1, timestamp: 0, checksum: 0 };
    let odd = SmallDump {
        drivers: vec![DumpDriver { name: "k".to_owned(), base: KERNEL, ..long.clone() }, long],
        stack: Stack { top: u64::MAX, bytes: vec![1, 2, 3] },
        ..dump()
    };
    assert_eq!(parsed(&odd).kernel_modules().len(), 2);
}
