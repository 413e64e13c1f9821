//! TRIAGE_DUMP64 at 0x2000 and the blocks it points to.

use super::header::{CONTEXT, EXCEPTION};
use super::{DumpDriver, SmallDump, UnloadedDriver};
use crate::bytes::{align, append, count, put, put_u16, put_u32, put_u64};

const AT: usize = 0x2000;
const LENGTH: usize = 0x80;
const MEMORY_FIGURES: usize = 0x50;
const PRCB: usize = 0xaf00;
const PROCESS: usize = 0xa40;
const THREAD: usize = 0x898;
const DEBUGGER_DATA: usize = 0x380;
const DRIVER: usize = 0x90;
const UNLOADED: usize = 0x38;
const UNLOADED_KEPT: usize = 50;
const UNLOADED_NAME: usize = 12;
const PROCESS_NAME: usize = 14;
const SECTOR: usize = 0x200;
const PAGE: u64 = 0x1000;

pub(super) fn append_triage(dump: &SmallDump, bytes: &mut Vec<u8>) {
    bytes.resize(AT + LENGTH, 0);
    let memory = append_block(bytes, memory_figures());
    let prcb = append_block(bytes, vec![0; PRCB]);
    let process = append_block(bytes, process(dump));
    let thread = append_block(bytes, vec![0; THREAD]);
    let stack = append_block(bytes, dump.stack.bytes.clone());
    let debugger = append_block(bytes, debugger_data(dump));
    let unloaded = append_block(bytes, unloaded_drivers(&dump.unloaded));
    let drivers = append(bytes, &vec![0; DRIVER * dump.drivers.len()]);
    let names = bytes.len();
    for (index, driver) in dump.drivers.iter().enumerate() {
        let name = append_string(bytes, &driver.name);
        let entry = driver_entry(driver, name);
        put(bytes, drivers + DRIVER * index, &entry);
    }
    let names_length = bytes.len() - names;
    let (blocks, block_count) = append_data_blocks(dump, bytes);

    // The mark is the last word of the last sector.
    bytes.resize((bytes.len() + 4).next_multiple_of(SECTOR), 0);
    let size = bytes.len();
    put(bytes, size - 4, b"TRGD");

    let fields: [(usize, usize); 20] = [
        (0x04, size),
        (0x08, size - 4),
        (0x0c, CONTEXT),
        (0x10, EXCEPTION),
        (0x14, memory),
        (0x18, unloaded),
        (0x1c, prcb),
        (0x20, process),
        (0x24, thread),
        (0x28, stack),
        (0x2c, dump.stack.bytes.len()),
        (0x30, drivers),
        (0x34, dump.drivers.len()),
        (0x38, names),
        (0x3c, names_length),
        (0x44, 0x41), // TriageOptions, as Windows 10 writes it
        (0x70, debugger),
        (0x74, DEBUGGER_DATA),
        (0x78, blocks),
        (0x7c, block_count),
    ];
    for (offset, value) in fields {
        put_u32(bytes, AT + offset, count(value));
    }
    put_u64(bytes, AT + 0x48, dump.stack.top);
    append_secondary_data(dump, bytes);
}

/// Appends a block and pads it so that the next one begins at a multiple of eight.
fn append_block(bytes: &mut Vec<u8>, block: Vec<u8>) -> usize {
    let offset = append(bytes, &block);
    align(bytes, 8);
    offset
}

fn memory_figures() -> Vec<u8> {
    let mut block = vec![0; MEMORY_FIGURES];
    put_u32(&mut block, 0x00, 1);
    put_u32(&mut block, 0x04, count(MEMORY_FIGURES));
    block
}

/// EPROCESS: only the name, at the offset this build has it.
fn process(dump: &SmallDump) -> Vec<u8> {
    // 0x450 and 0x5a8 were seen in dumps of builds 17763 and 19041 [M]; that the others share them, and 0x338 for 24H2,
    // is unverified [K].
    let at = match dump.build {
        ..=18_363 => 0x450,
        18_364..=26_099 => 0x5a8,
        _ => 0x338,
    };
    let mut block = vec![0; PROCESS];
    put_u32(&mut block, 0, 3); // object type: process
    let name: Vec<u8> = dump.process_name.bytes().take(PROCESS_NAME).collect();
    put(&mut block, at, &name);
    block
}

pub(super) fn debugger_data(dump: &SmallDump) -> Vec<u8> {
    let mut block = vec![0; DEBUGGER_DATA];
    let list = dump.debugger_data();
    put_u64(&mut block, 0x00, list);
    put_u64(&mut block, 0x08, list);
    put(&mut block, 0x10, b"KDBG");
    put_u32(&mut block, 0x14, count(DEBUGGER_DATA));
    put_u64(&mut block, 0x18, dump.kernel_base());
    put_u64(&mut block, 0x48, dump.module_list());
    put_u64(&mut block, 0x50, dump.process_list());
    block
}

