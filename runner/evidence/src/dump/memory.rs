//! The memory that is kept of a dump: the crashed thread's stack, and scattered blocks.
//!
//! A small dump's memory is its file's bytes, borrowed. Of a big dump only what conclusions need is copied out, into an
//! excerpt of the same form.

use std::borrow::Cow;

use crate::bytes::Bytes;

/// Kernel stacks take 24 KiB, expanded ones some times that; more is not a stack.
pub(super) const MAX_STACK: u32 = 0x4_0000;

/// Blocks that begin before an address and are looked at: Windows' own dumps have short blocks within longer ones.
const MAX_OVERLAPPING: usize = 8;

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
    file: Cow<'a, [u8]>,
    /// A block whose bytes are known to be there.
    stack: Option<Block>,
    blocks: Vec<Block>,
}

impl<'a> Memory<'a> {
    pub(super) fn none(file: Bytes<'a>) -> Self {
        Self { file: Cow::Borrowed(file.0), stack: None, blocks: Vec::new() }
    }

    /// The same, living on its own.
    pub(super) fn into_owned(self) -> Memory<'static> {
        Memory { file: Cow::Owned(self.file.into_owned()), stack: self.stack, blocks: self.blocks }
    }

    /// Keeps as much of the stack as the file holds, and says how much that is.
    pub(super) fn set_stack(&mut self, stack: Block) -> u32 {
        let there = Bytes(&self.file).slice_up_to(stack.offset.into(), stack.size.into()).len();
        let size = u32::try_from(there).unwrap_or_default();
        self.stack = (size > 0).then_some(Block { size, ..stack });
        size
    }

    pub(super) fn set_blocks(&mut self, mut blocks: Vec<Block>) {
        blocks.sort_by_key(|block| block.address);
        self.blocks = blocks;
    }

    /// The copy of the crashed thread's stack: address of its first byte, and the bytes.
    #[must_use]
    pub fn stack(&self) -> Option<(u64, &[u8])> {
        let stack = self.stack?;
        Some((stack.address, Bytes(&self.file).slice(stack.offset.into(), stack.size.into())?))
    }

    /// Number of scattered blocks.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes at an address; `None` when the dump does not hold all of them in one piece.
    #[must_use]
    pub fn read(&self, address: u64, length: u64) -> Option<&[u8]> {
        let within = |block: &Block| {
            let into = address.checked_sub(block.address)?;
            (into.checked_add(length)? <= u64::from(block.size)).then(|| u64::from(block.offset) + into)
        };
        let after = self.blocks.partition_point(|block| block.address <= address);
        let before = self.blocks.get(..after).unwrap_or_default().iter().rev().take(MAX_OVERLAPPING);
        let offset = self.stack.iter().chain(before).find_map(within)?;
        Bytes(&self.file).slice(offset, length)
    }

    /// Bytes as eight-byte values.
    pub(crate) fn longs(bytes: &[u8]) -> impl Iterator<Item = u64> + use<'_> {
        bytes.chunks_exact(8).filter_map(|slot| Some(u64::from_le_bytes(slot.try_into().ok()?)))
    }

    /// The stack's eight-byte slots from an address on, as (address, value), as far as the copy goes.
    pub(crate) fn slots_from(&self, address: u64) -> impl Iterator<Item = (u64, u64)> + use<'_> {
        let slots = self.stack().and_then(|(start, copy)| {
            let skip = address.checked_next_multiple_of(8)?.checked_sub(start)?;
            let copy = copy.get(usize::try_from(skip).ok()?..)?;
            Some((start.checked_add(skip)?, copy))
        });
        let (first, copy) = slots.unwrap_or((0, &[]));
        (0..)
            .zip(Self::longs(copy))
            .filter_map(move |(index, value): (u64, u64)| Some((first.checked_add(8 * index)?, value)))
    }
}

/// What is copied out of a dump too big to be held, as a file of its own.
#[derive(Default)]
pub(super) struct Excerpt {
    file: Vec<u8>,
    stack: Option<Block>,
    blocks: Vec<Block>,
}

impl Excerpt {
    pub(super) fn put_stack(&mut self, address: u64, bytes: &[u8]) {
        self.stack = self.put(address, bytes);
    }

    pub(super) fn put_block(&mut self, address: u64, bytes: &[u8]) {
        let block = self.put(address, bytes);
        self.blocks.extend(block);
    }

    fn put(&mut self, address: u64, bytes: &[u8]) -> Option<Block> {
        let offset = u32::try_from(self.file.len()).ok()?;
        let size = u32::try_from(bytes.len()).ok()?;
        self.file.extend_from_slice(bytes);
        Some(Block { address, offset, size })
    }

    /// What has been copied so far.
    pub(super) fn memory(&self) -> Memory<'static> {
        let mut memory = Memory { file: Cow::Owned(self.file.clone()), stack: self.stack, blocks: Vec::new() };
        memory.set_blocks(self.blocks.clone());
        memory
    }
}

impl std::fmt::Debug for Memory<'_> {
    /// Says how much there is; the memory itself is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("stack", &self.stack.map(|stack| (stack.address, stack.size)))
            .field("blocks", &self.blocks.len())
            .finish_non_exhaustive()
    }
}
