//! What can go wrong while forging.

use std::io;
use std::path::PathBuf;

/// Why a file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The PE writer refused.
    #[error("the PE file {file} could not be laid out")]
    Pe {
        /// File name.
        file: String,
        /// The writer's reason.
        source: object::write::Error,
    },
    /// A driver's image is too small for what its card speaks of.
    #[error("{file} has an image of {size:#x} bytes, too small for {needed:#x}")]
    ImageTooSmall {
        /// File name.
        file: String,
        /// Image size asked for, bytes.
        size: u32,
        /// What it has to hold, bytes.
        needed: u32,
    },
    /// The content file must lie below `C:\ProgramData` and be the one the driver's card names.
    #[error("the content file {path} does not lie below C:\\ProgramData or is not the one the driver reads")]
    Content {
        /// Windows path.
        path: String,
    },
    /// The product has no driver.
    #[error("{id} has no driver")]
    NoDriver {
        /// Short name of the product.
        id: String,
    },
    /// The version is not two to three numbers with dots.
    #[error("{version:?} is no product version such as 7.1")]
    Version {
        /// As given.
        version: String,
    },
    /// The card or the agent could not be written as JSON.
    #[error("the agent could not be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The installer database or its cabinet could not be written.
    #[error("the installer database could not be written: {what}")]
    Installer {
        /// Table or stream.
        what: String,
        /// The writer's reason.
        source: io::Error,
    },
    /// A file could not be written to disk.
    #[error("{} could not be written", path.display())]
    Write {
        /// Path on this machine.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}
