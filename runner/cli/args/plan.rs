//! What `coexist plan` can be asked: a matrix, or a PICT model.

use std::path::PathBuf;

use super::pict::{Dialect, Effort};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 there is a plan; 2 the request, matrix or model is wrong, or no row is valid; 4 no \
                        cell was selected."
)]
pub(crate) struct PlanArgs {
    /// The matrix
    #[arg(required_unless_present = "pict", conflicts_with = "pict")]
    pub(crate) matrix: Option<PathBuf>,
    /// Write the whole plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only cells with this id; may be given more than once
    #[arg(long = "cell", value_name = "ID", conflicts_with = "pict")]
    pub(crate) cells: Vec<String>,
    #[command(flatten)]
    pub(crate) pict: PictPlanArgs,
}

/// A PICT model in place of a matrix; see docs/pict.md.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A PICT model instead of a matrix")]
pub(crate) struct PictPlanArgs {
    /// Rows for this model in PICT's language, in place of a matrix
    #[arg(long, value_name = "MODEL")]
    pub(crate) pict: Option<PathBuf>,
    /// Cover all combinations of so many parameters, 1 to 6 [default: 2]
    #[arg(long, value_name = "T")]
    pub(crate) strength: Option<usize>,
    /// Print the rows alone, as PICT does: a heading, then a row a line, separated by tabs
    #[arg(long, conflicts_with = "json")]
    pub(crate) rows: bool,
    /// How hard to look for few rows
    #[arg(long, value_enum)]
    pub(crate) effort: Option<Effort>,
    /// Rows that come first, unchanged, in the form that --rows prints; open cells are chosen
    #[arg(long, value_name = "FILE")]
    pub(crate) seed_rows: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) dialect: Dialect,
}

impl PictPlanArgs {
    /// An option that was given and means nothing without a model.
    pub(crate) fn without_model(&self) -> Option<&'static str> {
        let given = [
            ("--strength", self.strength.is_some()),
            ("--rows", self.rows),
            ("--effort", self.effort.is_some()),
            ("--seed-rows", self.seed_rows.is_some()),
        ];
        let given = given.into_iter().find(|(_, given)| *given).map(|(name, _)| name);
        given.filter(|_| self.pict.is_none()).or_else(|| self.dialect.given().filter(|_| self.pict.is_none()))
    }
}
