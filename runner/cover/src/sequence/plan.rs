//! Rows that cover a model, each with an order, so that every sequence is met too.

use std::collections::BTreeSet;

use super::arrange::{EventRow, arrange};
use super::company::Company;
use super::lawful::Lawful;
use super::pack::pack;
use super::table::{Table, sets};
use super::together::{ModelRows, want_feasible, with_events};
use super::{SequenceError, Sequencing};
use crate::model::{Model, Predicate};
use crate::plan::{Effort, Plan, Request, plan};
use crate::strength::Group;

/// Rows with their orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedPlan {
    /// The rows; of three ways to make room for orders, the fewest. What is told beside them is of the plan without order.
    pub plan: Plan,
    /// For each row the events in it, the first one first.
    pub orders: Vec<Vec<usize>>,
    /// How many rows fewer there would be if order did not matter.
    pub for_order: usize,
    /// Sequences that some valid row can meet, those of tested rows apart.
    pub feasible: u64,
    /// Those that no row meets: none, unless seeds or masked rows stand in the way.
    pub open: Vec<Vec<usize>>,
}

/// Plans rows as [`plan`](crate::plan()) does, gives each an order, and adds as few rows as were found to be needed for
/// sequences that are still open.
///
/// `events` say which values put an event in a row; an event with a smaller number happens earlier where nothing speaks for
/// another order. `kept` are the orders of the request's seeds, by their place there: each stays where it still is an order
/// of its row's events. Rows with a value out of range meet nothing.
///
/// # Errors
/// As for [`plan`](crate::plan()) and [`arrange`](super::arrange()), and for an event that the model does not have.
pub fn plan_in_order(
    model: &Model,
    request: &Request,
    events: &[Predicate],
    asked: &Sequencing,
    kept: &[Option<Vec<usize>>],
) -> Result<OrderedPlan, SequenceError> {
    asked.check(events.len())?;
    let mut planner = Planner { model, events, asked, kept, rows: ModelRows::new(model, events)? };
    let base = plan(model, request)?;
    let fewest = base.rows.len();
    let (mut best, open) = planner.in_order(base, &[])?;
    if best.open.is_empty() {
        return Ok(best);
    }
    let mut alternatives = Vec::new();
    if let Some(twice) = planner.pairs_twice(request, &best.plan)?
        && twice.open.is_empty()
    {
        let for_order = twice.plan.rows.len().saturating_sub(fewest);
        if for_order == 0 {
            return Ok(twice);
        }
        alternatives.push(twice);
    }
    let orders = planner.pack(&open)?;
    alternatives.push(planner.with_rows_added((&best, &open), request, &orders)?);
    alternatives.push(planner.around_packed(request, &best.plan, &orders)?);
    if let Some(fewest) = alternatives.into_iter().min_by_key(|it| (it.open.len(), it.plan.rows.len())) {
        best = fewest;
    }
    best.for_order = best.plan.rows.len().saturating_sub(fewest);
    Ok(best)
}

/// The second value of the parameter that tells which way a row runs.
const BACKWARDS: usize = 1;

struct Planner<'a> {
    model: &'a Model,
    events: &'a [Predicate],
    asked: &'a Sequencing,
    kept: &'a [Option<Vec<usize>>],
    rows: ModelRows,
}

