//! What `coexist coverage` can be asked: of a matrix, or of a suite.

use std::path::PathBuf;

use super::ledger::{Ago, LedgerFile};
use super::pict::Dialect;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes of a matrix: 0 told; 2 the request, matrix or ledger is wrong. Of a suite: 0 every \
                        feasible combination stands in a valid row, and every row is valid; 1 combinations are missing, \
                        or rows are invalid or have open cells; 2 the request, model or rows file is wrong."
)]
pub(crate) struct CoverageArgs {
    /// The matrix: what the ledger remembers of its combinations
    #[arg(required_unless_present = "pict", conflicts_with_all = ["pict", "rows"])]
    pub(crate) matrix: Option<PathBuf>,
    /// Measure combinations of so many parameters: 1 to 3 of a matrix, 1 to 6 of a suite
    #[arg(long, value_name = "T", default_value_t = 2)]
    pub(crate) strength: usize,
    /// For machines: one JSON object, as docs/ledger.md and docs/pict.md describe it
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) ledger: LedgerFile,
    /// Write a heat map too: one page without scripts, to be opened anywhere
    #[arg(long, value_name = "FILE", conflicts_with = "pict")]
    pub(crate) html: Option<PathBuf>,
    /// Only runs that ended within this time count: 12h, 30d, 8w
    #[arg(long, value_name = "TIME", conflicts_with = "pict")]
    pub(crate) since: Option<Ago>,
    #[command(flatten)]
    pub(crate) suite: SuiteArgs,
}

/// A suite by a PICT model in place of a matrix; see docs/pict.md.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A suite by a PICT model instead of a matrix")]
pub(crate) struct SuiteArgs {
    /// The suite: a heading with the model's parameters, then a row a line, separated by tabs
    #[arg(long, value_name = "FILE", requires = "pict")]
    pub(crate) rows: Option<PathBuf>,
    /// The model in PICT's language
    #[arg(long, value_name = "MODEL", requires = "rows")]
    pub(crate) pict: Option<PathBuf>,
    /// List so many of the missing combinations
    #[arg(long, value_name = "N", default_value_t = 20, requires = "pict")]
    pub(crate) missing: usize,
    #[command(flatten)]
    pub(crate) dialect: Dialect,
}
