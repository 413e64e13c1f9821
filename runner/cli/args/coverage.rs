//! What `coexist coverage` can be asked.

use std::path::PathBuf;

use super::pict::Dialect;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every feasible combination stands in a valid row, and every row is valid; 1 \
                        combinations are missing, or rows are invalid or have open cells; 2 the request, model or rows \
                        file is wrong.")]
pub(crate) struct CoverageArgs {
    /// The suite: a heading with the model's parameters, then a row a line, separated by tabs
    #[arg(long, value_name = "FILE")]
    pub(crate) rows: PathBuf,
    /// The model in PICT's language
    #[arg(long, value_name = "MODEL")]
    pub(crate) pict: PathBuf,
    /// Measure combinations of so many parameters, 1 to 6
    #[arg(long, value_name = "T", default_value_t = 2)]
    pub(crate) strength: usize,
    /// For machines: one JSON object, as docs/pict.md describes it
    #[arg(long)]
    pub(crate) json: bool,
    /// List so many of the missing combinations
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) missing: usize,
    #[command(flatten)]
    pub(crate) dialect: Dialect,
}
