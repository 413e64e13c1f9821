//! Work that arms have in common: the same steps from the same image on, by content.

use std::collections::BTreeMap;

use coexist_model::{Arm, Plan, Sha256};

use crate::price::starts;

/// How much of a plan is the same work again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// Steps of all arms.
    pub steps: usize,
    /// Steps that are left when those with the same steps before them, from the same image on, are done once.
    pub different_steps: usize,
    /// Starts of machines of all arms.
    pub boots: usize,
    /// Starts that are left then.
    pub different_boots: usize,
}

impl Shared {
    /// Counts what the arms of a plan share.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut shared = Self::default();
        // A place in the tree of steps, and what is done there, lead to the next place.
        let mut tree: BTreeMap<(usize, Sha256), usize> = BTreeMap::new();
        for (cell, arm) in plan.cells.iter().flat_map(|cell| Arm::BOTH.map(|arm| (cell, arm))) {
            let mut place = 0;
            for step in &cell.arms[arm] {
                let boots = starts(step);
                shared.steps += 1;
                shared.boots += boots;
                // Two steps are the same when what is done is the same, whatever they are called.
                let done = serde_json::to_string(&step.action).unwrap_or_else(|_| step.id.to_string());
                let done = if place == 0 { format!("{} {done}", cell.image) } else { done };
                let key = crate::artefacts::sha256(done.as_bytes());
                let next = tree.len() + 1;
                place = *tree.entry((place, key)).or_insert_with(|| {
                    shared.different_steps += 1;
                    shared.different_boots += boots;
                    next
                });
            }
        }
        shared
    }
}
