//! The last word on whether some cells can stand in one row: a SAT solver with one variable for each cell.

use batsat::{Callbacks, Lit, Solver, SolverInterface, SolverOpts, lbool};

use super::compile::Constraint;
use super::form::Form;
use crate::space::{Cell, Space};

/// Polls of the solver for one question. Real models need a few hundred; a contrived one shall not run for ever.
const PATIENCE: u64 = 3_000_000;

/// Polls for all questions about one model: no plan waits for ever on many hard ones.
const PATIENCE_IN_ALL: u64 = 1_000_000_000;

/// Values beyond which "not two of them" is written with helper variables.
const PAIRWISE: usize = 8;

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A valid row with all the cells that were asked for.
    Row(Vec<Cell>),
    /// No valid row has them all.
    Impossible,
    /// The solver was stopped.
    TooHard,
}

/// Stops the solver after a number of polls, which is the same on every machine.
#[derive(Debug, Default)]
struct Patience {
    polls: std::cell::Cell<u64>,
    in_all: std::cell::Cell<u64>,
}

impl Callbacks for Patience {
    fn stop(&self) -> bool {
        self.polls.set(self.polls.get() + 1);
        self.in_all.set(self.in_all.get() + 1);
        self.polls.get() > PATIENCE || self.in_all.get() > PATIENCE_IN_ALL
    }
}

pub(crate) struct Oracle {
    solver: Solver<Patience>,
    width: usize,
    owners: Vec<u32>,
    cells: Vec<Lit>,
    /// One literal for each kind of source, when rules are to be told apart.
    switches: Vec<Lit>,
}

