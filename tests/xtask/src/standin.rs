//! The stand-in guest: built when something that makes it has changed.

use std::path::{Path, PathBuf};

use crate::process;

/// Where everything built for the stand-in lies.
pub(crate) fn out(root: &Path) -> PathBuf {
    root.join("images/standin/out")
}

/// Sees to it that image and packages are there and up to date.
///
/// # Errors
/// When one of them cannot be built.
pub(crate) fn ensure(root: &Path) -> Result<(), String> {
    let out = out(root);
    let packages = out.join("packages");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    process::run(process::cargo(root, &["run", "--quiet", "-p", "standin-forge", "--", "--out", &text(&packages)]))?;
    process::run(process::cargo(root, &["run", "--quiet", "-p", "standin-image", "--", &text(root)]))
}
