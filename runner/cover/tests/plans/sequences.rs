//! Orders of rows, against a checker that tries every permutation of every row.

use std::collections::BTreeSet;

use coexist_cover::{
    EventRow, Model, Parameter, Predicate, Request, Rule, SequenceError, Sequencing, arrange, measure_sequences,
    plan_in_order, repeats,
};
use proptest::prelude::*;

use crate::checker::{combinations, every_row, is_valid, negatives};
use crate::models::model;

/// Every order of these events that keeps the rules.
fn orders(events: &[usize], before: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &event in events {
        let longer = |order: &Vec<usize>| {
            let order = order.clone();
            (0..=order.len()).map(move |at| [&order[..at], &[event], &order[at..]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all.retain(|order| keeps(order, before));
    all
}

fn keeps(order: &[usize], before: &[(usize, usize)]) -> bool {
    let place = |event: usize| order.iter().position(|&other| other == event);
    before.iter().all(|&(one, other)| match (place(one), place(other)) {
        (Some(one), Some(other)) => one < other,
        _ => true,
    })
}

/// Every sequence of so many events that an order meets.
fn met(order: &[usize], length: usize) -> BTreeSet<Vec<usize>> {
    (0u32..1 << order.len())
        .filter(|set| set.count_ones() as usize == length)
        .map(|set| (0..order.len()).filter(|at| set >> at & 1 == 1).map(|at| order[at]).collect())
        .collect()
}

fn met_by_all<'a>(orders: impl IntoIterator<Item = &'a Vec<usize>>, length: usize) -> BTreeSet<Vec<usize>> {
    orders.into_iter().flat_map(|order| met(order, length)).collect()
}

fn sorted(order: &[usize]) -> Vec<usize> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    sorted
}

fn rules() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let some = prop::collection::vec((0usize..6, 0usize..6), 0..4);
    some.prop_map(|rules| rules.into_iter().filter(|(one, other)| one != other).collect())
}

fn sequencing() -> impl Strategy<Value = Sequencing> {
    let tested = prop::collection::vec(Just((0usize..6).collect::<Vec<_>>()).prop_shuffle(), 0..2);
    (2usize..4, rules(), tested).prop_map(|(length, before, tested)| Sequencing { length, before, tested })
}

fn rows() -> impl Strategy<Value = Vec<EventRow>> {
    let row = prop::collection::btree_set(0usize..6, 0..5).prop_flat_map(|events| {
        let events: Vec<usize> = events.into_iter().collect();
        let kept = prop::option::weighted(0.2, Just(events.clone()).prop_shuffle());
        (Just(events).prop_shuffle(), kept).prop_map(|(events, kept)| EventRow { events, kept })
    });
    prop::collection::vec(row, 0..8)
}

proptest! {
    #[test]
    fn rows_are_put_in_order(asked in sequencing(), rows in rows()) {
        let lawful: Vec<_> = rows.iter().map(|row| orders(&row.events, &asked.before)).collect();
        let arranged = match arrange(&asked, &rows) {
            Ok(arranged) => arranged,
            Err(SequenceError::Circle { row, .. }) => {
                prop_assert!(lawful[row].is_empty());
                return Ok(());
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        for ((row, order), lawful) in rows.iter().zip(&arranged.orders).zip(&lawful) {
            prop_assert!(lawful.contains(order));
            prop_assert!(row.kept.as_ref().is_none_or(|kept| kept == order || !lawful.contains(kept)));
        }
        let tested = met_by_all(&asked.tested, asked.length);
        let feasible: BTreeSet<_> = met_by_all(lawful.iter().flatten(), asked.length).difference(&tested).cloned().collect();
        let met = met_by_all(&arranged.orders, asked.length);
        prop_assert_eq!(arranged.feasible, feasible.len() as u64);
        prop_assert_eq!(arranged.met, feasible.intersection(&met).count() as u64);
        let open: BTreeSet<_> = feasible.difference(&met).cloned().collect();
        prop_assert_eq!(arranged.open.iter().cloned().collect::<BTreeSet<_>>(), open.clone());
        let again = repeats(&asked, &rows, &arranged).expect("what could be arranged can be repeated");
        prop_assert!(again.len() <= open.len());
        for (row, order) in &again {
            prop_assert!(lawful[*row].contains(order));
        }
        let again = met_by_all(again.iter().map(|(_, order)| order), asked.length);
        prop_assert!(open.is_subset(&again), "{:?} are still open", open.difference(&again));
    }

    #[test]
    fn plans_meet_every_sequence(
        model in model(),
        asked in sequencing(),
        dice in prop::collection::vec(any::<u32>(), 4),
    ) {
        let events: Vec<Predicate> = model.parameters().iter().zip(&dice).enumerate().map(|(number, (parameter, dice))| {
            Predicate::one_of(number, (0..parameter.values.len()).filter(|value| dice >> value & 1 == 1).collect())
        }).collect();
        let events_of = |row: &[usize]| -> Vec<usize> {
            (0..events.len()).filter(|&event| events[event].values.contains(&row[events[event].parameter])).collect()
        };
        let every = every_row(&model);
        let usual: Vec<_> = every.iter().filter(|row| is_valid(&model, row) && negatives(&model, row) == 0).collect();
        let seed = usual.first().map(|row| (**row).clone());
        let request = Request { seeds: seed.iter().map(|row| row.iter().copied().map(Some).collect()).collect(), ..Request::strength(2) };
        let kept = seed.iter().map(|row| orders(&events_of(row), &asked.before).pop()).collect::<Vec<_>>();
        let circle = every.iter().any(|row| is_valid(&model, row) && orders(&events_of(row), &asked.before).is_empty());
        let made = match plan_in_order(&model, &request, &events, &asked, &kept) {
            Ok(made) => made,
            Err(SequenceError::Circle { .. }) => {
                prop_assert!(circle);
                return Ok(());
            }
            Err(_) => {
                prop_assert!(!every.iter().any(|row| is_valid(&model, row)));
                return Ok(());
            }
        };
        prop_assert_eq!(made.orders.len(), made.plan.rows.len());
        for (row, order) in made.plan.rows.iter().zip(&made.orders) {
            prop_assert!(is_valid(&model, row));
            prop_assert!(keeps(order, &asked.before));
            prop_assert_eq!(sorted(order), events_of(row));
        }
        prop_assert_eq!(combinations(&model, &request.strength, &made.plan.rows), combinations(&model, &request.strength, &every));
        if let Some(Some(kept)) = kept.first() {
            prop_assert_eq!(kept, &made.orders[0]);
            prop_assert_eq!(seed.as_ref(), made.plan.rows.first());
        }
        let possible: Vec<_> = usual.iter().flat_map(|row| orders(&events_of(row), &asked.before)).collect();
        let tested = met_by_all(&asked.tested, asked.length);
        let feasible: BTreeSet<_> = met_by_all(&possible, asked.length).difference(&tested).cloned().collect();
        let counted: Vec<Vec<usize>> = made.plan.rows.iter().zip(&made.orders)
            .map(|(row, order)| if negatives(&model, row) == 0 { order.clone() } else { Vec::new() }).collect();
        let met = met_by_all(&counted, asked.length);
        prop_assert_eq!(made.feasible, feasible.len() as u64);
        prop_assert!(feasible.is_subset(&met), "{:?} are open", feasible.difference(&met));
        prop_assert!(made.open.is_empty());
        let fewer: Vec<_> = counted.iter().step_by(2).cloned().collect();
        let measured = measure_sequences(&model, &events, &asked, &fewer, usize::MAX).expect("the plan was made");
        let met = met_by_all(&fewer, asked.length);
        prop_assert_eq!(measured.met, feasible.intersection(&met).count() as u64);
        prop_assert_eq!(measured.first.iter().sum::<u64>(), measured.met);
        prop_assert_eq!(measured.missing.into_iter().collect::<BTreeSet<_>>(), feasible.difference(&met).cloned().collect());
    }
}

fn row(events: &[usize]) -> EventRow {
    EventRow { events: events.to_vec(), kept: None }
}

#[test]
fn a_row_and_its_reverse_meet_every_pair() {
    let liked = [3, 0, 2, 1, 4];
    let arranged = arrange(&Sequencing::pairs(), &[row(&liked), row(&liked), row(&liked)]).expect("no rule");
    assert_eq!(arranged.orders, [vec![3, 0, 2, 1, 4], vec![4, 1, 2, 0, 3], vec![3, 0, 2, 1, 4]]);
    assert_eq!((arranged.feasible, arranged.met), (20, 20));
}

#[test]
fn six_rows_meet_every_order_of_three() {
    let arranged = arrange(&Sequencing::triples(), &vec![row(&[0, 1, 2]); 6]).expect("no rule");
    assert_eq!((arranged.feasible, arranged.met), (6, 6));
    assert_eq!(arranged.orders.iter().collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn what_a_row_needs_comes_before_it() {
    let asked = Sequencing { before: vec![(2, 0), (0, 1)], ..Sequencing::pairs() };
    let arranged = arrange(&asked, &[row(&[0, 1, 2]), row(&[1, 2])]).expect("no circle");
    assert_eq!(arranged.orders, [vec![2, 0, 1], vec![1, 2]], "without 0, no rule speaks of 1 and 2");
    assert_eq!((arranged.feasible, arranged.met), (4, 4));
}

#[test]
fn rules_that_wait_for_each_other_are_told() {
    let asked = Sequencing { before: vec![(2, 0), (0, 1), (1, 2)], ..Sequencing::pairs() };
    let rows = [row(&[0, 1]), row(&[3, 0, 1, 2])];
    assert_eq!(arrange(&asked, &rows), Err(SequenceError::Circle { row: 1, events: vec![0, 1, 2] }));
}

#[test]
fn too_many_events_are_refused() {
    let asked = Sequencing::triples();
    assert_eq!(
        arrange(&asked, &[row(&[100])]),
        Err(SequenceError::TooManyEvents { events: 101, length: 3, most: 100 })
    );
    let all: Vec<usize> = (0..100).collect();
    assert!(matches!(arrange(&asked, &vec![row(&all); 2000]), Err(SequenceError::TooManySequences(_))));
}

/// A model of agents at one version each, of which a row has only so many; and what says that each is there.
fn agents(agents: usize, at_most: usize) -> (Model, Vec<Predicate>) {
    let parameters = (0..agents).map(|agent| Parameter::new(format!("agent {agent}"), ["none", "1"])).collect();
    let installed: Vec<Predicate> = (0..agents).map(|agent| Predicate::is(agent, 1)).collect();
    let demand = coexist_cover::Demand::AtMost(at_most, installed.clone());
    let rule = Rule { label: format!("at most {at_most}"), demand };
    (Model::new(parameters, vec![rule]).expect("a small model"), installed)
}

/// Agents at one version each, at most three in a row: each pair of them needs to meet once for the strength, and twice for
/// their order. All six of four agents' pairs fit in a row more than the pairs need.
#[test]
fn agents_that_meet_once_meet_again_in_few_rows() {
    let (model, installed) = agents(6, 3);
    let made =
        plan_in_order(&model, &Request::strength(2), &installed, &Sequencing::pairs(), &[]).expect("it is valid");
    assert!(made.open.is_empty());
    assert_eq!(made.feasible, 30);
    // Three pairs a row at most: 30 sequences need 10 rows.
    assert!(made.plan.rows.len() <= 12, "{} rows", made.plan.rows.len());
    let triples = plan_in_order(&model, &Request::strength(2), &installed, &Sequencing::triples(), &[]);
    let triples = triples.expect("it is valid");
    // One triple a row at most: each of its six orders has a row, and one row has no agent.
    assert_eq!((triples.feasible, triples.open.len()), (120, 0));
    assert!((120..=121).contains(&triples.plan.rows.len()), "{} rows", triples.plan.rows.len());
}

/// More rows than can be compared with others while they are packed: each still meets what it can, in few seconds.
#[test]
fn hundreds_of_rows_are_packed_too() {
    let (model, installed) = agents(18, 5);
    let made = plan_in_order(&model, &Request::strength(2), &installed, &Sequencing::triples(), &[]);
    let made = made.expect("it is valid");
    let all = 18 * 17 * 16;
    assert_eq!((made.feasible, made.open.len()), (all, 0));
    assert_eq!(met_by_all(&made.orders, 3).len() as u64, all);
    // Ten triples a row at most.
    let least = all as usize / 10;
    assert!((least..=least * 7 / 5).contains(&made.plan.rows.len()), "{} rows", made.plan.rows.len());
}
