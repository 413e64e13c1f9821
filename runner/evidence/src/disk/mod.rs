//! Files of a powered-off guest, read from its disk image on the host, without mounting anything.
//!
//! The image is opened read-only. Its backing files are opened only where the caller named them; its format is told
//! by the caller, never probed, as a guest can write any signature into a raw image. Partition table and volumes are
//! the guest's: every count, size and walk is bounded, redirections (symbolic links, mount points, cloud files) are
//! refused, and a panic of the NTFS library (0.4.0 has some on damaged indexes) is an error of the volume; the panic
//! hook's message on standard error is all that remains of it.
//!
//! [`GuestDisk::evidence_files`] tells which files may be evidence; [`GuestDisk::raw_dump`] finds a crash of which Windows
//! has made no file yet; [`GuestDisk::copy_file`] copies any of them as a stream.
//!
//! The NTFS journal is not replayed, so the last seconds of a guest that was cut off may be missing.

mod contents;
mod dumps;
mod files;
mod image;
mod lznt1;
mod partitions;
mod path;
mod reader;
mod volume;
mod whereabouts;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use dumps::{MINIDUMP_FOLDER, PAGE_FILE, RawDump};
pub use files::{DiskFile, EvidenceOnDisk, SRT_TRAIL};
pub use image::ImageFormat;

use image::Image;
use partitions::Content;
use path::GuestPath;
use volume::{Volume, Windows};

