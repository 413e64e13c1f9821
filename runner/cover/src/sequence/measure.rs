//! How much of the orders that are asked for rows meet.

use std::collections::BTreeSet;

use super::table::{Table, check_size};
use super::together::{ModelRows, want_feasible};
use super::{SequenceError, Sequencing};
use crate::model::{Model, Predicate};

/// What orders meet, row by row and in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceMeasure {
    /// Sequences that some valid row can meet, those of tested rows apart.
    pub feasible: u64,
    /// How many of them are met.
    pub met: u64,
    /// For each row how many sequences it is the first to meet.
    pub first: Vec<u64>,
    /// For each row how many sequences it alone meets.
    pub only: Vec<u64>,
    /// Sequences that no row meets, the first so many of them.
    pub missing: Vec<Vec<usize>>,
}

/// Measures the orders of rows; at most `listed` of the missing sequences are listed.
///
/// `events` say which values put an event in a row. A row with a value out of range meets nothing: give it an empty order.
///
/// # Errors
/// As for [`plan_in_order`](super::plan_in_order), and [`SequenceError::TooManyEvents`] for an order with an event that
/// `events` does not have.
pub fn measure_sequences(
    model: &Model,
    events: &[Predicate],
    asked: &Sequencing,
    orders: &[Vec<usize>],
    listed: usize,
) -> Result<SequenceMeasure, SequenceError> {
    let mut table = Table::new(asked, events.len())?;
    if let Some(&event) = orders.iter().flatten().find(|&&event| event >= events.len()) {
        let (events, length, most) = (event + 1, asked.length, events.len());
        return Err(SequenceError::TooManyEvents { events, length, most });
    }
    check_size(asked.length, orders.iter().map(Vec::len))?;
    let mut rows = ModelRows::new(model, events)?;
    want_feasible(&mut table, asked, events.len(), &BTreeSet::new(), &mut rows)?;
    let mut first = Vec::with_capacity(orders.len());
    for order in orders {
        first.push(table.fresh(order));
        table.add(order);
    }
    let only = orders.iter().map(|order| table.only(order)).collect();
    let (feasible, open) = (table.wanted(), table.open().count() as u64);
    Ok(SequenceMeasure { feasible, met: feasible - open, first, only, missing: table.open().take(listed).collect() })
}
