//! A permutation for each row, so that the rows meet as many sequences as they can.

use std::collections::{BTreeMap, BTreeSet};

use super::lawful::Lawful;
use super::table::{Table, check_size, sequences, sets};
use super::{SequenceError, Sequencing};
use crate::random::Random;

/// Sequences looked at while rows are put in order: well under a second. A row that is drafted costs as much as one looked at.
const STEPS: u64 = 60_000_000;
/// Changes without a further sequence met, for each that is open, before the search ends.
const FRUITLESS: u64 = 60;

/// The events of one row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventRow {
    /// In the order that is liked where nothing speaks for another. An event that is named twice counts once.
    pub events: Vec<usize>,
    /// The order in which they happened before, for a row that is not new. It stays where it is an order of the same
    /// events and keeps the rules.
    pub kept: Option<Vec<usize>>,
}

/// Rows in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arranged {
    /// For each row its events, the first one first.
    pub orders: Vec<Vec<usize>>,
    /// Sequences of events that stand together in a row and that rules allow there, those of tested rows apart.
    pub feasible: u64,
    /// How many of them are met.
    pub met: u64,
    /// Those that are not, smallest first.
    pub open: Vec<Vec<usize>>,
}

/// Puts the events of each row in an order, so that every sequence of events that stand together is met in some row, as
/// far as these rows can. A row keeps the order that is liked where another one meets nothing more.
///
/// Deterministic, and ends after a fixed number of steps.
///
/// # Errors
/// For sequences that are not of 2 or 3 events, for more events than are counted, and for a row whose events no order has
/// that keeps the rules.
pub fn arrange(asked: &Sequencing, rows: &[EventRow]) -> Result<Arranged, SequenceError> {
    let mut arrangement = Arrangement::new(asked, rows)?;
    arrangement.want_what_stands_together();
    arrangement.spare(asked);
    arrangement.first();
    arrangement.improve();
    arrangement.undo_what_gains_nothing();
    let Arrangement { rows, table, .. } = arrangement;
    let open: Vec<_> = table.open().collect();
    let feasible = table.wanted();
    Ok(Arranged {
        orders: rows.into_iter().map(|row| row.order).collect(),
        feasible,
        met: feasible - open.len() as u64,
        open,
    })
}

/// The numbers of the rows' events end before this.
pub(super) fn events_of(rows: &[EventRow]) -> usize {
    rows.iter().flat_map(|row| &row.events).max().map_or(0, |most| most + 1)
}

struct Arrangement {
    rows: Vec<Row>,
    table: Table,
    /// For each event the rows that may be changed and have it.
    holders: Vec<Vec<usize>>,
    steps: u64,
}

struct Row {
    lawful: std::rc::Rc<Lawful>,
    liked: Vec<usize>,
    order: Vec<usize>,
    kept: bool,
}

impl Arrangement {
    fn new(asked: &Sequencing, given: &[EventRow]) -> Result<Self, SequenceError> {
        let events = events_of(given);
        let table = Table::new(asked, events)?;
        check_size(asked.length, given.iter().map(|row| row.events.len()))?;
        let rules: BTreeSet<_> = asked.before.iter().copied().collect();
        let mut known: BTreeMap<Vec<usize>, std::rc::Rc<Lawful>> = BTreeMap::new();
        let mut rows = Vec::with_capacity(given.len());
        let mut holders = vec![Vec::new(); events];
        for (number, row) in given.iter().enumerate() {
            let mut seen = BTreeSet::new();
            let liked: Vec<usize> = row.events.iter().copied().filter(|&event| seen.insert(event)).collect();
            let set: Vec<usize> = seen.into_iter().collect();
            let lawful = match known.get(&set) {
                Some(lawful) => lawful.clone(),
                None => {
                    let lawful = Lawful::new(&rules, &set);
                    let lawful = lawful.map_err(|events| SequenceError::Circle { row: number, events })?;
                    known.entry(set).or_insert(lawful.into()).clone()
                }
            };
            let kept = row.kept.as_ref().filter(|order| lawful.is_order(order));
            let liked = lawful.nearest(&liked);
            let order = kept.unwrap_or(&liked).clone();
            if kept.is_none() && order.len() > 1 {
                order.iter().for_each(|&event| holders[event].push(number));
            }
            rows.push(Row { lawful, liked, order, kept: kept.is_some() });
        }
        Ok(Self { rows, table, holders, steps: STEPS })
    }

