//! Which events can stand together in one row, and in which orders.

use std::collections::BTreeSet;

use super::lawful::Lawful;
use super::table::{Table, sequences, sets};
use super::{SequenceError, Sequencing};
use crate::error::CoverError;
use crate::logic::{Answer, Oracle, Part};
use crate::model::{Expression, Model, Parameter, Predicate, Rule};
use crate::space::{Cell, Space};

/// Rows looked at for one sequence that rules forbid in most of them.
const PATIENCE: usize = 200;

/// Knows which sets of events stand together.
pub(super) trait Together {
    /// The events, smallest first, of some row that has all of these and none of those.
    fn row(&mut self, with: &[usize], without: &[usize]) -> Result<Option<Vec<usize>>, CoverError>;
}

/// Every valid row of a model without values out of range: those mask what stands beside them.
pub(super) struct ModelRows {
    oracle: Oracle,
    space: Space,
    /// The model's own parameters; those behind them tell which events a row has.
    width: usize,
    events: usize,
}

impl ModelRows {
    pub(super) fn new(model: &Model, events: &[Predicate]) -> Result<Self, SequenceError> {
        let width = model.parameters().len();
        let model = with_events(model, events, false)?;
        let space = Space::new(model.parameters());
        let constraints = crate::logic::constraints(&model, &space, Part::Usual);
        let oracle = Oracle::new(constraints.iter().map(|(_, constraint)| constraint), &space);
        Ok(Self { oracle, space, width, events: events.len() })
    }

    /// A valid row in which exactly these events happen and these parameters have these values.
    pub(super) fn complete(&mut self, events: &[usize], values: &[(usize, usize)]) -> Result<bool, CoverError> {
        let exactly = (0..self.events).map(|event| (event, if events.contains(&event) { PRESENT } else { ABSENT }));
        let cells = exactly.map(|(event, value)| self.space.cell(self.width + event, value));
        let own = values.iter().map(|&(parameter, value)| self.space.cell(parameter, value));
        let cells: Vec<Cell> = cells.chain(own).collect();
        Ok(self.ask(&cells)?.is_some())
    }

    fn ask(&mut self, cells: &[Cell]) -> Result<Option<Vec<Cell>>, CoverError> {
        match self.oracle.complete(cells) {
            Answer::Row(row) => Ok(Some(row)),
            Answer::Impossible => Ok(None),
            Answer::TooHard => Err(CoverError::TooHard),
        }
    }
}

/// The model with a parameter for each event behind its own, which tells whether it is in the row; and one behind these that
/// tells which way a row runs, where that is wanted.
pub(super) fn with_events(model: &Model, events: &[Predicate], directed: bool) -> Result<Model, SequenceError> {
    let mut parameters = model.parameters().to_vec();
    let mut rules = model.rules().to_vec();
    let width = parameters.len();
    // Longer than every other name, and so like none of them.
    let longest = parameters.iter().map(|parameter| parameter.name.len()).max().unwrap_or_default();
    let longer = "event ".repeat(longest / 6 + 1);
    for (event, present) in events.iter().enumerate() {
        parameters.push(Parameter::new(format!("{longer}{event}"), ["absent", "present"]));
        let (absent, is) = (Expression::is(width + event, ABSENT), Expression::is(width + event, PRESENT));
        rules.push(Rule::holds("", is.implies(Expression::Is(present.clone()))));
        rules.push(Rule::holds("", absent.implies(Expression::Is(present.clone()).negated())));
    }
    if directed {
        parameters.push(Parameter::new(format!("{longer}direction"), ["forwards", "backwards"]));
    }
    Model::new(parameters, rules).map_err(|mistakes| {
        let first = mistakes.into_iter().next();
        first.map_or(SequenceError::Cover(CoverError::TooHard), SequenceError::Event)
    })
}

const ABSENT: usize = 0;
const PRESENT: usize = 1;

impl Together for ModelRows {
    fn row(&mut self, with: &[usize], without: &[usize]) -> Result<Option<Vec<usize>>, CoverError> {
        let with = with.iter().map(|event| (event, PRESENT));
        let cells = with.chain(without.iter().map(|event| (event, ABSENT)));
        let cells: Vec<Cell> = cells.map(|(event, value)| self.space.cell(self.width + event, value)).collect();
        let row = self.ask(&cells)?;
        let has = |row: &[Cell], event: usize| self.space.value(row[self.width + event]) == PRESENT;
        Ok(row.map(|row| (0..self.events).filter(|&event| has(&row, event)).collect()))
    }
}

