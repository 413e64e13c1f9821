//! Fewer rows: take one out, cover again what it alone covered by changing cells of the others, and so on.
//!
//! The repair is a tabu search on single uncovered combinations, as Lin, Luo, Cai, Su, Hao and Zhang describe it for
//! TCA (ASE 2015), with two additions: moves of several cells, and moves that bring other cells in line with the rules.

use crate::coverage::MOST_ROWS;
use crate::draft::Draft;
use crate::error::CoverError;
use crate::logic::{Broken, Oracle};
use crate::random::Random;
use crate::space::{Cell, has};
use crate::suite::{Scratch, Suite};

/// Cells that one move may bring in line with the rules.
const REPAIRS: usize = 4;

/// One move in so many is a leap: a row takes up the combination and what else of itself still fits.
const LEAP_EVERY: usize = 2000;

/// When to stop, in steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// In all.
    pub(crate) all: u64,
    /// Since a row was last done without.
    pub(crate) fruitless: u64,
}

/// Work on one set of rows.
pub(crate) struct Compaction<'s, 'a> {
    suite: &'s mut Suite<'a>,
    random: Random,
    /// For each row and parameter the step from which it may be changed again.
    quiet_until: Vec<Vec<u64>>,
    step: u64,
    /// Words looked at so far, about.
    work: u64,
    cost: u64,
    change_cost: u64,
    // What moves are made in, so that nothing is allocated for each.
    scratch: Scratch,
    best: Vec<Cell>,
    trial_row: Vec<Cell>,
    trial_counts: Vec<u16>,
}

impl<'s, 'a> Compaction<'s, 'a> {
    pub(crate) fn new(suite: &'s mut Suite<'a>, stream: u64) -> Self {
        let width = suite.ground.space.width();
        let cost = suite.coverage.cost(suite.ground.space.words()) + suite.ground.rules.cost();
        let change_cost = suite.coverage.change_cost(width);
        let quiet_until = vec![vec![0; width]; suite.len()];
        Self {
            suite,
            random: Random::stream(stream),
            quiet_until,
            step: 0,
            work: 0,
            cost,
            change_cost,
            scratch: Scratch::default(),
            best: Vec::new(),
            trial_row: Vec::new(),
            trial_counts: Vec::new(),
        }
    }

    /// Compacts a complete suite until it has no more rows than `bound`, or the budget is spent. It stays complete.
    pub(crate) fn run(&mut self, oracle: &mut Oracle, bound: usize, budget: Budget) {
        debug_assert!(self.suite.coverage.uncovered() == 0 && self.suite.len() <= MOST_ROWS);
        let (mut complete, mut since) = (self.suite.rows().to_vec(), 0);
        while self.done() < budget.all && self.done() - since < budget.fruitless {
            if self.suite.coverage.uncovered() > 0 {
                if self.step(oracle).is_err() {
                    // The solver's patience is at an end, and there is a complete plan.
                    break;
                }
                continue;
            }
            if self.suite.len() < complete.len() {
                complete = self.suite.rows().to_vec();
                since = self.done();
            }
            let Some(least) = self.suite.least().filter(|_| self.suite.len() > bound) else { break };
            self.suite.take_out(least);
            self.quiet_until.swap_remove(least);
            self.work += self.cost * self.suite.len() as u64;
        }
        if self.suite.coverage.uncovered() > 0 {
            self.suite.become_rows(&complete);
        }
    }

    fn done(&self) -> u64 {
        self.work + self.scratch.looked
    }

    fn step(&mut self, oracle: &mut Oracle) -> Result<(), CoverError> {
        self.step += 1;
        self.work += 100;
        let Some(wanted) = self.suite.coverage.pick(&mut self.random) else { return Ok(()) };
        if self.random.below(LEAP_EVERY) == 0 {
            return self.leap(oracle, &wanted);
        }
        for missing in 1..=wanted.len() {
            // The fewest changed cells, whatever they lose: measured to be far better than more cells that lose less.
            if let Some(at) = self.best_move(&wanted, missing) {
                self.make(at);
                return Ok(());
            }
        }
        self.leap(oracle, &wanted)
    }

    /// The best way to bring the combination into a row that lacks so many of its cells; what changes is in `best`.
    fn best_move(&mut self, wanted: &[Cell], missing: usize) -> Option<usize> {
        let mut best: Option<(i64, u64, usize)> = None;
        let hopeful = self.suite.coverage.uncovered() as i64;
        let mut cells: Vec<Cell> = Vec::with_capacity(wanted.len() + REPAIRS);
        self.work += 4 * self.suite.len() as u64;
        let first = self.random.below(self.suite.len());
        for at in (first..self.suite.len()).chain(0..first) {
            cells.clear();
            cells.extend(wanted.iter().filter(|&&cell| !has(self.suite.bits(at), cell)));
            if cells.len() != missing || self.is_held(at, &cells) {
                continue;
            }
            let quiet = self.is_quiet(at, &cells);
            if !self.in_line(at, &mut cells) {
                continue;
            }
            self.work += self.cost * cells.len() as u64;
            let floor = best.map_or(i64::MIN / 4, |(most, ..)| most).max(if quiet { hopeful } else { i64::MIN / 4 });
            let delta = self.suite.delta(at, &cells, floor, &mut self.scratch);
            if delta < floor {
                continue;
            }
            let candidate = (delta, self.random.next(), at);
            if best.is_none_or(|(most, tie, _)| (delta, candidate.1) > (most, tie)) {
                best = Some(candidate);
                self.best.clone_from(&cells);
            }
        }
        best.map(|(.., at)| at)
    }

