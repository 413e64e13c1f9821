//! Unified kernel image: a UEFI stub with command line, kernel and initrd as PE sections of their own.
//!
//! Written here rather than with objcopy, whose result depends on how the stub was linked: sections go behind the last one
//! of the stub, at addresses relative to the image (PE format, "Section Table").

use crate::error::BuildError;

/// Length of a section header.
const HEADER: usize = 40;
/// Initialised data, readable.
const DATA: u32 = 0x4000_0040;
/// The kernel runs in place: give it a boundary that suits any alignment it may want.
const ALIGN: u32 = 0x20_0000;

/// Adds sections to the stub.
pub(crate) fn assemble(stub: &[u8], sections: &[(&[u8; 8], &[u8])]) -> Result<Vec<u8>, BuildError> {
    let mut image = Image::parse(stub)?;
    for (name, data) in sections {
        image.add(name, data)?;
    }
    Ok(image.bytes)
}

struct Image {
    bytes: Vec<u8>,
    /// Offset of the PE signature.
    pe: usize,
    /// Offset of the section table.
    table: usize,
}

impl Image {
    fn parse(stub: &[u8]) -> Result<Self, BuildError> {
        let mut image = Self { bytes: stub.to_vec(), pe: 0, table: 0 };
        image.pe = image.u32(0x3c)? as usize;
        if image.bytes.get(image.pe..image.pe + 4) != Some(b"PE\0\0") || image.u16(image.pe + 24)? != 0x20b {
            return Err(BuildError::Stub("not a 64-bit PE file".to_owned()));
        }
        image.table = image.pe + 24 + usize::from(image.u16(image.pe + 20)?);
        Ok(image)
    }

    fn add(&mut self, name: &[u8; 8], data: &[u8]) -> Result<(), BuildError> {
        let count = self.u16(self.pe + 6)?;
        let header = self.table + HEADER * usize::from(count);
        let (section_alignment, file_alignment) = (self.u32(self.pe + 56)?, self.u32(self.pe + 60)?);
        if header + HEADER > self.u32(self.pe + 84)? as usize {
            return Err(BuildError::Stub("no room for another section header".to_owned()));
        }
        let address = align(self.u32(self.pe + 80)?, section_alignment.max(ALIGN))?;
        let size = u32::try_from(data.len()).map_err(|_| too_large())?;
        let padded = align(size, file_alignment)?;
        let offset = align(u32::try_from(self.bytes.len()).map_err(|_| too_large())?, file_alignment)?;

        self.bytes.resize(offset as usize, 0);
        self.bytes.extend_from_slice(data);
        self.bytes.resize(offset as usize + padded as usize, 0);
        self.bytes[header..header + 8].copy_from_slice(name);
        self.bytes[header + 8..header + HEADER].fill(0);
        for (at, value) in [(8, size), (12, address), (16, padded), (20, offset), (36, DATA)] {
            self.put(header + at, value);
        }
        let end = align(address.checked_add(size).ok_or_else(too_large)?, section_alignment)?;
        self.put(self.pe + 80, end);
        self.bytes[self.pe + 6..self.pe + 8].copy_from_slice(&(count + 1).to_le_bytes());
        Ok(())
    }

    fn put(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn u32(&self, at: usize) -> Result<u32, BuildError> {
        let bytes = self.bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).ok_or_else(cut_off)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u16(&self, at: usize) -> Result<u16, BuildError> {
        let bytes = self.bytes.get(at..at + 2).and_then(|it| it.try_into().ok()).ok_or_else(cut_off)?;
        Ok(u16::from_le_bytes(bytes))
    }
}

fn align(value: u32, to: u32) -> Result<u32, BuildError> {
    value.checked_next_multiple_of(to).ok_or_else(too_large)
}

fn cut_off() -> BuildError {
    BuildError::Stub("the file ends within its headers".to_owned())
}

fn too_large() -> BuildError {
    BuildError::Stub("kernel and initrd do not fit into a PE image".to_owned())
}

#[cfg(test)]
mod tests {
    use object::{Object as _, ObjectSection as _};

    use super::*;

    /// A PE file with one section, as small as they come.
    fn stub() -> Vec<u8> {
        let mut bytes = vec![0; 0x600];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x40;
        let pe = 0x40;
        bytes[pe..pe + 4].copy_from_slice(b"PE\0\0");
        for (at, value) in [(4, 0x8664_u16), (6, 1), (20, 240), (24, 0x20b)] {
            bytes[pe + at..pe + at + 2].copy_from_slice(&value.to_le_bytes());
        }
        let table = pe + 24 + 240;
        let fields = [
            (pe + 56, 0x1000_u32),
            (pe + 60, 0x200),
            (pe + 80, 0x2000),
            (pe + 84, 0x400),
            (pe + 24 + 108, 16),
            (table + 8, 0x10),
            (table + 12, 0x1000),
            (table + 16, 0x200),
            (table + 20, 0x400),
        ];
        for (at, value) in fields {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[table..table + 5].copy_from_slice(b".text");
        bytes
    }

    #[test]
    fn an_independent_reader_finds_the_sections() {
        let kernel = vec![7; 5000];
        let image = assemble(&stub(), &[(b".cmdline", b"quiet"), (b".linux\0\0", &kernel)]).unwrap();
        let file = object::File::parse(&*image).unwrap();
        assert_eq!(file.sections().count(), 3);
        assert_eq!(file.section_by_name(".cmdline").unwrap().data().unwrap()[..5], *b"quiet");
        let linux = file.section_by_name(".linux").unwrap();
        assert_eq!(linux.data().unwrap()[..5000], kernel);
        assert_eq!(linux.address() % u64::from(ALIGN), 0);
    }

    #[test]
    fn bad_stubs_are_refused() {
        assert!(assemble(b"MZ", &[]).is_err());
        assert!(assemble(&[0; 0x600], &[]).is_err());
        let sections: Vec<(&[u8; 8], &[u8])> = vec![(b".linux\0\0", b"x"); 40];
        assert!(assemble(&stub(), &sections).is_err(), "the header has room for a few only");
    }
}
