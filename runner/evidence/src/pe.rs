//! Files of drivers and programs (PE, the Portable Executable format): what they are and who says to have made them.
//!
//! Layout: "PE Format" in Microsoft's public documentation. The few fields of the headers are read here, so that a file
//! whose sections are damaged still tells them.

mod resources;
mod signature;
mod version;

pub(crate) use signature::organisation;

use coexist_model::{DriverFile, Hex};

use crate::bytes::{Bytes, base_name};

/// Characters of a company's or product's name that are kept.
const NAME: usize = 256;

/// Why bytes give no facts at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DriverFileError {
    /// The signatures of the format are missing.
    #[error("not a PE file (no driver, no program)")]
    NotPe,
}

/// Reads what a file says of itself, at most a small multiple of `bytes` in memory.
///
/// # Errors
/// Only when it is no PE file; any other damage is a note beside the facts that remain.
pub fn read_driver_file(bytes: &[u8]) -> Result<DriverFile, DriverFileError> {
    let headers = Headers::find(Bytes(bytes)).ok_or(DriverFileError::NotPe)?;
    let mut file = DriverFile {
        architecture: headers.architecture().map(str::to_owned),
        timestamp: headers.timestamp().map(Hex::from),
        size: headers.size().map(u64::from),
        ..DriverFile::default()
    };
    if file.size.is_none() {
        damage(&mut file, "headers cut off");
        return Ok(file);
    }
    if file.architecture.is_none() {
        file.notes.push("unknown processor architecture".to_owned());
    }
    match version::read(&headers) {
        Ok(None) => file.notes.push("no version resource".to_owned()),
        Ok(Some(version)) => {
            file.name = version.original_name.as_deref().map(base_name).filter(|name| !name.is_empty());
            file.company = version.company;
            file.product = version.product;
            file.version = version.version;
        }
        Err(why) => damage(&mut file, &format!("version resource unreadable: {why}")),
    }
    match headers.certificates().map(|(at, length)| signature::signer(bytes, at, length)) {
        None => file.notes.push("no embedded signature; a catalogue may sign it".to_owned()),
        Some(Ok(signer)) => file.signer = Some(signer),
        Some(Err(why)) => damage(&mut file, &format!("embedded signature unreadable: {why}")),
    }
    Ok(file)
}

fn damage(file: &mut DriverFile, what: &str) {
    file.damaged = true;
    file.notes.push(what.to_owned());
}

/// The NT headers of a file.
struct Headers<'a> {
    bytes: Bytes<'a>,
    /// Of `PE\0\0`.
    start: u64,
}

impl<'a> Headers<'a> {
    fn find(bytes: Bytes<'a>) -> Option<Self> {
        let start = u64::from(bytes.u32(0x3c)?);
        let is_pe = bytes.slice(0, 2)? == b"MZ" && bytes.slice(start, 4)? == b"PE\0\0";
        is_pe.then_some(Self { bytes, start })
    }

    fn architecture(&self) -> Option<&'static str> {
        match self.bytes.u16(self.start + 4)? {
            0x014c => Some("x86"),
            0x8664 => Some("x64"),
            0x01c4 => Some("arm"),
            0xaa64 => Some("arm64"),
            _ => None,
        }
    }

    fn timestamp(&self) -> Option<u32> {
        self.bytes.u32(self.start + 8)
    }

    /// `SizeOfImage`, at one place in both kinds of optional header.
    fn size(&self) -> Option<u32> {
        self.bytes.u32(self.optional() + 56)
    }

    fn optional(&self) -> u64 {
        self.start + 24
    }

    fn is_64_bit(&self) -> bool {
        self.bytes.u16(self.optional()) == Some(0x20b)
    }

    /// File offset and length of the attribute certificates.
    fn certificates(&self) -> Option<(u64, u64)> {
        self.directory(4)
    }

    /// Address and length of the resources.
    fn resources(&self) -> Option<(u64, u64)> {
        self.directory(2)
    }

    /// An entry of the data directories, unless it is empty.
    fn directory(&self, index: u32) -> Option<(u64, u64)> {
        let directories = self.optional() + if self.is_64_bit() { 112 } else { 96 };
        let number = self.bytes.u32(directories - 4)?;
        let entry = directories + u64::from(index) * 8;
        let (at, length) = (self.bytes.u32(entry)?, self.bytes.u32(entry + 4)?);
        (number > index && length > 0).then_some((at.into(), length.into()))
    }

    /// What of the file is loaded from an address of the image on, to the end of its section's data.
    fn at_address(&self, address: u64) -> Option<Bytes<'a>> {
        /// Length of a section's header, in which these fields lie.
        const SECTION: u64 = 40;
        let sections = self.optional() + u64::from(self.bytes.u16(self.start + 20)?);
        (0..u64::from(self.bytes.u16(self.start + 6)?)).find_map(|number| {
            let header = sections + number * SECTION;
            let (begin, length) = (self.bytes.u32(header + 12)?, self.bytes.u32(header + 16)?);
            let skip = address.checked_sub(begin.into()).filter(|&skip| skip < length.into())?;
            let data = u64::from(self.bytes.u32(header + 20)?);
            Some(Bytes(self.bytes.slice_up_to(data + skip, u64::from(length) - skip)))
        })
    }
}
