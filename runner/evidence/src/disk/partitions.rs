//! Partition tables, MBR and GPT, and what lies at the start of each partition.
//!
//! Logical partitions (inside an extended one) are not looked for: Windows does not put its system there.

use super::DiskError;
use super::image::Image;
use crate::bytes::Bytes;

/// Sizes of a sector that a GPT may count in.
const SECTOR_SIZES: [u64; 2] = [512, 4096];
/// A GPT has 128 entries unless somebody was at it.
const MAX_ENTRIES: u64 = 1024;
const ENTRY_SIZES: std::ops::RangeInclusive<u64> = 128..=4096;
/// MBR type of a disk that has a GPT.
const PROTECTIVE: u8 = 0xee;

/// What a partition holds, by the signature in its first sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Ntfs,
    BitLocker,
}

/// A range of the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) content: Content,
}

/// Partitions with known content, in the table's order. A disk that begins with a volume is one partition.
pub(super) fn find(image: &Image) -> Result<Vec<Partition>, DiskError> {
    let read = |offset: u64, length: u64| {
        let mut buffer = vec![0; usize::try_from(length).unwrap_or_default()];
        image.read(&mut buffer, offset).map_err(DiskError::Read)?;
        Ok(buffer)
    };
    let mut found = Vec::new();
    for (start, length) in ranges(&read)? {
        // A damaged table may name space behind the disk's end.
        let length = length.min(image.size().saturating_sub(start));
        if length < SECTOR_SIZES[0] {
            continue;
        }
        if let Some(content) = content(&read(start, SECTOR_SIZES[0])?) {
            found.push(Partition { start, length, content });
        }
    }
    Ok(found)
}

type Range = (u64, u64);

fn ranges(read: &impl Fn(u64, u64) -> Result<Vec<u8>, DiskError>) -> Result<Vec<Range>, DiskError> {
    let first = read(0, SECTOR_SIZES[0])?;
    if content(&first).is_some() {
        return Ok(vec![(0, u64::MAX)]);
    }
    let primary = mbr(Bytes(&first));
    if !primary.iter().any(|(kind, _)| *kind == PROTECTIVE) {
        return Ok(primary.into_iter().map(|(_, range)| range).collect());
    }
    for sector in SECTOR_SIZES {
        let header = read(sector, SECTOR_SIZES[0])?;
        if let Some((offset, entries, size)) = gpt_table(Bytes(&header), sector) {
            return Ok(gpt(Bytes(&read(offset, entries * size)?), size, sector));
        }
    }
    Ok(Vec::new())
}

/// Signature in the boot sector, where the maker's name stands.
fn content(sector: &[u8]) -> Option<Content> {
    match Bytes(sector).slice(3, 8)? {
        b"NTFS    " => Some(Content::Ntfs),
        b"-FVE-FS-" => Some(Content::BitLocker),
        _ => None,
    }
}

fn mbr(sector: Bytes<'_>) -> Vec<(u8, Range)> {
    if sector.u16(510) != Some(0xaa55) {
        return Vec::new();
    }
    let entry = |index: u64| {
        let at = 446 + 16 * index;
        let kind = *sector.slice(at + 4, 1)?.first()?;
        let (start, sectors) = (u64::from(sector.u32(at + 8)?), u64::from(sector.u32(at + 12)?));
        (kind != 0 && sectors != 0).then_some((kind, (start * SECTOR_SIZES[0], sectors * SECTOR_SIZES[0])))
    };
    (0..4).filter_map(entry).collect()
}

/// Where the table of a GPT is: offset, number of entries, bytes of an entry.
fn gpt_table(header: Bytes<'_>, sector: u64) -> Option<(u64, u64, u64)> {
    if header.slice(0, 8)? != b"EFI PART" {
        return None;
    }
    let offset = header.u64(72)?.checked_mul(sector)?;
    let size = u64::from(header.u32(84)?);
    let entries = u64::from(header.u32(80)?).min(MAX_ENTRIES);
    ENTRY_SIZES.contains(&size).then_some((offset, entries, size))
}

fn gpt(table: Bytes<'_>, size: u64, sector: u64) -> Vec<Range> {
    let entry = |at: u64| {
        let used = table.slice(at, 16)?.iter().any(|&byte| byte != 0);
        let (first, last) = (table.u64(at + 32)?, table.u64(at + 40)?);
        let sectors = last.checked_sub(first)?.checked_add(1)?;
        used.then_some((first.checked_mul(sector)?, sectors.checked_mul(sector)?))
    };
    (0..table.len() / size).filter_map(|index| entry(index * size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(disk: &[u8]) -> Vec<Range> {
        ranges(&|offset, length| {
            let mut bytes = Bytes(disk).slice_up_to(offset, length).to_vec();
            bytes.resize(usize::try_from(length).unwrap(), 0);
            Ok(bytes)
        })
        .unwrap()
    }

    fn protective() -> Vec<u8> {
        let mut disk = vec![0; 64 * 512];
        disk[446 + 4] = 0xee;
        disk[446 + 12] = 63;
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        disk
    }

    #[test]
    fn tables_that_lie_are_survived() {
        let mut disk = protective();
        assert_eq!(find_in(&disk), []);
        disk[512..520].copy_from_slice(b"EFI PART");
        // Entry table at the end of the world, a number of entries and sizes of no sense.
        for (lba, entries, size) in
            [(u64::MAX, 128_u32, 128_u32), (2, u32::MAX, u32::MAX), (2, u32::MAX, 0), (2, u32::MAX, 128)]
        {
            disk[512 + 72..512 + 80].copy_from_slice(&lba.to_le_bytes());
            disk[512 + 80..512 + 84].copy_from_slice(&entries.to_le_bytes());
            disk[512 + 84..512 + 88].copy_from_slice(&size.to_le_bytes());
            assert_eq!(find_in(&disk), [], "{lba} {entries} {size}");
        }
        // One entry that ends before it begins, one that overflows, one that is well.
        for (index, (first, last)) in [(9_u64, 8_u64), (u64::MAX / 2, u64::MAX), (10, 19)].into_iter().enumerate() {
            let at = 1024 + 128 * index;
            disk[at] = 1;
            disk[at + 32..at + 40].copy_from_slice(&first.to_le_bytes());
            disk[at + 40..at + 48].copy_from_slice(&last.to_le_bytes());
        }
        assert_eq!(find_in(&disk), [(5120, 5120)]);
    }

    #[test]
    fn a_disk_may_be_one_volume() {
        let mut disk = vec![0; 4096];
        disk[3..11].copy_from_slice(b"NTFS    ");
        assert_eq!(find_in(&disk), [(0, u64::MAX)]);
    }

    #[test]
    fn no_table() {
        assert_eq!(find_in(&[0; 4096]), []);
        assert_eq!(find_in(&[]), []);
    }
}
