//! In which order the events of a row happen: agents of a cell are installed one after the other, and some faults show in
//! one order only.
//!
//! ```text
//! rows ─► arrange: a permutation for each row ─► what is open ─► pack: the fewest rows that meet it ─► plan
//! ```
//!
//! A *sequence* is two or three events in an order. It is met by a row in which they happen in that order, whatever happens
//! between them; so one permutation of `n` events meets `n (n - 1) / 2` pairs, and it and its reverse meet all of them
//! (Kuhn and others, sequence covering arrays). Orders are therefore attached to rows: parameters such as "the first agent"
//! would ask for rows of their own.

mod arrange;
mod company;
mod lawful;
mod measure;
mod pack;
mod plan;
mod table;
mod together;

use crate::error::CoverError;
use crate::model::ModelError;

pub use arrange::{Arranged, EventRow, arrange};
pub use measure::{SequenceMeasure, measure_sequences};
pub use pack::repeats;
pub use plan::{OrderedPlan, plan_in_order};

/// What is asked of the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequencing {
    /// Events of a sequence: 2, and every ordered pair is met; 3, and every ordered triple is.
    pub length: usize,
    /// Wherever both events are in a row, the first happens before the second.
    pub before: Vec<(usize, usize)>,
    /// Orders of rows that count already and are not planned again: what they meet is not asked for.
    pub tested: Vec<Vec<usize>>,
}

impl Sequencing {
    /// Every ordered pair, without rules.
    pub fn pairs() -> Self {
        Self { length: 2, before: Vec::new(), tested: Vec::new() }
    }

    /// Every ordered triple, without rules.
    pub fn triples() -> Self {
        Self { length: 3, ..Self::pairs() }
    }

    fn check(&self, events: usize) -> Result<(), SequenceError> {
        let most = match self.length {
            2 => MOST_IN_PAIRS,
            3 => MOST_IN_TRIPLES,
            other => return Err(SequenceError::Length(other)),
        };
        if events > most {
            return Err(SequenceError::TooManyEvents { events, length: self.length, most });
        }
        Ok(())
    }
}

/// Events whose pairs are counted: a million counters.
const MOST_IN_PAIRS: usize = 1000;
/// Events whose triples are counted: a million counters.
const MOST_IN_TRIPLES: usize = 100;
/// Sequences in all rows together: counting them once takes about a second.
const MOST_IN_ROWS: u64 = 200_000_000;

/// Why there are no orders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// Sequences that are not counted.
    #[error("sequences of {0} events are not planned: those of 2 or 3 are")]
    Length(usize),
    /// More events than are counted.
    #[error("{events} events are too many for sequences of {length}: at most {most} are planned")]
    TooManyEvents {
        /// How many there are.
        events: usize,
        /// Events of a sequence.
        length: usize,
        /// How many there may be.
        most: usize,
    },
    /// More sequences than are counted.
    #[error(
        "the rows hold {0} sequences; at most {MOST_IN_ROWS} are counted: ask for pairs, or for fewer events in a row"
    )]
    TooManySequences(u64),
    /// Rules that no order of the row's events keeps.
    #[error("no order of the events {events:?} of row {} keeps the rules: each would have to happen before another", row + 1)]
    Circle {
        /// The row's place, from 0.
        row: usize,
        /// The events that wait for each other.
        events: Vec<usize>,
    },
    /// An event that stands for nothing in the model.
    #[error("an event is no value of the model: {0}")]
    Event(ModelError),
    /// The rows could not be planned.
    #[error(transparent)]
    Cover(#[from] CoverError),
}