/// Why a file cannot be had from a disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The image or one of its backing files cannot be opened.
    #[error("cannot open disk image {path}")]
    Open {
        /// The image asked for.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The image refers to a file that the caller did not allow.
    #[error("disk image refers to {0}, which is not one of its machine's files")]
    Refused(PathBuf),
    /// The image cannot be read.
    #[error("cannot read the disk image")]
    Read(#[source] std::io::Error),
    /// No NTFS volume was found.
    #[error("no NTFS volume on the disk")]
    NoVolume,
    /// The Windows volume is encrypted with BitLocker.
    #[error("the Windows volume is encrypted")]
    Encrypted,
    /// There is no such file or folder.
    #[error("no such file on the guest's disk: {0}")]
    NotFound(String),
    /// The path cannot name a file.
    #[error("not a guest path: {0:?}")]
    BadPath(String),
    /// The path leads over a symbolic link, mount point or other redirection.
    #[error("redirected on the guest's disk: {0}")]
    Redirected(String),
    /// A folder was asked for as a file, or a file as a folder.
    #[error("of the wrong kind on the guest's disk: {0}")]
    WrongKind(String),
    /// The file is encrypted by NTFS, compressed by Windows (`CompactOS`), or deduplicated; what NTFS itself compresses is
    /// read, unless it lies in too many pieces.
    #[error("encrypted, deduplicated or compressed in a way that cannot be read here: {0}")]
    Packed(String),
    /// The volume's structures contradict themselves.
    #[error("damaged NTFS volume: {0}")]
    Damaged(String),
    /// The caller's output refused the bytes.
    #[error("cannot store what was read")]
    Write(#[source] std::io::Error),
}

/// A file read from a guest's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Its bytes, up to the limit that was asked for.
    pub bytes: Vec<u8>,
    /// Bytes it has on the disk.
    pub size: u64,
}

impl GuestFile {
    /// Whether nothing was left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }
}

/// Volumes that are looked at: a disk of Windows has some four partitions.
const MOST_VOLUMES: usize = 16;

/// A powered-off guest's disk.
pub struct GuestDisk {
    image: Image,
    /// The Windows volume first.
    volumes: Vec<Volume>,
    /// Whether the first volume is that of a Windows.
    has_windows: bool,
    /// What of the disk cannot be read.
    notes: Vec<String>,
}

impl GuestDisk {
    /// Opens an image and finds its NTFS volumes. `backing` are the files that its chain may consist of, in any
    /// order; a reference to any other file is refused, also for an external data file.
    ///
    /// # Errors
    /// When the image cannot be opened, or holds no NTFS volume that can be read. [`DiskError::Encrypted`] where a volume is
    /// encrypted and no other has an installed Windows, whatever else can be read.
    pub fn open(image: &Path, format: ImageFormat, backing: &[PathBuf]) -> Result<Self, DiskError> {
        let image = Image::open(image, format, backing)?;
        let partitions = partitions::find(&image)?;
        let encrypted = partitions.iter().any(|partition| partition.content == Content::BitLocker);
        let readable: Vec<_> = partitions.iter().filter(|partition| partition.content == Content::Ntfs).collect();
        let (mut found, mut damage, mut notes) = (Vec::new(), None, Vec::new());
        for partition in readable.iter().take(MOST_VOLUMES) {
            match Volume::open(&image, partition) {
                Ok(volume) => found.push((volume.windows(&image), volume)),
                Err(error) => {
                    notes.push(format!("the volume at byte {:#x} cannot be read: {error}", partition.start));
                    damage = damage.or(Some(error));
                }
            }
        }
        // As they lie on the disk, where two are alike.
        found.sort_by_key(|(windows, _)| *windows);
        let best = found.first().map_or(Windows::None, |(windows, _)| *windows);
        // Beside an encrypted volume a mere folder proves nothing.
        let has_windows = best == Windows::Installed || best == Windows::Folder && !encrypted;
        if encrypted && !has_windows {
            return Err(DiskError::Encrypted);
        }
        if found.is_empty() {
            return Err(damage.unwrap_or(DiskError::NoVolume));
        }
        if encrypted {
            notes.push("another volume than that of Windows is encrypted".to_owned());
        }
        if !has_windows {
            notes.push("no volume of the disk that can be read holds a Windows".to_owned());
        }
        if readable.len() > MOST_VOLUMES {
            notes.push(format!("{} volumes were not looked at", readable.len() - MOST_VOLUMES));
        }
        let volumes = found.into_iter().map(|(_, volume)| volume).collect();
        Ok(Self { image, volumes, has_windows, notes })
    }

    /// Reads at most `max_bytes` of a file: `C:\Windows\MEMORY.DMP`, in any case. A drive letter is not followed:
    /// the Windows volume is searched first, then the others.
    ///
    /// # Errors
    /// When no volume has the file, or it cannot be read.
    pub fn read_file(&self, path: &str, max_bytes: u64) -> Result<GuestFile, DiskError> {
        let mut bytes = Vec::new();
        let size = self.copy_file(path, max_bytes, &mut bytes)?;
        Ok(GuestFile { bytes, size })
    }

    /// Writes at most `max_bytes` of a file to `out`, and returns the size it has on the disk.
    ///
    /// # Errors
    /// When no volume has the file, it cannot be read, or `out` refuses the bytes.
    pub fn copy_file(&self, path: &str, max_bytes: u64, out: &mut dyn Write) -> Result<u64, DiskError> {
        let path = GuestPath::parse(path)?;
        Self::first_with(&self.volumes, &path, |volume| volume.copy_file(&self.image, &path, max_bytes, out))
    }

    /// The volume of Windows, or all where none is known to be it.
    fn of_windows(&self) -> &[Volume] {
        if self.has_windows { &self.volumes[..1] } else { &self.volumes }
    }

    fn first_with<T>(
        volumes: &[Volume],
        path: &GuestPath,
        mut read: impl FnMut(&Volume) -> Result<T, DiskError>,
    ) -> Result<T, DiskError> {
        for volume in volumes {
            match read(volume) {
                Err(DiskError::NotFound(_)) => {}
                result => return result,
            }
        }
        Err(DiskError::NotFound(path.to_string()))
    }
}

impl std::fmt::Debug for GuestDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestDisk").field("volumes", &self.volumes.len()).finish_non_exhaustive()
    }
}
