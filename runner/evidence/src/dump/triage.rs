//! The triage block of a small dump: offsets to lists that lie in an order of their writer's choice.
//!
//! All offsets are of the file. Windows and its debugger order the parts differently, so nothing is taken from the
//! order. Counts are bounded by what the file can hold before anything is allocated.

use super::header;
use super::memory::{Block, MAX_STACK};
use super::process::MAX_EPROCESS;
use super::{Driver, KernelDump, UNLOADED_NAME, UnloadedDriver, Width};
use crate::bytes::{Bytes, base_name};

/// Fields of the block, alike in both widths up to [`TOP_OF_STACK`].
const SIZE_OF_DUMP: u64 = 0x04;
const VALID_OFFSET: u64 = 0x08;
const UNLOADED_OFFSET: u64 = 0x18;
const PROCESS_OFFSET: u64 = 0x20;
const STACK_OFFSET: u64 = 0x28;
const STACK_SIZE: u64 = 0x2c;
const DRIVERS_OFFSET: u64 = 0x30;
const DRIVERS_COUNT: u64 = 0x34;
const NAMES_OFFSET: u64 = 0x38;
const TOP_OF_STACK: u64 = 0x48;
const BLOCKS_OFFSET: u64 = 0x78;
const BLOCKS_COUNT: u64 = 0x7c;

/// Fields of the 64-bit block that say where a part begins.
const PARTS: &[u64] = &[0x08, 0x14, 0x18, 0x1c, 0x24, 0x28, 0x30, 0x38, 0x68, 0x70, 0x78];

/// What differs by width: the block's place, and a driver's entry: the offset of its name, then its
/// `KLDR_DATA_TABLE_ENTRY`.
struct Layout {
    width: Width,
    block: u64,
    entry: u64,
    base: u64,
    size: u64,
    timestamp: u64,
}

const WIDE: Layout =
    Layout { width: Width::Bits64, block: 0x2000, entry: 0x90, base: 0x38, size: 0x48, timestamp: 0x88 };
/// As public readers have it; one of them was used on dumps of Windows XP [K].
const NARROW: Layout =
    Layout { width: Width::Bits32, block: 0x1000, entry: 0x4c, base: 0x1c, size: 0x24, timestamp: 0x48 };

impl Layout {
    fn field(&self, bytes: Bytes<'_>, field: u64) -> Option<u32> {
        bytes.set_u32(self.block + field)
    }
}

const UNLOADED_ENTRY: u64 = 0x38;
const BLOCK_ENTRY: u64 = 0x10;

/// Lists of real systems have some hundred drivers and at most some thousand blocks.
const MAX_ENTRIES: u64 = 0x1_0000;
/// Longest path of a driver that is read, in characters.
const MAX_NAME: u32 = 1024;

pub(super) fn read_into(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    match dump.width {
        Width::Bits64 => {
            check_whole(dump, bytes, &WIDE);
            read_drivers(dump, bytes, &WIDE);
            read_unloaded(dump, bytes);
            read_stack(dump, bytes);
            read_blocks(dump, bytes);
            read_process(dump, bytes);
        }
        Width::Bits32 => {
            check_whole(dump, bytes, &NARROW);
            read_drivers_of_known_size(dump, bytes);
        }
    }
}

/// Other versions of Windows may have longer entries, so these are read only where the names follow right behind them,
/// as they do in 64-bit dumps.
fn read_drivers_of_known_size(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let field = |field| NARROW.field(bytes, field).map(u64::from);
    let (Some(start), Some(count), Some(names)) = (field(DRIVERS_OFFSET), field(DRIVERS_COUNT), field(NAMES_OFFSET))
    else {
        return;
    };
    if names == start + count * NARROW.entry {
        read_drivers(dump, bytes, &NARROW);
    } else {
        dump.damage("drivers: not read, their entries have an unknown size".to_owned());
    }
}

/// A small dump that was written to its end has "TRGD" where its block says.
fn check_whole(dump: &mut KernelDump<'_>, bytes: Bytes<'_>, layout: &Layout) {
    if bytes.len() <= layout.block {
        dump.ends_early("nothing behind the header: no drivers, no stack".to_owned());
        return;
    }
    match layout.field(bytes, SIZE_OF_DUMP) {
        Some(size) if bytes.len() < u64::from(size) => {
            dump.ends_early(format!("truncated: {:#x} of {size:#x} bytes", bytes.len()));
        }
        _ => {
            if let Some(required) =
                header::required_by_windows(bytes, layout.width).filter(|&required| bytes.len() < required)
            {
                dump.ends_early(format!(
                    "truncated: {:#x} of {required:#x} bytes, behind the small dump itself",
                    bytes.len()
                ));
            }
            let mark = layout.field(bytes, VALID_OFFSET).and_then(|offset| bytes.slice(offset.into(), 4));
            if mark != Some(b"TRGD") {
                dump.ends_early("the mark of a finished small dump is missing".to_owned());
            }
        }
    }
}

