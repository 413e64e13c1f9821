//! Which sets of parameters have all their combinations covered.

use std::collections::BTreeSet;

use crate::model::Model;

/// Sets of parameters, each in order and no set twice.
///
/// Every set of `strength` parameters, unless a sub-model of a lower strength has more of them than that; and every set
/// of a sub-model's own strength within it.
pub(crate) fn sets(model: &Model, strength: usize) -> Vec<Vec<usize>> {
    let width = model.parameters.len();
    let strength = strength.min(width);
    let subs: Vec<(&[usize], usize)> = model
        .sub_models
        .iter()
        .map(|sub| (&*sub.parameters, sub.strength.unwrap_or(strength.min(sub.parameters.len()))))
        .collect();
    let everyone: Vec<usize> = (0..width).collect();
    let mut all = Vec::new();
    choose(&everyone, strength, &mut |set| {
        let too_many = |(sub, most): &(&[usize], usize)| {
            *most < strength && set.iter().filter(|parameter| sub.contains(parameter)).count() > *most
        };
        if !subs.iter().any(too_many) {
            all.push(set.to_vec());
        }
    });
    if subs.is_empty() {
        return all;
    }
    let mut all: BTreeSet<Vec<usize>> = all.into_iter().collect();
    for (sub, strength) in subs {
        choose(sub, strength, &mut |set| {
            all.insert(set.to_vec());
        });
    }
    all.into_iter().collect()
}

/// Shows every choice of so many out of all.
pub(crate) fn choose(of: &[usize], many: usize, show: &mut impl FnMut(&[usize])) {
    fn further(of: &[usize], many: usize, chosen: &mut Vec<usize>, show: &mut impl FnMut(&[usize])) {
        if many == 0 {
            return show(chosen);
        }
        for at in 0..(of.len() + 1).saturating_sub(many) {
            chosen.push(of[at]);
            further(&of[at + 1..], many - 1, chosen, show);
            chosen.pop();
        }
    }
    further(of, many, &mut Vec::new(), show);
}
