//! Builds dumps of physical memory: page tables, lists, a stack, in any of the layouts. Shares nothing with the reader
//! and its library: offsets are written out here a second time, from public layouts; those of the kernel's table for
//! debuggers were checked against the copies in real small dumps.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};

use crate::dump_builder::{DumpSpec, KERNEL, put32, put64};

pub(crate) const BITMAP: u32 = 5;
pub(crate) const LIST_HEAD: u64 = KERNEL + 0xc0_0000;
const DEBUGGER_DATA: u64 = KERNEL + 0xc1_0000;
const POOL: u64 = 0xffff_8405_1000_0000;
const PROCESSOR: u64 = 0xffff_f802_0f00_0000;

/// A page of the machine's memory, by its number.
type Pages = BTreeMap<u64, Vec<u8>>;

/// A dump as pieces of a file, which may be far apart.
pub(crate) struct Pieces {
    pub(crate) length: u64,
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
}

impl Pieces {
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = vec![0; usize::try_from(self.length).unwrap()];
        for (at, bytes) in &self.pieces {
            let at = usize::try_from(*at).unwrap();
            out[at..at + bytes.len()].copy_from_slice(bytes);
        }
        out
    }

    /// A file with holes, and open for reading.
    pub(crate) fn sparse(&self) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(self.length).unwrap();
        for (at, bytes) in &self.pieces {
            file.seek(SeekFrom::Start(*at)).unwrap();
            file.write_all(bytes).unwrap();
        }
        file
    }
}

/// The machine's memory as the crash left it.
pub(crate) struct Machine {
    pages: Pages,
    next: u64,
    stride: u64,
    tables: u64,
}

impl Machine {
    /// `stride`: how far apart the pages that matter lie, in pages.
    pub(crate) fn of(spec: &DumpSpec, stride: u64) -> Self {
        let mut machine = Self { pages: Pages::new(), next: 0x10, stride, tables: 0 };
        machine.tables = machine.page();
        machine.put_modules(spec);
        machine.put_unloaded(spec);
        machine.put_process(spec);
        let stack: Vec<u8> = spec.stack.iter().flat_map(|value| value.to_le_bytes()).collect();
        machine.put(spec.stack_at, &stack);
        for (address, bytes) in &spec.blocks {
            machine.put(*address, bytes);
        }
        machine
    }

    fn page(&mut self) -> u64 {
        let number = self.next;
        self.next += self.stride;
        self.pages.insert(number, vec![0; 0x1000]);
        number
    }

