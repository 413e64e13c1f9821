//! The rows file beside a matrix: where it is, and its text.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::source::shown;

/// Longest rows file that is read; ten thousand rows of forty settings are shorter.
const MOST_BYTES: u64 = 16 << 20;

/// A rows file, read but not understood yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsFile {
    /// Its path, for messages.
    pub(crate) shown: String,
    pub(crate) text: String,
}

/// Why a rows file that is there could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsFileError {
    /// The system says no.
    #[error("the rows file {0} cannot be read")]
    Unreadable(String, #[source] std::io::Error),
    /// No plan has so many rows.
    #[error("the rows file {0} is larger than {limit} MiB, which no plan is", limit = MOST_BYTES >> 20)]
    TooLarge(String),
    /// Bytes that are no text.
    #[error("the rows file {0} is not UTF-8 text")]
    NotText(String),
}

impl RowsFile {
    /// Where the rows of a matrix are kept: `nightly.rows.tsv` beside `nightly.yaml`.
    #[must_use]
    pub fn beside(matrix: &Path) -> PathBuf {
        matrix.with_extension("rows.tsv")
    }

    /// Reads the rows of a matrix; `None` where none were saved.
    ///
    /// # Errors
    /// The file is there and cannot be read as text.
    pub fn of(matrix: &Path) -> Result<Option<Self>, RowsFileError> {
        let path = Self::beside(matrix);
        let name = shown(&path);
        let unreadable = |error| RowsFileError::Unreadable(name.clone(), error);
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            // Opening a pipe would wait for whoever writes to it.
            Ok(about) if !about.is_file() => {
                return Err(unreadable(std::io::Error::other("it is not a file")));
            }
            Ok(_) => {}
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&path).map_err(unreadable)?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(RowsFileError::TooLarge(name));
        }
        let text = String::from_utf8(bytes).map_err(|_| RowsFileError::NotText(name.clone()))?;
        Ok(Some(Self { shown: name, text }))
    }

    /// The file's text as it was.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
