//! Reading a packed file here and there, as if it were plain.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};

use zstd::bulk::Decompressor;
use zstd::zstd_safe::compress_bound;

use super::{
    ENTRY, Frame, HAS_CHECKSUMS, LARGEST_BLOCK, MOST_FRAMES, RESERVED, TABLE, TABLE_END, TABLE_FOOT, TABLE_HEAD,
};

/// Blocks that are kept unpacked: those who read dumps jump between a few places.
const KEPT: usize = 8;

/// Why packed bytes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Damage {
    #[error(
        "it has no seek table at its end: it was not finished, or packed by something else; `zstd -d` may unpack it"
    )]
    NoTable,
    #[error("its seek table does not fit the file")]
    WrongTable,
    #[error("one of its blocks is larger than {LARGEST_BLOCK} bytes; `zstd -d` may unpack it")]
    TooLarge,
    #[error("one of its blocks is damaged")]
    WrongBlock,
}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage)
    }
}

/// A packed file's plain bytes. Errors of the kind [`io::ErrorKind::InvalidData`] are about the file's own damage.
pub struct PackedReader<R> {
    packed: R,
    blocks: Vec<Block>,
    plain_bytes: u64,
    position: u64,
    /// Unpacked blocks by number, the one last used in front.
    kept: VecDeque<(usize, Vec<u8>)>,
}

/// Where a block lies.
#[derive(Debug, Clone, Copy)]
struct Block {
    packed_at: u64,
    plain_at: u64,
    frame: Frame,
}

impl<R: Read + Seek> PackedReader<R> {
    /// Reads the seek table at the end of a packed file.
    ///
    /// # Errors
    /// When there is none, or when it does not fit; and those of the file system.
    pub fn new(mut packed: R) -> io::Result<Self> {
        let frames = read_table(&mut packed)?;
        let mut blocks = Vec::with_capacity(frames.len());
        let (mut packed_at, mut plain_at) = (0, 0);
        for frame in frames {
            blocks.push(Block { packed_at, plain_at, frame });
            packed_at += u64::from(frame.packed);
            plain_at += u64::from(frame.plain);
        }
        Ok(Self { packed, blocks, plain_bytes: plain_at, position: 0, kept: VecDeque::new() })
    }

    /// Length of the plain file, in bytes, as its seek table says.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// The block of this number, unpacked.
    fn block(&mut self, number: usize) -> io::Result<&[u8]> {
        let known = self.kept.iter().position(|(kept, _)| *kept == number);
        let block = match known.and_then(|at| self.kept.remove(at)) {
            Some(block) => block,
            None => (number, self.unpack(self.blocks[number])?),
        };
        self.kept.truncate(KEPT - 1);
        self.kept.push_front(block);
        Ok(&self.kept[0].1)
    }

    fn unpack(&mut self, block: Block) -> io::Result<Vec<u8>> {
        // Both lengths were checked when the table was read.
        let mut frame = vec![0; block.frame.packed as usize];
        self.packed.seek(SeekFrom::Start(block.packed_at))?;
        self.packed.read_exact(&mut frame)?;
        let expected = block.frame.plain as usize;
        let plain = Decompressor::new()?.decompress(&frame, expected).map_err(|_| Damage::WrongBlock)?;
        if plain.len() == expected { Ok(plain) } else { Err(Damage::WrongBlock.into()) }
    }
}

impl<R: Read + Seek> Read for PackedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.position >= self.plain_bytes {
            return Ok(0);
        }
        let position = self.position;
        let number = self.blocks.partition_point(|block| block.plain_at <= position) - 1;
        let within = (position - self.blocks[number].plain_at) as usize;
        let rest = &self.block(number)?[within..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for PackedReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.plain_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "no place in a file has this number");
        self.position = position.ok_or_else(outside)?;
        Ok(self.position)
    }
}

/// The frames before the seek table, which fill the file exactly, none of them empty or larger than it may be.
fn read_table(packed: &mut (impl Read + Seek)) -> io::Result<Vec<Frame>> {
    let length = packed.seek(SeekFrom::End(0))?;
    let foot_at = length.checked_sub((TABLE_HEAD + TABLE_FOOT) as u64).ok_or(Damage::NoTable)? + TABLE_HEAD as u64;
    packed.seek(SeekFrom::Start(foot_at))?;
    let mut foot = [0; TABLE_FOOT];
    packed.read_exact(&mut foot)?;
    let [a, b, c, d, descriptor, end @ ..] = foot;
    if end != TABLE_END {
        return Err(Damage::NoTable.into());
    }
    let count = u32::from_le_bytes([a, b, c, d]) as usize;
    if count > MOST_FRAMES || descriptor & RESERVED != 0 {
        return Err(Damage::WrongTable.into());
    }
    let entry = if descriptor & HAS_CHECKSUMS == 0 { ENTRY } else { ENTRY + 4 };
    let entries = count * entry;
    let table_at = foot_at.checked_sub((entries + TABLE_HEAD) as u64).ok_or(Damage::WrongTable)?;
    let mut table = vec![0; TABLE_HEAD + entries];
    packed.seek(SeekFrom::Start(table_at))?;
    packed.read_exact(&mut table)?;
    let (head, table) = table.split_at(TABLE_HEAD);
    let size = ((entries + TABLE_FOOT) as u32).to_le_bytes();
    if !head.starts_with(&TABLE) || !head.ends_with(&size) {
        return Err(Damage::WrongTable.into());
    }
    let mut frames = Vec::with_capacity(count);
    let mut before = 0;
    for entry in table.chunks_exact(entry) {
        let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        let frame = Frame { packed: word(0), plain: word(4) };
        if frame.plain as usize > LARGEST_BLOCK {
            return Err(Damage::TooLarge.into());
        }
        if frame.plain == 0 || frame.packed as usize > compress_bound(frame.plain as usize) {
            return Err(Damage::WrongTable.into());
        }
        before += u64::from(frame.packed);
        frames.push(frame);
    }
    if before == table_at { Ok(frames) } else { Err(Damage::WrongTable.into()) }
}
