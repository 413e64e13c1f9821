//! Resources: a tree of three levels, kind, name, language ("The .rsrc Section" of Microsoft's "PE Format"). Read here, as
//! crate `object` is the stand-in's writer of such files and `pelite` 0.10.0 ends the process on hostile ones.

use super::Headers;
use crate::bytes::Bytes;

/// `RT_VERSION`.
const VERSION: u32 = 16;
/// A directory's fields before its entries.
const DIRECTORY: u64 = 16;
/// An entry: name or number, then where it leads.
const ENTRY: u64 = 8;
/// Set where an entry leads to another directory.
const DEEPER: u32 = 1 << 31;

/// The bytes of the first version resource; none where there is none, an error where the tree leads out of the file.
pub(super) fn version<'a>(headers: &Headers<'a>) -> Result<Option<Bytes<'a>>, &'static str> {
    let Some((address, _)) = headers.resources() else { return Ok(None) };
    let tree = headers.at_address(address).ok_or("its tree lies outside the file")?;
    let Some(kind) = entry(tree, 0, Some(VERSION)).ok_or("its tree is cut off")? else { return Ok(None) };
    let leaf = first(tree, kind).and_then(|name| first(tree, name)).ok_or("its tree leads nowhere")?;
    let leaf = u64::from(leaf);
    let (address, length) = tree.u32(leaf).zip(tree.u32(leaf + 4)).ok_or("its tree is cut off")?;
    let data = headers.at_address(address.into()).ok_or("it lies outside the file")?;
    Ok(Some(Bytes(data.slice_up_to(0, length.into()))))
}

/// Where the first entry of the directory leads that another entry leads to.
fn first(tree: Bytes<'_>, to: u32) -> Option<u32> {
    entry(tree, u64::from((to & DEEPER != 0).then_some(to ^ DEEPER)?), None)?
}

/// Where the first entry of a directory leads, or the one with a number. Outer `None`: the directory is cut off.
fn entry(tree: Bytes<'_>, directory: u64, number: Option<u32>) -> Option<Option<u32>> {
    // Those with names come first, then those with numbers; both are counted in 16 bits.
    let entries = u64::from(tree.u16(directory + 12)?) + u64::from(tree.u16(directory + 14)?);
    for index in 0..entries {
        let at = directory + DIRECTORY + index * ENTRY;
        let (name, to) = tree.u32(at).zip(tree.u32(at + 4))?;
        if number.is_none_or(|number| number == name) {
            return Some(Some(to));
        }
    }
    Some(None)
}
