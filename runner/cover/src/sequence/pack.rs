//! As few further rows as can be found that meet what is open.

use std::collections::{BTreeMap, BTreeSet};

use super::arrange::{Arranged, EventRow, events_of};
use super::lawful::Lawful;
use super::table::Table;
use super::together::{GivenRows, Together, stands};
use super::{SequenceError, Sequencing};
use crate::coverage::MOST_ROWS;
use crate::error::CoverError;
use crate::random::Random;

/// Times that all of it is packed anew; the fewest rows count.
const TRIES: u64 = 12;
/// Open sequences from which each row is begun; the row that meets most counts.
const STARTS: usize = 12;
/// Sequences looked at in all, to compare starts and tries.
const STEPS: u64 = 60_000_000;
/// Sequences looked at after that, from one start for each row: a plan of hundreds of rows is packed all the same.
const RESERVE: u64 = 600_000_000;

/// Rows to run once more in another order: their numbers, and the orders that meet everything that is open.
///
/// For rows that are not to be changed and of which no others can be had, such as every combination there is.
///
/// # Errors
/// As for [`arrange`](super::arrange).
pub fn repeats(
    asked: &Sequencing,
    rows: &[EventRow],
    arranged: &Arranged,
) -> Result<Vec<(usize, Vec<usize>)>, SequenceError> {
    let mut table = Table::new(asked, events_of(rows))?;
    arranged.open.iter().for_each(|sequence| table.want(sequence));
    let mut first: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for (number, order) in arranged.orders.iter().enumerate() {
        first.entry(sorted(order)).or_insert(number);
    }
    let mut given = GivenRows::new(arranged.orders.iter().cloned());
    let orders = pack(&table, asked, events_of(rows), &mut given)?;
    Ok(orders.into_iter().filter_map(|order| Some((*first.get(&sorted(&order))?, order))).collect())
}

fn sorted(order: &[usize]) -> Vec<usize> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted
}

/// Orders of rows that meet everything that a table has open.
pub(super) fn pack(
    table: &Table,
    asked: &Sequencing,
    events: usize,
    rows: &mut impl Together,
) -> Result<Vec<Vec<usize>>, CoverError> {
    let rules = asked.before.iter().copied().collect();
    let mut packer = Packer {
        rules,
        events,
        rows,
        known: BTreeMap::new(),
        random: Random::stream(0),
        steps: STEPS,
        reserve: RESERVE,
    };
    let mut fewest: Option<Vec<Vec<usize>>> = None;
    for number in 0..TRIES {
        packer.random = Random::stream(50 + number);
        let orders = packer.all(table.clone())?;
        if fewest.as_ref().is_none_or(|fewest| orders.len() < fewest.len()) {
            fewest = Some(orders);
        }
        if packer.steps == 0 || fewest.as_ref().is_some_and(|fewest| fewest.len() < 2) {
            break;
        }
    }
    Ok(fewest.unwrap_or_default())
}

struct Packer<'a, R> {
    rules: BTreeSet<(usize, usize)>,
    events: usize,
    rows: &'a mut R,
    /// Events that stand together, with a row for each set.
    known: BTreeMap<Vec<usize>, Option<Vec<usize>>>,
    random: Random,
    /// What is left for comparing.
    steps: u64,
    /// What is left when that is spent.
    reserve: u64,
}

