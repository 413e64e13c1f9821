//! What `coexist plan` can be asked: a matrix, or a PICT model.

use std::path::PathBuf;

use super::ledger::LedgerFile;
use super::pict::Dialect;
use crate::plan::{Show, Wishes};

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "coexist plan [OPTIONS] <MATRIX>\n       coexist plan [OPTIONS] --pict <MODEL>",
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
    pub(crate) show: Show,
    #[command(flatten)]
    pub(crate) wishes: Wishes,
    #[command(flatten)]
    pub(crate) ledger: LedgerFile,
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
    /// Print the rows alone, as PICT does: a heading, then a row a line, separated by tabs
    #[arg(long, conflicts_with = "json")]
    pub(crate) rows: bool,
    /// Rows that come first, unchanged, in the form that --rows prints; open cells are chosen
    #[arg(long, value_name = "FILE")]
    pub(crate) seed_rows: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) dialect: Dialect,
}

impl PlanArgs {
    /// An option that was given and means nothing for what is planned, with what it is about.
    ///
    /// The parser cannot say this: what an option requires is not asked for where it conflicts with what was given.
    pub(crate) fn misplaced(&self) -> Option<(&'static str, &'static str)> {
        if self.pict.pict.is_some() {
            let given = [
                ("--save", self.show.save),
                ("--compact", self.show.compact),
                ("--explain", self.show.explain.is_some()),
                ("--steps", self.show.steps),
                ("--locked", self.wishes.locked),
                ("--budget", self.wishes.budget.is_some()),
                ("--prefer-untested", self.wishes.prefer_untested),
            ];
            return first(&given).map(|option| (option, "a matrix: it means nothing with --pict"));
        }
        let given = [("--rows", self.pict.rows), ("--seed-rows", self.pict.seed_rows.is_some())];
        let option = first(&given).or_else(|| self.pict.dialect.given());
        option.map(|option| (option, "a PICT model: give one with --pict MODEL in place of the matrix"))
    }
}

fn first(given: &[(&'static str, bool)]) -> Option<&'static str> {
    given.iter().find(|(_, given)| *given).map(|(name, _)| *name)
}
