//! Whether parameters and rules fit together, and whether they are of a size that can be worked with.

use super::{Demand, Expression, Parameter, Predicate, Rule};

/// More parameters than any row of a lab has; bounds what is allocated for a pair of values.
const PARAMETERS: usize = 4096;
/// All values of all parameters.
const VALUES: usize = 12_288;
/// Parts of all rules together.
const PARTS: usize = 2_000_000;
/// Levels of one expression: they are walked by recursion.
const LEVELS: usize = 200;

/// Why parameters and rules are no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Nothing to combine.
    #[error("there is no parameter")]
    NoParameter,
    /// A parameter that no row could fill.
    #[error("parameter {0:?} has no value")]
    NoValue(String),
    /// A value that no row could show.
    #[error("a value of parameter {0:?} has no name")]
    NoName(String),
    /// A weight of zero would forbid what no rule forbids.
    #[error("value {value:?} of parameter {parameter:?} has weight 0; a weight is at least 1")]
    NoWeight {
        /// The parameter's name.
        parameter: String,
        /// The value's first name.
        value: String,
    },
    /// Two columns with one heading.
    #[error("two parameters are named {0:?}")]
    SameName(String),
    /// A rule about something that is not there.
    #[error(
        "rule {rule:?} speaks of parameter number {parameter}, value number {value:?}, which the model does not have"
    )]
    Unknown {
        /// The rule's label.
        rule: String,
        /// What it named.
        parameter: usize,
        /// What it named, when the parameter exists.
        value: Option<usize>,
    },
    /// A relation of a parameter with itself, or one that does not list the values of `left`.
    #[error("rule {0:?} relates two parameters, and does not say for each value of the first what the second may be")]
    Relation(String),
    /// An expression that is nested too deeply.
    #[error("rule {rule:?} is nested {levels} levels deep; at most {LEVELS} are read")]
    TooDeep {
        /// The rule's label.
        rule: String,
        /// How deep it is.
        levels: usize,
    },
    /// More than can be worked with.
    #[error("the model has {count} {what}; at most {limit} are read: split it into models that share few parameters")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are read.
        limit: usize,
    },
}

pub(super) fn mistakes(parameters: &[Parameter], rules: &[Rule]) -> Vec<ModelError> {
    let mut mistakes = sizes(parameters, rules);
    if !mistakes.is_empty() {
        return mistakes;
    }
    if parameters.is_empty() {
        mistakes.push(ModelError::NoParameter);
    }
    let mut names = std::collections::BTreeSet::new();
    for parameter in parameters {
        if !names.insert(&parameter.name) {
            mistakes.push(ModelError::SameName(parameter.name.clone()));
        }
        if parameter.values.is_empty() {
            mistakes.push(ModelError::NoValue(parameter.name.clone()));
        }
        for value in &parameter.values {
            match value.names.first() {
                None => mistakes.push(ModelError::NoName(parameter.name.clone())),
                Some(name) if value.weight == 0 => {
                    mistakes.push(ModelError::NoWeight { parameter: parameter.name.clone(), value: name.clone() });
                }
                Some(_) => {}
            }
        }
    }
    for rule in rules {
        let levels = levels(&rule.demand);
        if levels > LEVELS {
            mistakes.push(ModelError::TooDeep { rule: rule.label.clone(), levels });
            continue;
        }
        each_part(&rule.demand, &mut |part| match part {
            Part::Predicate(predicate) => mistakes.extend(unknown(parameters, rule, predicate)),
            Part::Relation { left, right, allowed } => {
                mistakes.extend(relation(parameters, rule, left, right, allowed));
            }
        });
    }
    mistakes
}

fn sizes(parameters: &[Parameter], rules: &[Rule]) -> Vec<ModelError> {
    let values = parameters.iter().map(|parameter| parameter.values.len()).fold(0, usize::saturating_add);
    let mut parts = 0usize;
    for rule in rules {
        parts = parts.saturating_add(1);
        each_part(&rule.demand, &mut |part| {
            parts = parts.saturating_add(match part {
                Part::Predicate(predicate) => predicate.values.len().saturating_add(1),
                Part::Relation { allowed, .. } => {
                    allowed.iter().map(|row| row.len()).fold(1, usize::saturating_add).saturating_add(allowed.len())
                }
            });
        });
    }
    [("parameters", parameters.len(), PARAMETERS), ("values", values, VALUES), ("parts of rules", parts, PARTS)]
        .into_iter()
        .filter(|(_, count, limit)| count > limit)
        .map(|(what, count, limit)| ModelError::TooMany { what, count, limit })
        .collect()
}

enum Part<'a> {
    Predicate(&'a Predicate),
    Relation { left: usize, right: usize, allowed: &'a [Vec<usize>] },
}

/// Visits what a rule rests on, without recursion: its depth is not known to be small yet.
fn each_part<'a>(demand: &'a Demand, visit: &mut dyn FnMut(Part<'a>)) {
    let expression = match demand {
        Demand::Holds(expression) => expression,
        Demand::AtLeast(_, predicates) | Demand::AtMost(_, predicates) => {
            predicates.iter().for_each(|predicate| visit(Part::Predicate(predicate)));
            return;
        }
    };
    let mut left_to_see = vec![expression];
    while let Some(expression) = left_to_see.pop() {
        match expression {
            Expression::Is(predicate) => visit(Part::Predicate(predicate)),
            Expression::Related { left, right, allowed } => {
                visit(Part::Relation { left: *left, right: *right, allowed });
            }
            _ => left_to_see.extend(expression.parts().into_iter().rev()),
        }
    }
}

fn levels(demand: &Demand) -> usize {
    let Demand::Holds(expression) = demand else { return 1 };
    let (mut deepest, mut left_to_see) = (0, vec![(expression, 1)]);
    while let Some((expression, level)) = left_to_see.pop() {
        deepest = deepest.max(level);
        left_to_see.extend(expression.parts().into_iter().map(|part| (part, level + 1)));
    }
    deepest
}

fn unknown(parameters: &[Parameter], rule: &Rule, predicate: &Predicate) -> Option<ModelError> {
    let number = predicate.parameter;
    let Some(parameter) = parameters.get(number) else {
        return Some(ModelError::Unknown { rule: rule.label.clone(), parameter: number, value: None });
    };
    let value = *predicate.values.iter().find(|&&value| value >= parameter.values.len())?;
    Some(ModelError::Unknown { rule: rule.label.clone(), parameter: number, value: Some(value) })
}

fn relation(
    parameters: &[Parameter],
    rule: &Rule,
    left: usize,
    right: usize,
    allowed: &[Vec<usize>],
) -> Option<ModelError> {
    for number in [left, right] {
        if number >= parameters.len() {
            return Some(ModelError::Unknown { rule: rule.label.clone(), parameter: number, value: None });
        }
    }
    if left == right || allowed.len() != parameters[left].values.len() {
        return Some(ModelError::Relation(rule.label.clone()));
    }
    allowed.iter().find_map(|values| unknown(parameters, rule, &Predicate { parameter: right, values: values.clone() }))
}
