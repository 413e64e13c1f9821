//! An NTFS volume through crate `ntfs`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ntfs::indexes::NtfsFileNameIndex;
use ntfs::structured_values::{NtfsFileAttributeFlags, NtfsFileNamespace, NtfsIndexRoot};
use ntfs::{Ntfs, NtfsAttributeFlags, NtfsAttributeType, NtfsError, NtfsFile, NtfsFileFlags, NtfsReadSeek};

use super::image::Image;
use super::partitions::Partition;
use super::path::GuestPath;
use super::reader::Reader;
use super::{DirEntry, DiskError};
use crate::bytes::Bytes;

/// Work that finding or listing may cause. Bounds memory as well: the library keeps what it walks down.
const WALK: u64 = 0x100_0000;
/// Names in one folder that are listed.
const MAX_LISTED: usize = 0x1_0000;
/// Records of files and folders have 1 or 4 KiB; the library would allocate whatever the volume says.
const RECORD_SIZES: std::ops::RangeInclusive<u32> = 0x200..=0x1_0000;

pub(super) struct Volume {
    start: u64,
    length: u64,
    ntfs: Ntfs,
}

impl Volume {
    pub(super) fn open(image: &Image, partition: &Partition) -> Result<Self, DiskError> {
        let Partition { start, length, .. } = *partition;
        check_record_size(image, start)?;
        guarded(|| {
            let mut reader = Reader::new(image, start, length, WALK);
            let mut ntfs = Ntfs::new(&mut reader).map_err(damaged)?;
            ntfs.read_upcase_table(&mut reader).map_err(damaged)?;
            Ok(Self { start, length, ntfs })
        })
    }

    pub(super) fn has_windows(&self, image: &Image) -> bool {
        GuestPath::parse(r"\Windows").and_then(|path| self.list(image, &path)).is_ok()
    }

    /// Writes at most `max_bytes` of a file; returns its size.
    pub(super) fn copy_file(
        &self,
        image: &Image,
        path: &GuestPath,
        max_bytes: u64,
        out: &mut dyn Write,
    ) -> Result<u64, DiskError> {
        let mut reader = self.reader(image, max_bytes.saturating_add(WALK));
        let file = guarded(|| self.find(&mut reader, path))?;
        if file.is_directory() {
            return Err(DiskError::WrongKind(path.to_string()));
        }
        guarded(|| copy_data(&file, &mut reader, path, max_bytes, out))
    }

    pub(super) fn list(&self, image: &Image, path: &GuestPath) -> Result<Vec<DirEntry>, DiskError> {
        let mut reader = self.reader(image, WALK);
        guarded(|| {
            let folder = self.find(&mut reader, path)?;
            if !folder.is_directory() {
                return Err(DiskError::WrongKind(path.to_string()));
            }
            check_index(&folder, &mut reader)?;
            let index = folder.directory_index(&mut reader).map_err(damaged)?;
            let mut entries = index.entries();
            let mut listed = Vec::new();
            while let Some(entry) = entries.next(&mut reader) {
                let entry = entry.map_err(damaged)?;
                let Some(name) = entry.key().transpose().map_err(damaged)? else { continue };
                // Short names stand beside the long ones of the same files.
                if name.namespace() == NtfsFileNamespace::Dos {
                    continue;
                }
                let (is_directory, size) = (name.is_directory(), name.data_size());
                listed.push(DirEntry { name: name.name().to_string_lossy(), is_directory, size });
                if listed.len() == MAX_LISTED {
                    break;
                }
            }
            Ok(listed)
        })
    }

    fn reader<'i>(&self, image: &'i Image, bytes: u64) -> Reader<'i> {
        Reader::new(image, self.start, self.length, bytes)
    }

    fn find<'n>(&'n self, reader: &mut Reader<'_>, path: &GuestPath) -> Result<NtfsFile<'n>, DiskError> {
        let mut file = self.ntfs.root_directory(reader).map_err(damaged)?;
        for name in path.names() {
            if !file.is_directory() {
                return Err(DiskError::NotFound(path.to_string()));
            }
            file = self.child(&file, reader, name)?.ok_or_else(|| DiskError::NotFound(path.to_string()))?;
            let redirected = file.info().map_err(damaged)?.file_attributes();
            if redirected.contains(NtfsFileAttributeFlags::REPARSE_POINT) {
                return Err(DiskError::Redirected(path.to_string()));
            }
        }
        Ok(file)
    }

    fn child<'n>(
        &'n self,
        folder: &NtfsFile<'n>,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Result<Option<NtfsFile<'n>>, DiskError> {
        check_index(folder, reader)?;
        let index = folder.directory_index(reader).map_err(damaged)?;
        let mut finder = index.finder();
        let Some(entry) = NtfsFileNameIndex::find(&mut finder, &self.ntfs, reader, name) else { return Ok(None) };
        let file = entry.and_then(|entry| entry.to_file(&self.ntfs, reader)).map_err(damaged)?;
        Ok(Some(file).filter(|file| file.flags().contains(NtfsFileFlags::IN_USE)))
    }
}

fn copy_data(
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

/// Checks the record size in the boot sector: a count of clusters, or minus the exponent of a number of bytes.
fn check_record_size(image: &Image, start: u64) -> Result<(), DiskError> {
    let mut sector = [0; 512];
    image.read(&mut sector, start).map_err(DiskError::Read)?;
    let sector = Bytes(&sector);
    let byte = |offset| sector.slice(offset, 1).and_then(|byte| byte.first().copied()).unwrap_or_default();
    let (info, sectors_per_cluster) = (byte(0x40), byte(0x0d));
    let cluster = u32::from(sector.u16(0x0b).unwrap_or_default()).checked_mul(match sectors_per_cluster {
        few @ 0..=128 => few.into(),
        exponent => 1_u32.checked_shl(exponent.wrapping_neg().into()).unwrap_or(u32::MAX),
    });
    let record = match info.cast_signed() {
        count @ 1.. => cluster.and_then(|cluster| cluster.checked_mul(count.unsigned_abs().into())),
        exponent => 1_u32.checked_shl(exponent.unsigned_abs().into()),
    };
    if record.is_some_and(|size| RECORD_SIZES.contains(&size)) {
        Ok(())
    } else {
        Err(DiskError::Damaged("a record size of no sense".to_owned()))
    }
}

/// Checks the size of a folder's index records.
fn check_index(folder: &NtfsFile<'_>, reader: &mut Reader<'_>) -> Result<(), DiskError> {
    let mut attributes = folder.attributes();
    while let Some(item) = attributes.next(reader) {
        let item = item.map_err(damaged)?;
        let attribute = item.to_attribute().map_err(damaged)?;
        if attribute.ty().ok() != Some(NtfsAttributeType::IndexRoot) || !attribute.is_resident() {
            continue;
        }
        let root = attribute.resident_structured_value::<NtfsIndexRoot<'_>>().map_err(damaged)?;
        if !RECORD_SIZES.contains(&root.index_record_size()) {
            return Err(DiskError::Damaged("an index record size of no sense".to_owned()));
        }
    }
    Ok(())
}

/// The library's messages name offsets and numbers only.
fn damaged(error: NtfsError) -> DiskError {
    match error {
        NtfsError::Io(source) => DiskError::Damaged(format!("cannot read on: {source}")),
        other => DiskError::Damaged(other.to_string()),
    }
}

/// The library checks most of what it reads; for the rest a panic must not end the run.
fn guarded<T>(work: impl FnOnce() -> Result<T, DiskError>) -> Result<T, DiskError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(DiskError::Damaged("the NTFS reader met an impossible value".to_owned())))
}
