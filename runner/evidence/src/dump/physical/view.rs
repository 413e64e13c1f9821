//! A dump as the library is shown it: its front replaced, the rest read a page at a time.

use std::io::{self, Read, Seek, SeekFrom};

const PAGE: usize = 0x1000;
/// Pages kept: tables and lists are visited again and again.
const KEPT: usize = 64;

/// A file whose first bytes are others. Reads are served from the last pages read: the library takes a page map byte by
/// byte, and comes back to the same page tables for every address.
pub(super) struct View<R> {
    front: Vec<u8>,
    source: R,
    position: u64,
    /// Offset and bytes of each page kept.
    pages: Vec<(u64, Vec<u8>)>,
    /// The one used last, and the one to be given up next.
    current: usize,
    oldest: usize,
}

impl<R: Read + Seek> View<R> {
    pub(super) fn new(front: Vec<u8>, source: R) -> Self {
        Self { front, source, position: 0, pages: Vec::new(), current: 0, oldest: 0 }
    }

    /// The bytes at the position, as far as they are at hand; fetches their page where none are.
    fn at_position(&mut self) -> io::Result<&[u8]> {
        let in_front = usize::try_from(self.position).ok().filter(|&start| start < self.front.len());
        if let Some(start) = in_front {
            return Ok(&self.front[start..]);
        }
        let page_at = self.position - self.position % PAGE as u64;
        let holds = |(at, _): &(u64, Vec<u8>)| *at == page_at;
        if !self.pages.get(self.current).is_some_and(holds) {
            self.current = match self.pages.iter().position(holds) {
                Some(kept) => kept,
                None => self.fetch(page_at)?,
            };
        }
        let into = usize::try_from(self.position - page_at).unwrap_or(PAGE);
        Ok(self.pages.get(self.current).and_then(|(_, page)| page.get(into..)).unwrap_or_default())
    }

    fn fetch(&mut self, page_at: u64) -> io::Result<usize> {
        let mut page = Vec::with_capacity(PAGE);
        self.source.seek(SeekFrom::Start(page_at))?;
        self.source.by_ref().take(PAGE as u64).read_to_end(&mut page)?;
        if self.pages.len() < KEPT {
            self.pages.push((page_at, page));
            return Ok(self.pages.len() - 1);
        }
        let place = self.oldest;
        self.oldest = (place + 1) % KEPT;
        self.pages[place] = (page_at, page);
        Ok(place)
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

    #[test]
    fn pages_given_up_are_read_again() {
        let file: Vec<u8> = (0..200 * PAGE).map(|n| (n / PAGE) as u8).collect();
        let mut view = View::new(vec![0xee; 8], io::Cursor::new(file));
        for page in (1..200).chain([1, 2, 199, 70, 1]) {
            let mut byte = [0];
            view.seek(SeekFrom::Start(page * PAGE as u64 + 5)).unwrap();
            view.read_exact(&mut byte).unwrap();
            assert_eq!(u64::from(byte[0]), page);
        }
        assert_eq!(view.pages.len(), KEPT);
    }
}
