//! Row after row, each the best of some drafts: quick, valid and complete from the first row on.

use crate::coverage::MOST_ROWS;
use crate::draft::Draft;
use crate::error::CoverError;
use crate::ground::{Ground, bits_of};
use crate::logic::Oracle;
use crate::random::Random;
use crate::space::Cell;
use crate::suite::{Held, Suite};

/// Steps of about a nanosecond after which rows of four parameters and more are chosen at random around what is wanted:
/// there are more rows then, and there is an end.
const PATIENCE: u64 = 60_000_000_000;

/// Makes rows. Keeps the last one: a valid row to start the next draft from.
pub(crate) struct Greedy<'a> {
    ground: &'a Ground,
    random: Random,
    last: Vec<Cell>,
    looked: u64,
}

impl<'a> Greedy<'a> {
    pub(crate) fn new(ground: &'a Ground, stream: u64) -> Self {
        Self { ground, random: Random::stream(stream), last: ground.sample.clone(), looked: 0 }
    }

    /// Adds rows until everything is covered, each the best of so many drafts.
    pub(crate) fn finish(
        &mut self,
        suite: &mut Suite<'_>,
        oracle: &mut Oracle,
        drafts: usize,
    ) -> Result<(), CoverError> {
        while suite.coverage.uncovered() > 0 {
            if suite.len() == MOST_ROWS {
                return Err(CoverError::TooManyRows { least: MOST_ROWS + 1 });
            }
            let row = self.row(suite, oracle, drafts)?;
            suite.push(row, Held::Nothing);
        }
        Ok(())
    }

    /// A valid row that covers at least one uncovered combination: the best of so many drafts.
    pub(crate) fn row(
        &mut self,
        suite: &mut Suite<'_>,
        oracle: &mut Oracle,
        drafts: usize,
    ) -> Result<Vec<Cell>, CoverError> {
        let (mut best, mut most) = (self.last.clone(), 0);
        for _ in 0..drafts.max(1) {
            let Some(wanted) = suite.coverage.pick(&mut self.random) else { break };
            let row = self.draft(suite, oracle, &wanted, None)?;
            let bits = bits_of(&row, self.ground.space.words());
            let fresh = suite.coverage.fresh_row(&row, &bits);
            if fresh > most {
                (best, most) = (row, fresh);
            }
        }
        self.last.clone_from(&best);
        Ok(best)
    }

    /// Fills the open cells of a row of which some are decided.
    pub(crate) fn complete(
        &mut self,
        suite: &mut Suite<'_>,
        oracle: &mut Oracle,
        valid: &[Cell],
        decided: &[Cell],
    ) -> Result<Vec<Cell>, CoverError> {
        self.draft(suite, oracle, decided, Some(valid))
    }

    fn draft(
        &mut self,
        suite: &Suite<'_>,
        oracle: &mut Oracle,
        wanted: &[Cell],
        valid: Option<&[Cell]>,
    ) -> Result<Vec<Cell>, CoverError> {
        let ground = self.ground;
        let held = valid.is_some();
        let mut draft = Draft::new(ground, valid.unwrap_or(&self.last));
        for &cell in wanted {
            draft.fix(ground, oracle, &mut self.random, cell)?;
        }
        let mut order: Vec<usize> = (0..ground.space.width()).filter(|&parameter| !draft.is_fixed(parameter)).collect();
        self.random.shuffle(&mut order);
        let mut choices: Vec<(u64, u64, u64, Cell)> = Vec::new();
        for parameter in order {
            choices.clear();
            let beyond = self.beyond(suite, parameter, draft.cells());
            for (cell, beyond) in ground.space.values(parameter).zip(beyond) {
                if !draft.may(ground, cell) {
                    continue;
                }
                let fresh = beyond + suite.coverage.fresh(cell, draft.set(), draft.cells());
                choices.push((fresh, suite.coverage.promise(cell), self.random.next(), cell));
            }
            while let Some(at) = (0..choices.len()).max_by_key(|&at| choices[at]) {
                let (.., cell) = choices.swap_remove(at);
                if draft.fix(ground, oracle, &mut self.random, cell)? {
                    break;
                }
            }
        }
        if !held && self.looked < PATIENCE {
            self.polish(suite, &mut draft, wanted);
        }
        Ok(draft.row().to_vec())
    }

    /// What values add where combinations are larger than triples; nothing is told when patience is at an end.
    fn beyond(&mut self, suite: &Suite<'_>, parameter: usize, chosen: &[Cell]) -> Vec<u64> {
        let values = self.ground.space.count(parameter);
        if self.looked >= PATIENCE {
            return vec![0; values];
        }
        suite.coverage.fresh_beyond(parameter, values, chosen, &mut self.looked)
    }

    /// Exchanges single cells as long as that covers more.
    fn polish(&mut self, suite: &Suite<'_>, draft: &mut Draft, wanted: &[Cell]) {
        let ground = self.ground;
        let mut since = 0;
        let width = ground.space.width();
        let mut parameter = self.random.below(width);
        while since < width {
            parameter = (parameter + 1) % width;
            since += 1;
            let now = draft.row()[parameter];
            if wanted.contains(&now) || ground.space.count(parameter) < 2 {
                continue;
            }
            let beyond = self.beyond(suite, parameter, draft.row());
            let mut most = beyond[ground.space.value(now)] + suite.coverage.fresh(now, draft.set(), draft.row());
            let mut best = now;
            for (cell, beyond) in ground.space.values(parameter).zip(beyond) {
                if cell == now || beyond + suite.coverage.promise(cell) <= most || !ground.is_alive(cell) {
                    continue;
                }
                let fresh = beyond + suite.coverage.fresh(cell, draft.set(), draft.row());
                if fresh > most && draft.allows(ground, parameter, cell) {
                    (most, best) = (fresh, cell);
                }
            }
            if best != now {
                draft.exchange(ground, parameter, best);
                since = 0;
            }
        }
    }
}
