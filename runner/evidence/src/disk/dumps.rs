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

/// A dump found on a guest's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDump {
    /// Base name, reduced to letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// The bytes that could be had; none where the file could not be read.
    pub bytes: Vec<u8>,
    /// What is missing and why.
    pub notes: Vec<String>,
}

/// A dump that Windows has made no file of yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawDump {
    /// Bytes that belong to it, from the file's first.
    pub length: u64,
    /// What is missing or contradicts itself.
    pub notes: Vec<String>,
}

impl GuestDisk {
    /// The raw dump in `\pagefile.sys`, if one begins at its first byte. Reads no further than the dump reaches.
    ///
    /// # Errors
    /// When the page file cannot be read. One that is not there, or holds no dump, is no error.
    pub fn page_file_dump(&self, max_bytes: u64) -> Result<Option<FoundDump>, DiskError> {
        self.dump_in(PAGE_FILE, max_bytes)
    }

    /// The raw dump at the start of a file, such as the dedicated dump file, if there is one.
    ///
    /// # Errors
    /// As for [`GuestDisk::page_file_dump`].
    pub fn dump_in(&self, path: &str, max_bytes: u64) -> Result<Option<FoundDump>, DiskError> {
        let Some(RawDump { mut length, mut notes }) = self.raw_dump(path)? else { return Ok(None) };
        if length > max_bytes {
            notes.push(too_long(length, "it may take", max_bytes));
            length = max_bytes;
        }
        let bytes = self.read_file(path, length)?.bytes;
        Ok(Some(FoundDump { name: safe_name(path), bytes, notes }))
    }

    /// How far the raw dump at the start of a file reaches, if there is one: `\pagefile.sys`, or the dedicated dump file
    /// that the guest's registry names. To be copied by [`GuestDisk::copy_file`].
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

    /// The dump files in a folder ([`MINIDUMP_FOLDER`] unless the guest's registry says otherwise) that are `wanted` by
    /// their base name, in order of their names, each up to `max_bytes`. Of more than `most` only the last are read, with
    /// a note on the first of these.
    ///
    /// # Errors
    /// When the folder cannot be listed. One that is not there is no error; a file that cannot be read is a note.
    pub fn minidumps(
        &self,
        folder: &str,
        wanted: impl Fn(&str) -> bool,
        most: usize,
        max_bytes: u64,
    ) -> Result<Vec<FoundDump>, DiskError> {
        let entries = match self.list(folder) {
            Err(DiskError::NotFound(_)) => return Ok(Vec::new()),
            entries => entries?,
        };
        let is_dump = |name: &str| name.to_lowercase().ends_with(".dmp");
        let mut names: Vec<String> =
            entries.into_iter().filter(|entry| !entry.is_directory).map(|entry| entry.name).collect();
        names.retain(|name| is_dump(name) && wanted(name));
        names.sort_unstable();
        let left_out = names.len().saturating_sub(most);
        names.drain(..left_out);
        let mut found: Vec<_> = names.iter().map(|name| self.minidump(folder, name, max_bytes)).collect();
        if let Some(first) = found.first_mut().filter(|_| left_out > 0) {
            first.notes.push(format!("{left_out} more dumps in the folder were not read"));
        }
        Ok(found)
    }

    fn minidump(&self, folder: &str, name: &str, max_bytes: u64) -> FoundDump {
        let (bytes, notes) = match self.read_file(&format!("{folder}\\{name}"), max_bytes) {
            Ok(file) if file.is_whole() => (file.bytes, Vec::new()),
            Ok(file) => {
                let note = format!("the file has {} bytes, {} were read", file.size, file.bytes.len());
                (file.bytes, vec![note])
            }
            Err(error) => (Vec::new(), vec![error.to_string()]),
        };
        FoundDump { name: safe_name(name), bytes, notes }
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

/// A guest's base name, fit to be part of a path on the host.
fn safe_name(path: &str) -> String {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = name.chars().take(128).map(safe).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_on_the_host() {
        for (guest, host) in [
            (r"\Windows\Minidump\083125-14875-01.dmp", "083125-14875-01.dmp"),
            (r"C:\pagefile.sys", "pagefile.sys"),
            ("..", "_.."),
            ("a b\u{202e}\n.dmp", "a_b__.dmp"),
        ] {
            assert_eq!(safe_name(guest), host);
        }
    }
}
