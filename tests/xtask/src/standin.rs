//! The stand-in guest: built when something that makes it has changed.

use std::path::{Path, PathBuf};

use crate::process;

/// Where everything built for the stand-in lies.
pub(crate) fn out(root: &Path) -> PathBuf {
    root.join("images/standin/out")
}

/// Builds the programs that [`ensure`] and the demo run: in one go, so that what they share is built once.
///
/// # Errors
/// When they cannot be built.
pub(crate) fn build_programs(root: &Path) -> Result<(), String> {
    process::run(process::cargo(
        root,
        &["build", "--quiet", "-p", "coexist", "-p", "standin-forge", "-p", "standin-image"],
    ))
}

/// Sees to it that image and packages are there and up to date. The programs for it are built.
///
/// # Errors
/// When one of them cannot be built.
pub(crate) fn ensure(root: &Path) -> Result<(), String> {
    let out = out(root);
    let packages = out.join("packages");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    process::run(process::command(root, process::built("standin-forge")?, &["--out", &text(&packages)]))?;
    process::run(process::command(root, process::built("standin-image")?, &[&text(root)]))
}
