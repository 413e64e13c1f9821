//! Crash dumps on a guest's disk: files, and the raw dump that still lies in the page file.
//!
//! Windows writes a crash into the page file (or the dedicated dump file), from its first byte on, and makes a file of
//! it in its next good boot, which a boot loop never gets. What lies there may also be an old crash: compare its time.

use super::{DiskError, GuestDisk};
use crate::bytes::Bytes;
use crate::dump::stated_length;

/// Where Windows writes small dumps unless told otherwise.
pub const MINIDUMP_FOLDER: &str = r"\Windows\Minidump";
/// Where Windows writes a crash first unless a dedicated dump file is set up.
pub const PAGE_FILE: &str = r"\pagefile.sys";

/// Enough of a dump to know how long it says it is.
const START: u64 = 0x2080;

/// A dump that Windows has made no file of yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawDump {
    /// Bytes that belong to it, from the file's first.
    pub length: u64,
    /// What is missing or contradicts itself.
    pub notes: Vec<String>,
}

impl GuestDisk {
    /// How far the raw dump at the start of a file reaches, if there is one: of a page file, or of the dedicated dump file
    /// ([`EvidenceOnDisk::raw`](super::EvidenceOnDisk::raw)). To be copied by [`GuestDisk::copy_file`].
    ///
    /// # Errors
    /// When the file cannot be read. One that is not there, or holds no dump, is no error.
    pub fn raw_dump(&self, path: &str) -> Result<Option<RawDump>, DiskError> {
        let start = match self.read_file(path, START) {
            Err(DiskError::NotFound(_)) => return Ok(None),
            start => start?,
        };
        if !start.bytes.starts_with(b"PAGEDU64") && !start.bytes.starts_with(b"PAGEDUMP") {
            return Ok(None);
        }
        let mut notes = Vec::new();
        let (stated, needed) = (stated_length(&start.bytes), bitmap_length(&start.bytes));
        let mut length = match (stated, needed) {
            (Some(stated), Some(needed)) if stated < needed => {
                notes.push(format!("the dump says that it takes {stated} bytes, and its pages take {needed}"));
                needed
            }
            (Some(stated), _) => stated,
            (None, needed) => {
                notes.push("the dump does not say how long it is".to_owned());
                needed.unwrap_or(start.size)
            }
        };
        if length > start.size {
            notes.push(too_long(length, "the file has", start.size));
            length = start.size;
        }
        Ok(Some(RawDump { length, notes }))
    }
}

fn too_long(length: u64, whose: &str, limit: u64) -> String {
    format!("the dump takes {length} bytes, {whose} {limit}")
}

/// Bytes that the pages of a bitmap dump take with all that lies before them. \[K\]: the layout is from public readers of
/// such dumps, and no sample was at hand.
fn bitmap_length(start: &[u8]) -> Option<u64> {
    /// Behind the header of 64 bits.
    const BITMAP: u64 = 0x2000;
    const PAGE: u64 = 0x1000;
    let bytes = Bytes(start);
    let known = [b"SDMPDUMP", b"FDMPDUMP"].contains(&bytes.slice(BITMAP, 8)?.try_into().ok()?);
    let (first, present) = (bytes.u64(BITMAP + 0x20)?, bytes.u64(BITMAP + 0x28)?);
    let length = first.checked_add(present.checked_mul(PAGE)?)?;
    (known && first > BITMAP && present > 0 && length <= i64::MAX as u64).then_some(length)
}
