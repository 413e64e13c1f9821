//! The stand-in's packages on disk.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{ForgeError, nightly, vendors};

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// File name in the folder.
    pub name: String,
    /// Lower-case digest of its bytes.
    pub sha256: String,
}

/// Writes what the recipes and matrices of the repository name (the demo's packages and its content update, those of the
/// nightly lab) into a folder, which is made when missing. The list is in the order of the names.
///
/// # Errors
/// When a package cannot be made or a file cannot be written.
pub fn write_packages(folder: &Path) -> Result<Vec<Written>, ForgeError> {
    let mut files = vec![(vendors::CONTENT_NAME.to_owned(), vendors::content_291())];
    files.push((nightly::SCRIPT_NAME.to_owned(), nightly::oceanic_baseline()));
    for agent in vendors::demo().into_iter().chain(nightly::nightly()) {
        files.push((agent.package_name(), agent.package()?));
    }
    files.sort();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ForgeError::Write { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(&name);
        std::fs::write(&path, &bytes).map_err(failed(&path))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        written.push(Written { name, sha256 });
    }
    Ok(written)
}
