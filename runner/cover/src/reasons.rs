//! Why many combinations are impossible: a matrix that excludes has them by the thousand, and few sets of rules do it.

use crate::error::CoverError;
use crate::logic::Explainer;
use crate::model::Model;
use crate::parts;
use crate::space::{Cell, Space};

/// For each combination labels of the fewest rules found that forbid it, or nothing when it is feasible.
///
/// As [`explain`](crate::explain) for each, much faster: rules that explained one combination are tried on the next. A
/// set of three or more rules may then not be the smallest one.
///
/// # Errors
/// [`CoverError::Seed`] for a parameter or value that the model does not have, by the combination's place.
pub fn explain_each(
    model: &Model,
    combinations: &[Vec<(usize, usize)>],
) -> Result<Vec<Option<Vec<String>>>, CoverError> {
    let known = |&(parameter, value): &(usize, usize)| {
        model.parameters().get(parameter).is_some_and(|parameter| value < parameter.values.len())
    };
    if let Some(number) = combinations.iter().position(|combination| !combination.iter().all(known)) {
        return Err(CoverError::Seed { number });
    }
    let space = Space::new(model.parameters());
    let kinds = parts::kinds(model).iter().map(|&kind| (Explainer::new(model, &space, kind), Vec::new()));
    let mut kinds: Vec<(Explainer, Vec<Vec<usize>>)> = kinds.collect();
    let explained = combinations.iter().map(|combination| {
        let cells: Vec<Cell> = combination.iter().map(|&(parameter, value)| space.cell(parameter, value)).collect();
        let mut fewest: Option<Vec<String>> = None;
        for (explainer, known) in &mut kinds {
            // What one kind of row can hold is feasible.
            let rules: Vec<String> =
                explainer.rules_like(known, &cells)?.into_iter().map(|rule| parts::label(model, rule)).collect();
            fewest = Some(fewest.filter(|fewest| fewest.len() <= rules.len()).unwrap_or(rules));
        }
        fewest
    });
    Ok(explained.collect())
}