impl Planner<'_> {
    /// Orders for rows, and what they leave open. Rows that are `backwards` like the order of larger numbers first.
    fn in_order(&mut self, plan: Plan, backwards: &[bool]) -> Result<(OrderedPlan, Table), SequenceError> {
        let dropped: BTreeSet<usize> = plan.dropped.iter().map(|seed| seed.number).collect();
        let mut kept = self.kept.iter().enumerate().filter(|(seed, _)| !dropped.contains(seed)).map(|(_, kept)| kept);
        let mut usual = Vec::new();
        let mut places = Vec::new();
        let mut orders = vec![Vec::new(); plan.rows.len()];
        for (number, row) in plan.rows.iter().enumerate() {
            let kept = if number < plan.seeds { kept.next().cloned().flatten() } else { None };
            let mut events = self.events_of(row);
            if backwards.get(number).is_some_and(|&backwards| backwards) {
                events.reverse();
            }
            if self.is_usual(row) {
                places.push(number);
                usual.push(EventRow { events, kept });
            } else {
                let lawful = self.lawful(number, &events)?;
                orders[number] = kept.filter(|order| lawful.is_order(order)).unwrap_or_else(|| lawful.nearest(&events));
            }
        }
        let arranged = arrange(self.asked, &usual).map_err(|error| match error {
            SequenceError::Circle { row, events } => SequenceError::Circle { row: places[row], events },
            other => other,
        })?;
        let mut table = Table::new(self.asked, self.events.len())?;
        let known = usual.into_iter().map(|row| row.events).collect();
        want_feasible(&mut table, self.asked, self.events.len(), &known, &mut self.rows)?;
        for (place, order) in places.into_iter().zip(arranged.orders) {
            table.add(&order);
            orders[place] = order;
        }
        let (feasible, open) = (table.wanted(), table.open().collect());
        Ok((OrderedPlan { plan, orders, for_order: 0, feasible, open }, table))
    }

    fn lawful(&self, row: usize, events: &[usize]) -> Result<Lawful, SequenceError> {
        let rules = self.asked.before.iter().copied().collect();
        Lawful::new(&rules, events).map_err(|events| SequenceError::Circle { row, events })
    }

    fn events_of(&self, row: &[usize]) -> Vec<usize> {
        let present = |event: &usize| {
            let Predicate { parameter, values } = &self.events[*event];
            row.get(*parameter).is_some_and(|value| values.contains(value))
        };
        (0..self.events.len()).filter(present).collect()
    }

    fn is_usual(&self, row: &[usize]) -> bool {
        let negative = |(value, parameter): (&usize, &crate::model::Parameter)| {
            parameter.values.get(*value).is_some_and(|value| value.negative)
        };
        !row.iter().zip(self.model.parameters()).any(negative)
    }

    fn pack(&mut self, open: &Table) -> Result<Vec<Vec<usize>>, SequenceError> {
        Ok(pack(open, self.asked, self.events.len(), &mut self.rows)?)
    }

    /// A plan in which every pair of events that stands together does so in two rows at least, one of which runs backwards:
    /// a parameter says which. Where the rows have room, this costs less than rows that are added. Nothing for triples,
    /// and where rows that were tested take part: nobody knows which of them ran backwards.
    fn pairs_twice(&mut self, request: &Request, base: &Plan) -> Result<Option<OrderedPlan>, SequenceError> {
        if self.asked.length != 2 || !request.counted.is_empty() || !request.masked.is_empty() {
            return Ok(None);
        }
        let model = with_events(self.model, self.events, true)?;
        let (own, all) = (self.model.parameters().len(), model.parameters().len());
        let mut strength = request.strength.clone();
        let group = |parameters: Vec<usize>, strength| Group { parameters, strength };
        // The model's own combinations stay what they are: none is asked for with a parameter that stands for order.
        strength.groups.extend((own..all).flat_map(|added| (0..added).map(move |other| group(vec![other, added], 1))));
        for pair in sets(&(own..all - 1).collect::<Vec<_>>(), 2) {
            strength.groups.push(group([pair, vec![all - 1]].concat(), 3));
        }
        let widened = |seed: &Vec<Option<usize>>| seed.iter().copied().chain((own..all).map(|_| None)).collect();
        let seeds = request.seeds.iter().map(widened).collect();
        let made = plan(&model, &Request { strength, seeds, ..request.clone() })?;
        let backwards: Vec<bool> = made.rows.iter().map(|row| row.last() == Some(&BACKWARDS)).collect();
        let rows = made.rows.into_iter().map(|row| row.into_iter().take(own).collect()).collect();
        let plan = Plan { rows, seeds: made.seeds, ..base.clone() };
        Ok(Some(self.in_order(plan, &backwards)?.0))
    }

    /// The rows there are in the orders they have, and after them those that are packed, in theirs.
    fn with_rows_added(
        &mut self,
        (base, open): (&OrderedPlan, &Table),
        request: &Request,
        packed: &[Vec<usize>],
    ) -> Result<OrderedPlan, SequenceError> {
        let mut seeds: Vec<Vec<Option<usize>>> =
            base.plan.rows.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
        seeds.extend(self.seeds(&base.plan.rows, packed)?);
        let whole = plan(self.model, &Request { seeds, effort: Effort::Quick, ..request.clone() })?;
        let dropped: BTreeSet<usize> = whole.dropped.iter().map(|seed| seed.number).collect();
        let all = base.orders.iter().chain(packed).enumerate();
        let mut orders: Vec<Vec<usize>> =
            all.filter(|(seed, _)| !dropped.contains(seed)).map(|(_, order)| order.clone()).collect();
        // Rows that were planned without the packed ones cover everything, so that no further row is new; were one, it
        // would be taken as it comes.
        for (number, row) in whole.rows.iter().enumerate().skip(orders.len()) {
            orders.push(self.lawful(number, &self.events_of(row))?.nearest(&self.events_of(row)));
        }
        let mut table = open.clone();
        let new = orders.iter().zip(&whole.rows).skip(base.plan.rows.len());
        new.filter(|(_, row)| self.is_usual(row)).for_each(|(order, _)| table.add(order));
        // Only the packed rows are new here: what is known of the others is what was known before.
        let plan = Plan { rows: whole.rows, ..base.plan.clone() };
        let (feasible, open) = (table.wanted(), table.open().collect());
        Ok(OrderedPlan { plan, orders, for_order: 0, feasible, open })
    }

    /// The packed rows as seeds, and the others planned around them; then whatever is open is added.
    fn around_packed(
        &mut self,
        request: &Request,
        base: &Plan,
        orders: &[Vec<usize>],
    ) -> Result<OrderedPlan, SequenceError> {
        let given = request.seeds.len();
        let mut seeds = request.seeds.clone();
        seeds.extend(self.seeds(&base.rows[..base.seeds], orders)?);
        let mut around = plan(self.model, &Request { seeds, ..request.clone() })?;
        around.dropped.retain(|seed| seed.number < given);
        around.seeds = base.seeds;
        around.lower_bound = base.lower_bound;
        let (planned, open) = self.in_order(around, &[])?;
        if planned.open.is_empty() {
            return Ok(planned);
        }
        let further = self.pack(&open)?;
        self.with_rows_added((&planned, &open), request, &further)
    }

    /// Rows with exactly the events of some orders. Where an event can be any of some values, it is one that stands least
    /// often in the rows there are with what was chosen before; the other parameters are open.
    fn seeds(&mut self, rows: &[Vec<usize>], orders: &[Vec<usize>]) -> Result<Vec<Vec<Option<usize>>>, SequenceError> {
        let mut chosen_rows: Vec<Vec<Option<usize>>> = Vec::new();
        let parameters: BTreeSet<usize> = self.events.iter().map(|event| event.parameter).collect();
        let values = |parameter: usize| self.model.parameters().get(parameter).map_or(0, |it| it.values.len());
        let mut company = Company::new(parameters.iter().map(|&parameter| (parameter, values(parameter))));
        rows.iter().for_each(|row| company.add(|parameter| row.get(parameter).copied()));
        for order in orders {
            let mut chosen: Vec<(usize, usize)> = Vec::new();
            for &parameter in &parameters {
                let stand = |value: usize| company.stands((parameter, value), &chosen);
                let mut liked: Vec<(u64, usize)> = (0..values(parameter)).map(|value| (stand(value), value)).collect();
                liked.sort_unstable();
                for (_, value) in liked {
                    chosen.push((parameter, value));
                    if self.rows.complete(order, &chosen)? {
                        break;
                    }
                    chosen.pop();
                }
            }
            let mut row = vec![None; self.model.parameters().len()];
            chosen.into_iter().for_each(|(parameter, value)| row[parameter] = Some(value));
            company.add(|parameter| row.get(parameter).copied().flatten());
            chosen_rows.push(row);
        }
        Ok(chosen_rows)
    }
}