    fn is_held(&self, at: usize, cells: &[Cell]) -> bool {
        self.suite.stays(at) && cells.iter().any(|&cell| self.suite.holds(at, self.suite.ground.space.owner(cell)))
    }

    fn is_quiet(&self, at: usize, cells: &[Cell]) -> bool {
        cells.iter().any(|&cell| self.quiet_until[at][self.suite.ground.space.owner(cell)] > self.step)
    }

    /// Adds cells that have to change too, so that the row is valid; false when no few of them do.
    fn in_line(&mut self, at: usize, cells: &mut Vec<Cell>) -> bool {
        let ground = self.suite.ground;
        if let &[cell] = &cells[..]
            && ground.rules.allows(self.suite.row(at), self.suite.counts(at), ground.space.owner(cell), cell)
        {
            return true;
        }
        self.work += 40 + ground.space.width() as u64 / 2 + self.suite.counts(at).len() as u64;
        self.trial_row.clear();
        self.trial_row.extend(self.suite.row(at));
        self.trial_counts.clear();
        self.trial_counts.extend(self.suite.counts(at));
        cells.iter().for_each(|&cell| self.try_cell(cell));
        let most = cells.len() + REPAIRS;
        loop {
            let touched: Vec<usize> = cells.iter().map(|&cell| ground.space.owner(cell)).collect();
            match ground.rules.broken(&self.trial_row, &self.trial_counts, &touched) {
                Broken::Nothing => return true,
                Broken::Wants(helpers) if cells.len() < most => {
                    let Some(helper) = self.helper(at, cells, &touched, helpers) else { return false };
                    cells.push(helper);
                    self.try_cell(helper);
                }
                _ => return false,
            }
        }
    }

    fn try_cell(&mut self, cell: Cell) {
        let parameter = self.suite.ground.space.owner(cell);
        self.suite.ground.rules.change(&mut self.trial_counts, parameter, self.trial_row[parameter], cell);
        self.trial_row[parameter] = cell;
    }

    /// Of the cells that would help, the one that breaks least, then loses least.
    fn helper(&mut self, at: usize, cells: &mut Vec<Cell>, touched: &[usize], helpers: &[Cell]) -> Option<Cell> {
        let ground = self.suite.ground;
        let mut best: Option<(u32, i64, Cell)> = None;
        for &cell in helpers {
            let parameter = ground.space.owner(cell);
            self.work += 10;
            if touched.contains(&parameter)
                || helpers.binary_search(&self.trial_row[parameter]).is_ok()
                || self.suite.holds(at, parameter)
                || self.quiet_until[at][parameter] > self.step
                || !touched.iter().all(|&touched| has(ground.together_with(cell), self.trial_row[touched]))
            {
                continue;
            }
            let harm = ground.rules.harm(&self.trial_row, &self.trial_counts, parameter, cell);
            if best.is_some_and(|(least, ..)| harm > least) {
                continue;
            }
            cells.push(cell);
            self.work += self.cost * cells.len() as u64;
            let floor = best.filter(|&(least, ..)| harm == least).map_or(i64::MIN / 4, |(_, loss, _)| -loss);
            let loss = -self.suite.delta(at, cells, floor, &mut self.scratch);
            cells.pop();
            if best.is_none_or(|(least, most, _)| (harm, loss) < (least, most)) {
                best = Some((harm, loss, cell));
            }
        }
        best.map(|(.., cell)| cell)
    }

    fn make(&mut self, at: usize) {
        for number in 0..self.best.len() {
            let cell = self.best[number];
            let parameter = self.suite.ground.space.owner(cell);
            self.suite.set(at, parameter, cell);
            self.quiet_until[at][parameter] = self.step + 2 + self.random.below(6) as u64;
            self.work += self.change_cost;
        }
    }

    /// A row at random takes up the combination and keeps what it can of the rest.
    fn leap(&mut self, oracle: &mut Oracle, wanted: &[Cell]) -> Result<(), CoverError> {
        let ground = self.suite.ground;
        let at = self.random.below(self.suite.len());
        if self.suite.stays(at) {
            return Ok(());
        }
        let mut draft = Draft::new(ground, self.suite.row(at));
        for &cell in wanted {
            draft.fix(ground, oracle, &mut self.random, cell)?;
        }
        let mut order: Vec<usize> = (0..ground.space.width()).collect();
        self.random.shuffle(&mut order);
        for parameter in order {
            let cell = self.suite.row(at)[parameter];
            if !draft.is_fixed(parameter) && draft.row()[parameter] == cell {
                draft.fix(ground, oracle, &mut self.random, cell)?;
            }
        }
        let row = draft.row().to_vec();
        for (parameter, cell) in row.into_iter().enumerate() {
            if self.suite.row(at)[parameter] != cell {
                self.suite.set(at, parameter, cell);
                self.quiet_until[at][parameter] = self.step + 2;
            }
        }
        self.work += self.change_cost * ground.space.width() as u64;
        Ok(())
    }
}
