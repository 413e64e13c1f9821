//! DUMP_HEADER64: the first 0x2000 bytes.

use super::SmallDump;
use crate::bytes::{put, put_u16, put_u32, put_u64};

/// Length of the header; the triage block follows it.
const LENGTH: usize = 0x2000;
/// Where the context record lies.
pub(super) const CONTEXT: usize = 0x348;
/// Where the exception record lies.
pub(super) const EXCEPTION: usize = 0xf00;
const REQUIRED_DUMP_SPACE: usize = 0xfa0;
/// Size of the x64 CONTEXT structure; the field in the header is larger and keeps its filling behind it.
const CONTEXT_LENGTH: usize = 1232;
const MACHINE_AMD64: u32 = 0x8664;

/// What the header says of the kind of dump that follows it.
pub(super) struct Kind {
    /// DumpType.
    pub(super) number: u32,
    /// Physical address of the page directory.
    pub(super) directory: u64,
    /// MiniDumpFields and Attributes, where this kind has them.
    pub(super) small: Option<(u32, u32)>,
}

/// A small dump, as Windows 10 writes it; bit 3 of the attributes is "kernel generated triage dump" to debuggers.
pub(super) const TRIAGE: Kind = Kind { number: 4, directory: 0x1a_d000, small: Some((0xdff, 8)) };

pub(super) fn write(dump: &SmallDump, kind: &Kind) -> Vec<u8> {
    let mut bytes = b"PAGE".repeat(LENGTH / 4);
    let it = &mut bytes[..];
    put(it, 0x004, b"DU64");
    put_u32(it, 0x008, 0xf); // free (not checked) kernel
    put_u32(it, 0x00c, dump.build);
    put_u64(it, 0x010, kind.directory);
    put_u64(it, 0x018, 0xffff_9f80_0000_0000); // page frame database
    put_u64(it, 0x020, dump.module_list());
    put_u64(it, 0x028, dump.process_list());
    put_u32(it, 0x030, MACHINE_AMD64);
    put_u32(it, 0x034, dump.processors);
    put_u32(it, 0x038, dump.stop_code);
    for (index, parameter) in dump.parameters.iter().enumerate() {
        put_u64(it, 0x040 + 8 * index, *parameter);
    }
    put(it, 0x060, &[0; 32]);
    put_u64(it, 0x080, dump.debugger_data());
    physical_memory(it);
    context(it, dump);
    exception(it, dump);
    put_u32(it, 0xf98, kind.number);
    put_u64(it, 0xfa8, dump.system_time);
    put_u64(it, 0x1030, dump.uptime_100ns);
    put_u32(it, 0x103c, 0); // SecondaryDataState
    put_u32(it, 0x1040, 1); // ProductType: workstation
    put_u32(it, 0x1044, 0x110); // SuiteMask
    if let Some((fields, attributes)) = kind.small {
        put_u32(it, 0x1038, fields);
        put_u32(it, 0x1050, attributes);
    }
    put_u32(it, 0x1054, 1); // BootId
    bytes
}

/// Two runs that add up to 256 MiB less a page.
fn physical_memory(it: &mut [u8]) {
    let runs: [(u64, u64); 2] = [(1, 0x9e), (0x100, 0xff61)];
    put_u32(it, 0x088, 2);
    put_u32(it, 0x08c, 0);
    put_u64(it, 0x090, runs.iter().map(|run| run.1).sum());
    for (index, (first, pages)) in runs.into_iter().enumerate() {
        put_u64(it, 0x098 + 16 * index, first);
        put_u64(it, 0x0a0 + 16 * index, pages);
    }
}

fn context(it: &mut [u8], dump: &SmallDump) {
    put(it, CONTEXT, &[0; CONTEXT_LENGTH]);
    put_u32(it, CONTEXT + 0x30, 0x0010_000f); // ContextFlags: AMD64, all but debug registers
    put_u32(it, CONTEXT + 0x34, 0x1f80); // MxCsr
    put_u16(it, CONTEXT + 0x38, 0x10); // kernel code segment
    put_u16(it, CONTEXT + 0x42, 0x18); // kernel stack segment
    put_u32(it, CONTEXT + 0x44, 0x0004_0282); // flags
    put_u64(it, CONTEXT + 0x98, dump.context_rsp);
    put_u64(it, CONTEXT + 0xf8, dump.context_rip);
}

/// Windows writes a made-up breakpoint here; the stop code alone says what happened. [M]
fn exception(it: &mut [u8], dump: &SmallDump) {
    put(it, EXCEPTION, &[0; 0x98]);
    put_u32(it, EXCEPTION, 0x8000_0003);
    put_u32(it, EXCEPTION + 4, 1);
    put_u64(it, EXCEPTION + 0x10, dump.context_rip);
}

/// Writes the file's length once it is known.
pub(super) fn seal(bytes: &mut [u8]) {
    let length = bytes.len() as u64;
    put_u64(bytes, REQUIRED_DUMP_SPACE, length);
}
