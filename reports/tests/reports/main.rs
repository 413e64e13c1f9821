//! Reports against golden samples, schemas, other people's readers and hostile text.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test helpers fail by panicking and tell what they skip")]

mod arbitrary;
mod coverage;
mod properties;
mod readers;
mod sample;
mod samples;
mod schemas;
mod waves;
mod writing;

use std::path::PathBuf;

/// A file or folder of this crate.
fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
