//! How often each sequence is met.

use super::{MOST_IN_ROWS, SequenceError, Sequencing};

/// A counter for every sequence that events can make.
#[derive(Debug, Clone)]
pub(super) struct Table {
    events: usize,
    length: usize,
    met: Vec<u32>,
    wanted: Vec<bool>,
}

impl Table {
    /// Nothing met, nothing wanted.
    pub(super) fn new(asked: &Sequencing, events: usize) -> Result<Self, SequenceError> {
        asked.check(events)?;
        let all = events.pow(asked.length as u32);
        Ok(Self { events, length: asked.length, met: vec![0; all], wanted: vec![false; all] })
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// How many sequences there are counters for.
    pub(super) fn counters(&self) -> u64 {
        self.met.len() as u64
    }

    fn number(&self, sequence: &[usize]) -> usize {
        sequence.iter().fold(0, |number, event| number * self.events + event)
    }

    fn sequence(&self, mut number: usize) -> Vec<usize> {
        let mut sequence = vec![0; self.length];
        for event in sequence.iter_mut().rev() {
            *event = number % self.events;
            number /= self.events;
        }
        sequence
    }

    /// Every sequence of an order, by number.
    fn each(&self, order: &[usize], mut seen: impl FnMut(usize)) {
        for (at, &first) in order.iter().enumerate() {
            for (further, &second) in order[at + 1..].iter().enumerate() {
                let pair = first * self.events + second;
                if self.length == 2 {
                    seen(pair);
                } else {
                    order[at + further + 2..].iter().for_each(|&third| seen(pair * self.events + third));
                }
            }
        }
    }

    pub(super) fn want(&mut self, sequence: &[usize]) {
        let number = self.number(sequence);
        self.wanted[number] = true;
    }

    pub(super) fn wants(&self, sequence: &[usize]) -> bool {
        self.wanted[self.number(sequence)]
    }

    /// It is met elsewhere, and need not be met again.
    pub(super) fn spare(&mut self, order: &[usize]) {
        let mut numbers = Vec::new();
        self.each(order, |number| numbers.push(number));
        numbers.into_iter().for_each(|number| self.wanted[number] = false);
    }

    pub(super) fn add(&mut self, order: &[usize]) {
        let mut met = std::mem::take(&mut self.met);
        self.each(order, |number| met[number] += 1);
        self.met = met;
    }

    pub(super) fn remove(&mut self, order: &[usize]) {
        let mut met = std::mem::take(&mut self.met);
        self.each(order, |number| met[number] -= 1);
        self.met = met;
    }

    /// How many sequences of an order are wanted and not met.
    pub(super) fn fresh(&self, order: &[usize]) -> u64 {
        let mut fresh = 0;
        self.each(order, |number| fresh += u64::from(self.wanted[number] && self.met[number] == 0));
        fresh
    }

    /// How many wanted sequences of an order that was added are met by it alone.
    pub(super) fn only(&self, order: &[usize]) -> u64 {
        let mut only = 0;
        self.each(order, |number| only += u64::from(self.wanted[number] && self.met[number] == 1));
        only
    }

    pub(super) fn is_open(&self, sequence: &[usize]) -> bool {
        let number = self.number(sequence);
        self.wanted[number] && self.met[number] == 0
    }

    pub(super) fn wanted(&self) -> u64 {
        self.wanted.iter().filter(|&&wanted| wanted).count() as u64
    }

    /// Sequences that are wanted and not met, in order.
    pub(super) fn open(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let open = |&number: &usize| self.wanted[number] && self.met[number] == 0;
        (0..self.met.len()).filter(open).map(|number| self.sequence(number))
    }
}

/// Every set of so many events, each in order.
pub(super) fn sets(events: &[usize], length: usize) -> Vec<Vec<usize>> {
    let mut sets = Vec::new();
    for (at, &first) in events.iter().enumerate() {
        for (further, &second) in events[at + 1..].iter().enumerate() {
            if length == 2 {
                sets.push(vec![first, second]);
            } else {
                sets.extend(events[at + further + 2..].iter().map(|&third| vec![first, second, third]));
            }
        }
    }
    sets
}

/// Every order of two or three events.
pub(super) fn sequences(set: &[usize]) -> Vec<Vec<usize>> {
    match *set {
        [a, b] => vec![vec![a, b], vec![b, a]],
        [a, b, c] => [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]].map(|it| it.to_vec()).to_vec(),
        _ => Vec::new(),
    }
}

/// Refuses rows with more sequences than are counted.
pub(super) fn check_size(length: usize, rows: impl Iterator<Item = usize>) -> Result<(), SequenceError> {
    let of = |events: usize| {
        let events = events as u128;
        if length == 2 { events * events / 2 } else { events * events * events / 6 }
    };
    let all = rows.fold(0u128, |all, events| all.saturating_add(of(events)));
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    if all > MOST_IN_ROWS { Err(SequenceError::TooManySequences(all)) } else { Ok(()) }
}
