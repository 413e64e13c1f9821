//! How often values stand together in rows, counted as rows come.

use std::collections::BTreeMap;

/// Counts of values, and of pairs of them, of some parameters.
pub(super) struct Company {
    /// For each parameter the place of its first value.
    firsts: BTreeMap<usize, usize>,
    values: usize,
    /// For each two places how many rows have both; for one place twice, how many have it.
    rows: Vec<u32>,
}

impl Company {
    /// Of no row yet. Each parameter comes with the number of its values.
    pub(super) fn new(parameters: impl Iterator<Item = (usize, usize)>) -> Self {
        let (mut firsts, mut values) = (BTreeMap::new(), 0);
        for (parameter, count) in parameters {
            firsts.insert(parameter, values);
            values += count;
        }
        Self { firsts, values, rows: vec![0; values * values] }
    }

    /// One row more; `None` where it is open.
    pub(super) fn add(&mut self, value: impl Fn(usize) -> Option<usize>) {
        let places: Vec<usize> =
            self.firsts.iter().filter_map(|(&parameter, first)| Some(first + value(parameter)?)).collect();
        for one in &places {
            places.iter().for_each(|other| self.rows[one * self.values + other] += 1);
        }
    }

    /// How many rows have a value, and once more for each of the others that they have too.
    pub(super) fn stands(&self, (parameter, value): (usize, usize), with: &[(usize, usize)]) -> u64 {
        let row = (self.firsts[&parameter] + value) * self.values;
        let count = |(parameter, value): &(usize, usize)| u64::from(self.rows[row + self.firsts[parameter] + value]);
        [(parameter, value)].iter().chain(with).map(count).sum()
    }
}
