//! What a file or folder of an NTFS volume is, and its bytes.

use std::io::Write;

use ntfs::structured_values::NtfsFileAttributeFlags;
use ntfs::{NtfsAttributeFlags, NtfsAttributeType, NtfsFile, NtfsFileFlags, NtfsReadSeek};

use super::DiskError;
use super::path::GuestPath;
use super::reader::Reader;
use super::volume::damaged;

/// 100-nanosecond steps in a second, and seconds from 1601 to 1970.
const TICKS: u64 = 10_000_000;
const EPOCH: u64 = 11_644_473_600;

/// Size and last change (seconds since 1970) of a file or folder, which has no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    pub(super) modified: u64,
}

/// What is at a path.
pub(super) fn stat(file: &NtfsFile<'_>, reader: &mut Reader<'_>, path: &GuestPath) -> Result<Stat, DiskError> {
    if !file.flags().contains(NtfsFileFlags::IN_USE) {
        return Err(DiskError::Damaged(format!("{path} is deleted, and its folder still names it")));
    }
    check_is_here(file, reader, path)?;
    let info = file.info().map_err(damaged)?;
    let modified = (info.modification_time().nt_timestamp() / TICKS).saturating_sub(EPOCH);
    if file.is_directory() {
        return Ok(Stat { size: 0, modified });
    }
    let Some(item) = file.data(reader, "") else { return Err(DiskError::WrongKind(path.to_string())) };
    let size = item.map_err(damaged)?.to_attribute().map_err(damaged)?.value_length();
    Ok(Stat { size, modified })
}

/// Refuses what holds something else in place of its own contents: a reparse point. Its record says so twice.
pub(super) fn check_is_here(file: &NtfsFile<'_>, reader: &mut Reader<'_>, path: &GuestPath) -> Result<(), DiskError> {
    let flags = file.info().map_err(damaged)?.file_attributes();
    match reparse_tag(file, reader)? {
        // Compressed by Windows itself (CompactOS) or kept in the store of deduplication: the data that the record holds is
        // a hole of the right size ([R] MS-FSCC 2.1.2.1, IO_REPARSE_TAG_WOF and IO_REPARSE_TAG_DEDUP).
        Some(0x8000_0017 | 0x8000_0013) => Err(DiskError::Packed(path.to_string())),
        Some(_) => Err(DiskError::Redirected(path.to_string())),
        None if flags.contains(NtfsFileAttributeFlags::REPARSE_POINT) => Err(DiskError::Redirected(path.to_string())),
        None => Ok(()),
    }
}

/// Whose contents these are, where they are not NTFS' own; 0 where that cannot be read.
fn reparse_tag(file: &NtfsFile<'_>, reader: &mut Reader<'_>) -> Result<Option<u32>, DiskError> {
    let mut attributes = file.attributes();
    while let Some(item) = attributes.next(reader) {
        let item = item.map_err(damaged)?;
        let attribute = item.to_attribute().map_err(damaged)?;
        if attribute.ty().ok() != Some(NtfsAttributeType::ReparsePoint) {
            continue;
        }
        let mut tag = [0; 4];
        let mut value = attribute.value(reader).map_err(damaged)?;
        let count = value.read(reader, &mut tag).map_err(damaged)?;
        return Ok(Some(if count == tag.len() { u32::from_le_bytes(tag) } else { 0 }));
    }
    Ok(None)
}

/// Writes at most `max_bytes` of a file to `out`; returns its size.
pub(super) fn copy_data(
    file: &NtfsFile<'_>,
    reader: &mut Reader<'_>,
    path: &GuestPath,
    max_bytes: u64,
    out: &mut dyn Write,
) -> Result<u64, DiskError> {
    let Some(item) = file.data(reader, "") else { return Err(DiskError::WrongKind(path.to_string())) };
    let item = item.map_err(damaged)?;
    let attribute = item.to_attribute().map_err(damaged)?;
    // The library reads the clusters of such files as they are.
    if attribute.flags().intersects(NtfsAttributeFlags::COMPRESSED | NtfsAttributeFlags::ENCRYPTED) {
        return Err(DiskError::Packed(path.to_string()));
    }
    let mut value = attribute.value(reader).map_err(damaged)?;
    let size = value.len();
    let mut left = size.min(max_bytes);
    let mut buffer = vec![0; 0x1_0000];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = value.read(reader, &mut buffer[..wanted]).map_err(damaged)?;
        if count == 0 {
            return Err(DiskError::Damaged(format!("{path} ends {left} bytes early")));
        }
        out.write_all(&buffer[..count]).map_err(DiskError::Write)?;
        left -= count as u64;
    }
    Ok(size)
}
