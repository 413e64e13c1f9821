//! The dump of a process, read back by the crate `minidump`, which nobody here wrote.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use minidump::system_info::{Cpu, Os};
use minidump::{
    Minidump, MinidumpException, MinidumpMemoryList, MinidumpMiscInfo, MinidumpModuleList, MinidumpSystemInfo,
    MinidumpThreadList, Module,
};
use standin_formats::user_dump::{UserDump, UserModule};

const PROGRAM: u64 = 0x7ff6_1234_0000;

fn dump() -> UserDump {
    let module = |path: &str, base| UserModule {
        path: path.to_owned(),
        base,
        size: 0x2_6000,
        timestamp: 0x6650_0000,
        checksum: 0xbeef,
        version: [7, 1, 0, 3],
    };
    UserDump {
        build: 26_100,
        server: false,
        time: 1_756_675_981,
        process: 2304,
        thread: 2308,
        code: 0xc000_0005,
        parameters: vec![1, 0x10],
        instruction: PROGRAM + 0x14ed,
        stack_pointer: 0x5a_b7c0_f000,
        stack: (0..=255).collect(),
        modules: vec![
            module(r"C:\Program Files\Größe\svc.exe", PROGRAM),
            module(r"C:\Windows\System32\ntdll.dll", 0x7ffa_0000_0000),
        ],
    }
}

#[test]
fn the_minidump_crate_finds_every_fact() {
    let dump = dump();
    let back = Minidump::read(dump.to_bytes()).unwrap();
    assert_eq!(back.header.time_date_stamp, dump.time);
    let system: MinidumpSystemInfo = back.get_stream().unwrap();
    assert_eq!((system.os, system.cpu, system.raw.build_number), (Os::Windows, Cpu::X86_64, 26_100));
    let misc: MinidumpMiscInfo = back.get_stream().unwrap();
    assert_eq!(misc.raw.process_id(), Some(&2304));

    let modules: MinidumpModuleList = back.get_stream().unwrap();
    for module in &dump.modules {
        let theirs = modules.module_at_address(module.base + 8).unwrap();
        assert_eq!((theirs.code_file().as_ref(), theirs.size()), (module.path.as_str(), u64::from(module.size)));
        assert_eq!(theirs.raw.time_date_stamp, module.timestamp);
        assert_eq!(theirs.version().unwrap(), "7.1.0.3");
    }

    let exception: MinidumpException = back.get_stream().unwrap();
    let reason = exception.get_crash_reason(system.os, system.cpu).to_string();
    assert_eq!(reason, "EXCEPTION_ACCESS_VIOLATION_WRITE");
    assert_eq!(exception.get_crash_address(system.os, system.cpu), 0x10);
    assert_eq!(exception.raw.exception_record.exception_address, dump.instruction);
    let context = exception.context(&system, Some(&misc)).unwrap();
    assert_eq!(context.get_instruction_pointer(), dump.instruction);
    assert_eq!(exception.get_crashing_thread_id(), dump.thread);

    let threads: MinidumpThreadList = back.get_stream().unwrap();
    let memory: MinidumpMemoryList = back.get_stream().unwrap();
    let thread = threads.get_thread(dump.thread).unwrap();
    let memory = minidump::UnifiedMemoryList::Memory(memory);
    assert_eq!(thread.stack_memory(&memory).unwrap().bytes(), dump.stack);
}

#[test]
fn odd_facts_still_make_a_dump() {
    let odd = UserDump { parameters: vec![0; 40], modules: Vec::new(), stack: Vec::new(), ..dump() };
    let back = odd.to_bytes();
    let back = Minidump::read(back).unwrap();
    let exception: MinidumpException = back.get_stream().unwrap();
    assert_eq!(exception.raw.exception_record.number_parameters, 15);
}
