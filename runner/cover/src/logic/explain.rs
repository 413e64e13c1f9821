//! Why cells cannot stand in one row: the smallest set of rules that can be found.

use super::compile::{self, Part, Source};
use super::oracle::Oracle;
use crate::model::Model;
use crate::space::{Cell, Space};

/// Starts of the search for a small set; each gives a set from which no rule can be left out, and the smallest is told.
const STARTS: usize = 8;

/// Rules of which every two are tried alone.
const PAIRED: usize = 120;

/// A solver that can leave out any rule.
pub(crate) struct Explainer {
    oracle: Oracle,
    sources: Vec<Source>,
}

impl Explainer {
    pub(crate) fn new(model: &Model, space: &Space, part: Part) -> Self {
        let constraints = compile::constraints(model, space, part);
        let mut sources: Vec<Source> = constraints.iter().map(|(source, _)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        let switched = constraints
            .iter()
            .filter_map(|(source, constraint)| Some((sources.binary_search(source).ok()?, constraint)));
        let oracle = Oracle::switched(switched, sources.len(), space);
        Self { oracle, sources }
    }

    /// Rules none of which can be left out, and which together forbid the cells; nothing when they are not forbidden.
    ///
    /// No one rule does it where more are told, and in models of some hundred rules no two. A set of three or more is
    /// not proven to be the smallest there is: several orders of leaving out are tried.
    pub(crate) fn rules(&mut self, cells: &[Cell]) -> Option<Vec<Source>> {
        let all: Vec<usize> = (0..self.sources.len()).collect();
        let core = self.oracle.blame(&all, cells)?;
        let mut best = self.minimal(core, cells);
        for start in 1..STARTS {
            let mut order = all.clone();
            order.rotate_left(start * all.len() / STARTS);
            if let Some(core) = self.oracle.blame(&order, cells) {
                let other = self.minimal(core, cells);
                if other.len() < best.len() {
                    best = other;
                }
            }
        }
        if let Some(smaller) = self.small(&best, cells) {
            best = smaller;
        }
        best.sort_unstable();
        Some(best.into_iter().map(|number| self.sources[number]).collect())
    }

    /// As [`Self::rules`], with sets of rules that were told before; a new one is added to them.
    ///
    /// One rule alone comes first, whether it was told before or not; then the sets that were.
    pub(crate) fn rules_like(&mut self, known: &mut Vec<Vec<usize>>, cells: &[Cell]) -> Option<Vec<Source>> {
        let all: Vec<usize> = (0..self.sources.len()).collect();
        self.oracle.blame(&all, cells)?;
        let alone = known
            .iter()
            .filter(|set| set.len() == 1)
            .map(|set| set[0])
            .chain(all)
            .find(|&one| self.oracle.blame(&[one], cells).is_some());
        let before = |this: &mut Self| known.iter().find(|set| this.oracle.blame(set, cells).is_some()).cloned();
        let found = match alone.map(|one| vec![one]).or_else(|| before(self)) {
            Some(found) => found,
            None => {
                let rules = self.rules(cells)?;
                rules.iter().filter_map(|source| self.sources.binary_search(source).ok()).collect()
            }
        };
        if !known.contains(&found) {
            known.push(found.clone());
            known.sort_by_key(Vec::len);
        }
        Some(found.into_iter().map(|number| self.sources[number]).collect())
    }

    /// One rule, or two, that do it alone, when that is fewer.
    fn small(&mut self, best: &[usize], cells: &[Cell]) -> Option<Vec<usize>> {
        let all = 0..self.sources.len();
        if best.len() > 1 {
            let alone = all.clone().find(|&one| self.oracle.blame(&[one], cells).is_some());
            if let Some(one) = alone {
                return Some(vec![one]);
            }
        }
        if best.len() > 2 && self.sources.len() <= PAIRED {
            let mut pairs = all.clone().flat_map(|one| all.clone().skip(one + 1).map(move |other| [one, other]));
            return pairs.find(|pair| self.oracle.blame(pair, cells).is_some()).map(Vec::from);
        }
        None
    }

    fn minimal(&mut self, mut core: Vec<usize>, cells: &[Cell]) -> Vec<usize> {
        let mut at = 0;
        while at < core.len() {
            let mut without = core.clone();
            without.remove(at);
            match self.oracle.blame(&without, cells) {
                // The rules before `at` are needed by every set without this one: they stay in front.
                Some(smaller) => core = smaller,
                None => at += 1,
            }
        }
        core
    }
}
