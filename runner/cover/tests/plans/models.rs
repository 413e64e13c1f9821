//! Small models at random: small enough to try every row.

use coexist_cover::{Demand, Expression, Group, Model, Parameter, Predicate, Rule, Strength};
use proptest::prelude::*;

pub(crate) fn model() -> impl Strategy<Value = Model> {
    prop::collection::vec((1usize..5, any::<u64>()), 2..7).prop_flat_map(|shape| {
        let sizes: Vec<usize> = shape.iter().map(|(size, _)| *size).collect();
        let parameters: Vec<Parameter> = shape
            .iter()
            .enumerate()
            .map(|(number, &(size, dice))| {
                let mut parameter = Parameter::new(format!("p{number}"), (0..size).map(|value| format!("v{value}")));
                for (at, value) in parameter.values.iter_mut().enumerate() {
                    value.negative = dice % 3 == 0 && dice >> (8 + at) & 3 == 0;
                    value.weight = 1 + (dice >> (16 + 4 * at) & 7) as u32 * u32::from(dice % 5 == 0);
                }
                parameter
            })
            .collect();
        prop::collection::vec(demand(sizes), 0..5).prop_map(move |demands| {
            let rules = demands.into_iter().enumerate();
            let rules = rules.map(|(number, demand)| Rule { label: format!("rule {number}"), demand }).collect();
            Model::new(parameters.clone(), rules).expect("only what exists is named")
        })
    })
}

fn predicate(sizes: Vec<usize>) -> impl Strategy<Value = Predicate> {
    (0..sizes.len(), any::<u8>()).prop_map(move |(parameter, values)| {
        Predicate::one_of(parameter, (0..sizes[parameter]).filter(|value| values >> value & 1 == 1).collect())
    })
}

fn expression(sizes: Vec<usize>) -> impl Strategy<Value = Expression> {
    let related = {
        let sizes = sizes.clone();
        (0..sizes.len(), 1..sizes.len(), any::<u32>()).prop_map(move |(left, further, dice)| {
            let right = (left + further) % sizes.len();
            let row = |value: usize| (0..sizes[right]).filter(|other| dice >> (4 * value + other) & 1 == 1).collect();
            Expression::Related { left, right, allowed: (0..sizes[left]).map(row).collect() }
        })
    };
    let leaf = prop_oneof![3 => predicate(sizes).prop_map(Expression::Is), 1 => related];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Expression::negated),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expression::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::Any),
            (inner.clone(), inner).prop_map(|(when, then)| when.implies(then)),
        ]
    })
}

fn demand(sizes: Vec<usize>) -> impl Strategy<Value = Demand> {
    let group = prop::collection::vec(predicate(sizes.clone()), 1..5).boxed();
    prop_oneof![
        3 => expression(sizes).prop_map(Demand::Holds),
        1 => (0usize..4, group.clone()).prop_map(|(least, of)| Demand::AtLeast(least, of)),
        1 => (0usize..4, group).prop_map(|(most, of)| Demand::AtMost(most, of)),
    ]
}

pub(crate) fn strength(width: usize) -> impl Strategy<Value = Strength> {
    let group =
        (prop::collection::btree_set(0..width, 1..=width), any::<prop::sample::Index>()).prop_map(|(set, at)| Group {
            strength: 1 + at.index(set.len().min(4)),
            parameters: set.into_iter().collect(),
        });
    (1usize..5, prop::collection::vec(group, 0..3)).prop_map(|(base, groups)| Strength { base, groups })
}

pub(crate) fn with_strength() -> impl Strategy<Value = (Model, Strength)> {
    model().prop_flat_map(|model| {
        let width = model.parameters().len();
        (Just(model), strength(width))
    })
}
