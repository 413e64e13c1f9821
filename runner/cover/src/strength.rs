//! Which sets of parameters have all their combinations covered.

use crate::error::{CoverError, MOST_STRENGTH};
use crate::model::Model;

/// A strength for all parameters, and others for groups of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// Combinations of so many parameters are covered, whichever they are. At most the number of parameters counts.
    pub base: usize,
    /// Groups with a strength of their own.
    ///
    /// Where it is higher than `base`, its combinations are covered too. Where it is lower, combinations of `base`
    /// parameters with more than that many out of the group are not asked for.
    pub groups: Vec<Group>,
}

/// Parameters with a strength of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The parameters' numbers.
    pub parameters: Vec<usize>,
    /// At least 1, at most the number of parameters.
    pub strength: usize,
}

impl Strength {
    /// The same strength for all parameters.
    pub fn uniform(base: usize) -> Self {
        Self { base, groups: Vec::new() }
    }

    pub(crate) fn check(&self, model: &Model) -> Result<Self, CoverError> {
        let width = model.parameters().len();
        for strength in std::iter::once(self.base).chain(self.groups.iter().map(|group| group.strength)) {
            if !(1..=MOST_STRENGTH).contains(&strength) {
                return Err(CoverError::Strength(strength));
            }
        }
        let mut checked = Self { base: self.base.min(width), groups: Vec::new() };
        for (number, group) in self.groups.iter().enumerate() {
            let wrong = |why| Err(CoverError::Group { group: number + 1, why });
            let mut parameters = group.parameters.clone();
            parameters.sort_unstable();
            parameters.dedup();
            if parameters.iter().any(|&parameter| parameter >= width) {
                return wrong("has a parameter that the model does not have");
            }
            if group.strength > parameters.len() {
                return wrong("is smaller than its strength");
            }
            checked.groups.push(Group { parameters, strength: group.strength });
        }
        Ok(checked)
    }

    /// Strengths that any set of parameters has.
    pub(crate) fn all(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.groups.iter().map(|group| group.strength).chain([self.base]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Parameters that have a part in any set of this strength.
    pub(crate) fn parameters(&self, strength: usize, width: usize) -> Vec<usize> {
        if strength == self.base {
            return (0..width).collect();
        }
        let mut all: Vec<usize> =
            self.groups.iter().filter(|g| g.strength == strength).flat_map(|g| g.parameters.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether all combinations of exactly these parameters, which are in order, are asked for.
    pub(crate) fn wants(&self, set: &[usize]) -> bool {
        let within = |group: &Group| set.iter().filter(|p| group.parameters.binary_search(p).is_ok()).count();
        let by_base = set.len() == self.base
            && self.groups.iter().all(|group| group.strength >= self.base || within(group) <= group.strength);
        by_base || self.groups.iter().any(|group| group.strength == set.len() && within(group) == set.len())
    }
}
