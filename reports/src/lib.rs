//! A run and its verdicts, rendered in every format: JUnit, JSON, Markdown, plain text, HTML.
//!
//! ```text
//! Run ──────┐              ┌─ junit (mapping ► suites ► serialise ► split) ─► junit.xml
//!           ├─► Report ────┼─ json ─► run.json      markdown ─► summary.md
//! Verdicts ─┘              └─ html ─► index.html    terminal ─► the last screen
//! ```
//! Reports see only the model, so verdicts come in as values, from whoever ran the judge. A report is a fold over the
//! record: no clock, no network, and the same bytes for the same run. Foreign text passes through [`text`], always.

mod coverage;
mod facts;
mod html;
mod json;
mod junit;
mod markdown;
mod terminal;
pub mod text;
mod view;
mod write;

pub use coverage::{
    Answers, COVERAGE_SCHEMA, Counted, Coverage, Entry, Grid, Look, MOST_STRENGTH, Memory, OfVersions, Standpoint,
    Tally, coverage_html, coverage_json, coverage_text,
};
pub use html::index_html;
pub use json::{RUN_SCHEMA, run_json};
pub use junit::{CASES_PER_FILE, Dialect, Document, FILE_LIMIT, JunitOptions, Totals, junit};
pub use markdown::summary_md;
pub use terminal::summary_text;
pub use view::Report;
pub use write::{Written, write_page, write_reports};

use std::path::PathBuf;

/// Why a report was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Verdicts and cells do not belong together.
    #[error("{verdicts} verdicts for {cells} cells")]
    Verdicts {
        /// Verdicts given.
        verdicts: usize,
        /// Cells of the plan.
        cells: usize,
    },
    /// The JUnit serialiser failed.
    #[error("the JUnit serialiser failed")]
    Junit(#[source] junit_report::Error),
    /// What the JUnit serialiser wrote is not what it was given. Nothing was written then: a report that counts wrong is
    /// worse than none.
    #[error("the JUnit serialiser's output does not match the report: {0}")]
    Misaligned(String),
    /// What the JUnit serialiser wrote is no XML.
    #[error("the JUnit serialiser's output is not well-formed")]
    Xml(#[source] quick_xml::Error),
    /// JSON could not be made.
    #[error("the record could not be written as JSON")]
    Json(#[source] serde_json::Error),
    /// Combinations of so many values are not counted.
    #[error("combinations of {strength} values are not counted: 1 to {most} are")]
    Strength {
        /// What was asked for.
        strength: usize,
        /// The bound.
        most: usize,
    },
    /// More combinations than are held.
    #[error("the plan's cells hold more than {most} combinations of {strength} values: ask for a lower strength")]
    TooManyCombinations {
        /// What was asked for.
        strength: usize,
        /// The bound.
        most: usize,
    },
    /// A file could not be written.
    #[error("{} could not be written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
