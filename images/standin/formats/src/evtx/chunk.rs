//! The file: header, chunks, records, checksums.

use std::collections::HashMap;

use super::binxml;
use super::tree::Element;

const FILE_HEADER: usize = 4096;
const CHUNK: usize = 0x1_0000;
const CHUNK_HEADER: usize = 512;
/// Kept free at a chunk's end: libevtx 20260705 passes over a record that ends with the chunk's last byte. [M]
const MARGIN: usize = 8;
const NAME_LISTS: usize = 64;
const TEMPLATE_LISTS: usize = 32;
const NAME_TABLE: usize = 128;
const TEMPLATE_TABLE: usize = 384;
const RECORD_HEADER: usize = 24;

/// One record to write.
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) time: u64,
    pub(super) root: Element,
}

/// A chunk in the making; offsets are counted from its start.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    index: Index,
    records: Option<Span>,
}

/// What a chunk holds besides bytes. Kept apart so that a record that turns out too long can be taken back.
#[derive(Clone)]
struct Index {
    names: HashMap<String, u32>,
    templates: HashMap<String, u32>,
    name_lists: [u32; NAME_LISTS],
    template_lists: [u32; TEMPLATE_LISTS],
}

#[derive(Clone, Copy)]
struct Span {
    first_number: u64,
    last_number: u64,
    first_id: u64,
    last_id: u64,
    last_offset: u32,
}

impl Chunk {
    fn new() -> Self {
        let index = Index {
            names: HashMap::new(),
            templates: HashMap::new(),
            name_lists: [0; NAME_LISTS],
            template_lists: [0; TEMPLATE_LISTS],
        };
        Self { bytes: vec![0; CHUNK_HEADER], index, records: None }
    }

    /// Offset at which the next byte goes; a chunk is 64 KiB.
    pub(super) fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn name(&self, name: &str) -> Option<u32> {
        self.index.names.get(name).copied()
    }

    pub(super) fn template(&self, shape: &str) -> Option<u32> {
        self.index.templates.get(shape).copied()
    }

    /// Puts a name at the head of its list and returns the former head.
    pub(super) fn add_name(&mut self, name: &str, offset: u32, hash: u16) -> u32 {
        self.index.names.insert(name.to_owned(), offset);
        std::mem::replace(&mut self.index.name_lists[usize::from(hash) % NAME_LISTS], offset)
    }

    /// Puts a template at the head of its list and returns the former head.
    pub(super) fn add_template(&mut self, shape: String, offset: u32, id: u32) -> u32 {
        self.index.templates.insert(shape, offset);
        std::mem::replace(&mut self.index.template_lists[id as usize % TEMPLATE_LISTS], offset)
    }

    /// Appends the record as the file's `number`th; `false` when it does not fit, and nothing is changed then.
    fn push(&mut self, number: u64, record: &Record) -> bool {
        let start = self.bytes.len();
        let before = self.index.clone();

        self.bytes.extend_from_slice(b"**\0\0");
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&record.id.to_le_bytes());
        self.bytes.extend_from_slice(&record.time.to_le_bytes());
        debug_assert_eq!(self.bytes.len() - start, RECORD_HEADER);
        binxml::write(&record.root, self);
        // The size stands at both ends; records keep to multiples of eight.
        self.bytes.resize((self.bytes.len() + 4).next_multiple_of(8) - 4, 0);
        let size = u32::try_from(self.bytes.len() + 4 - start).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes.extend_from_slice(&size);
        self.bytes[start + 4..start + 8].copy_from_slice(&size);

        if self.bytes.len() > CHUNK - MARGIN {
            self.bytes.truncate(start);
            self.index = before;
            return false;
        }
        let span = self.records.get_or_insert(Span {
            first_number: number,
            last_number: number,
            first_id: record.id,
            last_id: record.id,
            last_offset: 0,
        });
        span.last_number = number;
        span.last_id = record.id;
        span.last_offset = u32::try_from(start).unwrap_or(u32::MAX);
        true
    }

    fn finish(mut self) -> Vec<u8> {
        let free = self.position();
        let records_checksum = crc32fast::hash(&self.bytes[CHUNK_HEADER..]);
        self.bytes.resize(CHUNK, 0);
        // An empty chunk names no record: all ones.
        let none = Span {
            first_number: u64::MAX,
            last_number: u64::MAX,
            first_id: u64::MAX,
            last_id: u64::MAX,
            last_offset: 0,
        };
        let span = self.records.unwrap_or(none);

        let mut header = Vec::with_capacity(CHUNK_HEADER);
        header.extend_from_slice(b"ElfChnk\0");
        for number in [span.first_number, span.last_number, span.first_id, span.last_id] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        for number in [128, span.last_offset, free, records_checksum] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.resize(NAME_TABLE, 0);
        header.extend(self.index.name_lists.iter().flat_map(|offset| offset.to_le_bytes()));
        debug_assert_eq!(header.len(), TEMPLATE_TABLE);
        header.extend(self.index.template_lists.iter().flat_map(|offset| offset.to_le_bytes()));

        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&header[..120]);
        checksum.update(&header[NAME_TABLE..]);
        header[124..128].copy_from_slice(&checksum.finalize().to_le_bytes());
        self.bytes[..CHUNK_HEADER].copy_from_slice(&header);
        self.bytes
    }
}

/// A whole file.
pub(super) fn file(records: impl Iterator<Item = Record>) -> Vec<u8> {
    let mut finished: Vec<Vec<u8>> = Vec::new();
    let mut chunk = Chunk::new();
    let mut next_id = 1;
    for (number, record) in (1u64..).zip(records) {
        next_id = record.id.wrapping_add(1);
        if !chunk.push(number, &record) {
            finished.push(std::mem::replace(&mut chunk, Chunk::new()).finish());
            // Events are cut so that each fits into a chunk of its own.
            let fits = chunk.push(number, &record);
            debug_assert!(fits, "record {number} is longer than a chunk");
        }
    }
    finished.push(chunk.finish());

    let mut bytes = file_header(finished.len(), next_id);
    bytes.extend(finished.into_iter().flatten());
    bytes
}

fn file_header(chunks: usize, next_id: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(FILE_HEADER);
    header.extend_from_slice(b"ElfFile\0");
    for number in [0, chunks as u64 - 1, next_id] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    header.extend_from_slice(&128u32.to_le_bytes());
    let block = u16::try_from(FILE_HEADER).unwrap_or(0);
    // Version 3.1, length of this block, number of chunks.
    for number in [1, 3, block, u16::try_from(chunks).unwrap_or(u16::MAX)] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    header.resize(120, 0);
    let checksum = crc32fast::hash(&header);
    header.extend_from_slice(&0u32.to_le_bytes()); // flags: neither dirty nor full
    header.extend_from_slice(&checksum.to_le_bytes());
    header.resize(FILE_HEADER, 0);
    header
}
