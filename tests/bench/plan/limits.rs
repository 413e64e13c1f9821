//! What the planner is held to. Missing any of it fails the command.

use coexist_cover::Effort;

use crate::families::Kind;

/// The most a figure may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// What is aimed at.
    pub(crate) target: f64,
    /// What would still do.
    pub(crate) accepted: f64,
}

/// Geometric mean of our rows over PICT's at strength 2 with the usual effort.
pub(crate) fn of_pict(kind: Kind) -> Option<Limit> {
    match kind {
        Kind::Classic => Some(Limit { target: 0.80, accepted: 0.83 }),
        Kind::Constrained => Some(Limit { target: 0.73, accepted: 0.77 }),
        Kind::Ibm => Some(Limit { target: 0.85, accepted: 0.88 }),
        Kind::Lab => Some(Limit { target: 0.60, accepted: 0.65 }),
        Kind::Other => None,
    }
}

/// Geometric mean of our rows over those of ACTS at strength 3.
pub(crate) const OF_ACTS: f64 = 0.90;

/// Seconds of CPU for one plan at strength 2.
pub(crate) fn seconds(effort: Effort) -> f64 {
    match effort {
        Effort::Quick => 1.0,
        Effort::Normal => 2.0,
        Effort::Long => 10.0,
    }
}

/// Seconds of CPU for one plan at strength 3.
pub(crate) const SECONDS_OF_TRIPLES: f64 = 60.0;

/// Rows of the two labs that PICT has no plan for at all.
pub(crate) fn rows(kind: Kind, model: &str, effort: Effort) -> Option<usize> {
    match (kind, model, effort) {
        (Kind::Lab, "lab20x4", Effort::Normal) => Some(115),
        (Kind::Lab, "lab20x4", Effort::Long) => Some(104),
        (Kind::Lab, "lab30x5", Effort::Normal) => Some(300),
        (Kind::Lab, "lab30x5", Effort::Long) => Some(211),
        _ => None,
    }
}

/// New rows after one added value, beyond those that there have to be.
pub(crate) const NEW_ROWS: usize = 2;
