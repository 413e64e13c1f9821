//! What can go wrong while the image is built.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no new image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Programs or files of other packages are not installed.
    #[error("missing on this machine: {}", list(.0))]
    MissingTools(Vec<MissingTool>),
    /// A file could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("`{program}` failed ({status}): {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote.
        said: String,
    },
    /// The kernel package is not what this recipe expects.
    #[error("kernel package: {0}")]
    Kernel(String),
    /// The UEFI stub is not what this recipe expects.
    #[error("UEFI stub: {0}")]
    Stub(String),
    /// The boot that fills the Windows volume did not end well.
    #[error("the disk's first boot {what}; its serial port said:\n{serial}")]
    Setup {
        /// What happened instead.
        what: String,
        /// The end of the serial log.
        serial: String,
    },
}

/// A program or file that is not there, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingTool {
    /// Program name or full path.
    pub tool: &'static str,
    /// Debian package.
    pub package: &'static str,
}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (package {})", self.tool, self.package)
    }
}

fn list(missing: &[MissingTool]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Names the file an I/O error is about.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> BuildError + use<'_> {
    move |source| BuildError::File { path: path.to_owned(), source }
}
