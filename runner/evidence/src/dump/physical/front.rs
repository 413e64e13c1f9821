//! The page map at a dump's front, bounded before the library builds a table of every page from it.
//!
//! The library keeps an entry for each page that the map states and trusts its counts. Here the map is cut to pages that
//! lie in the file, at most [`MAX_PAGES`], and to addresses that x64 can have. What it is handed also names no page
//! tables: the library would follow the lists of modules with them, which a damaged dump can make endless.

use std::io::{self, Read, Seek, SeekFrom};

use crate::bytes::Bytes;
use crate::dump::DumpFormat;
use crate::dump::header::HEADER_SIZE;

/// Pages that are looked at: 32 GiB of memory. The library's table takes some 40 bytes for each.
pub(super) const MAX_PAGES: u64 = 1 << 23;
const PAGE: u64 = 0x1000;
/// Bytes of a bitmap that are looked at: of a machine with 1 TiB.
const MAX_BITMAP: u64 = 1 << 25;
/// Page ranges that are looked at.
const MAX_RANGES: u64 = 1 << 20;
/// Physical addresses of x64 have 52 bits.
const MAX_FRAME: u64 = 1 << 40;

const DIRECTORY_TABLE: usize = 0x10;
const RUNS_COUNT: usize = 0x88;
const RUNS: usize = 0x98;
/// As many as fit into the header's 700 bytes for them.
const MAX_RUNS: u32 = (700 - 16) / 16;
const DUMP_TYPE: usize = 0xf98;
/// The library's number for dumps with a bitmap.
const BITMAP: u32 = 5;
/// No page lies there, so nothing is found through these page tables.
const NO_TABLES: u64 = u64::MAX - 0xfff;

/// What the library is shown in place of a dump's first bytes.
pub(super) struct Front {
    pub(super) bytes: Vec<u8>,
    /// Pages in the map, and how many the dump states.
    pub(super) pages: u64,
    pub(super) stated: u64,
}

/// The front of a dump of physical memory whose whole header is `header` and whose file has `length` bytes.
pub(super) fn bounded(
    source: &mut (impl Read + Seek),
    format: DumpFormat,
    header: &[u8],
    length: u64,
) -> io::Result<Front> {
    let mut front = Front { bytes: header.to_vec(), pages: 0, stated: 0 };
    front.put(DIRECTORY_TABLE, &NO_TABLES.to_le_bytes());
    match format {
        DumpFormat::Full => bound_runs(&mut front, length)?,
        DumpFormat::RangesKernel | DumpFormat::RangesKernelAndUser | DumpFormat::RangesComplete => {
            bound_ranges(&mut front, source, format, length)?;
        }
        _ => {
            front.put(DUMP_TYPE, &BITMAP.to_le_bytes());
            bound_bitmap(&mut front, source, length)?;
        }
    }
    Ok(front)
}

impl Front {
    fn put(&mut self, at: usize, value: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }

    fn long(&self, at: u64) -> u64 {
        Bytes(&self.bytes).u64(at).unwrap_or_default()
    }

    /// Counts a range of pages in, as far as there is room for it.
    fn admit(&mut self, first: u64, count: u64, capacity: u64) -> io::Result<u64> {
        if first.checked_add(count).is_none_or(|end| end > MAX_FRAME) {
            return Err(wrong("its page map states addresses that no machine has"));
        }
        let taken = count.min(capacity - self.pages);
        self.pages += taken;
        self.stated += count;
        Ok(taken)
    }
}

/// Pages that a file can hold behind an offset.
fn capacity(length: u64, first_page: u64) -> u64 {
    (length.saturating_sub(first_page) / PAGE).min(MAX_PAGES)
}

