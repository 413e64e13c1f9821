//! The triage block of a small dump: offsets to lists that lie in an order of their writer's choice.
//!
//! All offsets are of the file. Windows and its debugger order the parts differently, so nothing is taken from the
//! order. Counts are bounded by what the file can hold before anything is allocated.

use super::header::{self, HEADER_SIZE};
use super::memory::{Block, MAX_STACK};
use super::process::MAX_EPROCESS;
use super::{Driver, KernelDump, UnloadedDriver};
use crate::bytes::{Bytes, base_name};

const SIZE_OF_DUMP: u64 = HEADER_SIZE + 0x04;
const VALID_OFFSET: u64 = HEADER_SIZE + 0x08;
const UNLOADED_OFFSET: u64 = HEADER_SIZE + 0x18;
const PROCESS_OFFSET: u64 = 0x20;
const STACK_OFFSET: u64 = HEADER_SIZE + 0x28;
const STACK_SIZE: u64 = HEADER_SIZE + 0x2c;
const DRIVERS_OFFSET: u64 = HEADER_SIZE + 0x30;
const DRIVERS_COUNT: u64 = HEADER_SIZE + 0x34;
const TOP_OF_STACK: u64 = HEADER_SIZE + 0x48;
const BLOCKS_OFFSET: u64 = HEADER_SIZE + 0x78;
const BLOCKS_COUNT: u64 = HEADER_SIZE + 0x7c;

/// Fields of the block that say where a part begins.
const PARTS: &[u64] = &[0x08, 0x14, 0x18, 0x1c, 0x24, 0x28, 0x30, 0x38, 0x68, 0x70, 0x78];

/// A driver's entry: the offset of its name, then its `KLDR_DATA_TABLE_ENTRY`.
const DRIVER_ENTRY: u64 = 0x90;
const UNLOADED_ENTRY: u64 = 0x38;
const BLOCK_ENTRY: u64 = 0x10;

/// Lists of real systems have some hundred drivers and at most some thousand blocks.
const MAX_ENTRIES: u64 = 0x1_0000;
/// Longest path of a driver that is read, in characters.
const MAX_NAME: u32 = 1024;
/// Windows cuts the names of unloaded drivers to this.
const UNLOADED_NAME: u64 = 12;

pub(super) fn read_into(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    check_whole(dump, bytes);
    read_drivers(dump, bytes);
    read_unloaded(dump, bytes);
    read_stack(dump, bytes);
    read_blocks(dump, bytes);
    read_process(dump, bytes);
}

/// A small dump that was written to its end has "TRGD" where its block says.
fn check_whole(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    if bytes.len() <= HEADER_SIZE {
        dump.note("nothing behind the header: no drivers, no stack".to_owned());
        return;
    }
    match bytes.set_u32(SIZE_OF_DUMP) {
        Some(size) if bytes.len() < u64::from(size) => {
            dump.note(format!("truncated: {:#x} of {size:#x} bytes", bytes.len()));
        }
        _ => {
            if let Some(required) = header::required_by_windows(bytes).filter(|&required| bytes.len() < required) {
                dump.note(format!(
                    "truncated: {:#x} of {required:#x} bytes, behind the small dump itself",
                    bytes.len()
                ));
            }
            let mark = bytes.set_u32(VALID_OFFSET).and_then(|offset| bytes.slice(offset.into(), 4));
            if mark != Some(b"TRGD") {
                dump.note("the mark of a finished small dump is missing".to_owned());
            }
        }
    }
}

/// Where a list begins and how many of its entries the file can hold; notes when that is fewer than stated.
fn list(dump: &mut KernelDump<'_>, bytes: Bytes<'_>, what: &str, start: u64, stated: u32, entry: u64) -> u64 {
    let held = bytes.len().saturating_sub(start) / entry;
    let count = u64::from(stated).min(held).min(MAX_ENTRIES);
    if count < u64::from(stated) {
        dump.note(format!("{what}: {count} of {stated} entries read"));
    }
    count
}

