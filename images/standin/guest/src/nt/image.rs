//! What the kernel takes from a driver's file.

use std::fs;
use std::io;
use std::path::Path;

use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, PeFile64};
use object::{LittleEndian, Object as _, ObjectSection as _};
use sha2::{Digest as _, Sha256};
use standin_behaviour::{Card, SECTION};
use standin_face::errors;
use thiserror::Error;

/// Largest driver file that is read, in bytes.
const MOST: u64 = 64 << 20;

/// A driver's file, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// `acmeflt.sys`, in the letters of the file system.
    pub(crate) base_name: String,
    /// SizeOfImage.
    pub(crate) size: u32,
    /// TimeDateStamp.
    pub(crate) timestamp: u32,
    /// CheckSum.
    pub(crate) checksum: u32,
    /// How the driver behaves; a file without a card behaves.
    pub(crate) card: Card,
    /// Digest of the file's bytes: another one means that another version was installed.
    pub(crate) digest: String,
}

/// Why a file is no driver.
#[derive(Debug, Error)]
pub(crate) enum Unfit {
    /// It cannot be read.
    #[error("unreadable: {0}")]
    Unreadable(io::Error),
    /// It is no 64-bit PE file, or its card is none.
    #[error("no driver: {0}")]
    Malformed(String),
}

impl Unfit {
    /// The Win32 error Windows would give.
    pub(crate) fn error(&self) -> u32 {
        match self {
            Self::Unreadable(_) => errors::FILE_NOT_FOUND,
            Self::Malformed(_) => errors::BAD_EXE_FORMAT,
        }
    }
}

impl Image {
    /// Reads a driver's file.
    pub(crate) fn read(path: &Path) -> Result<Self, Unfit> {
        let length = fs::metadata(path).map_err(Unfit::Unreadable)?.len();
        if length > MOST {
            return Err(Unfit::Malformed(format!("{length} bytes")));
        }
        let bytes = fs::read(path).map_err(Unfit::Unreadable)?;
        let base_name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        Self::parse(base_name, &bytes)
    }

    fn parse(base_name: String, bytes: &[u8]) -> Result<Self, Unfit> {
        let malformed = |error: object::Error| Unfit::Malformed(error.to_string());
        let file = PeFile64::parse(bytes).map_err(malformed)?;
        let headers = file.nt_headers();
        let optional = headers.optional_header();
        let card = match file.section_by_name(SECTION) {
            Some(section) => Card::from_bytes(section.data().map_err(malformed)?)
                .map_err(|error| Unfit::Malformed(format!("section {SECTION}: {error}")))?,
            None => Card { altitude: None, content: None, misfortunes: Vec::new() },
        };
        Ok(Self {
            base_name,
            size: optional.size_of_image(),
            timestamp: headers.file_header().time_date_stamp.get(LittleEndian),
            checksum: optional.check_sum(),
            card,
            digest: Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nt::testing::driver_file;

    #[test]
    fn a_drivers_file_tells_its_size_and_conduct() {
        let card = Card { altitude: Some("321410".to_owned()), content: None, misfortunes: Vec::new() };
        let image = Image::parse("a.sys".to_owned(), &driver_file(Some(&card), 0x6650_1234)).unwrap();
        assert_eq!(image.card, card);
        assert_eq!((image.size, image.timestamp), (0x4000, 0x6650_1234));
        let other = Image::parse("a.sys".to_owned(), &driver_file(Some(&card), 1)).unwrap();
        assert_ne!(image.digest, other.digest);
    }

    #[test]
    fn a_file_without_a_card_behaves_and_others_are_refused() {
        let image = Image::parse("a.sys".to_owned(), &driver_file(None, 1)).unwrap();
        assert!(image.card.misfortunes.is_empty());
        assert!(matches!(Image::parse(String::new(), b"MZ"), Err(Unfit::Malformed(_))));
        assert!(matches!(Image::read(Path::new("/no/such/file")), Err(Unfit::Unreadable(_))));
    }
}
