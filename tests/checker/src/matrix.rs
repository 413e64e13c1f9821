//! The rows that were saved for a matrix: what the matrix says, read anew, beside what its rows hold.
//!
//! A matrix becomes a [`Model`] like any other: the image, each setting and each agent is a parameter, and an agent that is
//! not installed has the value [`ABSENT`]. Orders of installation are looked at beside it, since no parameter holds them.
//! Read is what bears on rows: agents as a choice, with `coverage`. What a matrix says beyond that, such as how a setting is
//! applied, is passed over; a key that is not known is an error.

mod build;
mod order;
mod saved;
mod sentence;
mod written;

use std::fmt;
use std::path::Path;

use crate::check::{CheckError, Findings, check};
use crate::search::Search;
pub use order::Orders;
pub use written::MatrixError;

/// What an agent that is not installed has for a version.
pub(crate) const ABSENT: &str = "-";

/// What is right and wrong with the rows of a matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixFindings {
    /// The rows beside their model.
    pub rows: Findings,
    /// The orders of installation.
    pub orders: Orders,
    /// Rows of `include`, from 1, that are not there.
    pub lost_includes: Vec<usize>,
}

impl MatrixFindings {
    /// Whether there is nothing wrong.
    pub fn all_good(&self) -> bool {
        self.rows.all_good() && self.orders.all_good() && self.lost_includes.is_empty()
    }
}

impl fmt::Display for MatrixFindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.rows, self.orders)?;
        self.lost_includes.iter().try_for_each(|number| write!(f, "\n  row {number} of include is not there"))
    }
}

/// Checks the text of a rows file beside its matrix, with the recipes and images that the matrix names.
///
/// `strength` stands for the matrix's own where it is given.
///
/// # Errors
/// A file that is missing or says something that is not known; rows that are not rows of this matrix; see [`CheckError`].
pub fn check_matrix(matrix: &Path, rows: &str, strength: Option<usize>) -> Result<MatrixFindings, MatrixError> {
    let built = build::build(matrix)?;
    let saved = saved::read(&built, rows)?;
    let findings = check(&built.model, strength.unwrap_or(built.strength), &saved.as_table(&built), None)?;
    let mut search = Search::new(&built.model);
    let orders = order::orders(&built, &saved, &mut search).map_err(CheckError::from)?;
    let lost =
        built.include.iter().enumerate().filter(|(_, wanted)| !saved.rows.iter().any(|row| row.cells == **wanted));
    let lost_includes = lost.map(|(number, _)| number + 1).collect();
    Ok(MatrixFindings { rows: findings, orders, lost_includes })
}
