//! Dumps of physical memory: full, bitmap, and those of page ranges.
//!
//! Crate `kdmp-parser` maps the pages and walks the page tables; lists, stack and process are read here with it, by
//! random access. [`front`] bounds what the library is given, [`view`] shows it, and should it panic all the same,
//! the facts found so far remain and a note says so. No real dump of these kinds was at hand: layouts are those of
//! public readers [K].

mod front;
mod lists;
mod space;
mod view;

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kdmp_parser::gxa::Gpa;
use kdmp_parser::parse::KernelDumpParser;
use kdmp_parser::virt;

use self::space::Space;
use self::view::View;
use super::memory::Excerpt;
use super::{DumpFormat, KernelDump};
use crate::bytes::Bytes;
use crate::fault;

const DIRECTORY_TABLE: u64 = 0x10;
const LOADED_MODULES: u64 = 0x20;
const DEBUGGER_DATA: u64 = 0x80;

/// Bytes of the thread's stack that are copied: a whole kernel stack.
const STACK: usize = 0x6000;
/// Slots of the stack whose code is looked at.
const MAX_RETURNS: usize = 512;
/// Bytes copied from before a return address: the longest instruction.
const BEFORE_RETURN: u64 = 16;

/// Reads what lies behind the header of a dump of physical memory of an x64 system.
pub(super) fn read_into<R: Read + Seek + 'static>(
    dump: &mut KernelDump<'_>,
    mut source: R,
    format: DumpFormat,
    header: &[u8],
    length: u64,
) {
    let front = match front::bounded(&mut source, format, header, length) {
        Ok(front) => front,
        Err(error) => return dump.damage(format!("only the header is read: {error}")),
    };
    if front.pages < front.stated {
        dump.damage(format!("memory: {} of {} pages are there or looked at", front.pages, front.stated));
    }
    let view = View::new(front.bytes, source);
    match catch_unwind(AssertUnwindSafe(|| read_memory(dump, view, header))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => dump.damage(format!("memory: not readable: {error}")),
        Err(_) => dump.damage("memory: its reader failed on it; what it had not read by then is missing".to_owned()),
    }
}

fn read_memory<R: Read + Seek + 'static>(
    dump: &mut KernelDump<'_>,
    view: View<R>,
    header: &[u8],
) -> Result<(), kdmp_parser::error::Error> {
    let parser = KernelDumpParser::with_reader(view)?;
    let field = |offset| Bytes(header).set_u64(offset);
    let Some(tables) = field(DIRECTORY_TABLE) else {
        dump.damage("memory: the header does not say where the page tables are".to_owned());
        return Ok(());
    };
    let space = Space(virt::Reader::with_dtb(&parser, Gpa::new(tables)));
    let (drivers, broken) = lists::drivers(&space, field(LOADED_MODULES).unwrap_or_default(), dump.build);
    if let Some(reason) = broken {
        dump.damage(format!("drivers: the list ends after {}: {reason}", drivers.len()));
    }
    dump.drivers = drivers;
    read_stack(dump, &space);
    read_current(dump, &space, field(DEBUGGER_DATA).unwrap_or_default());
    Ok(())
}

/// The stack, the records that parameters point to, and the code before whatever on the stack may be a return address.
fn read_stack(dump: &mut KernelDump<'_>, space: &Space<'_>) {
    let Some(context) = dump.context else { return };
    let stack = space.up_to(context.stack, STACK);
    if stack.is_empty() {
        return dump.note("thread stack: not in the dump".to_owned());
    }
    let mut excerpt = Excerpt::default();
    excerpt.put_stack(context.stack, &stack);
    for (address, length) in fault::records(dump) {
        excerpt.put_block(address, &space.up_to(address, usize::try_from(length).unwrap_or_default()));
    }
    // With these at hand it is known where the fault was, and so where the stack is looked at.
    dump.memory = excerpt.memory();
    let Some(fault) = fault::registers(dump) else { return };
    let values = dump.memory.slots_from(fault.stack).take(MAX_RETURNS).map(|(_, value)| value).chain(fault.link);
    for value in values.filter(|&value| dump.driver_at(value).is_some()) {
        let start = value.saturating_sub(BEFORE_RETURN);
        if let Some(code) = space.exactly(start, BEFORE_RETURN as usize) {
            excerpt.put_block(start, &code);
        }
    }
    dump.memory = excerpt.memory();
}

/// What is found through the kernel's table for debuggers.
fn read_current(dump: &mut KernelDump<'_>, space: &Space<'_>, address: u64) {
    let Some(data) = space.debugger_data(address) else {
        return dump.note("unloaded drivers, process: the kernel's table for debuggers is not in the dump".to_owned());
    };
    dump.unloaded = lists::unloaded(space, &data);
    let found = dump
        .context
        .zip(dump.processors)
        .and_then(|(context, processors)| lists::process(space, &data, processors, context.stack));
    match found {
        Some(process) => dump.set_process(&process),
        None => dump.note("process: the thread that stopped the system was not found".to_owned()),
    }
}
