//! What the dump writer writes, read back by `read_small_dump.py`, which knows only the published layout.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use standin_formats::dump::{DumpDriver, SmallDump, Stack, UnloadedDriver};

const KERNEL: u64 = 0xffff_f806_2240_0000;
const FLT: u64 = 0xffff_f806_7143_0000;

fn driver(name: &str, base: u64, size: u32) -> DumpDriver {
    DumpDriver { name: name.to_owned(), base, size, timestamp: size ^ 0x5f1a_2b3c, checksum: size / 3 }
}

fn unloaded(name: &str) -> UnloadedDriver {
    UnloadedDriver { name: name.to_owned(), start: 0xffff_f806_6096_0000, end: 0xffff_f806_6097_0000 }
}

fn dump(build: u32) -> SmallDump {
    SmallDump {
        build,
        processors: 2,
        system_time: 0x01dc_1abe_d41f_d543,
        uptime_100ns: 41_266_745,
        stop_code: 0x50,
        parameters: [0xffff_8405_0000_0074, 0, FLT + 0xe14ed, 2],
        drivers: vec![
            driver("ntoskrnl.exe", KERNEL, 0x0104_6000),
            driver("hal.dll", 0xffff_f806_2200_0000, 0x6000),
            driver("globexflt.sys", FLT, 0x0012_0000),
            driver("größe.sys", 0xffff_f806_8000_0000, 0x9000),
        ],
        unloaded: vec![unloaded("dump_storport.sys"), unloaded("dam.sys")],
        process_name: "notmyfault64.exe".to_owned(),
        context_rip: FLT + 0xe14ed,
        context_rsp: 0xffff_9405_8305_ec20,
        stack: Stack::of_words(0xffff_9405_8305_ec00, &[1, 2, KERNEL + 0x3f_d6f0, FLT + 0x1234, 5, 6, 7, 8]),
    }
}

fn read_back(bytes: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.dmp");
    std::fs::write(&file, bytes).unwrap();
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_small_dump.py");
    let output = Command::new("python3")
        .arg(reader)
        .arg(&file)
        .output()
        .expect("python3 must be on PATH: it is the independent reader of the dumps");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_independent_reader_finds_every_fact() {
    for build in [17_763, 19_041] {
        let dump = dump(build);
        let bytes = dump.to_bytes();
        let drivers: Vec<Value> = dump
            .drivers
            .iter()
            .map(|it| {
                json!({"name": it.name, "base": it.base, "size": it.size, "checksum": it.checksum,
                       "timestamp": it.timestamp})
            })
            .collect();
        let gone =
            |name: &str| json!({"name": name, "start": 0xffff_f806_6096_0000u64, "end": 0xffff_f806_6097_0000u64});
        let expected = json!({
            "build": build, "machine": 0x8664, "processors": 2, "stop_code": 0x50, "parameters": dump.parameters,
            "comment": "PAGEPAGE", "required_space": bytes.len(), "length": bytes.len(),
            "system_time": dump.system_time, "uptime_100ns": dump.uptime_100ns, "attributes": 8,
            "rsp": dump.context_rsp, "rip": dump.context_rip, "exception": 0x8000_0003u32, "kernel_base": KERNEL,
            "stack_top": dump.stack.top, "stack": hex(&dump.stack.bytes), "process": "notmyfault64.e",
            "drivers": drivers, "unloaded": [gone("dump_storpor"), gone("dam.sys")],
            "blocks": [{"address": KERNEL + 0x1_4ee0, "size": 16}, {"address": 0xffff_9405_8305_e000u64, "size": 0x1000}],
            "order": ["mm", "prcb", "process", "thread", "stack", "unloaded", "drivers", "pool"],
            "secondary": "DumpBlob",
        });
        assert_eq!(read_back(&bytes), expected);
    }
}

#[test]
fn the_page_of_the_stack_pointer_agrees_with_the_stack_copy() {
    let bytes = dump(19_041).to_bytes();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let table = u32::from_le_bytes(bytes[0x2078..0x207c].try_into().unwrap()) as usize;
    let page = u32::from_le_bytes(bytes[table + 24..table + 28].try_into().unwrap()) as usize;
    assert_eq!(word(page + 0xc00 + 8 * 3), FLT + 0x1234);
    assert_eq!(word(page + 0xbf8), 0, "below the copy nothing is known");
}

#[test]
fn odd_facts_still_make_a_dump() {
    let empty = SmallDump {
        drivers: Vec::new(),
        unloaded: vec![unloaded("x.sys"); 60],
        stack: Stack { top: u64::MAX, bytes: vec![1, 2, 3] },
        context_rsp: u64::MAX,
        process_name: String::new(),
        ..dump(19_041)
    };
    let back = read_back(&empty.to_bytes());
    assert_eq!(back["drivers"], json!([]));
    assert_eq!(back["unloaded"].as_array().unwrap().len(), 50);
    assert_eq!(back["stack"], "010203");
    assert_eq!(empty.to_bytes(), empty.to_bytes());
}
