//! The lists that Windows keeps of its drivers, and the process that was current, walked in a dump's memory.

use std::collections::HashSet;

use kdmp_parser::structs::KdDebuggerData64;

use super::space::Space;
use crate::bytes::Bytes;
use crate::dump::process::MAX_EPROCESS;
use crate::dump::{Driver, UnloadedDriver};

/// Entries followed; real systems have some hundred drivers.
const MAX_DRIVERS: usize = 4096;
/// Windows remembers this many unloaded drivers.
const MAX_UNLOADED: u64 = 50;
/// Processors asked for their context; Windows has no more.
const MAX_PROCESSORS: u32 = 2048;

/// Drivers in load order, and why the list ended before its end.
pub(super) fn drivers(space: &Space<'_>, head: u64, build: Option<u32>) -> (Vec<Driver>, Option<&'static str>) {
    let mut drivers = Vec::new();
    let mut seen = HashSet::from([head]);
    let Some(mut address) = space.long(head) else { return (drivers, Some("its head is not in the dump")) };
    while address != head {
        if !seen.insert(address) {
            return (drivers, Some("it runs in a circle"));
        }
        if drivers.len() == MAX_DRIVERS {
            return (drivers, Some("no more are read"));
        }
        let Some((next, driver)) = driver(space, address, build) else {
            return (drivers, Some("an entry is not in the dump"));
        };
        drivers.push(driver);
        address = next;
    }
    (drivers, None)
}

/// A `KLDR_DATA_TABLE_ENTRY` as it stands in memory: the next entry's address, and the driver. Small dumps hold another
/// form of it, which debuggers share.
fn driver(space: &Space<'_>, address: u64, build: Option<u32>) -> Option<(u64, Driver)> {
    const SIZE: usize = 0xa0;
    const FULL_NAME: u64 = 0x48;
    const BASE_NAME: u64 = 0x58;
    let entry = space.exactly(address, SIZE)?;
    let entry = Bytes(&entry);
    let base = entry.u64(0x30)?;
    let driver = Driver {
        name: space.name(entry, BASE_NAME).or_else(|| space.name(entry, FULL_NAME)),
        base,
        size: entry.u32(0x40)?,
        timestamp: of_image(space, base).or_else(|| of_entry(entry, build)),
    };
    Some((entry.u64(0)?, driver))
}

/// The time stamp in the image's own headers, where they are still in memory.
fn of_image(space: &Space<'_>, base: u64) -> Option<u32> {
    let start = space.exactly(base, 0x40)?;
    start.starts_with(b"MZ").then_some(())?;
    let headers = u64::from(Bytes(&start).u32(0x3c)?);
    let headers = space.exactly(base.checked_add(headers)?, 12)?;
    headers.starts_with(b"PE\0\0").then(|| Bytes(&headers).u32(8))?
}

/// The time stamp in the list: the place is that of public descriptions of the structure since Windows 10, not seen in a
/// real dump [K]. Older systems have something else there.
fn of_entry(entry: Bytes<'_>, build: Option<u32>) -> Option<u32> {
    const WINDOWS_10: u32 = 10240;
    build.filter(|&build| build >= WINDOWS_10)?;
    entry.u32(0x9c)
}

/// Unloaded drivers, with their whole names: `MmUnloadedDrivers` points to a pointer to the table. Layout of an entry: a
/// public one of debuggers, not seen in a real dump [K].
pub(super) fn unloaded(space: &Space<'_>, data: &KdDebuggerData64) -> Vec<UnloadedDriver> {
    const SIZE: u64 = 0x28;
    let Some(table) = space.long(data.mm_unloaded_drivers) else { return Vec::new() };
    let entry = |index| {
        let entry = space.exactly(table.checked_add(index * SIZE)?, 0x20)?;
        let entry = Bytes(&entry);
        let name = space.name(entry, 0)?;
        Some(UnloadedDriver { name: Some(name), name_is_cut: false, start: entry.u64(0x10)?, end: entry.u64(0x18)? })
    };
    (0..MAX_UNLOADED).filter_map(entry).collect()
}

/// A copy of the `EPROCESS` of the thread that stopped the system: current on the processor whose saved context has
/// the header's stack pointer.
pub(super) fn process(
    space: &Space<'_>,
    data: &KdDebuggerData64,
    processors: u32,
    stack_pointer: u64,
) -> Option<Vec<u8>> {
    /// RSP in a saved context.
    const RSP: u64 = 0x98;
    let at = |address: u64, offset: u16| space.long(address.checked_add(offset.into())?);
    let stopped = |index: u32| {
        let block = space.long(data.ki_processor_block.checked_add(8 * u64::from(index))?)?;
        let context = at(block, data.offset_prcb_context)?;
        (space.long(context.checked_add(RSP)?)? == stack_pointer).then_some(block)
    };
    let block = (0..processors.min(MAX_PROCESSORS)).find_map(stopped)?;
    let thread = at(block, data.offset_prcb_current_thread)?;
    let process = at(thread, data.offset_kthread_apc_process)?;
    let stated = u64::from(data.size_eprocess);
    let length = if stated == 0 { MAX_EPROCESS } else { stated.min(MAX_EPROCESS) };
    Some(space.up_to(process, usize::try_from(length).ok()?))
}