impl Oracle {
    /// A solver that takes every constraint for granted.
    pub(crate) fn new<'a>(constraints: impl IntoIterator<Item = &'a Constraint>, space: &Space) -> Self {
        let mut oracle = Self::bare(space);
        for constraint in constraints {
            oracle.constrain(constraint, None);
        }
        oracle
    }

    /// A solver in which each constraint works only while its switch is on; switches are numbered from 0.
    pub(crate) fn switched<'a>(
        constraints: impl IntoIterator<Item = (usize, &'a Constraint)>,
        switches: usize,
        space: &Space,
    ) -> Self {
        let mut oracle = Self::bare(space);
        oracle.switches = (0..switches).map(|_| oracle.fresh()).collect();
        for (switch, constraint) in constraints {
            oracle.constrain(constraint, Some(oracle.switches[switch]));
        }
        oracle
    }

    fn bare(space: &Space) -> Self {
        let mut oracle = Self {
            solver: Solver::new(SolverOpts::default(), Patience::default()),
            width: space.width(),
            owners: (0..space.cells() as Cell).map(|cell| space.owner(cell) as u32).collect(),
            cells: Vec::new(),
            switches: Vec::new(),
        };
        oracle.cells = (0..space.cells()).map(|_| oracle.fresh()).collect();
        for parameter in 0..space.width() {
            let values: Vec<Lit> = space.values(parameter).map(|cell| oracle.cells[cell as usize]).collect();
            oracle.add(values.clone());
            oracle.at_most_one(&values);
        }
        oracle
    }

    fn fresh(&mut self) -> Lit {
        Lit::new(self.solver.new_var_default(), true)
    }

    fn add(&mut self, mut clause: Vec<Lit>) {
        self.solver.add_clause_reuse(&mut clause);
    }

    fn at_most_one(&mut self, literals: &[Lit]) {
        if literals.len() > PAIRWISE {
            let (head, tail) = literals.split_at(PAIRWISE - 2);
            let link = self.fresh();
            self.at_most_one(&[head, &[link]].concat());
            self.at_most_one(&[tail, &[!link]].concat());
            return;
        }
        for (at, &one) in literals.iter().enumerate() {
            literals[at + 1..].iter().for_each(|&other| self.add(vec![!one, !other]));
        }
    }

    fn constrain(&mut self, constraint: &Constraint, switch: Option<Lit>) {
        let off: Vec<Lit> = switch.map(|on| !on).into_iter().collect();
        match constraint {
            Constraint::OneOf(cells) => {
                let clause = cells.iter().map(|&cell| self.cells[cell as usize]).chain(off).collect();
                self.add(clause);
            }
            Constraint::Tree(form) => {
                let holds = self.form(form);
                self.add([vec![holds], off].concat());
            }
            Constraint::Count { need, of } => {
                let sets: Vec<Lit> = of.iter().map(|cells| self.form(&Form::OneOf(cells.clone()))).collect();
                self.at_least(*need, &sets, &off);
            }
        }
    }

    /// A literal that can be true only where the form holds.
    fn form(&mut self, form: &Form) -> Lit {
        let parts: Vec<Lit> = match form {
            Form::OneOf(cells) => cells.iter().map(|&cell| self.cells[cell as usize]).collect(),
            Form::All(parts) | Form::Any(parts) => parts.iter().map(|part| self.form(part)).collect(),
        };
        if let ([only], false) = (&parts[..], matches!(form, Form::All(_))) {
            return *only;
        }
        let holds = self.fresh();
        if matches!(form, Form::All(_)) {
            parts.into_iter().for_each(|part| self.add(vec![!holds, part]));
        } else {
            self.add(std::iter::once(!holds).chain(parts).collect());
        }
        holds
    }

    /// Sequential counter: `reached[j]` after some literals can be true only where more than `j` of them are.
    fn at_least(&mut self, need: usize, literals: &[Lit], off: &[Lit]) {
        if need > literals.len() {
            self.add(off.to_vec());
            return;
        }
        let mut reached: Vec<Lit> = Vec::new();
        for &literal in literals {
            let mut next = Vec::with_capacity(need);
            for level in 0..need.min(reached.len() + 1) {
                let here = self.fresh();
                let before = reached.get(level).copied();
                self.add([!here, literal].into_iter().chain(before).collect());
                if level > 0 {
                    self.add([!here, reached[level - 1]].into_iter().chain(before).collect());
                }
                next.push(here);
            }
            reached = next;
        }
        let all = reached.last().copied().into_iter().chain(off.iter().copied()).collect();
        self.add(all);
    }

    fn ask(&mut self, assumptions: &[Lit]) -> lbool {
        self.solver.cb_mut().polls.set(0);
        if self.solver.is_ok() { self.solver.solve_limited(assumptions) } else { lbool::FALSE }
    }

    /// A valid row with these cells.
    pub(crate) fn complete(&mut self, cells: &[Cell]) -> Answer {
        let assumptions: Vec<Lit> = cells.iter().map(|&cell| self.cells[cell as usize]).collect();
        self.answer(&assumptions)
    }

    fn answer(&mut self, assumptions: &[Lit]) -> Answer {
        let answer = self.ask(assumptions);
        if answer == lbool::TRUE {
            Answer::Row(self.row())
        } else if answer == lbool::FALSE {
            Answer::Impossible
        } else {
            Answer::TooHard
        }
    }

    /// A row with these cells that keeps what is switched on.
    pub(crate) fn row_with(&mut self, on: &[usize], cells: &[Cell]) -> Answer {
        let on = on.iter().map(|&switch| self.switches[switch]);
        let assumptions: Vec<Lit> = cells.iter().map(|&cell| self.cells[cell as usize]).chain(on).collect();
        self.answer(&assumptions)
    }

    fn row(&self) -> Vec<Cell> {
        let mut row = vec![0; self.width];
        for (cell, (&literal, &owner)) in self.cells.iter().zip(&self.owners).enumerate() {
            if self.solver.value_lit(literal) == lbool::TRUE {
                row[owner as usize] = cell as Cell;
            }
        }
        row
    }

    /// Which of the switches that are on take part in forbidding the cells; nothing when they are not forbidden, or
    /// when the solver was stopped.
    pub(crate) fn blame(&mut self, on: &[usize], cells: &[Cell]) -> Option<Vec<usize>> {
        let mut assumptions: Vec<Lit> = cells.iter().map(|&cell| self.cells[cell as usize]).collect();
        assumptions.extend(on.iter().map(|&switch| self.switches[switch]));
        if self.ask(&assumptions) != lbool::FALSE {
            return None;
        }
        if !self.solver.is_ok() {
            return Some(Vec::new());
        }
        Some(on.iter().copied().filter(|&on| self.solver.unsat_core_contains_var(self.switches[on].var())).collect())
    }
}
