//! From a model to rows.

use crate::bound::lower_bound;
use crate::coverage::{Coverage, MOST_ROWS};
use crate::error::CoverError;
use crate::greedy::Greedy;
use crate::model::Model;
use crate::space::Space;
use crate::strength::Strength;
use crate::suite::{Held, Suite};

/// How much work goes into few rows. Counted in steps, never in seconds: the same plan on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// A first complete plan, and little more.
    Quick,
    /// About a second on the models of a lab.
    Normal,
    /// About five times that.
    Long,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which combinations are covered.
    pub strength: Strength,
    /// How hard to look for few rows.
    pub effort: Effort,
    /// Rows that come first, unchanged. A cell without a value is chosen by the plan.
    pub seeds: Vec<Vec<Option<usize>>>,
}

impl Request {
    /// All combinations of so many parameters, with the usual effort and no seeds.
    pub fn strength(base: usize) -> Self {
        Self { strength: Strength::uniform(base), effort: Effort::Normal, seeds: Vec::new() }
    }
}

/// Rows that are valid and cover every feasible combination that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Value numbers by parameter. The seeds that were kept come first, in their order.
    pub rows: Vec<Vec<usize>>,
    /// How many rows come from seeds.
    pub seeds: usize,
    /// Seeds that could not be kept.
    pub dropped: Vec<DroppedSeed>,
    /// Feasible combinations that were asked for, all of which are covered.
    pub combinations: u64,
    /// Rows that no plan can do without, seeds apart.
    pub lower_bound: usize,
    /// Values that no valid row can hold: parameter and value.
    pub impossible: Vec<(usize, usize)>,
}

/// A seed that breaks rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSeed {
    /// Its place in the request, from 0.
    pub number: usize,
    /// Labels of the fewest rules found that forbid it.
    pub rules: Vec<String>,
}

/// How the rule about values out of range is told.
pub(crate) const RANGE_LABEL: &str = "at most one value out of range stands in a row";

/// Rows for a model.
///
/// Deterministic: the same model and request give the same rows, on every machine.
///
/// # Errors
/// When no row is valid, or the request is larger than what can be planned. See [`CoverError`].
pub fn plan(model: &Model, request: &Request) -> Result<Plan, CoverError> {
    let strength = request.strength.check(model)?;
    let space = Space::new(model.parameters());
    crate::coverage::check_size(&space, &strength)?;
    let mut parts = crate::parts::of(model)?;
    let mut seeds = crate::seeds::sort(model, &mut parts, &request.seeds)?;
    let mut plan = Plan {
        rows: Vec::new(),
        seeds: 0,
        dropped: std::mem::take(&mut seeds.dropped),
        combinations: 0,
        lower_bound: 0,
        impossible: crate::parts::impossible(&parts),
    };
    let mut rows_of_seeds = std::collections::BTreeMap::new();
    for (number, (ground, mut oracle)) in parts.into_iter().enumerate() {
        let coverage = Coverage::new(&ground, &mut oracle, &strength)?;
        plan.combinations += coverage.wanted();
        let bound = lower_bound(&ground, &coverage);
        plan.lower_bound += bound;
        if bound > MOST_ROWS {
            return Err(CoverError::TooManyRows(MOST_ROWS));
        }
        let mut suite = Suite::new(&ground, coverage);
        let mut greedy = Greedy::new(&ground, 10 + number as u64);
        let mine: Vec<_> = seeds.of_part(number).collect();
        for seed in &mine {
            let row = greedy.complete(&mut suite, &mut oracle, &seed.valid, &seed.cells)?;
            suite.push(row, Held::Parameters(seed.held.clone()));
        }
        crate::effort::spend(request.effort, &strength, &mut suite, &mut greedy, &mut oracle, bound)?;
        crate::fill::by_weight(model, &mut suite);
        let mut rows = suite.rows().iter().map(|row| space.values_of(row));
        for (seed, row) in mine.iter().zip(&mut rows) {
            rows_of_seeds.insert(seed.number, row);
        }
        plan.rows.extend(rows);
    }
    plan.seeds = rows_of_seeds.len();
    plan.rows.splice(0..0, rows_of_seeds.into_values());
    Ok(plan)
}
