//! Coverage: which combinations of a matrix were tested, when, and with which verdict, as a ledger remembers it.
//!
//! ```text
//! Plan ──────────────────┐                ┌─ text ─► a table for a terminal
//! combinations, cells ───┼─► Coverage ────┼─ json ─► one object
//! of the ledger, now ────┘   (count.rs)   └─ html ─► a heat map
//! ```
//! What can stand together is what stands together in the plan: a full product holds every combination that its rules
//! allow, and so do few rows chosen for every pair. *Now* is a value like any other.

mod age;
mod count;
mod grid;
mod html;
mod json;
mod text;

pub use count::{Counted, MOST_STRENGTH};
pub use grid::{Entry, Grid, Look, OfVersions, Standpoint, Tally};
pub use html::coverage_html;
pub use json::{COVERAGE_SCHEMA, coverage_json};
pub use text::coverage_text;

use coexist_model::{Met, PartKind, PastCell, Plan};
use jiff::Timestamp;

use crate::ReportError;

/// Where the memory is, and how much there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The ledger's file, as the user named it.
    pub path: String,
    /// Runs in it, of those that were asked for.
    pub runs: u64,
    /// When the newest of them ended.
    pub newest: Option<Timestamp>,
}

/// What a ledger answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Pairs of agents, whichever came first.
    pub pairs: Vec<Met>,
    /// Pairs of agents in the order of their installation.
    pub sequences: Vec<Met>,
    /// An image and an agent.
    pub images: Vec<Met>,
    /// A setting and an agent.
    pub settings: Vec<Met>,
    /// The cells themselves.
    pub cells: Vec<PastCell>,
}

/// Coverage of a plan, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Name and path of the matrix.
    pub matrix: (String, String),
    /// Whether every image of the plan is the stand-in guest.
    pub stand_in: bool,
    /// The moment that ages are told from.
    pub now: Timestamp,
    /// Runs that ended before this do not count.
    pub since: Option<Timestamp>,
    /// What is remembered.
    pub memory: Memory,
    /// Agent by agent.
    pub pairs: Grid,
    /// Agent before agent, where the plan installs some pair in both orders.
    pub order: Option<Grid>,
    /// Images and settings' values by agent.
    pub others: Grid,
    /// All combinations of so many values.
    pub counted: Counted,
}

impl Coverage {
    /// Lays what a ledger answered beside a plan.
    ///
    /// # Errors
    /// A strength that is not counted, or more combinations than are held.
    pub fn new(
        plan: &Plan,
        memory: Memory,
        answers: &Answers,
        since: Option<Timestamp>,
        now: Timestamp,
        strength: usize,
    ) -> Result<Self, ReportError> {
        let order = Grid::new(plan, &[PartKind::Agent], true, &answers.sequences);
        let mirrored = |entry: &Entry| order.entry(entry.column, entry.row).is_some_and(Entry::is_possible);
        let both = order.entries().any(|entry| entry.is_possible() && mirrored(entry));
        let others = answers.images.iter().chain(&answers.settings);
        Ok(Self {
            matrix: (plan.matrix.name.clone(), plan.matrix.path.clone()),
            stand_in: !plan.images.is_empty() && plan.images.values().all(|image| image.stand_in),
            now,
            since,
            memory,
            pairs: Grid::new(plan, &[PartKind::Agent], false, &answers.pairs),
            order: Some(order).filter(|_| both),
            others: Grid::new(plan, &[PartKind::Image, PartKind::Setting], false, others),
            counted: Counted::new(plan, &answers.cells, strength)?,
        })
    }
}