    fn want_what_stands_together(&mut self) {
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            if seen.insert(row.lawful.events()) {
                for set in sets(row.lawful.events(), self.table.length()) {
                    let allowed = sequences(&set).into_iter().filter(|sequence| row.lawful.allows(sequence));
                    allowed.for_each(|sequence| self.table.want(&sequence));
                }
            }
        }
    }

    fn spare(&mut self, asked: &Sequencing) {
        let events = self.holders.len();
        for order in &asked.tested {
            let known: Vec<usize> = order.iter().copied().filter(|&event| event < events).collect();
            self.table.spare(&known);
        }
    }

    /// Rows as they are liked, where those meet everything. Else those that are kept first; then each of the others in the better of the order that is liked and its reverse, with
    /// single events moved as long as that meets more.
    fn first(&mut self) {
        self.rows.iter().for_each(|row| self.table.add(&row.order));
        if self.table.open().next().is_none() {
            return;
        }
        for row in self.rows.iter().filter(|row| !row.kept) {
            self.table.remove(&row.order);
        }
        for row in self.rows.iter_mut().filter(|row| !row.kept) {
            let backwards: Vec<usize> = row.liked.iter().rev().copied().collect();
            let backwards = row.lawful.nearest(&backwards);
            let (table, steps) = (&self.table, &mut self.steps);
            if fresh(table, &backwards, steps) > fresh(table, &row.order, steps) {
                row.order = backwards;
            }
            climb(table, row, steps);
            self.table.add(&row.order);
        }
    }

    /// Takes an open sequence, and changes the row that loses least by meeting it; some losses are taken, so that the
    /// search does not end where every single change loses something.
    fn improve(&mut self) {
        let mut random = Random::stream(40);
        let mut open: Vec<Vec<usize>> = self.table.open().collect();
        let mut best = (open.len(), self.orders());
        let mut since = 0;
        let mut recent: BTreeMap<usize, u64> = BTreeMap::new();
        let mut turn = 0;
        while !open.is_empty() && self.steps > 0 && since < FRUITLESS * (open.len() as u64 + 10) {
            (turn, since) = (turn + 1, since + 1);
            let sequence = open[random.below(open.len())].clone();
            let Some((number, order)) = self.least_loss(&sequence, &recent, turn, &mut random) else { continue };
            self.table.remove(&self.rows[number].order);
            self.table.add(&order);
            self.rows[number].order = order;
            recent.insert(number, turn + 3 + random.below(4) as u64);
            open = self.table.open().collect();
            self.steps = self.steps.saturating_sub(self.table.counters());
            if open.len() < best.0 {
                best = (open.len(), self.orders());
                since = 0;
            }
        }
        self.put_back(best.1);
    }

    fn orders(&self) -> Vec<Vec<usize>> {
        self.rows.iter().map(|row| row.order.clone()).collect()
    }

    fn put_back(&mut self, orders: Vec<Vec<usize>>) {
        for (row, order) in self.rows.iter_mut().zip(orders) {
            if row.order != order {
                self.table.remove(&row.order);
                self.table.add(&order);
                row.order = order;
            }
        }
    }

    /// The row and the order by which a sequence is met for the least loss; rows changed lately are left alone.
    fn least_loss(
        &mut self,
        sequence: &[usize],
        recent: &BTreeMap<usize, u64>,
        turn: u64,
        random: &mut Random,
    ) -> Option<(usize, Vec<usize>)> {
        let mut best: Option<(i64, u64, usize, Vec<usize>)> = None;
        let rows = self.holders[*sequence.first()?].clone();
        for number in rows {
            let row = &self.rows[number];
            let holds = sequence.iter().all(|event| row.lawful.events().binary_search(event).is_ok());
            if !holds || recent.get(&number).is_some_and(|&until| until > turn) {
                continue;
            }
            let old = row.order.clone();
            let candidates = with(&row.lawful, &old, sequence);
            self.table.remove(&old);
            let had = fresh(&self.table, &old, &mut self.steps) as i64;
            for order in candidates {
                let gain = fresh(&self.table, &order, &mut self.steps) as i64 - had;
                let dice = random.next();
                if best.as_ref().is_none_or(|(most, tie, ..)| (gain, dice) > (*most, *tie)) {
                    best = Some((gain, dice, number, order));
                }
            }
            self.table.add(&old);
            if self.steps == 0 {
                break;
            }
        }
        best.map(|(.., number, order)| (number, order))
    }

    /// Rows whose order meets no more than the one that is liked have that one.
    fn undo_what_gains_nothing(&mut self) {
        for row in self.rows.iter_mut().filter(|row| !row.kept && row.order != row.liked) {
            self.table.remove(&row.order);
            if self.table.fresh(&row.liked) == self.table.fresh(&row.order) {
                row.order.clone_from(&row.liked);
            }
            self.table.add(&row.order);
        }
    }
}