    /// The page that an address is mapped to; maps it when it is not.
    fn mapped(&mut self, address: u64) -> u64 {
        let mut table = self.tables;
        for shift in [39, 30, 21, 12] {
            let entry = usize::try_from(address >> shift & 0x1ff).unwrap() * 8;
            let bytes = &self.pages[&table];
            let value = u64::from_le_bytes(bytes[entry..entry + 8].try_into().unwrap());
            table = if value == 0 {
                let next = self.page();
                // Present, writable, accessed.
                put64(self.pages.get_mut(&table).unwrap(), entry, next << 12 | 0x23);
                next
            } else {
                value >> 12
            };
        }
        table
    }

    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
        for (address, byte) in (address..).zip(bytes) {
            let page = self.mapped(address);
            self.pages.get_mut(&page).unwrap()[usize::try_from(address & 0xfff).unwrap()] = *byte;
        }
    }

    pub(crate) fn put_long(&mut self, address: u64, value: u64) {
        self.put(address, &value.to_le_bytes());
    }

    /// A UNICODE_STRING at an address, its text at another.
    fn put_string(&mut self, at: u64, text_at: u64, text: &str) {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.put(at, &u16::try_from(units.len()).unwrap().to_le_bytes());
        self.put(at + 2, &u16::try_from(units.len() + 2).unwrap().to_le_bytes());
        self.put_long(at + 8, text_at);
        self.put(text_at, &units);
    }

    pub(crate) fn entry(index: usize) -> u64 {
        POOL + 0x400 * index as u64
    }

    fn put_modules(&mut self, spec: &DumpSpec) {
        let count = spec.modules.len();
        self.put_long(LIST_HEAD, if count == 0 { LIST_HEAD } else { Self::entry(0) });
        for (index, module) in spec.modules.iter().enumerate() {
            let at = Self::entry(index);
            self.put_long(at, if index + 1 == count { LIST_HEAD } else { Self::entry(index + 1) });
            self.put_long(at + 0x30, module.base);
            self.put(at + 0x40, &module.size.to_le_bytes());
            let base = module.name.rsplit('\\').next().unwrap();
            self.put_string(at + 0x48, at + 0x100, module.name);
            self.put_string(at + 0x58, at + 0x300, base);
            self.put(at + 0x9c, &module.stamp.to_le_bytes());
        }
    }

    fn put_unloaded(&mut self, spec: &DumpSpec) {
        let (pointer, table) = (DEBUGGER_DATA + 0x1000, POOL + 0x10_0000);
        self.put_long(DEBUGGER_DATA + 0x220, pointer);
        self.put_long(pointer, table);
        self.put(table, &[0; 50 * 0x28]);
        for (index, (name, start, end)) in (0..).zip(&spec.unloaded) {
            let entry = table + 0x28 * index;
            self.put_string(entry, table + 0x1000 + 0x100 * index, name);
            self.put_long(entry + 0x10, *start);
            self.put_long(entry + 0x18, *end);
        }
    }

    /// Two processors; the second stopped the system.
    fn put_process(&mut self, spec: &DumpSpec) {
        let (blocks, thread, process) = (DEBUGGER_DATA + 0x1008, POOL + 0x20_0000, POOL + 0x21_0000);
        self.put(DEBUGGER_DATA + 0x10, b"KDBG\x80\x03\0\0");
        self.put_long(DEBUGGER_DATA + 0x218, blocks);
        self.put(DEBUGGER_DATA + 0x2a0, &0xb8_u16.to_le_bytes());
        self.put(DEBUGGER_DATA + 0x2a8, &0xa40_u16.to_le_bytes());
        self.put(DEBUGGER_DATA + 0x2b4, &8_u16.to_le_bytes());
        self.put(DEBUGGER_DATA + 0x338, &0x85c0_u16.to_le_bytes());
        self.put(DEBUGGER_DATA + 0x37f, &[0]);
        for (index, (stack, thread)) in [(0xffff_8405_7777_0000, 0), (spec.rsp, thread)].into_iter().enumerate() {
            let block = PROCESSOR + 0x1_0000 * index as u64;
            self.put_long(blocks + 8 * index as u64, block);
            self.put_long(block + 8, thread);
            self.put_long(block + 0x85c0, block + 0x9000);
            self.put_long(block + 0x9000 + 0x98, stack);
        }
        self.put_long(thread + 0xb8, process);
        let (name, at) = spec.process;
        self.put(process, &[0; 0xa40]);
        self.put(process + at as u64, name.as_bytes());
    }

    /// A dump of these pages and zeros for the rest: of all `total` pages of the machine, or, without a number, of those
    /// alone that hold something.
    pub(crate) fn dump(&self, spec: &DumpSpec, kind: u32, total: Option<u64>) -> Pieces {
        let mut header = spec.header();
        put64(&mut header, 0x10, self.tables << 12);
        put64(&mut header, 0x20, LIST_HEAD);
        put64(&mut header, 0x80, DEBUGGER_DATA);
        put32(&mut header, 0xf98, kind);
        let runs = match total {
            Some(total) => vec![(1, total - 1)],
            None => self.pages.keys().map(|&number| (number, 1)).collect(),
        };
        let present: u64 = runs.iter().map(|(_, count)| count).sum();
        let map = match kind {
            1 => {
                put32(&mut header, 0x88, u32::try_from(runs.len()).unwrap());
                put64(&mut header, 0x90, present);
                for (index, (first, count)) in runs.iter().enumerate() {
                    put64(&mut header, 0x98 + 16 * index, *first);
                    put64(&mut header, 0xa0 + 16 * index, *count);
                }
                Vec::new()
            }
            8..=10 => ranges(&runs, kind, present),
            _ => bitmap(&runs, kind, present),
        };
        let first_page = 0x2000 + map.len() as u64;
        let mut pieces = vec![(0, [header, map].concat())];
        let mut place = first_page;
        for (first, count) in runs {
            let inside = self.pages.range(first..first + count);
            pieces.extend(inside.map(|(number, bytes)| (place + (number - first) * 0x1000, bytes.clone())));
            place += count * 0x1000;
        }
        Pieces { length: place, pieces }
    }
}

fn bitmap(runs: &[(u64, u64)], kind: u32, present: u64) -> Vec<u8> {
    let bits = runs.last().map_or(0, |(first, count)| first + count);
    let size = usize::try_from(bits.div_ceil(8)).unwrap();
    let mut out = vec![0; (0x38 + size).next_multiple_of(0x1000)];
    out[..8].copy_from_slice(if kind == 5 { b"FDMPDUMP" } else { b"SDMPDUMP" });
    let first_page = 0x2000 + out.len() as u64;
    put64(&mut out, 0x20, first_page);
    put64(&mut out, 0x28, present);
    put64(&mut out, 0x30, bits);
    for (first, count) in runs {
        for page in *first..first + count {
            out[0x38 + usize::try_from(page / 8).unwrap()] |= 1 << (page % 8);
        }
    }
    out
}

fn ranges(runs: &[(u64, u64)], kind: u32, present: u64) -> Vec<u8> {
    let metadata = (16 * (runs.len() as u64 + 1)).next_multiple_of(0x1000);
    let mut out = vec![0; usize::try_from(metadata + 0x20).unwrap()];
    out[..12].copy_from_slice(b"\x40\0\0\0RDMPDUMP");
    let first_page = 0x2000 + out.len() as u64;
    put64(&mut out, 0x10, metadata);
    put64(&mut out, 0x18, first_page);
    if kind == 10 {
        put32(&mut out, 0x20, u32::try_from(runs.len()).unwrap());
        put64(&mut out, 0x28, present);
    }
    for (index, (first, count)) in runs.iter().enumerate() {
        put64(&mut out, 0x30 + 16 * index, *first);
        put64(&mut out, 0x38 + 16 * index, *count);
    }
    out
}
