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

/// What becomes of cells that no combination needs. Weights come first: only values of equal weight are chosen among.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fill {
    /// They hold as many combinations as can be of one parameter more than the strength, at strengths 1 and 2.
    #[default]
    HigherCoverage,
    /// Rows share their values of these parameters where that uncovers nothing: what costs a restart changes less often.
    /// Cells of other parameters are filled as usual.
    Alike(Vec<usize>),
}

/// What is asked for. [`Request::strength`] is the usual request; name what differs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which combinations are covered.
    pub strength: Strength,
    /// How hard to look for few rows.
    pub effort: Effort,
    /// Rows that come first, unchanged. A cell without a value is chosen by the plan.
    pub seeds: Vec<Vec<Option<usize>>>,
    /// What becomes of cells that no combination needs.
    pub fill: Fill,
    /// Rows that were tested already: the plan covers only what they do not. Those that break rules cover nothing.
    pub counted: Vec<Vec<usize>>,
    /// Rows that do not come again and cover nothing, like rules of their own: their combinations are planned elsewhere.
    pub masked: Vec<Vec<usize>>,
}

impl Request {
    /// All combinations of so many parameters, with the usual effort, from nothing.
    pub fn strength(base: usize) -> Self {
        Self {
            strength: Strength::uniform(base),
            effort: Effort::Normal,
            seeds: Vec::new(),
            fill: Fill::default(),
            counted: Vec::new(),
            masked: Vec::new(),
        }
    }
}

/// Rows that are valid and cover every feasible combination that was asked for, with the rows counted already.
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
    /// How many of them the rows counted already cover.
    pub counted: u64,
    /// Rows that no plan can do without, seeds apart.
    pub lower_bound: usize,
    /// Rows beyond the seeds that no plan with these seeds can do without.
    ///
    /// After one added value it is at least the values of any other parameter that it has to meet, and the values of
    /// several that exclude each other.
    pub least_new: usize,
    /// Values that no valid row can hold: parameter and value.
    pub impossible: Vec<(usize, usize)>,
    /// Combinations that only masked rows could hold, each as parameters and values: the plan does not cover them.
    pub only_masked: Vec<Vec<(usize, usize)>>,
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
    crate::tested::check(model, request)?;
    let masking = crate::tested::without(model, &request.masked)?;
    let asked = masking.as_ref().unwrap_or(model);
    let mut parts = crate::parts::of(asked)?;
    let mut seeds = crate::seeds::sort(asked, &mut parts, &request.seeds)?;
    let mut plan = Plan {
        rows: Vec::new(),
        seeds: 0,
        dropped: std::mem::take(&mut seeds.dropped),
        combinations: 0,
        counted: 0,
        lower_bound: 0,
        least_new: 0,
        impossible: crate::parts::impossible(&parts),
        only_masked: Vec::new(),
    };
    let lost =
        |part, coverage: Option<&Coverage>| crate::tested::lost(model, part, &strength, coverage, &request.masked);
    for &kind in crate::parts::kinds(model).iter().filter(|&&kind| parts.iter().all(|(ground, _)| ground.part != kind))
    {
        plan.only_masked.extend(lost(kind, None));
    }
    let mut rows_of_seeds = std::collections::BTreeMap::new();
    for (number, (ground, mut oracle)) in parts.into_iter().enumerate() {
        let mut coverage = Coverage::new(&ground, &mut oracle, &strength)?;
        plan.combinations += coverage.wanted();
        plan.only_masked.extend(lost(ground.part, Some(&coverage)));
        crate::tested::count(&ground, &mut coverage, &request.counted);
        plan.counted += coverage.wanted() - coverage.uncovered();
        let bound = lower_bound(&ground, &coverage);
        plan.lower_bound += bound;
        if bound > MOST_ROWS {
            return Err(CoverError::TooManyRows { least: bound });
        }
        let mut suite = Suite::new(&ground, coverage);
        let mut greedy = Greedy::new(&ground, 10 + number as u64);
        let mine: Vec<_> = seeds.of_part(number).collect();
        for seed in &mine {
            let row = greedy.complete(&mut suite, &mut oracle, &seed.valid, &seed.cells)?;
            suite.push(row, Held::Parameters(seed.held.clone()));
        }
        // Cells of seeds that are open may cover what is left: only whole seeds say how much more is needed.
        let whole = mine.iter().all(|seed| seed.held.iter().all(|held| *held));
        let least_new = match mine.len() {
            0 => bound,
            _ if whole => lower_bound(&ground, &suite.coverage),
            seeds => bound.saturating_sub(seeds),
        };
        plan.least_new += least_new;
        let bound = bound.max(mine.len() + least_new);
        crate::effort::spend(request.effort, &strength, &mut suite, &mut greedy, &mut oracle, bound)?;
        crate::fill::fill(model, &request.fill, &strength, &mut suite);
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
