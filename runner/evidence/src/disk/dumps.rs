//! Crash dumps on a guest's disk: files, and the raw dump that still lies in the page file.
//!
//! Windows writes a crash into the page file (or the dedicated dump file), from its first byte on, and makes a file of
//! it in its next good boot, which a boot loop never gets. What lies there may also be an old crash: compare its time.

use super::{DiskError, GuestDisk};
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
        let start = match self.read_file(path, START) {
            Err(DiskError::NotFound(_)) => return Ok(None),
            start => start?,
        };
        if !start.bytes.starts_with(b"PAGEDU64") && !start.bytes.starts_with(b"PAGEDUMP") {
            return Ok(None);
        }
        let mut notes = Vec::new();
        let stated = stated_length(&start.bytes);
        let mut length = stated.unwrap_or(start.size);
        if stated.is_none() {
            notes.push("the dump does not say how long it is".to_owned());
        }
        for (limit, what) in [(start.size, "the file has"), (max_bytes, "it may take")] {
            if length > limit {
                notes.push(format!("the dump takes {length} bytes, {what} {limit}"));
                length = limit;
            }
        }
        let bytes = self.read_file(path, length)?.bytes;
        Ok(Some(FoundDump { name: safe_name(path), bytes, notes }))
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
