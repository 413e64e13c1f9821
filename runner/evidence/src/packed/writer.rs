//! Packing, and going on where it was broken off.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, find_frame_compressed_size};

use super::{FRAME, Frame, LARGEST_BLOCK, MOST_FRAMES, seek_table};

/// Plain bytes in one frame: what is lost at most when the host's program dies, and what a reader unpacks for one look
/// (about half a millisecond). Twice what the level below looks back, so that larger ones would hardly pack better.
const BLOCK: usize = 1 << 20;

/// The fastest level but the experimental ones: it is faster than guests send, and memory is mostly zeros or noise.
const LEVEL: i32 = 1;

/// Packs a file as it comes in. Bytes reach the disk a block at a time, or when it is flushed.
///
/// Without [`PackedWriter::finish`] the file stays unfinished, and can be opened again.
pub struct PackedWriter {
    file: File,
    /// Where the next frame goes, in packed bytes.
    end: u64,
    frames: Vec<Frame>,
    /// Plain bytes in all frames.
    framed: u64,
    /// Plain bytes that are in no frame yet.
    block: Vec<u8>,
    block_size: usize,
    compressor: Compressor<'static>,
    digest: Sha256,
}

/// What became of a file that was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Length of the plain file, in bytes.
    pub plain_bytes: u64,
    /// Length of the packed file, in bytes.
    pub packed_bytes: u64,
    /// Digest of the plain file.
    pub sha256: coexist_model::Sha256,
}

impl PackedWriter {
    /// Opens a file to pack into, which may be there from an earlier try: its whole frames are kept, and what is behind
    /// them is dropped. [`PackedWriter::plain_bytes`] says from where on the plain file is wanted.
    ///
    /// # Errors
    /// Those of the host's file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_blocks(path, BLOCK)
    }

    pub(super) fn with_blocks(path: &Path, block_size: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        let block = Vec::with_capacity(block_size);
        let frames = Vec::new();
        let digest = Sha256::new();
        let mut writer = Self { file, end: 0, frames, framed: 0, block, block_size, compressor, digest };
        writer.take_over()?;
        writer.file.set_len(writer.end)?;
        Ok(writer)
    }

    /// Plain bytes that were taken so far, by this writer and those before it.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        self.framed + self.block.len() as u64
    }

    /// Counts the frames that are whole. Each is unpacked: its checksum is the proof that it reached the disk, and the
    /// digest has to know its bytes.
    fn take_over(&mut self) -> io::Result<()> {
        let mut window = Window::default();
        let mut plain = Vec::with_capacity(LARGEST_BLOCK);
        let mut decompressor = Decompressor::new()?;
        while self.frames.len() < MOST_FRAMES {
            let Some(frame) = window.frame(&mut self.file)? else { break };
            plain.clear();
            if decompressor.decompress_to_buffer(frame, &mut plain).is_err() || plain.is_empty() {
                break;
            }
            let packed = frame.len();
            window.start += packed;
            self.count(packed, &plain);
        }
        Ok(())
    }

    fn count(&mut self, packed: usize, plain: &[u8]) {
        self.digest.update(plain);
        // Both are far below 4 GiB: the window and the blocks are.
        self.frames.push(Frame { packed: packed as u32, plain: plain.len() as u32 });
        self.end += packed as u64;
        self.framed += plain.len() as u64;
    }

    /// Writes the block as a frame. When that fails the block is kept, and the file ends where it ended before.
    fn put_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        if self.frames.len() >= MOST_FRAMES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a packed file holds no more frames"));
        }
        let frame = self.compressor.compress(&self.block)?;
        self.append(&frame)?;
        let plain = std::mem::take(&mut self.block);
        self.count(frame.len(), &plain);
        self.block = plain;
        self.block.clear();
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(bytes).inspect_err(|_| {
            // Best effort: whoever opens the file again drops half a frame anyway.
            let _ = self.file.set_len(self.end);
        })
    }

    /// Writes what is left and the seek table, and waits until the disk has it.
    ///
    /// # Errors
    /// Those of the host's file system.
    pub fn finish(mut self) -> io::Result<Packed> {
        self.put_block()?;
        let table = seek_table(&self.frames);
        self.append(&table)?;
        self.file.sync_all()?;
        let digits: String = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Packed {
            plain_bytes: self.framed,
            packed_bytes: self.end + table.len() as u64,
            sha256: coexist_model::Sha256::from(digits),
        })
    }
}

impl Write for PackedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() >= self.block_size {
            self.put_block()?;
        }
        let taken = bytes.len().min(self.block_size - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What was taken so far becomes a frame and is given to the host's system.
    fn flush(&mut self) -> io::Result<()> {
        self.put_block()
    }
}

/// The part of a packed file that is being looked at.
#[derive(Default)]
struct Window {
    bytes: Vec<u8>,
    start: usize,
    at_end: bool,
}

impl Window {
    /// The frame that begins where the last one ended, if it is one and whole.
    fn frame(&mut self, file: &mut File) -> io::Result<Option<&[u8]>> {
        if self.whole().is_none() && !self.at_end {
            self.bytes.drain(..self.start);
            self.start = 0;
            // Room for the largest frame, so that one that is not whole in here is not whole at all.
            let room = compress_bound(LARGEST_BLOCK) - self.bytes.len().min(compress_bound(LARGEST_BLOCK));
            let read = file.take(room as u64).read_to_end(&mut self.bytes)?;
            self.at_end = read < room;
        }
        Ok(self.whole().and_then(|length| self.bytes.get(self.start..self.start + length)))
    }

    fn whole(&self) -> Option<usize> {
        let rest = self.bytes.get(self.start..)?;
        if !rest.starts_with(&FRAME) {
            return None;
        }
        find_frame_compressed_size(rest).ok().filter(|length| *length <= rest.len())
    }
}
