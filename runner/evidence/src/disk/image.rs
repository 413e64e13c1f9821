//! Disk images through `imago`, with a gate that opens no file but those named.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use imago::file::File;
use imago::format::Format;
use imago::format::gate::ImplicitOpenGate;
use imago::qcow2::Qcow2;
use imago::raw::Raw;
use imago::{FormatAccess, FormatDriverBuilder, Storage, StorageOpenOptions};

use super::DiskError;

/// How an image file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// The disk's bytes, nothing else.
    Raw,
    /// QEMU's, perhaps over a backing file.
    Qcow2,
}

/// An opened disk image.
pub(super) struct Image(FormatAccess<File>);

impl Image {
    pub(super) fn open(path: &Path, format: ImageFormat, backing: &[PathBuf]) -> Result<Self, DiskError> {
        let failed = |source| DiskError::Open { path: path.to_owned(), source };
        let mut allowed = vec![path.canonicalize().map_err(failed)?];
        // One that is not there cannot be referred to, either.
        allowed.extend(backing.iter().filter_map(|file| file.canonicalize().ok()));
        let refused = RefCell::new(None);
        let gate = Gate { allowed: &allowed, depth: allowed.len(), refused: &refused };
        let opened = match format {
            ImageFormat::Raw => Raw::<File>::builder_path(path).open(gate).map(FormatAccess::new),
            ImageFormat::Qcow2 => Qcow2::<File>::builder_path(path).open(gate).map(FormatAccess::new),
        };
        let refused = refused.take();
        opened.map(Self).map_err(|error| refused.map_or_else(|| failed(error), DiskError::Refused))
    }

    /// Bytes of the disk.
    pub(super) fn size(&self) -> u64 {
        self.0.size()
    }

    /// Fills `buffer` from `offset` on; bytes behind the disk's end read as zero.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read(buffer, offset)
    }
}

/// Opens what the caller named, at most as deep as it named files; the rest is refused and remembered.
struct Gate<'a> {
    allowed: &'a [PathBuf],
    depth: usize,
    refused: &'a RefCell<Option<PathBuf>>,
}

impl Gate<'_> {
    fn refuse<T>(&self, path: PathBuf) -> io::Result<T> {
        self.refused.replace(Some(path));
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

impl ImplicitOpenGate<File> for Gate<'_> {
    fn open_format<F: FormatDriverBuilder<File>>(&mut self, builder: F) -> io::Result<FormatAccess<File>> {
        let known = matches!(F::FORMAT, Format::Raw | Format::Qcow2);
        let Some(depth) = self.depth.checked_sub(1).filter(|_| known) else {
            return self.refuse(builder.get_image_path().unwrap_or_default());
        };
        Ok(FormatAccess::new(builder.open(Gate { depth, ..*self })?))
    }

    fn open_storage(&mut self, options: StorageOpenOptions) -> io::Result<File> {
        let path = options.get_filename().map(Path::to_owned).unwrap_or_default();
        match path.canonicalize() {
            Ok(real) if self.allowed.contains(&real) => File::open(options),
            _ => self.refuse(path),
        }
    }
}
