//! How many combinations are asked for before any rule is looked at.

use crate::error::CoverError;
use crate::model::Model;
use crate::strength::Strength;

/// Sets of parameters that are looked at one by one; where groups have strengths of their own, nothing shorter is exact.
const MOST_SETS: u64 = 3_000_000;

/// Combinations that are asked for, feasible or not: of one value for each parameter of a set, at most one of them out of
/// range. Nothing where groups have strengths of their own and there are too many sets to look at.
///
/// # Errors
/// [`CoverError::Strength`] and [`CoverError::Group`] for a strength that does not fit the model.
pub fn combinations(model: &Model, strength: &Strength) -> Result<Option<u64>, CoverError> {
    let strength = strength.check(model)?;
    let values: Vec<[u64; 2]> = model
        .parameters()
        .iter()
        .map(|parameter| {
            let negative = parameter.values.iter().filter(|value| value.negative).count();
            [parameter.values.len() - negative, negative].map(|count| count as u64)
        })
        .collect();
    if strength.groups.is_empty() {
        return Ok(Some(of_all(&values, strength.base)));
    }
    let sizes: Vec<(usize, Vec<usize>)> =
        strength.all().into_iter().map(|each| (each, strength.parameters(each, values.len()))).collect();
    let one_each = vec![[1, 0]; values.len()];
    let sets = sizes.iter().map(|(size, of)| of_all(&one_each[..of.len()], *size)).fold(0, u64::saturating_add);
    if sets > MOST_SETS {
        return Ok(None);
    }
    let mut sum = 0u64;
    crate::coverage::each_wanted_set(&strength, values.len(), &mut |set| {
        let set: Vec<[u64; 2]> = set.iter().map(|&parameter| values[parameter]).collect();
        sum = sum.saturating_add(of_all(&set, set.len()));
    });
    Ok(Some(sum))
}

/// Ways to choose so many parameters and a value of each, at most one of them out of range. `values` counts for each
/// parameter those in range and those out of it.
fn of_all(values: &[[u64; 2]], strength: usize) -> u64 {
    let (mut inside, mut outside) = (vec![0u64; strength + 1], vec![0u64; strength + 1]);
    inside[0] = 1;
    for &[usual, negative] in values {
        for size in (1..=strength).rev() {
            let one_out =
                outside[size - 1].saturating_mul(usual).saturating_add(inside[size - 1].saturating_mul(negative));
            outside[size] = outside[size].saturating_add(one_out);
            inside[size] = inside[size].saturating_add(inside[size - 1].saturating_mul(usual));
        }
    }
    inside[strength].saturating_add(outside[strength])
}
