//! Checks plans: is every row valid, does every feasible combination stand in one, do the seeds come first.
//!
//! ```text
//! model text ─► reader ─► Model ─┐
//! rows text ──► rows ────────────┼► check ─► Findings
//!               search: can it stand in a row at all? (backtracking over the rules as written)
//! ```
//!
//! It shares no code with the planner, down to how a model is read: a mistake would have to be made twice. It is slow
//! where the planner is fast, and simple where the planner is clever. [`models`] writes models to plan and to check.
//!
//! [`check_matrix`] reads a matrix with its recipes and images in the same way, and its rows with their orders of installation.
//!
//! The meaning of a model is that of PICT's documentation (`doc/pict.md` in github.com/microsoft/pict), with what it
//! leaves open as `docs/pict.md` settles it.

mod check;
mod coverage;
mod demand;
mod extension;
mod matrix;
mod model;
pub mod models;
mod reader;
mod rows;
mod search;

pub use check::{CheckError, Findings, Invalid, check};
pub use extension::{Cost, cost_of_new_value};
pub use matrix::{MatrixError, MatrixFindings, Orders, check_matrix};
pub use model::{Formula, Model, Parameter, Rule, SubModel, Value};
pub use reader::ReadError;
pub use search::TooHard;