fn wrong(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn bound_runs(front: &mut Front, length: u64) -> io::Result<()> {
    let capacity = capacity(length, HEADER_SIZE);
    let stated = Bytes(&front.bytes).u32(RUNS_COUNT as u64).unwrap_or_default();
    let count = stated.min(MAX_RUNS);
    front.put(RUNS_COUNT, &count.to_le_bytes());
    for run in (RUNS..).step_by(16).take(count as usize) {
        let (first, pages) = (front.long(run as u64), front.long(run as u64 + 8));
        let taken = front.admit(first, pages, capacity)?;
        front.put(run + 8, &taken.to_le_bytes());
    }
    Ok(())
}

/// Marks and counts of a bitmap or range header, from public readers of such dumps; no real one was at hand [K].
fn bound_bitmap(front: &mut Front, source: &mut (impl Read + Seek), length: u64) -> io::Result<()> {
    const BITMAP_HEADER: u64 = 0x38;
    read_behind_header(front, source, BITMAP_HEADER)?;
    let header = Bytes(&front.bytes);
    if !matches!(header.slice(HEADER_SIZE, 8), Some(b"SDMPDUMP" | b"FDMPDUMP")) {
        return Err(wrong("the header of its page map is missing"));
    }
    let capacity = capacity(length, front.long(HEADER_SIZE + 0x20));
    front.stated = front.long(HEADER_SIZE + 0x28);
    let bits = front.long(HEADER_SIZE + 0x30).min(8 * MAX_BITMAP);
    let mut bitmap = source.by_ref().take(bits.div_ceil(8));
    let mut kept = 0;
    let mut buffer = vec![0; 0x1_0000];
    'whole: loop {
        let read = bitmap.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        for byte in buffer.iter().take(read) {
            let ones = u64::from(byte.count_ones());
            if front.pages + ones > capacity {
                break 'whole;
            }
            front.pages += ones;
            kept += 8;
        }
    }
    front.put((HEADER_SIZE + 0x30) as usize, &bits.min(kept).to_le_bytes());
    Ok(())
}

fn bound_ranges(front: &mut Front, source: &mut (impl Read + Seek), format: DumpFormat, length: u64) -> io::Result<()> {
    const RANGES_HEADER: u64 = 0x30;
    read_behind_header(front, source, RANGES_HEADER)?;
    if Bytes(&front.bytes).slice(HEADER_SIZE, 12) != Some(b"\x40\0\0\0RDMPDUMP") {
        return Err(wrong("the header of its page map is missing"));
    }
    let (metadata, first_page) = (front.long(HEADER_SIZE + 0x10), front.long(HEADER_SIZE + 0x18));
    if metadata < 0x20 || first_page < 0x2040 {
        return Err(wrong("its page map states a size that it cannot have"));
    }
    let capacity = capacity(length, first_page);
    let total = (format == DumpFormat::RangesComplete).then(|| front.long(HEADER_SIZE + 0x28));
    let listed = metadata / 16;
    let mut ranges = Vec::new();
    let mut kept = 0;
    while kept < listed.min(MAX_RANGES) && total.is_none_or(|total| front.stated < total) {
        let mut range = [0; 16];
        source.read_exact(&mut range)?;
        let range = Bytes(&range);
        let (first, pages) = (range.u64(0).unwrap_or_default(), range.u64(8).unwrap_or_default());
        if first == 0 {
            break;
        }
        let taken = front.admit(first, pages, capacity)?;
        front.bytes.extend(first.to_le_bytes());
        front.bytes.extend(taken.to_le_bytes());
        ranges.push((first, taken));
        kept += 1;
        if taken < pages {
            break;
        }
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|two| matches!(two, [(first, pages), (next, _)] if first + pages > *next)) {
        return Err(wrong("its page map states a page twice"));
    }
    if kept < listed {
        // The library stops at a range that begins at zero.
        front.bytes.extend([0; 16]);
    }
    if total.is_some() {
        let pages = front.pages;
        front.put((HEADER_SIZE + 0x28) as usize, &pages.to_le_bytes());
    }
    Ok(())
}

/// Adds bytes behind the header to the front, and leaves the source behind them.
fn read_behind_header(front: &mut Front, source: &mut (impl Read + Seek), length: u64) -> io::Result<()> {
    source.seek(SeekFrom::Start(HEADER_SIZE))?;
    source.by_ref().take(length).read_to_end(&mut front.bytes)?;
    if front.bytes.len() as u64 == HEADER_SIZE + length { Ok(()) } else { Err(wrong("it ends before its page map")) }
}
