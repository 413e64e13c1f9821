//! A dump as the library is shown it: its front replaced, the rest read a page at a time.

use std::io::{self, Read, Seek, SeekFrom};

const PAGE: usize = 0x1000;

/// A file whose first bytes are others. Small reads are served from the last page read: the library takes a page map
/// byte by byte.
pub(super) struct View<R> {
    front: Vec<u8>,
    source: R,
    position: u64,
    page: Vec<u8>,
    page_at: u64,
}

impl<R: Read + Seek> View<R> {
    pub(super) fn new(front: Vec<u8>, source: R) -> Self {
        Self { front, source, position: 0, page: Vec::new(), page_at: 0 }
    }

    /// The bytes at the position, as far as they are at hand; fetches their page where none are.
    fn at_position(&mut self) -> io::Result<&[u8]> {
        let in_front = usize::try_from(self.position).ok().filter(|&start| start < self.front.len());
        if let Some(start) = in_front {
            return Ok(&self.front[start..]);
        }
        let page_at = self.position - self.position % PAGE as u64;
        if self.page.is_empty() || self.page_at != page_at {
            self.page.clear();
            self.source.seek(SeekFrom::Start(page_at))?;
            self.source.by_ref().take(PAGE as u64).read_to_end(&mut self.page)?;
            self.page_at = page_at;
        }
        let into = usize::try_from(self.position - page_at).unwrap_or(PAGE);
        Ok(self.page.get(into..).unwrap_or_default())
    }
}

impl<R: Read + Seek> Read for View<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = self.at_position()?;
        let length = there.len().min(buffer.len());
        buffer[..length].copy_from_slice(&there[..length]);
        self.position = self.position.saturating_add(length as u64);
        Ok(length)
    }
}

impl<R: Read + Seek> Seek for View<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => self.source.seek(SeekFrom::End(0))?.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_another_and_the_rest_is_the_files() {
        let file: Vec<u8> = (0..0x2800_u32).map(|n| (n / 7) as u8).collect();
        let mut expected = file.clone();
        expected[..0x1003].fill(0xee);
        let mut view = View::new(vec![0xee; 0x1003], io::Cursor::new(file));
        let mut whole = Vec::new();
        view.read_to_end(&mut whole).unwrap();
        assert_eq!(whole, expected);
        for (at, length) in [(0x1000_u64, 8_usize), (0x1fff, 2), (0x27ff, 1), (0, 3)] {
            let mut piece = vec![0; length];
            view.seek(SeekFrom::Start(at)).unwrap();
            view.read_exact(&mut piece).unwrap();
            assert_eq!(piece, expected[at as usize..][..length], "{at:#x}");
        }
        view.seek(SeekFrom::Start(0x27ff)).unwrap();
        assert!(view.read_exact(&mut [0; 2]).is_err());
        view.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(view.read(&mut [0; 8]).unwrap(), 0);
    }
}