fn unloaded_drivers(unloaded: &[UnloadedDriver]) -> Vec<u8> {
    let kept = &unloaded[..unloaded.len().min(UNLOADED_KEPT)];
    let mut block = vec![0; 8 + UNLOADED * kept.len()];
    put_u32(&mut block, 0, count(kept.len()));
    for (index, driver) in kept.iter().enumerate() {
        let at = 8 + UNLOADED * index;
        let name: Vec<u16> = driver.name.encode_utf16().take(UNLOADED_NAME).collect();
        let length = u16::try_from(2 * name.len()).unwrap_or(0);
        put_u16(&mut block, at, length);
        put_u16(&mut block, at + 2, length);
        put_u64(&mut block, at + 8, pool_address(at));
        put(&mut block, at + 0x10, &utf16(&name));
        put_u64(&mut block, at + 0x28, driver.start);
        put_u64(&mut block, at + 0x30, driver.end);
    }
    block
}

/// The file offset of the name, then the kernel's own list entry (KLDR_DATA_TABLE_ENTRY).
fn driver_entry(driver: &DumpDriver, name: usize) -> Vec<u8> {
    const LIST_ENTRY: usize = 8;
    let mut entry = vec![0; DRIVER];
    let name_bytes = u16::try_from(2 * driver.name.encode_utf16().count()).unwrap_or(u16::MAX);
    put_u32(&mut entry, 0, count(name));
    let it = &mut entry[LIST_ENTRY..];
    put_u64(it, 0x00, pool_address(name)); // links of the load-order list
    put_u64(it, 0x08, pool_address(name + DRIVER));
    put_u64(it, 0x30, driver.base);
    put_u64(it, 0x38, driver.base.wrapping_add(0x1000)); // entry point
    put_u32(it, 0x40, driver.size);
    for at in [0x48, 0x58] {
        // full name, base name
        put_u16(it, at, name_bytes);
        put_u16(it, at + 2, name_bytes);
        put_u64(it, at + 8, pool_address(name + at));
    }
    put_u32(it, 0x68, 0x4910_4000); // flags of a loaded image
    put_u16(it, 0x6c, 1); // load count
    put_u32(it, 0x78, driver.checksum);
    put_u32(it, 0x80, driver.timestamp);
    entry
}

/// DUMP_STRING: length in characters, UTF-16, NUL; each begins at a multiple of eight.
fn append_string(bytes: &mut Vec<u8>, text: &str) -> usize {
    let units: Vec<u16> = text.encode_utf16().collect();
    let offset = append(bytes, &count(units.len()).to_le_bytes());
    append(bytes, &utf16(&units));
    append(bytes, &[0; 2]);
    align(bytes, 8);
    offset
}

/// Pieces of memory by address: the module list's head and the page the context's stack pointer lies in.
fn append_data_blocks(dump: &SmallDump, bytes: &mut Vec<u8>) -> (usize, usize) {
    let mut list_head = vec![0; 16];
    put_u64(&mut list_head, 0, pool_address(0));
    put_u64(&mut list_head, 8, pool_address(DRIVER));
    let page = dump.context_rsp & !(PAGE - 1);
    let blocks = [(dump.module_list(), list_head), (page, stack_page(dump, page))];

    let table = append(bytes, &vec![0; 16 * blocks.len()]);
    for (index, (address, block)) in blocks.iter().enumerate() {
        let at = append(bytes, block);
        put_u64(bytes, table + 16 * index, *address);
        put_u32(bytes, table + 16 * index + 8, count(at));
        put_u32(bytes, table + 16 * index + 12, count(block.len()));
    }
    (table, blocks.len())
}

/// What the stack copy knows of one page of memory.
fn stack_page(dump: &SmallDump, page: u64) -> Vec<u8> {
    (0..PAGE)
        .map(|offset| {
            let into_copy = (page + offset).checked_sub(dump.stack.top).and_then(|it| usize::try_from(it).ok());
            into_copy.and_then(|at| dump.stack.bytes.get(at).copied()).unwrap_or(0)
        })
        .collect()
}

/// Windows appends blobs of components after the triage block, so a dump is longer than its SizeOfDump. One blob with
/// an invented identity stands for them.
fn append_secondary_data(dump: &SmallDump, bytes: &mut Vec<u8>) {
    const IDENTITY: [u8; 16] = *b"stand-in's  blob";
    const NOTE: &[u8] = b"no component added data";
    append(bytes, b"DumpBlob");
    append(bytes, &16u32.to_le_bytes());
    append(bytes, &(0xf000_0000 | (dump.build & 0xffff)).to_le_bytes());
    append(bytes, &32u32.to_le_bytes());
    append(bytes, &IDENTITY);
    append(bytes, &count(NOTE.len()).to_le_bytes());
    append(bytes, &[0; 8]); // no padding before or after
    append(bytes, NOTE);
}

/// An address such as the kernel's non-paged pool has, for pointers that nobody can follow in a small dump.
fn pool_address(offset: usize) -> u64 {
    0xffff_d20b_f904_0000 + offset as u64
}

fn utf16(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}
