//! What can be asked of a plan on the command line.

use std::path::Path;

use coexist_model::{Exit, PastCell};
use coexist_plan::{Ask, Budget};

use crate::args::Effort;
use crate::{ledger, say};

/// What `coexist plan` and `coexist run` both take.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Wishes {
    /// How hard to look for few cells or rows; counted in steps, so that every host makes the same plan
    #[arg(long, value_enum, default_value_t)]
    pub(crate) effort: Effort,
    /// Cover the combinations of so many, 1 to 6, instead of what the matrix's `coverage` says; of a PICT model's
    /// parameters 2 where nothing is given
    #[arg(long, value_name = "T")]
    pub(crate) strength: Option<usize>,
    /// Only the cells that cover most: so many, or what so much time of machines or disk pays for
    #[arg(long, value_name = "40|6h|200GB")]
    pub(crate) budget: Option<Budget>,
    /// What the ledger's runs never tested comes first, then what they did not test for longest; what stood in a broken
    /// or inconclusive cell is tried in another one. The plan then depends on the ledger
    #[arg(long)]
    pub(crate) prefer_untested: bool,
    /// Exit 2 when the saved rows are not what the matrix needs now
    #[arg(long)]
    pub(crate) locked: bool,
}

impl Wishes {
    /// As the planner takes them, without saved rows; with what a ledger remembers, where there is one.
    ///
    /// Without `prefer_untested` the ledger changes prices and no row: the same matrix gives the same cells everywhere.
    pub(crate) fn ask(&self, ledger: Option<&Path>) -> Result<Ask, Exit> {
        let history = match remembered(ledger) {
            Ok(history) => history,
            // Prices alone are worth no refusal.
            Err(_) if !self.prefer_untested => {
                say::aside("the plan is made without the ledger: its prices are those that are assumed");
                Vec::new()
            }
            Err(exit) => return Err(exit),
        };
        Ok(Ask {
            history,
            effort: self.effort.into(),
            strength: self.strength,
            budget: self.budget,
            prefer_untested: self.prefer_untested,
            ..Ask::default()
        })
    }
}

/// What only `coexist plan` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Show {
    /// Keep the rows in a file beside the matrix, so that the next plan has them too: nightly.rows.tsv for nightly.yaml
    #[arg(long, conflicts_with = "locked")]
    pub(crate) save: bool,
    /// Say which combinations only this cell covers; or of a combination, such as hvci=on,acme-endpoint=4.1, which
    /// cells cover it, or why it is impossible
    #[arg(long, value_name = "CELL|COMBINATION", conflicts_with_all = ["save", "compact", "json", "budget", "cells"])]
    pub(crate) explain: Option<String>,
    /// Tell every step, however many cells there are
    #[arg(long)]
    pub(crate) steps: bool,
    /// Say what the same plan from nothing would take; with --save, keep that one
    #[arg(long)]
    pub(crate) compact: bool,
}

/// Cells of earlier runs; none where there is no ledger. Says itself what is wrong with one.
fn remembered(ledger: Option<&Path>) -> Result<Vec<PastCell>, Exit> {
    let Some(ledger) = ledger.map(ledger::read).transpose()?.flatten() else { return Ok(Vec::new()) };
    ledger.cells(None).map_err(|error| ledger::refused(&error))
}
