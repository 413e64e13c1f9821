//! The folder of a run: what lies where in it.

use std::path::{Path, PathBuf};

use coexist_model::ArmRef;

/// The folder of one run.
///
/// ```text
/// events.jsonl          the record
/// evidence/CELL/ARM/…   what proves it; under attempt-2/ and so on where the lab failed an arm and began it anew
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

    /// Where the machine of an attempt at an arm lives.
    #[must_use]
    pub fn machine(&self, of: &ArmRef, attempt: u32) -> PathBuf {
        let arm = self.work().join(of.cell.as_str()).join(of.arm.as_str());
        if attempt == 1 { arm } else { arm.with_extension(attempt.to_string()) }
    }

    /// Evidence of an attempt at an arm, relative to the folder, forward slashes. Attempts never share a file.
    #[must_use]
    pub fn evidence(of: &ArmRef, attempt: u32, file: &str) -> String {
        match attempt {
            1 => format!("evidence/{}/{}/{file}", of.cell, of.arm),
            later => format!("evidence/{}/{}/attempt-{later}/{file}", of.cell, of.arm),
        }
    }
}
