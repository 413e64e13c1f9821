//! What a file or folder of an NTFS volume is, and its bytes.

use std::io::{Read as _, Seek as _, SeekFrom, Write};

use ntfs::attribute_value::{NtfsAttributeValue, NtfsNonResidentAttributeValue};
use ntfs::structured_values::NtfsFileAttributeFlags;
use ntfs::{NtfsAttributeFlags, NtfsAttributeType, NtfsFile, NtfsFileFlags, NtfsReadSeek};

use super::DiskError;
use super::lznt1::unpack;
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
    if attribute.flags().contains(NtfsAttributeFlags::ENCRYPTED) {
        return Err(DiskError::Packed(path.to_string()));
    }
    let mut value = attribute.value(reader).map_err(damaged)?;
    let size = value.len();
    let mut left = size.min(max_bytes);
    if attribute.flags().contains(NtfsAttributeFlags::COMPRESSED) && !attribute.is_resident() {
        // The library reads the clusters as they are, and gives their places where one record holds them all.
        let NtfsAttributeValue::NonResident(value) = &value else { return Err(DiskError::Packed(path.to_string())) };
        return copy_compressed(value, reader, path, left, out).map(|()| size);
    }
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

/// Writes the first `left` bytes of compressed data. It comes in units of 16 clusters (\[R\] MS-FSA and ntfs-3g's
/// `compress.c`): as it is where all of them are there, packed where the last are a hole, zeros where all are.
fn copy_compressed(
    value: &NtfsNonResidentAttributeValue<'_, '_>,
    reader: &mut Reader<'_>,
    path: &GuestPath,
    mut left: u64,
    out: &mut dyn Write,
) -> Result<(), DiskError> {
    /// Nothing is compressed in larger clusters.
    const LARGEST_CLUSTER: u32 = 4096;
    let cluster = value.ntfs().cluster_size();
    if cluster > LARGEST_CLUSTER {
        return Err(DiskError::Packed(path.to_string()));
    }
    let unit = 16 * u64::from(cluster);
    let mut runs = value.data_runs();
    let mut run = None;
    while left > 0 {
        let (mut bytes, mut missing, mut has_hole) = (Vec::new(), unit, false);
        while missing > 0 {
            let (position, length) = match run.take() {
                Some(rest) => rest,
                None => match runs.next() {
                    Some(next) => {
                        let next = next.map_err(damaged)?;
                        (next.data_position().value().map(u64::from), next.allocated_size())
                    }
                    None => break,
                },
            };
            let part = length.min(missing);
            match position {
                Some(position) => read_clusters(reader, position, part, &mut bytes)?,
                None => has_hole = true,
            }
            missing -= part;
            run = (part < length).then(|| (position.map(|position| position + part), length - part));
        }
        let mut is_sound = true;
        if has_hole && !bytes.is_empty() {
            let room = usize::try_from(unit).unwrap_or_default();
            let unpacked = unpack(&bytes, room);
            // A unit of zeros takes no clusters, so that one without contents was never written.
            is_sound = unpacked.as_ref().is_ok_and(|bytes| !bytes.is_empty());
            bytes = unpacked.unwrap_or_else(|some| some);
        }
        let wanted = unit.min(left);
        if is_sound {
            bytes.resize(usize::try_from(wanted).unwrap_or_default(), 0);
        }
        out.write_all(&bytes).map_err(DiskError::Write)?;
        if !is_sound {
            return Err(DiskError::Damaged(format!("{path}: what is compressed cannot be unpacked")));
        }
        left -= wanted;
    }
    Ok(())
}

fn read_clusters(reader: &mut Reader<'_>, position: u64, length: u64, to: &mut Vec<u8>) -> Result<(), DiskError> {
    let start = to.len();
    to.resize(start + usize::try_from(length).unwrap_or_default(), 0);
    let read = reader.seek(SeekFrom::Start(position)).and_then(|_| reader.read_exact(&mut to[start..]));
    read.map_err(|source| DiskError::Damaged(format!("cannot read on: {source}")))
}
