//! The file: a header of 4 KiB, then chunks of 64 KiB, which Windows overwrites oldest first.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use evtx::err::{ChunkError, EvtxError};
use evtx::{EvtxChunkData, EvtxChunkHeader, EvtxFileHeader, ParserSettings};

use super::record::{LONGEST, Record};
use super::{EventLogError, SIGNATURE};
use crate::bytes::{Bytes, one_line};

const FILE_HEADER: usize = 4096;
const CHUNK: usize = 0x1_0000;
const CHUNK_HEADER: usize = 512;
/// 256 MiB. The System log of Windows is 20 MiB unless somebody made it larger.
const MAX_CHUNKS: usize = 4096;
/// 4 GiB: the file header counts chunks in 16 bits.
const MAX_WALKED: u64 = 0x1_0000;

/// Where a chunk lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its number in the file.
    pub(super) number: u64,
    /// Number of its first record, or that of the chunk before it where its own header is no help.
    first_record: u64,
}

/// The chunks of a log.
pub(super) struct Chunks<'a, S> {
    source: &'a mut S,
    settings: Arc<ParserSettings>,
    /// In the order of their records.
    pub(super) places: Vec<Place>,
    /// Chunks that are not read because there are too many.
    pub(super) dropped: Option<usize>,
    /// What is wrong with the file as a whole.
    pub(super) oddities: Vec<String>,
    /// Whether chunks at the end are missing, or are not read.
    pub(super) truncated: bool,
}

impl<'a, S: Read + Seek> Chunks<'a, S> {
    pub(super) fn open(source: &'a mut S) -> Result<Self, EventLogError> {
        let header = read_at(source, 0, FILE_HEADER)?;
        if !header.starts_with(SIGNATURE) {
            return Err(EventLogError::NotALog);
        }
        let mut oddities = Vec::new();
        let mut truncated = false;
        let length = source.seek(SeekFrom::End(0))?;
        let stated = match EvtxFileHeader::from_bytes(&header) {
            Ok(stated) if stated.validate_checksum() => Some(stated),
            Ok(_) => {
                oddities.push("the file header's checksum is wrong".to_owned());
                None
            }
            Err(_) => {
                truncated = true;
                oddities.push(format!("truncated: {length} bytes, less than the file header"));
                None
            }
        };
        let behind_header = length.saturating_sub(FILE_HEADER as u64);
        let there = behind_header.div_ceil(CHUNK as u64);
        if let Some(stated) = stated.map(|header| u64::from(header.chunk_count)).filter(|stated| *stated > there) {
            truncated = true;
            oddities.push(format!("truncated: {there} of {stated} chunks"));
        }
        if there > MAX_WALKED {
            truncated = true;
            oddities.push(format!("{there} chunks, more than a log can have: only the first {MAX_WALKED} are read"));
        }
        let (places, dropped) = places(source, there.min(MAX_WALKED))?;
        let settings = ParserSettings::new().separate_json_attributes(true).indent(false);
        Ok(Self { source, settings: Arc::new(settings), places, dropped, oddities, truncated })
    }

    /// Reads one chunk, or says why it holds nothing that can be read.
    pub(super) fn read(&mut self, place: Place) -> Result<Chunk, String> {
        let mut bytes = read_at(self.source, offset(place.number), CHUNK).map_err(|error| error.to_string())?;
        let there = bytes.len();
        // The records of a cut chunk are read up to the cut.
        bytes.resize(CHUNK, 0);
        let mut data = EvtxChunkData::new(bytes, false).map_err(|error| brief(&error))?;
        let oddity = if there < CHUNK {
            Some(format!("cut after {there} of {CHUNK} bytes"))
        } else if !data.validate_checksum() {
            Some("a checksum is wrong".to_owned())
        } else {
            None
        };
        let late = take_in_late_records(&mut data);
        Ok(Chunk { number: place.number, oddity, late, data, settings: Arc::clone(&self.settings) })
    }
}