fn read_drivers(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let (Some(start), Some(stated)) = (bytes.set_u32(DRIVERS_OFFSET), bytes.set_u32(DRIVERS_COUNT)) else { return };
    let start = u64::from(start);
    let count = list(dump, bytes, "drivers", start, stated, DRIVER_ENTRY);
    dump.drivers = (0..count).filter_map(|index| driver(bytes, start + index * DRIVER_ENTRY)).collect();
    let unnamed = dump.drivers.iter().filter(|driver| driver.name.is_none()).count();
    if unnamed > 0 {
        dump.note(format!("drivers: {unnamed} without a readable name"));
    }
}

fn driver(bytes: Bytes<'_>, entry: u64) -> Option<Driver> {
    Some(Driver {
        name: bytes.u32(entry).and_then(|offset| name_at(bytes, offset.into())),
        base: bytes.u64(entry + 0x38)?,
        size: bytes.u32(entry + 0x48)?,
        timestamp: bytes.u32(entry + 0x88)?,
    })
}

/// A `DUMP_STRING`: its length in characters (not bytes, as one public source says), then UTF-16.
fn name_at(bytes: Bytes<'_>, offset: u64) -> Option<String> {
    let characters = bytes.u32(offset).filter(|length| (1..=MAX_NAME).contains(length))?;
    let name = base_name(&bytes.utf16(offset + 4, characters.into())?);
    (!name.is_empty()).then_some(name)
}

fn read_unloaded(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let Some(offset) = bytes.set_u32(UNLOADED_OFFSET).filter(|&offset| offset != 0).map(u64::from) else { return };
    let Some(stated) = bytes.u32(offset) else { return };
    let count = list(dump, bytes, "unloaded drivers", offset + 8, stated, UNLOADED_ENTRY);
    dump.unloaded = (0..count).filter_map(|index| unloaded(bytes, offset + 8 + index * UNLOADED_ENTRY)).collect();
}

fn unloaded(bytes: Bytes<'_>, entry: u64) -> Option<UnloadedDriver> {
    let characters = u64::from(bytes.u16(entry)? / 2).min(UNLOADED_NAME);
    Some(UnloadedDriver {
        name: base_name(&bytes.utf16(entry + 0x10, characters)?),
        start: bytes.u64(entry + 0x28)?,
        end: bytes.u64(entry + 0x30)?,
    })
}

fn read_stack(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let (Some(offset), Some(size), Some(top)) =
        (bytes.set_u32(STACK_OFFSET), bytes.set_u32(STACK_SIZE), bytes.set_u64(TOP_OF_STACK))
    else {
        return;
    };
    let read = dump.memory.set_stack(Block { address: top, offset, size: size.min(MAX_STACK) });
    if read < size {
        dump.note(format!("thread stack: {read:#x} of {size:#x} bytes read"));
    }
}

fn read_blocks(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let (Some(start), Some(stated)) = (bytes.set_u32(BLOCKS_OFFSET), bytes.set_u32(BLOCKS_COUNT)) else { return };
    let start = u64::from(start);
    let count = list(dump, bytes, "memory blocks", start, stated, BLOCK_ENTRY);
    let block =
        |entry| Some(Block { address: bytes.u64(entry)?, offset: bytes.u32(entry + 8)?, size: bytes.u32(entry + 12)? });
    dump.memory.set_blocks((0..count).filter_map(|index| block(start + index * BLOCK_ENTRY)).collect());
}

/// The block's own length is not stated: it ends where the next part begins.
fn read_process(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let offset_at = |field: u64| bytes.set_u32(HEADER_SIZE + field).map(u64::from);
    let Some(start) = offset_at(PROCESS_OFFSET).filter(|&offset| offset >= HEADER_SIZE) else { return };
    let end = PARTS.iter().filter_map(|&field| offset_at(field)).filter(|&offset| offset > start).min();
    let length = end.map_or(MAX_EPROCESS, |end| (end - start).min(MAX_EPROCESS));
    dump.set_process(bytes.slice_up_to(start, length));
}