/// Where a list begins and how many of its entries the file can hold; notes when that is fewer than stated.
fn list(dump: &mut KernelDump<'_>, bytes: Bytes<'_>, what: &str, start: u64, stated: u32, entry: u64) -> u64 {
    let held = bytes.len().saturating_sub(start) / entry;
    let count = u64::from(stated).min(held).min(MAX_ENTRIES);
    if count < u64::from(stated) {
        dump.damage(format!("{what}: {count} of {stated} entries read"));
    }
    count
}

fn read_drivers(dump: &mut KernelDump<'_>, bytes: Bytes<'_>, layout: &Layout) {
    let (Some(start), Some(stated)) = (layout.field(bytes, DRIVERS_OFFSET), layout.field(bytes, DRIVERS_COUNT)) else {
        return;
    };
    let start = u64::from(start);
    let count = list(dump, bytes, "drivers", start, stated, layout.entry);
    dump.drivers = (0..count).filter_map(|index| driver(bytes, layout, start + index * layout.entry)).collect();
    let unnamed = dump.drivers.iter().filter(|driver| driver.name.is_none()).count();
    if unnamed > 0 {
        dump.damage(format!("drivers: {unnamed} without a readable name"));
    }
}

fn driver(bytes: Bytes<'_>, layout: &Layout, entry: u64) -> Option<Driver> {
    Some(Driver {
        name: bytes.u32(entry).and_then(|offset| name_at(bytes, offset.into())),
        base: bytes.address(layout.width, entry + layout.base)?,
        size: bytes.u32(entry + layout.size)?,
        timestamp: Some(bytes.u32(entry + layout.timestamp)?),
    })
}

/// A `DUMP_STRING`: its length in characters (not bytes, as one public source says), then UTF-16.
fn name_at(bytes: Bytes<'_>, offset: u64) -> Option<String> {
    let characters = bytes.u32(offset).filter(|length| (1..=MAX_NAME).contains(length))?;
    let name = base_name(&bytes.utf16(offset + 4, characters.into())?);
    (!name.is_empty()).then_some(name)
}

fn read_unloaded(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let Some(offset) = WIDE.field(bytes, UNLOADED_OFFSET).filter(|&offset| offset != 0).map(u64::from) else { return };
    let Some(stated) = bytes.u32(offset) else { return };
    let count = list(dump, bytes, "unloaded drivers", offset + 8, stated, UNLOADED_ENTRY);
    dump.unloaded = (0..count).filter_map(|index| unloaded(bytes, offset + 8 + index * UNLOADED_ENTRY)).collect();
}

/// The length is that of what is there, so a name that fills its place may have been longer.
fn unloaded(bytes: Bytes<'_>, entry: u64) -> Option<UnloadedDriver> {
    const PLACE: u64 = UNLOADED_NAME as u64;
    let characters = u64::from(bytes.u16(entry)? / 2).min(PLACE);
    let name = base_name(&bytes.utf16(entry + 0x10, characters)?);
    Some(UnloadedDriver {
        name_is_cut: characters == PLACE,
        name: (!name.is_empty()).then_some(name),
        start: bytes.u64(entry + 0x28)?,
        end: bytes.u64(entry + 0x30)?,
    })
}

fn read_stack(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let (Some(offset), Some(size), Some(top)) =
        (WIDE.field(bytes, STACK_OFFSET), WIDE.field(bytes, STACK_SIZE), bytes.set_u64(WIDE.block + TOP_OF_STACK))
    else {
        return;
    };
    let read = dump.memory.set_stack(Block { address: top, offset, size: size.min(MAX_STACK) });
    if read < size {
        dump.damage(format!("thread stack: {read:#x} of {size:#x} bytes read"));
    }
}

fn read_blocks(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let (Some(start), Some(stated)) = (WIDE.field(bytes, BLOCKS_OFFSET), WIDE.field(bytes, BLOCKS_COUNT)) else {
        return;
    };
    let start = u64::from(start);
    let count = list(dump, bytes, "memory blocks", start, stated, BLOCK_ENTRY);
    let block =
        |entry| Some(Block { address: bytes.u64(entry)?, offset: bytes.u32(entry + 8)?, size: bytes.u32(entry + 12)? });
    dump.memory.set_blocks((0..count).filter_map(|index| block(start + index * BLOCK_ENTRY)).collect());
}

/// The block's own length is not stated: it ends where the next part begins.
fn read_process(dump: &mut KernelDump<'_>, bytes: Bytes<'_>) {
    let offset_at = |field: u64| WIDE.field(bytes, field).map(u64::from);
    let Some(start) = offset_at(PROCESS_OFFSET).filter(|&offset| offset >= WIDE.block) else { return };
    let end = PARTS.iter().filter_map(|&field| offset_at(field)).filter(|&offset| offset > start).min();
    let length = end.map_or(MAX_EPROCESS, |end| (end - start).min(MAX_EPROCESS));
    dump.set_process(bytes.slice_up_to(start, length));
}
