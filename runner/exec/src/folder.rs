//! The folder of a run: what lies where in it.

use std::path::{Path, PathBuf};

use coexist_model::ArmRef;

/// The folder of one run.
///
/// ```text
/// events.jsonl          the record
/// evidence/CELL/ARM/…   what proves it
/// work/CELL/ARM/…       overlays and sockets of living machines; gone when the run is over
/// ```
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// The folder at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The event log.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// Where everything lies that lives no longer than the run.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Where the machine of an arm lives.
    #[must_use]
    pub fn machine(&self, of: &ArmRef) -> PathBuf {
        self.work().join(of.cell.as_str()).join(of.arm.as_str())
    }

    /// Evidence of an arm, relative to the folder, forward slashes.
    #[must_use]
    pub fn evidence(of: &ArmRef, file: &str) -> String {
        format!("evidence/{}/{}/{file}", of.cell, of.arm)
    }
}
