//! Dumps in files of any size.

use std::io::{Read, Seek, SeekFrom};

use super::header::{HEADER_SIZE, stated_length};
use super::{Architecture, DumpError, DumpFormat, KernelDump, Width, header, physical, read_kernel_dump};
use crate::bytes::Bytes;

/// Bytes of a small dump that are read; the largest seen has 1.4 MB.
const MAX_SMALL: u64 = 64 << 20;

/// Reads the facts of a kernel dump from a file, without holding it: of a small dump at most 64 MiB are read, of a dump
/// of physical memory the header, its page map (the memory taken is at most some 300 MB, for a dump of 32 GiB), and the
/// pages that facts come from. The source is the library's for as long as it reads, hence `'static`.
///
/// # Errors
/// Where the source cannot be read, or there is no stop code to report; any other damage is a note beside the facts
/// that remain.
pub fn read_dump_file<R: Read + Seek + 'static>(mut source: R) -> Result<KernelDump<'static>, DumpError> {
    let mut bytes = Vec::new();
    let length = source.seek(SeekFrom::End(0)).map_err(unreadable)?;
    source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    source.by_ref().take(HEADER_SIZE).read_to_end(&mut bytes).map_err(unreadable)?;
    let mut dump = header::read(Bytes(&bytes))?;
    match (dump.format, dump.architecture) {
        (Some(format), Some(Architecture::X64)) if format.is_physical() && dump.width == Width::Bits64 => {
            physical::read_into(&mut dump, source, format, &bytes, length);
            Ok(dump.into_owned())
        }
        (Some(DumpFormat::Triage), _) => {
            // A page file holds more than the dump at its start.
            let stated = if length > MAX_SMALL { stated_length(&bytes) } else { None };
            let dump_length = stated.unwrap_or(length).min(length);
            let rest = dump_length.min(MAX_SMALL).saturating_sub(bytes.len() as u64);
            source.take(rest).read_to_end(&mut bytes).map_err(unreadable)?;
            let mut dump = read_kernel_dump(&bytes)?;
            if dump_length > MAX_SMALL {
                dump.damage(format!("only the first {MAX_SMALL:#x} of {length:#x} bytes are read"));
            }
            Ok(dump.into_owned())
        }
        _ => read_kernel_dump(&bytes).map(KernelDump::into_owned),
    }
}

fn unreadable(error: std::io::Error) -> DumpError {
    DumpError::Unreadable { reason: error.to_string() }
}
