//! What is too large to be read, in numbers and with what to do about it.

use super::PictError;
use crate::coverage::MOST_ROWS;

/// Values of all parameters, after references are followed.
pub(super) const MOST_VALUES: usize = 12_288;
/// Bytes of a name or of a pattern.
const MOST_NAME: usize = 1000;
/// Sub-models: each is looked at for every combination.
const MOST_SUB_MODELS: usize = 256;
/// Constraints: each is a rule that may be to blame for a combination. Real models have tens of thousands.
const MOST_CONSTRAINTS: usize = 50_000;
/// Words of one constraint.
pub(super) const MOST_WORDS: usize = 200_000;
/// Values that all constraints list together, as they are understood.
const MOST_LISTED: u64 = 1_500_000;
/// Cells of all rows of a file.
const MOST_CELLS: usize = 4_000_000;
/// Comparisons of values with values, or of signs with signs of patterns, for all constraints together.
const MOST_COMPARISONS: u64 = 400_000_000;

/// A limit that ends the reading.
pub(super) fn too_large(
    line: usize,
    count: impl std::fmt::Display,
    what: &str,
    limit: u64,
    instead: &str,
) -> PictError {
    PictError::at(line, format!("{count} {what}; at most {limit} are read: {instead}"))
}

const SPLIT: &str = "split the model into models that share few parameters";

pub(super) fn check_values(line: usize, count: usize) -> Result<(), PictError> {
    let too_many = count > MOST_VALUES;
    let wrong = || too_large(line, count, "values up to here", MOST_VALUES as u64, SPLIT);
    if too_many { Err(wrong()) } else { Ok(()) }
}

pub(super) fn check_sub_models(line: usize, count: usize) -> Result<(), PictError> {
    let wrong = || too_large(line, count, "sub-models up to here", MOST_SUB_MODELS as u64, "leave out some");
    if count > MOST_SUB_MODELS { Err(wrong()) } else { Ok(()) }
}

pub(super) fn check_constraints(line: usize, count: usize) -> Result<(), PictError> {
    let wrong = || too_large(line, count, "constraints up to here", MOST_CONSTRAINTS as u64, "join some by AND");
    if count > MOST_CONSTRAINTS { Err(wrong()) } else { Ok(()) }
}

/// Whether so many rows can be planned with, each with a cell for every parameter.
pub(super) fn check_rows(line: usize, rows: usize, parameters: usize) -> Result<(), PictError> {
    if rows > MOST_ROWS {
        return Err(too_large(line, rows, "rows up to here", MOST_ROWS as u64, "leave out some"));
    }
    let cells = rows.saturating_mul(parameters);
    let wrong = || too_large(line, cells, "cells of rows up to here", MOST_CELLS as u64, "leave out some rows");
    if cells > MOST_CELLS { Err(wrong()) } else { Ok(()) }
}

/// Whether a name can be shown in rows, which are separated by tabs, and is of a size that can be compared.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.len() > MOST_NAME {
        let start = short(name);
        return Err(format!("the name {start} has {} bytes; at most {MOST_NAME} are read: shorten it", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name {} holds a tab or another control sign, which no row can show", short(name)));
    }
    Ok(())
}

/// A text in quotes, cut where it is long.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// What constraints may still cost.
#[derive(Debug, Default)]
pub(super) struct Cost {
    listed: u64,
    comparisons: u64,
}

impl Cost {
    /// Takes the cost of one term into account, before it is paid.
    pub(super) fn spend(&mut self, line: usize, listed: usize, comparisons: u64) -> Result<(), PictError> {
        self.listed = self.listed.saturating_add(listed as u64);
        self.comparisons = self.comparisons.saturating_add(comparisons);
        let instead = "write shorter constraints, or give parameters fewer values";
        if self.listed > MOST_LISTED {
            return Err(too_large(line, self.listed, "values in constraints up to here", MOST_LISTED, instead));
        }
        if self.comparisons > MOST_COMPARISONS {
            let what = "comparisons for constraints up to here";
            return Err(too_large(line, self.comparisons, what, MOST_COMPARISONS, instead));
        }
        Ok(())
    }
}
