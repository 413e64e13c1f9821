//! An NTFS volume through crate `ntfs`.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ntfs::indexes::NtfsFileNameIndex;
use ntfs::structured_values::{NtfsFileName, NtfsFileNamespace, NtfsIndexRoot};
use ntfs::{Ntfs, NtfsAttributeType, NtfsError, NtfsFile, NtfsFileFlags, NtfsIndexEntry};

use super::DiskError;
use super::contents::{Stat, check_is_here, copy_data, stat};
use super::image::Image;
use super::partitions::Partition;
use super::path::GuestPath;
use super::reader::Reader;
use crate::bytes::Bytes;

/// Work that finding or listing may cause. Bounds memory as well: the library keeps what it walks down.
const WALK: u64 = 0x100_0000;
/// Records of files and folders have 1 or 4 KiB; the library would allocate whatever the volume says.
const RECORD_SIZES: std::ops::RangeInclusive<u32> = 0x200..=0x1_0000;

/// Names in one folder that are looked at.
const MAX_SCANNED: usize = 0x1000;

/// What is left of the work that a search may cause, over all the folders it looks into.
pub(super) struct Work(u64);

impl Work {
    pub(super) fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// For one step of the search.
    fn left(&self) -> u64 {
        self.0.min(WALK)
    }

    /// After a step that was given [`Self::left`] and left this.
    fn done(&mut self, left: u64) {
        let taken = self.left().saturating_sub(left);
        self.0 = self.0.saturating_sub(taken);
    }
}

/// One name in a folder.
type Entry<'e> = NtfsIndexEntry<'e, NtfsFileNameIndex>;

/// What a folder holds that does not lead elsewhere.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) folders: Vec<(String, Stat)>,
    pub(super) files: Vec<(String, Stat)>,
    /// Why folders and wanted files cannot be read.
    pub(super) refused: Vec<DiskError>,
    /// Why the folder was not looked at to its end.
    pub(super) broken: Option<String>,
}

impl Scan {
    fn is_full(&self) -> bool {
        self.folders.len() + self.files.len() + self.refused.len() >= MAX_SCANNED
    }
}

/// How much a volume looks like that of a Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Windows {
    /// It has a registry.
    Installed,
    /// It has its folder, and no registry in it.
    Folder,
    /// Nothing of it.
    None,
}

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

    /// How much it looks like the volume of a Windows.
    pub(super) fn windows(&self, image: &Image) -> Windows {
        let installed = GuestPath::parse(r"\Windows\System32\config\SYSTEM");
        if installed.and_then(|hive| self.stat(image, &hive, &mut Work::new(WALK))).is_ok() {
            return Windows::Installed;
        }
        let mut reader = self.reader(image, WALK);
        let folder = GuestPath::parse(r"\Windows").and_then(|path| guarded(|| self.find(&mut reader, &path)));
        if folder.is_ok_and(|folder| folder.is_directory()) { Windows::Folder } else { Windows::None }
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

    /// What one file is.
    pub(super) fn stat(&self, image: &Image, path: &GuestPath, work: &mut Work) -> Result<Stat, DiskError> {
        let mut reader = self.reader(image, work.left());
        let found = guarded(|| {
            let file = self.find(&mut reader, path)?;
            let stat = stat(&file, &mut reader, path)?;
            if file.is_directory() { Err(DiskError::WrongKind(path.to_string())) } else { Ok(stat) }
        });
        work.done(reader.left());
        found
    }

    /// Looks at a folder: at its folders, and at those of its files that are wanted.
    pub(super) fn scan(
        &self,
        image: &Image,
        path: &GuestPath,
        work: &mut Work,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Scan, DiskError> {
        let mut reader = self.reader(image, work.left());
        let mut scan = Scan::default();
        let scanned = guarded(|| {
            let folder = self.find(&mut reader, path)?;
            each_entry(&folder, &mut reader, path, |entry, name, reader| {
                let text = name.name().to_string_lossy();
                if name.is_directory() || wanted(&text) {
                    let found = path.below(&text).and_then(|below| {
                        let file = entry.to_file(&self.ntfs, reader).map_err(damaged)?;
                        Ok((file.is_directory(), stat(&file, reader, &below)?))
                    });
                    match found {
                        Ok((true, stat)) => scan.folders.push((text, stat)),
                        Ok((false, stat)) => scan.files.push((text, stat)),
                        Err(error) => scan.refused.push(error),
                    }
                }
                Ok(!scan.is_full())
            })
        });
        work.done(reader.left());
        match scanned {
            Err(error @ (DiskError::NotFound(_) | DiskError::WrongKind(_) | DiskError::Redirected(_))) => Err(error),
            Err(error) => Ok(Scan { broken: Some(error.to_string()), ..scan }),
            Ok(()) if scan.is_full() => Ok(Scan { broken: Some("it holds too many names".to_owned()), ..scan }),
            Ok(()) => Ok(scan),
        }
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
            check_is_here(&file, reader, path)?;
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

/// Looks at the entries of a folder until there are no more, or no more are wanted.
fn each_entry<'i>(
    folder: &NtfsFile<'_>,
    reader: &mut Reader<'i>,
    path: &GuestPath,
    mut look: impl FnMut(&Entry<'_>, &NtfsFileName, &mut Reader<'i>) -> Result<bool, DiskError>,
) -> Result<(), DiskError> {
    if !folder.is_directory() {
        return Err(DiskError::WrongKind(path.to_string()));
    }
    check_index(folder, reader)?;
    let index = folder.directory_index(reader).map_err(damaged)?;
    let mut entries = index.entries();
    while let Some(entry) = entries.next(reader) {
        let entry = entry.map_err(damaged)?;
        let Some(name) = entry.key().transpose().map_err(damaged)? else { continue };
        // Short names stand beside the long ones of the same files.
        if name.namespace() != NtfsFileNamespace::Dos && !look(&entry, &name, reader)? {
            break;
        }
    }
    Ok(())
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
pub(super) fn damaged(error: NtfsError) -> DiskError {
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
