//! A little memory: pages by virtual address, and the tables that lead to them.

use std::collections::BTreeMap;

pub(super) const PAGE: usize = 0x1000;
/// Entries of a table at each of the four levels.
const ENTRIES: u64 = 512;
const LEVELS: u32 = 4;
/// Present, writable, accessed, dirty: what every entry here has.
const ENTRY: u64 = 0x63;
/// Page frame of the first page, and the distance to the next: a dump of the kernel's memory has gaps.
const FIRST_FRAME: u64 = 0x200;
const FRAME_STEP: u64 = 3;

type Page = Box<[u8; PAGE]>;

/// What was written where.
#[derive(Default)]
pub(super) struct Memory {
    pages: BTreeMap<u64, Page>,
}

/// The same as the processor sees it.
pub(super) struct Physical {
    /// By page frame number.
    pub(super) frames: BTreeMap<u64, Page>,
    /// Physical address of the top table.
    pub(super) directory: u64,
}

impl Memory {
    /// Writes bytes at a virtual address; the rest of the pages they touch is zero.
    pub(super) fn write(&mut self, address: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let within = usize::try_from(at % PAGE as u64).unwrap_or(0);
            let (now, later) = rest.split_at(rest.len().min(PAGE - within));
            let page = self.pages.entry(at / PAGE as u64).or_insert_with(empty);
            page[within..within + now.len()].copy_from_slice(now);
            (at, rest) = (at.wrapping_add(now.len() as u64), later);
        }
    }

    pub(super) fn write_u64(&mut self, address: u64, value: u64) {
        self.write(address, &value.to_le_bytes());
    }

    /// Gives each page a frame and builds the tables.
    pub(super) fn into_physical(self) -> Physical {
        let mut physical = Physical { frames: BTreeMap::new(), directory: 0 };
        // tables by their level and the part of the address that leads to them; the top one has no such part
        let mut tables: BTreeMap<(u32, u64), u64> = BTreeMap::new();
        let top = physical.place(empty());
        tables.insert((LEVELS, 0), top);
        physical.directory = top * PAGE as u64;
        for (number, page) in self.pages {
            let mut table = top;
            for level in (1..LEVELS).rev() {
                let prefix = (number & 0xf_ffff_ffff) >> (9 * level);
                let below = *tables.entry((level, prefix)).or_insert_with(|| physical.place(empty()));
                physical.point(table, prefix % ENTRIES, below);
                table = below;
            }
            let frame = physical.place(page);
            physical.point(table, number % ENTRIES, frame);
        }
        physical
    }
}

impl Physical {
    fn place(&mut self, page: Page) -> u64 {
        let frame = FIRST_FRAME + FRAME_STEP * self.frames.len() as u64;
        self.frames.insert(frame, page);
        frame
    }

    /// Makes an entry of a table lead to a frame.
    fn point(&mut self, table: u64, entry: u64, frame: u64) {
        if let Some(table) = self.frames.get_mut(&table) {
            let at = usize::try_from(8 * entry).unwrap_or(0);
            table[at..at + 8].copy_from_slice(&((frame * PAGE as u64) | ENTRY).to_le_bytes());
        }
    }
}

fn empty() -> Page {
    Box::new([0; PAGE])
}
