//! The version resource ("`VS_VERSIONINFO`" in Microsoft's public documentation). Read here, because the one crate that
//! reads it, `pelite` 0.10.0, refers to hostile fields as aligned structures where they are not, which ends the process
//! and cannot be caught. The tests compare with `pelite`.

use super::{Headers, NAME, resources};
use crate::bytes::{Bytes, one_line};

/// What the resource says.
#[derive(Default)]
pub(super) struct Version {
    pub(super) original_name: Option<String>,
    pub(super) company: Option<String>,
    pub(super) product: Option<String>,
    pub(super) version: Option<String>,
}

/// Reads the resource, if there is one.
pub(super) fn read(headers: &Headers<'_>) -> Result<Option<Version>, String> {
    match resources::version(headers)? {
        Some(resource) => understood(resource).map(Some).ok_or_else(|| "not in its form".to_owned()),
        None => Ok(None),
    }
}

/// The first value of each name, whatever language its table is in.
fn understood(resource: Bytes<'_>) -> Option<Version> {
    let root = Block::at(resource, 0, resource.len()).filter(|root| root.key == "VS_VERSION_INFO")?;
    let mut version = Version::default();
    for kind in root.children(resource).filter(|kind| kind.key == "StringFileInfo") {
        for table in kind.children(resource) {
            for text in table.children(resource) {
                version.take(&text, resource);
            }
        }
    }
    version.version = numbers(resource, &root).or(version.version);
    Some(version)
}

impl Version {
    fn take(&mut self, text: &Block, resource: Bytes<'_>) {
        let place = match text.key.as_str() {
            "CompanyName" => &mut self.company,
            "ProductName" => &mut self.product,
            "FileVersion" => &mut self.version,
            "OriginalFilename" => &mut self.original_name,
            _ => return,
        };
        if place.is_none() {
            // Some writers count the value in bytes, others in characters: it ends with its block or with a zero.
            let units = (text.end.saturating_sub(text.value) / 2).min(NAME as u64);
            *place =
                resource.utf16(text.value, units).map(|value| one_line(&value, NAME)).filter(|value| !value.is_empty());
        }
    }
}

/// The file's version in `VS_FIXEDFILEINFO`.
fn numbers(resource: Bytes<'_>, root: &Block) -> Option<String> {
    const SIGNATURE: u32 = 0xfeef_04bd;
    let fixed = (root.value_length > 0 && resource.u32(root.value)? == SIGNATURE).then_some(root.value)?;
    let (high, low) = (resource.u32(fixed + 8)?, resource.u32(fixed + 12)?);
    Some(format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff))
}

/// One node of the resource: length, length of its value, kind, key, value, children; parts begin at multiples of four.
struct Block {
    key: String,
    value: u64,
    value_length: u64,
    /// In characters where the value is text, else in bytes.
    is_text: bool,
    end: u64,
}

impl Block {
    /// Characters of the longest key that has a meaning here, and some more.
    const KEY: u64 = 64;

    fn at(resource: Bytes<'_>, start: u64, limit: u64) -> Option<Self> {
        const HEADER: u64 = 6;
        let length = u64::from(resource.u16(start)?);
        let end = start.checked_add(length).filter(|&end| length > HEADER && end <= limit)?;
        let units = ((end - start - HEADER) / 2).min(Self::KEY);
        let key = resource.utf16(start + HEADER, units)?;
        let key_units = u64::try_from(key.encode_utf16().count()).ok()?;
        Some(Self {
            value: (start + HEADER + 2 * (key_units + 1)).next_multiple_of(4),
            value_length: u64::from(resource.u16(start + 2)?),
            is_text: resource.u16(start + 4)? == 1,
            key,
            end,
        })
    }

    fn children<'r>(&self, resource: Bytes<'r>) -> impl Iterator<Item = Self> + use<'r> {
        let value = if self.is_text { 2 * self.value_length } else { self.value_length };
        let (mut start, limit) = ((self.value + value).next_multiple_of(4), self.end);
        std::iter::from_fn(move || {
            let child = Self::at(resource, start, limit)?;
            start = child.end.next_multiple_of(4);
            Some(child)
        })
    }
}