/// Rows that exist, and no others.
pub(super) struct GivenRows(BTreeSet<Vec<usize>>);

impl GivenRows {
    pub(super) fn new(rows: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let sorted = rows.into_iter().map(|mut row| {
            row.sort_unstable();
            row.dedup();
            row
        });
        Self(sorted.collect())
    }
}

impl Together for GivenRows {
    fn row(&mut self, with: &[usize], without: &[usize]) -> Result<Option<Vec<usize>>, CoverError> {
        let has = |row: &[usize], event: &usize| row.binary_search(event).is_ok();
        let fits = |row: &&Vec<usize>| {
            with.iter().all(|event| has(row, event)) && !without.iter().any(|event| has(row, event))
        };
        Ok(self.0.iter().find(fits).cloned())
    }
}

/// Marks every sequence that some row can meet. `known` are the events of rows that exist.
pub(super) fn want_feasible(
    table: &mut Table,
    asked: &Sequencing,
    events: usize,
    known: &BTreeSet<Vec<usize>>,
    rows: &mut impl Together,
) -> Result<(), SequenceError> {
    let rules: BTreeSet<_> = asked.before.iter().copied().collect();
    for (number, set) in known.iter().enumerate() {
        let lawful = Lawful::new(&rules, set).map_err(|events| SequenceError::Circle { row: number, events })?;
        for set in sets(set, asked.length) {
            sequences(&set).iter().filter(|sequence| lawful.allows(sequence)).for_each(|sequence| table.want(sequence));
        }
    }
    let all: Vec<usize> = (0..events).collect();
    let mut apart = BTreeSet::new();
    for pair in sets(&all, 2) {
        let seen = asked.length == 2 && sequences(&pair).iter().any(|sequence| table.wants(sequence));
        if !seen && rows.row(&pair, &[])?.is_none() {
            apart.insert(pair);
        }
    }
    for set in sets(&all, asked.length) {
        if sets(&set, 2).iter().any(|pair| apart.contains(pair)) {
            continue;
        }
        for sequence in sequences(&set) {
            if !table.wants(&sequence) && stands(&sequence, &rules, rows)?.is_some() {
                table.want(&sequence);
            }
        }
    }
    for order in &asked.tested {
        let known: Vec<usize> = order.iter().copied().filter(|&event| event < events).collect();
        table.spare(&known);
    }
    Ok(())
}

/// The events of some row in which a sequence can be met.
///
/// Where rules among a row's other events forbid it, any row that allows it lacks one of them: each is tried.
pub(super) fn stands(
    sequence: &[usize],
    rules: &BTreeSet<(usize, usize)>,
    rows: &mut impl Together,
) -> Result<Option<Vec<usize>>, CoverError> {
    let direct = |&at: &usize| sequence[at + 1..].iter().any(|&late| rules.contains(&(late, sequence[at])));
    if (0..sequence.len()).any(|at| direct(&at)) {
        return Ok(None);
    }
    let mut open: Vec<Vec<usize>> = vec![Vec::new()];
    let mut patience = PATIENCE;
    while let Some(without) = open.pop() {
        if patience == 0 {
            return Err(CoverError::TooHard);
        }
        patience -= 1;
        let Some(events) = rows.row(sequence, &without)? else { continue };
        let in_the_way: Vec<usize> = match Lawful::new(rules, &events) {
            Ok(lawful) if lawful.allows(sequence) => return Ok(Some(events)),
            Ok(lawful) => {
                let between = |event: usize| {
                    let late = sequence.iter().any(|&late| lawful.must(late, event));
                    late && sequence.iter().any(|&one| lawful.must(event, one))
                };
                events.into_iter().filter(|event| !sequence.contains(event) && between(*event)).collect()
            }
            Err(circle) => circle.into_iter().filter(|event| !sequence.contains(event)).collect(),
        };
        open.extend(in_the_way.into_iter().rev().map(|event| [&without[..], &[event]].concat()));
    }
    Ok(None)
}
