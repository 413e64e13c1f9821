//! Few rows that hold every feasible combination of a model's values: covering arrays under constraints.
//!
//! ```text
//! Model ─► ground: which cells stand together ─► coverage: what is wanted ─► greedy: a first plan ─► compact ─► fill
//!          (rules as counters, a SAT solver behind them)
//! ```
//!
//! A value of a parameter is a *cell*, numbered through the whole model; a row has one cell for each parameter, and a set
//! of cells is a few words of bits. [`plan`] chooses rows; [`pict::parse`] reads models that people have.
//!
//! Nothing here reads a clock, a file or an address: the same model and request give the same rows on every machine, and
//! effort is counted in steps.

mod asked;
mod bound;
mod compact;
mod coverage;
mod draft;
mod effort;
mod error;
mod fill;
mod greedy;
mod ground;
mod logic;
mod measure;
mod model;
mod order;
mod orthogonal;
mod parts;
pub mod pict;
mod plan;
mod random;
mod reasons;
mod seeds;
mod sequence;
mod space;
mod strength;
mod suite;
mod tested;

pub use asked::combinations;
pub use error::CoverError;
pub use measure::{InvalidRow, Measure, explain, measure};
pub use model::{Demand, Expression, Model, ModelError, Parameter, Predicate, Rule, Value};
pub use order::{most_first, most_first_after};
pub use plan::{DroppedSeed, Effort, Fill, Plan, Request, plan};
pub use reasons::explain_each;
pub use sequence::{
    Arranged, EventRow, OrderedPlan, SequenceError, SequenceMeasure, Sequencing, arrange, measure_sequences,
    plan_in_order, repeats,
};
pub use strength::{Group, Strength};