/// What an order would meet; each sequence that was looked at is a step.
fn fresh(table: &Table, order: &[usize], steps: &mut u64) -> u64 {
    let cost = (order.len() as u64).pow(table.length() as u32);
    *steps = steps.saturating_sub(cost.max(1));
    table.fresh(order)
}

/// Moves single events of a row that is not counted yet, as long as that meets more.
fn climb(table: &Table, row: &mut Row, steps: &mut u64) {
    let mut most = fresh(table, &row.order, steps);
    let mut event = 0;
    let mut since = 0;
    while since < row.order.len() && *steps > 0 {
        let moved = row.liked[event];
        let rest: Vec<usize> = row.order.iter().copied().filter(|&other| other != moved).collect();
        since += 1;
        for at in row.lawful.places(&rest, moved) {
            let mut order = rest.clone();
            order.insert(at, moved);
            let gain = fresh(table, &order, steps);
            if gain > most {
                (most, since) = (gain, 0);
                row.order = order;
            }
        }
        event = (event + 1) % row.liked.len();
    }
}

/// Orders near to the given one in which the sequence is met.
fn with(lawful: &Lawful, order: &[usize], sequence: &[usize]) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    if !lawful.allows(sequence) {
        return found;
    }
    // The sequence's events change places among themselves.
    let mut own = sequence.iter().copied();
    let exchanged =
        order.iter().map(|event| if sequence.contains(event) { own.next().unwrap_or(*event) } else { *event });
    found.push(exchanged.collect::<Vec<_>>());
    // One of them stays, and the others stand around it.
    for (stays, &pivot) in sequence.iter().enumerate() {
        let mut rest = Vec::with_capacity(order.len());
        for &event in order {
            if event == pivot {
                rest.extend(&sequence[..stays]);
                rest.push(pivot);
                rest.extend(&sequence[stays + 1..]);
            } else if !sequence.contains(&event) {
                rest.push(event);
            }
        }
        found.push(rest);
    }
    let backwards: Vec<usize> = order.iter().rev().copied().collect();
    if let [one, other] = sequence
        && backwards.iter().position(|event| event == one) < backwards.iter().position(|event| event == other)
    {
        found.push(backwards);
    }
    found.retain(|order| lawful.allows(order));
    if found.is_empty() {
        found.push(lawful.nearest_with(order, sequence));
    }
    found
}
