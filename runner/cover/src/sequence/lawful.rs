//! Which orders of some events keep the rules.

use std::collections::BTreeSet;

/// The rules among the events of one row, with all that follows from them.
#[derive(Debug, Clone)]
pub(super) struct Lawful {
    /// Smallest first.
    events: Vec<usize>,
    /// For each event, by its place, whether it happens before each other one; empty where no rule speaks of the row.
    before: Vec<Vec<bool>>,
}

impl Lawful {
    /// The rules as they are among these events, or the events that wait for each other in a circle.
    pub(super) fn new(rules: &BTreeSet<(usize, usize)>, events: &[usize]) -> Result<Self, Vec<usize>> {
        let mut events = events.to_vec();
        events.sort_unstable();
        let mut lawful = Self { events, before: Vec::new() };
        let place = |event: usize| lawful.events.binary_search(&event).ok();
        let mut direct = Vec::new();
        for (from, &event) in lawful.events.iter().enumerate() {
            let later = rules.range((event, 0)..=(event, usize::MAX));
            direct.extend(later.filter_map(|&(_, other)| Some((from, place(other)?))));
        }
        if direct.is_empty() {
            return Ok(lawful);
        }
        let many = lawful.events.len();
        let mut before = vec![vec![false; many]; many];
        direct.into_iter().for_each(|(one, other)| before[one][other] = true);
        for middle in 0..many {
            let further = before[middle].clone();
            for row in before.iter_mut().filter(|row| row[middle]) {
                row.iter_mut().zip(&further).for_each(|(one, &other)| *one |= other);
            }
        }
        let circle: Vec<usize> = (0..many).filter(|&at| before[at][at]).map(|at| lawful.events[at]).collect();
        if circle.is_empty() {
            lawful.before = before;
            Ok(lawful)
        } else {
            Err(circle)
        }
    }

    /// Smallest first.
    pub(super) fn events(&self) -> &[usize] {
        &self.events
    }

    /// Whether the first has to happen before the second.
    pub(super) fn must(&self, one: usize, other: usize) -> bool {
        if self.before.is_empty() {
            return false;
        }
        let place = |event: usize| self.events.binary_search(&event).ok();
        place(one).zip(place(other)).is_some_and(|(one, other)| self.before[one][other])
    }

    /// Whether events can happen in this order, with the row's others wherever rules have them.
    ///
    /// A circle of rules and of the sequence's own steps has to lead back somewhere, from a later event of the sequence to
    /// an earlier one, by rules alone.
    pub(super) fn allows(&self, sequence: &[usize]) -> bool {
        self.before.is_empty()
            || sequence
                .iter()
                .enumerate()
                .all(|(at, &one)| sequence[at + 1..].iter().all(|&late| !self.must(late, one)))
    }

    /// Whether it is an order of exactly these events that keeps the rules.
    pub(super) fn is_order(&self, order: &[usize]) -> bool {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted == self.events && self.allows(order)
    }

    /// The order nearest to the one that is liked: the first event of it that need not wait, then the next.
    pub(super) fn nearest(&self, liked: &[usize]) -> Vec<usize> {
        let mut left = liked.to_vec();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let free = |&at: &usize| left.iter().all(|&other| !self.must(other, left[at]));
            // Rules have no circle, so one of those left is free.
            let at = (0..left.len()).find(free).unwrap_or(0);
            order.push(left.remove(at));
        }
        order
    }

    /// An order near to the given one in which a sequence is met that the rules allow.
    pub(super) fn nearest_with(&self, liked: &[usize], sequence: &[usize]) -> Vec<usize> {
        let steps = sequence.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
        let rules = (0..self.before.len()).flat_map(|one| {
            let later = self.before[one].iter().enumerate().filter(|(_, must)| **must);
            later.map(move |(other, _)| (self.events[one], self.events[other]))
        });
        let all: BTreeSet<(usize, usize)> = rules.chain(steps).collect();
        Self::new(&all, &self.events).map_or_else(|_| self.nearest(liked), |narrower| narrower.nearest(liked))
    }

    /// Places at which an event can be put into an order that keeps the rules.
    pub(super) fn places(&self, order: &[usize], event: usize) -> std::ops::Range<usize> {
        if self.before.is_empty() {
            return 0..order.len() + 1;
        }
        let first = order.iter().rposition(|&other| self.must(other, event)).map_or(0, |at| at + 1);
        let last = order.iter().position(|&other| self.must(event, other)).unwrap_or(order.len());
        first..last + 1
    }
}
