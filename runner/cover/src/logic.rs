//! Which rows are valid: rules brought to a form that is cheap to check one changed cell at a time, with a SAT solver
//! behind it for what that check cannot tell.

mod compile;
mod explain;
mod form;
mod oracle;
mod table;

pub(crate) use compile::{Constraint, Part, Source, constraints, negative};
pub(crate) use explain::Explainer;
pub(crate) use oracle::{Answer, Oracle};
pub(crate) use table::{Broken, Rules};
