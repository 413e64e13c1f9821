//! A dump of the kernel's memory (DumpType 6, "bitmap"): header, bitmap of the frames that are there, then the frames.
//!
//! ```text
//! 0x0000 header │ 0x2000 "SDMP" "DUMP" … FirstPage, TotalPresentPages, Pages, bitmap │ FirstPage: frames in order
//! ```
//! What it holds can be reached through its own page tables: debugger data, list of loaded images, unloaded images, stack.
//! Layout as public readers have it (rizin, kdmp-parser); no such dump written by Windows was at hand. [K]

use super::header::{self, Kind};
use super::memory::{Memory, PAGE};
use super::{DumpDriver, SmallDump, UnloadedDriver, triage};
use crate::bytes::{put, put_u32, put_u64};

/// Bitmap kernel dump.
const TYPE: u32 = 6;
/// Frames of the machine: 256 MiB, as the header's runs say.
const FRAMES: u64 = 0x1_0000;
const BITMAP: usize = 0x38;
/// Where the list entries of loaded images lie, and how far apart; the names follow in each.
const ENTRIES: u64 = 0xffff_d20b_f904_0000;
const ENTRY_STEP: u64 = 0x400;
const NAME: u64 = 0xc0;
/// Where the array of unloaded images lies; Windows keeps fifty.
const UNLOADED: u64 = 0xffff_d20b_f980_0000;
const UNLOADED_STEP: u64 = 0x28;
/// Where the pool begins.
const POOL: u64 = 0xffff_d20c_0000_0000;
const UNLOADED_NAMES: u64 = UNLOADED + 0x1000;
const UNLOADED_KEPT: usize = 50;
/// Longest name in UTF-16 units.
const LONGEST: usize = 250;

pub(super) fn write(dump: &SmallDump, pool: &[u8]) -> Vec<u8> {
    let mut memory = memory(dump);
    memory.write(POOL, pool);
    let physical = memory.into_physical();
    let kind = Kind { number: TYPE, directory: physical.directory, small: None };
    let mut bytes = header::write(dump, &kind);

    let bitmap_length = usize::try_from(FRAMES / 8).unwrap_or(0);
    let mut table = vec![0; (BITMAP + bitmap_length).next_multiple_of(PAGE)];
    let first_page = bytes.len() + table.len();
    put(&mut table, 0, b"SDMPDUMP");
    put_u64(&mut table, 0x20, first_page as u64);
    put_u64(&mut table, 0x28, physical.frames.len() as u64);
    put_u64(&mut table, 0x30, FRAMES);
    for frame in physical.frames.keys().filter(|it| **it < FRAMES) {
        let at = usize::try_from(frame / 8).unwrap_or(0);
        table[BITMAP + at] |= 1 << (frame % 8);
    }
    bytes.extend(table);
    for (_, page) in physical.frames.range(..FRAMES) {
        bytes.extend_from_slice(&page[..]);
    }
    bytes
}

fn memory(dump: &SmallDump) -> Memory {
    let mut memory = Memory::default();
    memory.write(dump.stack.top, &dump.stack.bytes);
    debugger_data(dump, &mut memory);
    loaded(dump, &mut memory);
    unloaded(dump, &mut memory);
    memory
}

/// KDDEBUGGER_DATA64 (public SDK, wdbgexts.h), with the addresses of the variables that a debugger follows.
fn debugger_data(dump: &SmallDump, memory: &mut Memory) {
    let mut block = triage::debugger_data(dump);
    put_u64(&mut block, 0x220, unloaded_variable(dump));
    put_u64(&mut block, 0x228, unloaded_variable(dump).wrapping_add(8));
    memory.write(dump.debugger_data(), &block);
}

/// MmUnloadedDrivers, and MmLastUnloadedDriver behind it; invented within the kernel image.
fn unloaded_variable(dump: &SmallDump) -> u64 {
    dump.kernel_base().wrapping_add(0x1_5ff0)
}

/// The circular list that begins and ends at PsLoadedModuleList.
fn loaded(dump: &SmallDump, memory: &mut Memory) {
    let head = dump.module_list();
    let entry = |number: usize| ENTRIES + ENTRY_STEP * number as u64;
    let count = dump.drivers.len();
    let next = |number: usize| if number < count { entry(number) } else { head };
    memory.write_u64(head, next(0));
    memory.write_u64(head.wrapping_add(8), if count == 0 { head } else { entry(count - 1) });
    for (number, driver) in dump.drivers.iter().enumerate() {
        let before = if number == 0 { head } else { entry(number - 1) };
        list_entry(driver, entry(number), [next(number + 1), before], memory);
    }
}

/// KLDR_DATA_TABLE_ENTRY.
fn list_entry(driver: &DumpDriver, at: u64, [next, before]: [u64; 2], memory: &mut Memory) {
    let name: Vec<u16> = driver.name.encode_utf16().take(LONGEST).collect();
    let mut entry = vec![0; 0xa0];
    put_u64(&mut entry, 0x00, next);
    put_u64(&mut entry, 0x08, before);
    put_u64(&mut entry, 0x30, driver.base);
    put_u64(&mut entry, 0x38, driver.base.wrapping_add(0x1000)); // entry point
    put_u32(&mut entry, 0x40, driver.size);
    for field in [0x48, 0x58] {
        // full name, base name
        put(&mut entry, field, &string(&name, at + NAME));
    }
    put_u32(&mut entry, 0x68, 0x4910_4000); // flags of a loaded image
    put_u32(&mut entry, 0x78, driver.checksum);
    put_u32(&mut entry, 0x9c, driver.timestamp);
    memory.write(at, &entry);
    memory.write(at + NAME, &utf16(&name));
}

/// An array of fifty places; the next one to be used, counted from the start for ever, is MmLastUnloadedDriver. [K]
fn unloaded(dump: &SmallDump, memory: &mut Memory) {
    let kept: Vec<&UnloadedDriver> = dump.unloaded.iter().take(UNLOADED_KEPT).rev().collect();
    memory.write_u64(unloaded_variable(dump), if kept.is_empty() { 0 } else { UNLOADED });
    memory.write_u64(unloaded_variable(dump).wrapping_add(8), kept.len() as u64);
    let mut names = UNLOADED_NAMES;
    for (number, driver) in kept.into_iter().enumerate() {
        let name: Vec<u16> = driver.name.encode_utf16().take(LONGEST).collect();
        let at = UNLOADED + UNLOADED_STEP * number as u64;
        memory.write(at, &string(&name, names));
        memory.write_u64(at + 0x10, driver.start);
        memory.write_u64(at + 0x18, driver.end);
        memory.write_u64(at + 0x20, dump.system_time);
        memory.write(names, &utf16(&name));
        names += 0x200;
    }
}

/// UNICODE_STRING of a name that lies at this address.
fn string(name: &[u16], at: u64) -> [u8; 16] {
    let length = u16::try_from(2 * name.len()).unwrap_or(0).to_le_bytes();
    let mut string = [0; 16];
    put(&mut string, 0, &length);
    put(&mut string, 2, &length);
    put_u64(&mut string, 8, at);
    string
}

fn utf16(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}
