//! Big files of evidence, kept compressed.
//!
//! ```text
//! fetch ─► PackedWriter ─► x.dmp.zst ─► PackedReader ─► dump readers
//! ```
//! A packed file is an ordinary `.zst` file that `zstd -d` unpacks: blocks of the file, each a zstd frame of its own with a
//! checksum, then a seek table in a frame that unpackers skip (`contrib/seekable_format` of the zstd repository,
//! "Zstandard Seekable Format" 0.1.0). The table comes last, so a file without one is a file that is not finished: whole
//! frames at its beginning are still good, and [`PackedWriter`] goes on behind them.
//!
//! Packed files may have been tampered with: [`PackedReader`] takes no number of theirs for granted, and no block takes
//! more memory than [`LARGEST_BLOCK`].

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::PackedReader;
pub use writer::{Packed, PackedWriter};

/// Most plain bytes in one frame. A reader holds a few of them in memory.
pub const LARGEST_BLOCK: usize = 16 << 20;

/// Most frames in one file: with the blocks that are written here, 1 TiB.
const MOST_FRAMES: usize = 1 << 20;

/// First bytes of a frame (RFC 8878, section 3.1.1).
const FRAME: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// First bytes of the frame with the seek table.
const TABLE: [u8; 4] = 0x184d_2a5e_u32.to_le_bytes();

/// Last bytes of the seek table.
const TABLE_END: [u8; 4] = 0x8f92_eab1_u32.to_le_bytes();

/// Bytes before a table's entries: the frame's first bytes, and its length.
const TABLE_HEAD: usize = 8;

/// Bytes after its entries: how many there are, a descriptor, its last bytes.
const TABLE_FOOT: usize = 9;

/// Bytes of one entry: packed and plain length of a frame. With checksums, which are not written here, four more.
const ENTRY: usize = 8;

/// Bit of the descriptor: entries have checksums.
const HAS_CHECKSUMS: u8 = 0x80;

/// Bits of the descriptor that must not be set.
const RESERVED: u8 = 0x7c;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Bytes in the packed file.
    packed: u32,
    /// Bytes of the plain file.
    plain: u32,
}

/// The seek table as a frame that unpackers skip.
fn seek_table(frames: &[Frame]) -> Vec<u8> {
    let length = frames.len() * ENTRY + TABLE_FOOT;
    let mut table = Vec::with_capacity(TABLE_HEAD + length);
    table.extend(TABLE);
    table.extend((length as u32).to_le_bytes());
    for frame in frames {
        table.extend(frame.packed.to_le_bytes());
        table.extend(frame.plain.to_le_bytes());
    }
    table.extend((frames.len() as u32).to_le_bytes());
    table.push(0);
    table.extend(TABLE_END);
    table
}
