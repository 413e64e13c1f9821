//! Uncovered combinations to draw from. Those that were covered meanwhile are dropped when they are met.

use crate::random::Random;

#[derive(Debug, Clone)]
pub(super) struct Open<T> {
    items: Vec<T>,
}

impl<T> Default for Open<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T: Copy + Ord> Open<T> {
    /// One more; `uncovered` of all that were pushed are still so.
    pub(super) fn push(&mut self, item: T, uncovered: u64, still: impl Fn(T) -> bool) {
        self.items.push(item);
        if self.items.len() as u64 > 4 * uncovered + 256 {
            self.items.retain(|&item| still(item));
            self.items.sort_unstable();
            self.items.dedup();
        }
    }

    pub(super) fn pick(&mut self, random: &mut Random, still: impl Fn(T) -> bool) -> Option<T> {
        while !self.items.is_empty() {
            let at = random.below(self.items.len());
            if still(self.items[at]) {
                return Some(self.items[at]);
            }
            self.items.swap_remove(at);
        }
        None
    }

    pub(super) fn fill(&mut self, items: Vec<T>) {
        self.items = items;
    }
}
