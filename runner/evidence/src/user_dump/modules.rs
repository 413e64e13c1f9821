//! The lists of loaded and unloaded modules. Layout: `MINIDUMP_MODULE_LIST` and `MINIDUMP_UNLOADED_MODULE_LIST` of the
//! public Windows SDK (`minidumpapiset.h`).

use coexist_model::{Hex, UserModule};

use crate::bytes::{Bytes, base_name};

/// Stream types.
pub(super) const LOADED: u32 = 4;
pub(super) const UNLOADED: u32 = 14;

/// Bytes of one `MINIDUMP_MODULE`.
const ENTRY: u64 = 108;
/// More modules than a process loads: browsers and games have some hundred.
const MAX_MODULES: u64 = 4096;
/// UTF-16 units of the longest name that a file on NTFS can have, and of the separator before it.
const NAME: u64 = 256;

/// What a list of modules says.
#[derive(Default)]
pub(super) struct List {
    pub(super) modules: Vec<UserModule>,
    /// What could not be read of it.
    pub(super) damage: Vec<String>,
}

/// Reads a list; names lie elsewhere in the file.
pub(super) fn read(stream: &[u8], file: &[u8]) -> List {
    let stream = Bytes(stream);
    let mut list = List::default();
    let Some(stated) = stream.u32(0).map(u64::from) else {
        list.damage.push("list of modules: too short for its number".to_owned());
        return list;
    };
    // The entries follow the number; some writers align them to eight bytes.
    let start = if stream.len() == 8 + stated * ENTRY { 8 } else { 4 };
    let there = (stream.len() - start.min(stream.len())) / ENTRY;
    let count = stated.min(there).min(MAX_MODULES);
    if count < stated {
        list.damage.push(format!("list of modules: {stated} stated, {count} read"));
    }
    let mut nameless = 0_u64;
    for index in 0..count {
        let Some(module) = module(stream, start + index * ENTRY, file) else { break };
        nameless += u64::from(module.name.is_none());
        list.modules.push(module);
    }
    if nameless > 0 {
        list.damage.push(format!("list of modules: {nameless} without a readable name"));
    }
    list
}

fn module(stream: Bytes<'_>, at: u64, file: &[u8]) -> Option<UserModule> {
    Some(UserModule {
        base: Hex(stream.u64(at)?),
        size: stream.u32(at + 8)?.into(),
        timestamp: Hex::from(stream.u32(at + 16)?),
        name: name(file, stream.u32(at + 20)?),
    })
}

/// The end of a `MINIDUMP_STRING`, which is its length in bytes, then UTF-16: no more of it than a file's name can
/// have, so that many modules that share one long path cost no more than they take in the file.
fn name(file: &[u8], at: u32) -> Option<String> {
    let file = Bytes(file);
    let units = u64::from(file.u32(at.into())?) / 2;
    let skipped = units.saturating_sub(NAME);
    let end_of_path = file.utf16(u64::from(at) + 4 + 2 * skipped, units - skipped)?;
    Some(base_name(&end_of_path)).filter(|name| !name.is_empty())
}

/// The module that holds an address, and the offset in it.
pub(super) fn holding(modules: &[UserModule], address: u64) -> Option<(&UserModule, u64)> {
    modules.iter().find_map(|module| {
        let offset = address.checked_sub(module.base.0).filter(|&offset| offset < module.size)?;
        Some((module, offset))
    })
}

/// The name of an unloaded module that had held an address. Its list states the bytes of its own header and entries.
pub(super) fn unloaded_from(stream: &[u8], file: &[u8], address: u64) -> Option<String> {
    let stream = Bytes(stream);
    let (header, entry, count) = (stream.u32(0)?, stream.u32(4)?, stream.u32(8)?);
    (0..u64::from(count).min(MAX_MODULES)).find_map(|index| {
        let at = u64::from(header) + index * u64::from(entry);
        let (base, size) = (stream.u64(at)?, u64::from(stream.u32(at + 8)?));
        let held = address.checked_sub(base).is_some_and(|offset| offset < size);
        held.then(|| name(file, stream.u32(at + 20)?)).flatten()
    })
}
