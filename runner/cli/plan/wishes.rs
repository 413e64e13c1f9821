//! What can be asked of a plan on the command line.

use coexist_plan::{Ask, Budget};

use crate::args::Effort;

/// What `coexist plan` and `coexist run` both take.
#[derive(Debug, Clone, clap::Args)]
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
    /// Exit 2 when the saved rows are not what the matrix needs now
    #[arg(long)]
    pub(crate) locked: bool,
}

impl Wishes {
    /// As the planner takes them, from nothing.
    pub(crate) fn ask(&self) -> Ask {
        Ask { effort: self.effort.into(), strength: self.strength, budget: self.budget, ..Ask::default() }
    }
}

/// What only `coexist plan` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Show {
    /// Keep the rows in a file beside the matrix, so that the next plan has them too: nightly.rows.tsv for nightly.yaml
    #[arg(long, conflicts_with = "locked")]
    pub(crate) save: bool,
    /// Tell every step, however many cells there are
    #[arg(long)]
    pub(crate) steps: bool,
    /// Say what the same plan from nothing would take; with --save, keep that one
    #[arg(long)]
    pub(crate) compact: bool,
}
