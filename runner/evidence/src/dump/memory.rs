//! The little memory that a small dump holds: a copy of the crashed thread's stack, and scattered blocks.

use crate::bytes::Bytes;

/// Kernel stacks take 24 KiB, expanded ones some times that; more is not a stack.
pub(super) const MAX_STACK: u64 = 0x4_0000;

/// Bytes of the file that stand for a range of the crashed system's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) address: u64,
    pub(super) offset: u32,
    pub(super) size: u32,
}

/// Memory of the crashed system, as far as the dump holds it. Most is absent.
#[derive(Clone)]
pub struct Memory<'a> {
    file: Bytes<'a>,
    stack: Option<(u64, &'a [u8])>,
    blocks: Vec<Block>,
}

impl<'a> Memory<'a> {
    pub(super) fn none(file: Bytes<'a>) -> Self {
        Self { file, stack: None, blocks: Vec::new() }
    }

    pub(super) fn set_stack(&mut self, address: u64, copy: &'a [u8]) {
        self.stack = Some((address, copy));
    }

    pub(super) fn set_blocks(&mut self, mut blocks: Vec<Block>) {
        blocks.sort_by_key(|block| block.address);
        self.blocks = blocks;
    }

    /// The copy of the crashed thread's stack: address of its first byte, and the bytes.
    #[must_use]
    pub fn stack(&self) -> Option<(u64, &'a [u8])> {
        self.stack
    }

    /// Number of scattered blocks.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes at an address; `None` when the dump does not hold all of them in one piece.
    #[must_use]
    pub fn read(&self, address: u64, length: u64) -> Option<&'a [u8]> {
        if let Some((start, copy)) = self.stack
            && let Some(offset) = address.checked_sub(start)
            && let Some(found) = Bytes(copy).slice(offset, length)
        {
            return Some(found);
        }
        let after = self.blocks.partition_point(|block| block.address <= address);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let into = address.checked_sub(block.address)?;
        if into.checked_add(length)? > u64::from(block.size) {
            return None;
        }
        self.file.slice(u64::from(block.offset) + into, length)
    }

    /// The stack's eight-byte slots from an address on, as (address, value), as far as the copy goes.
    pub(crate) fn slots_from(&self, address: u64) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let slots = self.stack.and_then(|(start, copy)| {
            let skip = address.checked_next_multiple_of(8)?.checked_sub(start)?;
            let copy = copy.get(usize::try_from(skip).ok()?..)?;
            Some((start.checked_add(skip)?, copy))
        });
        let (first, copy) = slots.unwrap_or((0, &[]));
        let values = copy.chunks_exact(8).filter_map(|slot| Some(u64::from_le_bytes(slot.try_into().ok()?)));
        (0..).zip(values).filter_map(move |(index, value): (u64, u64)| Some((first.checked_add(8 * index)?, value)))
    }
}

impl std::fmt::Debug for Memory<'_> {
    /// Says how much there is; the memory itself is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("stack", &self.stack.map(|(address, copy)| (address, copy.len())))
            .field("blocks", &self.blocks.len())
            .finish_non_exhaustive()
    }
}