/// The chunks that hold anything, in the order of their records, at most the newest [`MAX_CHUNKS`].
fn places(source: &mut (impl Read + Seek), there: u64) -> Result<(Vec<Place>, Option<usize>), EventLogError> {
    let mut places: Vec<Place> = Vec::new();
    let mut dropped = 0;
    let (mut before, mut blank) = (0, 0);
    for number in 0..there {
        let header = read_at(source, offset(number), CHUNK_HEADER)?;
        let first_record = match EvtxChunkHeader::from_bytes(&header) {
            // An empty chunk has all ones.
            Ok(header) if header.first_event_record_id > header.last_event_record_id => continue,
            Ok(header) if header.last_event_record_id == u64::MAX => continue,
            Ok(header) => header.first_event_record_id,
            Err(_) if is_zero(&header) => {
                // Windows takes room in advance; but a chunk may have lost its header alone.
                blank += 1;
                if blank > MAX_CHUNKS || is_zero(&read_at(source, offset(number), CHUNK)?) {
                    continue;
                }
                before
            }
            Err(_) => before,
        };
        before = first_record;
        places.push(Place { number, first_record });
        if places.len() == 2 * MAX_CHUNKS {
            dropped += keep_newest(&mut places);
        }
    }
    dropped += keep_newest(&mut places);
    Ok((places, (dropped > 0).then_some(dropped)))
}

/// Sorts, and drops the oldest chunks beyond [`MAX_CHUNKS`]; says how many.
fn keep_newest(places: &mut Vec<Place>) -> usize {
    places.sort_by_key(|place| place.first_record);
    let too_many = places.len().saturating_sub(MAX_CHUNKS);
    places.drain(..too_many);
    too_many
}

/// Whether all of at most a chunk's bytes are zero.
fn is_zero(bytes: &[u8]) -> bool {
    static ZEROES: [u8; CHUNK] = [0; CHUNK];
    ZEROES.starts_with(bytes)
}

fn offset(chunk: u64) -> u64 {
    FILE_HEADER as u64 + chunk * CHUNK as u64
}

/// Up to `length` bytes; fewer only at the source's end.
fn read_at(source: &mut (impl Read + Seek), offset: u64, length: usize) -> io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::with_capacity(length);
    source.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One chunk in memory.
pub(super) struct Chunk {
    pub(super) number: u64,
    pub(super) oddity: Option<String>,
    /// How many of its records its header does not know of.
    pub(super) late: u64,
    data: EvtxChunkData,
    settings: Arc<ParserSettings>,
}

impl Chunk {
    /// Gives every record, or why one cannot be read. The crate bounds what a chunk may cost in time and memory.
    pub(super) fn each_record(&mut self, mut take: impl FnMut(Result<Record, String>)) {
        let mut chunk = match self.data.parse(Arc::clone(&self.settings)) {
            Ok(chunk) => chunk,
            Err(error) => return take(Err(brief(&error))),
        };
        for record in chunk.iter() {
            let unfolded = record.and_then(evtx::EvtxRecord::into_json).map_err(|error| record_error(&error));
            take(unfolded.and_then(|record| Record::read(&record)));
        }
    }
}

/// Takes in the records behind those that the header knows of, and says how many: of a machine whose power went, a chunk's
/// header may be older than its records [K: no such log is at hand]. What an earlier pass of the log left there has other
/// numbers.
fn take_in_late_records(chunk: &mut EvtxChunkData) -> u64 {
    let bytes = Bytes(&chunk.data);
    let header = &mut chunk.header;
    let mut late = 0;
    while let Some(number) = header.last_event_record_id.checked_add(1)
        && let Some(size) = record_size(bytes, header.free_space_offset.into(), number)
    {
        header.last_event_record_data_offset = header.free_space_offset;
        header.free_space_offset += size;
        header.last_event_record_id = number;
        late += 1;
    }
    late
}

/// Size of the record of this number at this place, if it is there from its first bytes to the copy of its size at its end.
fn record_size(chunk: Bytes<'_>, at: u64, number: u64) -> Option<u32> {
    const HEADER: u32 = 0x18;
    let size = chunk.u32(at + 4).filter(|&size| size > HEADER)?;
    let whole = chunk.slice(at, 4) == Some(b"**\0\0")
        && chunk.u64(at + 8) == Some(number)
        && chunk.u32(at + u64::from(size) - 4) == Some(size);
    whole.then_some(size)
}

fn record_error(error: &EvtxError) -> String {
    match error {
        EvtxError::FailedToReadRecordAt { offset, .. } => format!("no record can be read at {offset:#x}"),
        EvtxError::FailedToParseRecord { record_id, .. } => format!("record {record_id} cannot be read"),
        other => one_line(&other.to_string(), LONGEST),
    }
}

fn brief(error: &ChunkError) -> String {
    match error {
        ChunkError::FailedToParseChunkHeader(_) => "its header is damaged".to_owned(),
        ChunkError::FailedToBuildStringCache { .. } => "its table of names is damaged".to_owned(),
        other => one_line(&other.to_string(), LONGEST),
    }
}
