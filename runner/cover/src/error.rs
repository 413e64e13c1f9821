//! Why there is no plan.

use crate::coverage::MOST_ROWS;

/// What stops a plan before it has a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverError {
    /// No row at all is valid. Leaving out any one of these rules would change that.
    #[error("no row keeps all rules: {} contradict each other: {}", count(rules.len()), rules.join("; "))]
    Contradiction {
        /// Labels of the rules, in the model's order.
        rules: Vec<String>,
    },
    /// More combinations than can be held.
    #[error(
        "strength {strength} asks for {combinations} combinations, which take {bytes} bytes of memory; at most \
         {MOST_BYTES} are used: ask for a lower strength, or for this strength among fewer parameters"
    )]
    TooLarge {
        /// The strength that was asked for.
        strength: usize,
        /// How many combinations there are before rules are looked at.
        combinations: u64,
        /// What they would take.
        bytes: u64,
    },
    /// Strengths outside what is planned.
    #[error("strength {0} is not planned: 1 to {MOST_STRENGTH} are")]
    Strength(usize),
    /// A group of parameters that the model does not have, or that is smaller than its own strength.
    #[error("group {group} of parameters {why}")]
    Group {
        /// Its place in the list, from 1.
        group: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A seed that is not a row of this model.
    #[error("seed row {} does not fit the model: it needs a known value, or none, for each parameter", number + 1)]
    Seed {
        /// Its place in the request, from 0.
        number: usize,
    },
    /// A row counted or masked, or a parameter to fill alike, that is not of this model.
    #[error("{what} {} does not fit the model", number + 1)]
    Unfit {
        /// What is meant by the number.
        what: &'static str,
        /// Its place in the request, from 0.
        number: usize,
    },
    /// More masked rows than can be kept out.
    #[error("{rows} rows are masked; at most {most} can be kept out of a plan for a model of this size")]
    TooManyMasked {
        /// How many there are.
        rows: usize,
        /// How many there may be.
        most: usize,
    },
    /// A value that the model does not have.
    #[error("the model has no parameter number {parameter}, counted from 0, with a value number {value}")]
    UnknownValue {
        /// The parameter's number.
        parameter: usize,
        /// The value's number.
        value: usize,
    },
    /// The rules are so entangled that a solver was stopped after a fixed number of steps.
    #[error("the rules are too entangled to tell which combinations they allow: the solver was stopped")]
    TooHard,
    /// More rows than are planned.
    #[error(
        "the plan takes {least} rows or more; at most {MOST_ROWS} are planned: ask for a lower strength, or for this one \
         among fewer parameters"
    )]
    TooManyRows {
        /// How many rows it has, at least.
        least: usize,
    },
}

/// Memory that one plan may take for its combinations.
pub(crate) const MOST_BYTES: u64 = 768 << 20;

/// Combinations of more parameters are not planned.
pub(crate) const MOST_STRENGTH: usize = 6;

fn count(rules: usize) -> String {
    if rules == 1 { "1 rule".to_string() } else { format!("{rules} rules") }
}