impl<R: Together> Packer<'_, R> {
    fn spend(&mut self, steps: u64) {
        let left = if self.steps > 0 { &mut self.steps } else { &mut self.reserve };
        *left = left.saturating_sub(steps);
    }

    fn all(&mut self, mut table: Table) -> Result<Vec<Vec<usize>>, CoverError> {
        let mut orders = Vec::new();
        let mut open: Vec<Vec<usize>> = table.open().collect();
        while !open.is_empty() {
            // What is open when nothing is left to look with gets rows that meet little else.
            let alone = if self.reserve == 0 { open.len() } else { 0 };
            if orders.len() + alone > MOST_ROWS {
                return Err(CoverError::TooManyRows { least: MOST_ROWS + 1 });
            }
            let Some(order) = self.best(&table, &open)? else { break };
            table.add(&order);
            orders.push(order);
            open.retain(|sequence| table.is_open(sequence));
        }
        let mut needed = Vec::with_capacity(orders.len());
        for order in orders {
            if table.only(&order) > 0 {
                needed.push(order);
            } else {
                table.remove(&order);
            }
        }
        Ok(needed)
    }

    /// The order that meets most, of some that each meet one of the open sequences at least.
    fn best(&mut self, table: &Table, open: &[Vec<usize>]) -> Result<Option<Vec<usize>>, CoverError> {
        let mut best: Option<(u64, Vec<usize>)> = None;
        for _ in 0..STARTS.min(open.len()) {
            let start = open[self.random.below(open.len())].clone();
            let order = self.grow(table, start.clone())?;
            let Some(order) = self.settle(&order)?.map_or_else(|| self.alone(&start).transpose(), |it| Some(Ok(it)))
            else {
                continue;
            };
            let order = order?;
            let fresh = table.fresh(&order);
            if fresh > 0 && best.as_ref().is_none_or(|(most, _)| fresh > *most) {
                best = Some((fresh, order));
            }
            if self.steps == 0 && best.is_some() {
                break;
            }
        }
        if best.is_none()
            && let Some(order) = open.first().map_or(Ok(None), |start| self.alone(start))?
        {
            return Ok(Some(order));
        }
        Ok(best.map(|(_, order)| order))
    }

    /// Puts in event after event, each the one that meets most, where it meets most.
    fn grow(&mut self, table: &Table, mut order: Vec<usize>) -> Result<Vec<usize>, CoverError> {
        while self.steps > 0 || self.reserve > 0 {
            let now = table.fresh(&order);
            let mut choices: Vec<(u64, u64, Vec<usize>)> = Vec::new();
            for event in (0..self.events).filter(|event| !order.contains(event)) {
                let set = [&order[..], &[event]].concat();
                let Ok(lawful) = Lawful::new(&self.rules, &set) else { continue };
                if !lawful.allows(&order) {
                    continue;
                }
                for at in lawful.places(&order, event) {
                    let mut longer = order.clone();
                    longer.insert(at, event);
                    self.spend((longer.len() as u64).pow(table.length() as u32));
                    let gain = table.fresh(&longer);
                    if gain > now && lawful.allows(&longer) {
                        choices.push((gain, self.random.next(), longer));
                    }
                }
            }
            choices.sort_unstable_by(|one, other| other.cmp(one));
            let mut longer = None;
            for (.., choice) in choices {
                if self.known(&sorted(&choice))?.is_some() {
                    longer = Some(choice);
                    break;
                }
            }
            match longer {
                Some(longer) => order = longer,
                None => break,
            }
        }
        Ok(order)
    }

    fn known(&mut self, set: &[usize]) -> Result<Option<Vec<usize>>, CoverError> {
        if let Some(known) = self.known.get(set) {
            return Ok(known.clone());
        }
        let row = self.rows.row(set, &[])?;
        self.known.insert(set.to_vec(), row.clone());
        Ok(row)
    }

    /// The order of a whole row: with the fewest further events that rules were found to bring along. Nothing where no
    /// row with the order keeps the rules.
    fn settle(&mut self, order: &[usize]) -> Result<Option<Vec<usize>>, CoverError> {
        let set = sorted(order);
        let Some(mut row) = self.known(&set)? else { return Ok(None) };
        let mut without = Vec::new();
        while let Some(&further) =
            row.iter().find(|event| set.binary_search(event).is_err() && !without.contains(&Tried::Needed(**event)))
        {
            let absent: Vec<usize> = without.iter().filter_map(Tried::absent).chain([further]).collect();
            match self.rows.row(&set, &absent)? {
                Some(smaller) => {
                    row = smaller;
                    without.push(Tried::Absent(further));
                }
                None => without.push(Tried::Needed(further)),
            }
        }
        Ok(self.whole(&row, order))
    }

    /// A row for one sequence.
    fn alone(&mut self, sequence: &[usize]) -> Result<Option<Vec<usize>>, CoverError> {
        let row = stands(sequence, &self.rules, self.rows)?;
        Ok(row.and_then(|row| self.whole(&row, sequence)))
    }

    /// Some events in order, and the row's others wherever rules have them.
    fn whole(&self, row: &[usize], order: &[usize]) -> Option<Vec<usize>> {
        let lawful = Lawful::new(&self.rules, row).ok().filter(|lawful| lawful.allows(order))?;
        let further = row.iter().copied().filter(|event| !order.contains(event));
        let liked: Vec<usize> = order.iter().copied().chain(further).collect();
        Some(lawful.nearest_with(&liked, order))
    }
}

/// What came of leaving an event out of a row.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Absent(usize),
    Needed(usize),
}

impl Tried {
    fn absent(&self) -> Option<usize> {
        match self {
            Self::Absent(event) => Some(*event),
            Self::Needed(_) => None,
        }
    }
}
