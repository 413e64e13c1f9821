//! Verdicts, what they mean for JUnit and for the exit code.

use serde::{Deserialize, Serialize};

use crate::{Bucket, CellId};

/// What the judge says of a whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// One per planned cell, in the plan's order.
    pub cells: Vec<Judgement>,
    /// Cells that fail alike.
    pub problems: Vec<Problem>,
}

/// Cells that fail alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The signature they share; absent when the failure has none, and then the problem is one cell's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    /// The cells, in the plan's order.
    pub cells: Vec<CellId>,
    /// How it relates to an earlier run.
    pub state: ProblemState,
}

/// How a problem relates to an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemState {
    /// No earlier run was given, or it does not show it.
    New,
}

impl ProblemState {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
        }
    }
}

/// What the two arms of a cell say together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// One line of why.
    pub reason: String,
}

/// The verdicts of the design's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Both arms are up.
    Compatible,
    /// The candidate breaks what worked, or breaks it otherwise.
    Regressed,
    /// Broken alike without the candidate.
    AlreadyBroken,
    /// The candidate mends it.
    Fixed,
    /// Fails only sometimes.
    Flaky,
    /// A lab fault, or a baseline that hides the candidate.
    Inconclusive,
    /// An arm never ran.
    NotRun,
}

impl Verdict {
    /// All of them, in the order summaries use.
    pub const ALL: [Self; 7] = [
        Self::Regressed,
        Self::Flaky,
        Self::Inconclusive,
        Self::AlreadyBroken,
        Self::Fixed,
        Self::Compatible,
        Self::NotRun,
    ];

    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Regressed => "regressed",
            Self::AlreadyBroken => "already-broken",
            Self::Fixed => "fixed",
            Self::Flaky => "flaky",
            Self::Inconclusive => "inconclusive",
            Self::NotRun => "not-run",
        }
    }

    /// What a cell with this verdict contributes to the exit code.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Compatible | Self::AlreadyBroken | Self::Fixed => Exit::Clean,
            Self::Regressed | Self::Flaky => Exit::ProductFailure,
            Self::Inconclusive => Exit::Inconclusive,
            Self::NotRun => Exit::Outstanding,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Exit codes, a stable contract with CI systems. `coexist help exit-codes` prints this table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Exit {
    /// Every cell has a verdict and none accuses the candidate.
    Clean,
    /// At least one product failure.
    ProductFailure,
    /// The request is wrong, or this host can make no machine; nothing was started.
    Usage,
    /// No product failure, but at least one cell without a verdict because of the lab: worth a retry.
    Inconclusive,
    /// Nothing was selected.
    NothingSelected,
    /// All that ran is fine, but cells are outstanding.
    Outstanding,
    /// A bug of ours.
    Internal,
    /// A report could not be written.
    ReportNotWritten,
    /// Stopped by Ctrl-C, after machines were stopped and reports written.
    Interrupted,
    /// Stopped by SIGTERM, likewise.
    Terminated,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Self; 10] = [
        Self::Clean,
        Self::ProductFailure,
        Self::Usage,
        Self::Inconclusive,
        Self::NothingSelected,
        Self::Outstanding,
        Self::Internal,
        Self::ReportNotWritten,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::ProductFailure => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::NothingSelected => 4,
            Self::Outstanding => 5,
            Self::Internal => 70,
            Self::ReportNotWritten => 74,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it means, in a line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "every cell has a verdict and none accuses the candidate",
            Self::ProductFailure => "at least one cell regressed or is flaky",
            Self::Usage => "the request, matrix, a package or this host is wrong; nothing was started",
            Self::Inconclusive => "no product failure, but the lab could not judge every cell; worth a retry",
            Self::NothingSelected => "no cell was selected",
            Self::Outstanding => "all that ran is fine, but cells are outstanding",
            Self::Internal => "a bug in coexist",
            Self::ReportNotWritten => "a report could not be written",
            Self::Interrupted => "stopped by Ctrl-C; machines were stopped and reports written",
            Self::Terminated => "stopped by SIGTERM; machines were stopped and reports written",
        }
    }

    /// What a set of verdicts leads to: 1 when any cell contributes 1, else 3, else 5, else 0.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let rank = |exit: Self| match exit {
            Self::ProductFailure => 3,
            Self::Inconclusive => 2,
            Self::Outstanding => 1,
            Self::Clean
            | Self::Usage
            | Self::NothingSelected
            | Self::Internal
            | Self::ReportNotWritten
            | Self::Interrupted
            | Self::Terminated => 0,
        };
        verdicts.into_iter().map(Verdict::exit).max_by_key(|exit| rank(*exit)).unwrap_or(Self::Clean)
    }
}
