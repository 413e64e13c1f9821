//! Why cells cannot stand in one row: the smallest set of rules that can be found.

use super::compile::{self, Constraint, Part, Source};
use super::oracle::{Answer, Oracle};
use crate::model::Model;
use crate::space::{Cell, Space};

/// Starts of the search for a small set; each gives a set from which no rule can be left out, and the smallest is told.
const STARTS: usize = 8;

/// A set of up to so many rules is proven to be the smallest there is.
const PROVEN: usize = 4;

/// Questions to the solver, and sets looked at, for that proof. Beyond them the smallest set that was found is told.
const QUESTIONS: usize = 3_000;
const LOOKS: usize = 2_000_000;

/// A solver that can leave out any rule.
pub(crate) struct Explainer {
    oracle: Oracle,
    sources: Vec<Source>,
    constraints: Vec<(usize, Constraint)>,
}

impl Explainer {
    pub(crate) fn new(model: &Model, space: &Space, part: Part) -> Self {
        let constraints = compile::constraints(model, space, part);
        let mut sources: Vec<Source> = constraints.iter().map(|(source, _)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        let constraints: Vec<(usize, Constraint)> = constraints
            .into_iter()
            .filter_map(|(source, constraint)| Some((sources.binary_search(&source).ok()?, constraint)))
            .collect();
        let switched = constraints.iter().map(|(number, constraint)| (*number, constraint));
        let oracle = Oracle::switched(switched, sources.len(), space);
        Self { oracle, sources, constraints }
    }

    /// Rules none of which can be left out, and which together forbid the cells; nothing when they are not forbidden.
    ///
    /// Where any set of up to four rules does it, no smaller set than the one that is told does, as long as that can be
    /// proven in a fixed number of steps. A larger set is the smallest of several, each without a rule too many.
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
        if let Some(smaller) = self.smallest(best.len().min(PROVEN + 1), cells) {
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

    /// The smallest set of fewer than so many rules that forbids the cells, when there is one.
    ///
    /// Every row with the cells breaks some rules, and a set that forbids them has one of the rules that each row breaks.
    /// So the sets to ask about are those with a rule from each row that is known: a few where there are thousands of rules.
    fn smallest(&mut self, below: usize, cells: &[Cell]) -> Option<Vec<usize>> {
        let mut broken: Vec<Vec<usize>> = Vec::new();
        let mut looks = LOOKS;
        for _ in 0..QUESTIONS {
            let mut hitting = None;
            for size in 1..below {
                hitting = hit(&broken, size, &mut Vec::new(), &mut looks);
                if hitting.is_some() || looks == 0 {
                    break;
                }
            }
            let rules = hitting.filter(|_| looks > 0)?;
            match self.oracle.row_with(&rules, cells) {
                Answer::Row(row) => broken.push(self.broken_by(row, &rules, cells)),
                Answer::Impossible => return Some(rules),
                Answer::TooHard => return None,
            }
        }
        None
    }

    /// Rules that a row breaks, of rows that keep these rules and more: the fewer they are, the fewer sets are left to ask about.
    fn broken_by(&mut self, mut row: Vec<Cell>, rules: &[usize], cells: &[Cell]) -> Vec<usize> {
        let mut kept = rules.to_vec();
        for rule in 0..self.sources.len() {
            if kept.contains(&rule) {
                continue;
            }
            kept.push(rule);
            if !self.keeps(&row, rule) {
                // The row keeps whatever comes before this rule: those it breaks are decided.
                match self.oracle.row_with(&kept, cells) {
                    Answer::Row(other) => row = other,
                    Answer::Impossible | Answer::TooHard => {
                        kept.pop();
                    }
                }
            }
        }
        (0..self.sources.len()).filter(|&rule| !self.keeps(&row, rule)).collect()
    }

    fn keeps(&self, row: &[Cell], rule: usize) -> bool {
        let first = self.constraints.partition_point(|(number, _)| *number < rule);
        self.constraints[first..]
            .iter()
            .take_while(|(number, _)| *number == rule)
            .all(|(_, constraint)| constraint.holds(row))
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

/// A set of so many numbers that has one of each list; none of the chosen can be left out. Ends when `looks` is used up.
fn hit(lists: &[Vec<usize>], size: usize, chosen: &mut Vec<usize>, looks: &mut usize) -> Option<Vec<usize>> {
    *looks = looks.checked_sub(1)?;
    let Some(missed) = lists.iter().find(|list| !list.iter().any(|number| chosen.contains(number))) else {
        return Some(chosen.clone());
    };
    if chosen.len() == size {
        return None;
    }
    for &number in missed {
        chosen.push(number);
        let found = hit(lists, size, chosen, looks);
        chosen.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}
