//! A partition as a `Read + Seek`, with a limit on the work that its contents can cause.

use std::io::{self, Read, Seek, SeekFrom};

use super::image::Image;

const WINDOW: u64 = 0x1_0000;

/// Reads a partition through a window, until the budget is used up.
///
/// The budget counts what the NTFS library asked for, not what reached the disk: a tree of folders that runs in a
/// circle is walked within the window.
pub(super) struct Reader<'i> {
    image: &'i Image,
    start: u64,
    length: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    bytes_left: u64,
    calls_left: u64,
}

/// Every call moves some bytes on average; the library's structures take some ten calls each.
const BYTES_PER_CALL: u64 = 16;

impl<'i> Reader<'i> {
    /// `bytes` bounds what may be read.
    pub(super) fn new(image: &'i Image, start: u64, length: u64, bytes: u64) -> Self {
        let calls_left = bytes / BYTES_PER_CALL;
        Self { image, start, length, position: 0, window: Vec::new(), window_start: 0, bytes_left: bytes, calls_left }
    }

    /// What is left of the bytes that may be read.
    pub(super) fn left(&self) -> u64 {
        self.bytes_left.min(self.calls_left.saturating_mul(BYTES_PER_CALL))
    }

    fn in_window(&self) -> Option<&[u8]> {
        let skip = usize::try_from(self.position.checked_sub(self.window_start)?).ok()?;
        self.window.get(skip..).filter(|rest| !rest.is_empty())
    }

    fn fill_window(&mut self) -> io::Result<()> {
        let start = self.position - self.position % WINDOW;
        let length = WINDOW.min(self.length - start);
        self.window.resize(usize::try_from(length).unwrap_or_default(), 0);
        self.window_start = start;
        let filled = self.image.read(&mut self.window, self.start + start);
        if filled.is_err() {
            self.window.clear();
        }
        filled
    }

    fn charge(&mut self, bytes: usize) -> io::Result<()> {
        let left = self.bytes_left.checked_sub(bytes as u64).zip(self.calls_left.checked_sub(1));
        (self.bytes_left, self.calls_left) =
            left.ok_or_else(|| io::Error::other("the volume asks for too much work"))?;
        Ok(())
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.length {
            return Ok(0);
        }
        let wanted = (buffer.len() as u64).min(self.length - self.position);
        if wanted >= WINDOW && self.in_window().is_none() {
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(buffer.len());
            self.charge(wanted)?;
            self.image.read(&mut buffer[..wanted], self.start + self.position)?;
            self.position += wanted as u64;
            return Ok(wanted);
        }
        if self.in_window().is_none() {
            self.fill_window()?;
        }
        let ready = self.in_window().unwrap_or_default();
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.charge(count)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.charge(0)?;
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
