//! The crashed kernel's address space, read through the library's page walk.

use kdmp_parser::gxa::Gva;
use kdmp_parser::structs::KdDebuggerData64;
use kdmp_parser::virt;

use crate::bytes::{Bytes, base_name};

/// Longest name that is read, in bytes.
const MAX_NAME: u16 = 2048;
/// The last addresses are nobody's; reads that would run over the end of the address space are refused.
const LAST: u64 = u64::MAX - 0xf_ffff;

pub(super) struct Space<'p>(pub(super) virt::Reader<'p>);

impl Space<'_> {
    /// Bytes at a kernel address, as far as the dump holds them.
    pub(super) fn up_to(&self, address: u64, length: usize) -> Vec<u8> {
        if !is_kernel(address) {
            return Vec::new();
        }
        let mut bytes = vec![0; length];
        let read = self.0.read(Gva::new(address), &mut bytes).unwrap_or_default();
        bytes.truncate(read);
        bytes
    }

    /// All of `length` bytes at a kernel address.
    pub(super) fn exactly(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        Some(self.up_to(address, length)).filter(|bytes| bytes.len() == length)
    }

    /// An eight-byte value at a kernel address.
    pub(super) fn long(&self, address: u64) -> Option<u64> {
        Bytes(&self.exactly(address, 8)?).u64(0)
    }

    /// Lower-case base name of the path in a `UNICODE_STRING` that lies at an offset of bytes already read.
    pub(super) fn name(&self, bytes: Bytes<'_>, offset: u64) -> Option<String> {
        let length = bytes.u16(offset).filter(|length| (2..=MAX_NAME).contains(length))?;
        let text = self.exactly(bytes.u64(offset + 8)?, length.into())?;
        let name = base_name(&Bytes(&text).utf16(0, u64::from(length) / 2)?);
        (!name.is_empty()).then_some(name)
    }

    /// The kernel's table for debuggers, if the address holds one.
    pub(super) fn debugger_data(&self, address: u64) -> Option<KdDebuggerData64> {
        const TAG: u32 = u32::from_le_bytes(*b"KDBG");
        is_kernel(address).then_some(())?;
        let data: KdDebuggerData64 = self.0.try_read_struct(Gva::new(address)).ok()??;
        (data.header.owner_tag == TAG).then_some(data)
    }
}

fn is_kernel(address: u64) -> bool {
    address >> 48 == 0xffff && address < LAST
}
