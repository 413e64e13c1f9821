//! Whether some values can stand in one row: backtracking over the rules as they are written.
//!
//! A search keeps for each parameter the values it may still have, takes away those that a rule leaves no room for, and
//! tries one value after another where no rule decides. It is complete: it ends with a row or with the proof that there
//! is none, or says that it was too hard.

use crate::model::{Formula, Model};

/// Values that are tried for one question.
const MOST_TRIES: u64 = 2_000_000;

/// A question that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("whether {0} can stand in a row was not decided in {MOST_TRIES} tries")]
pub struct TooHard(pub String);

/// A parameter and its value.
pub(crate) type Cell = (usize, usize);

/// Answers questions about one model.
pub(crate) struct Search<'m> {
    model: &'m Model,
    rules: Vec<Formula>,
    /// For each parameter the rules about it.
    about: Vec<Vec<usize>>,
    /// How often each rule had no room: those are asked first.
    conflicts: Vec<u64>,
    /// Questions so far, so that rows differ where they may.
    asked: usize,
}

/// For each parameter which values it may have.
type Domains = Vec<Vec<bool>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    Always,
    Never,
    Open,
}

impl<'m> Search<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        let rules: Vec<Formula> = model.rules.iter().map(|rule| without_not(&rule.formula, false)).collect();
        let mut about = vec![Vec::new(); model.parameters.len()];
        for (number, rule) in rules.iter().enumerate() {
            let mut named = Vec::new();
            parameters_of(rule, &mut named);
            named.sort_unstable();
            named.dedup();
            named.into_iter().for_each(|parameter| about[parameter].push(number));
        }
        Self { model, conflicts: vec![0; rules.len()], rules, about, asked: 0 }
    }

    /// A valid row with these cells, which are of different parameters. What else the row has is not negative.
    pub(crate) fn row_with(&mut self, cells: &[Cell]) -> Result<Option<Vec<usize>>, TooHard> {
        self.asked += 1;
        let mut domains: Domains =
            self.model.parameters.iter().map(|p| p.values.iter().map(|value| !value.negative).collect()).collect();
        for &(parameter, value) in cells {
            domains[parameter].fill(false);
            domains[parameter][value] = true;
        }
        if domains.iter().any(|domain| !domain.contains(&true)) {
            return Ok(None);
        }
        self.solve(domains).ok_or_else(|| TooHard(self.told(cells)))
    }

    fn told(&self, cells: &[Cell]) -> String {
        let name = |&(parameter, value): &Cell| {
            let parameter = &self.model.parameters[parameter];
            format!("{} = {}", parameter.name, parameter.values[value].names[0])
        };
        cells.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// A row within the domains, or none; nothing at all when too much was tried.
    fn solve(&mut self, mut domains: Domains) -> Option<Option<Vec<usize>>> {
        let mut undecided: Vec<(Domains, Cell)> = Vec::new();
        let mut waiting: Vec<usize> = (0..self.rules.len()).collect();
        for _ in 0..MOST_TRIES {
            let (parameter, next) = if self.narrow(&mut domains, waiting) {
                let Some((parameter, value)) = self.choice(&domains) else { return Some(Some(self.any_row(&domains))) };
                let mut with = domains.clone();
                with[parameter].fill(false);
                with[parameter][value] = true;
                undecided.push((domains, (parameter, value)));
                (parameter, with)
            } else {
                let Some((mut without, (parameter, value))) = undecided.pop() else { return Some(None) };
                without[parameter][value] = false;
                (parameter, without)
            };
            domains = next;
            waiting = self.about[parameter].clone();
        }
        None
    }

    /// Takes away what the waiting rules leave no room for, and what follows; false when one has no room at all.
    fn narrow(&mut self, domains: &mut Domains, mut waiting: Vec<usize>) -> bool {
        let mut changed = Vec::new();
        while let Some(rule) = waiting.pop() {
            changed.clear();
            if !demand(&self.rules[rule], domains, &mut changed) {
                self.conflicts[rule] += 1;
                return false;
            }
            for &parameter in &changed {
                let others = self.about[parameter].iter().filter(|other| !waiting.contains(other)).copied();
                let others: Vec<usize> = others.collect();
                waiting.extend(others);
            }
        }
        true
    }

    /// A value to try, of the undecided rule that had no room most often; none when every rule is true for certain.
    fn choice(&self, domains: &Domains) -> Option<Cell> {
        let open = (0..self.rules.len()).filter(|&rule| truth(&self.rules[rule], domains) == Truth::Open);
        let rule = open.max_by_key(|&rule| (self.conflicts[rule], std::cmp::Reverse(rule)))?;
        let mut named = Vec::new();
        parameters_of(&self.rules[rule], &mut named);
        let room = |parameter: usize| domains[parameter].iter().filter(|&&may| may).count();
        let parameter =
            named.into_iter().filter(|&parameter| room(parameter) > 1).min_by_key(|&parameter| room(parameter))?;
        Some((parameter, self.turn(&domains[parameter], parameter)?))
    }

    fn any_row(&self, domains: &Domains) -> Vec<usize> {
        domains.iter().enumerate().map(|(at, domain)| self.turn(domain, at).unwrap_or_default()).collect()
    }

    /// One of the values in turn, so that rows show different ones.
    fn turn(&self, domain: &[bool], parameter: usize) -> Option<usize> {
        let may: Vec<usize> = (0..domain.len()).filter(|&value| domain[value]).collect();
        may.get((self.asked.wrapping_mul(parameter + 1)) % may.len().max(1)).copied()
    }
}

fn without_not(formula: &Formula, negated: bool) -> Formula {
    let all = |parts: &[Formula]| parts.iter().map(|part| without_not(part, negated)).collect();
    match formula {
        Formula::OneOf(parameter, marked) => Formula::OneOf(*parameter, marked.iter().map(|m| m ^ negated).collect()),
        Formula::Pair(left, right, marked) => {
            let rows = marked.iter().map(|row| row.iter().map(|m| m ^ negated).collect());
            Formula::Pair(*left, *right, rows.collect())
        }
        Formula::Not(inner) => without_not(inner, !negated),
        Formula::And(parts) if !negated => Formula::And(all(parts)),
        Formula::And(parts) => Formula::Or(all(parts)),
        Formula::Or(parts) if !negated => Formula::Or(all(parts)),
        Formula::Or(parts) => Formula::And(all(parts)),
        Formula::Count { of, least, most } => {
            let of: Vec<Formula> = of.iter().map(|part| without_not(part, false)).collect();
            let count = |least, most| Formula::Count { of: of.clone(), least, most };
            if !negated {
                return count(*least, *most);
            }
            let fewer = least.checked_sub(1).map(|most| count(0, most));
            let more = (*most < of.len()).then(|| count(most + 1, of.len()));
            Formula::Or(fewer.into_iter().chain(more).collect())
        }
    }
}

fn parameters_of(formula: &Formula, named: &mut Vec<usize>) {
    match formula {
        Formula::OneOf(parameter, _) => named.push(*parameter),
        Formula::Pair(left, right, _) => named.extend([*left, *right]),
        Formula::Not(inner) => parameters_of(inner, named),
        Formula::And(parts) | Formula::Or(parts) | Formula::Count { of: parts, .. } => {
            parts.iter().for_each(|part| parameters_of(part, named));
        }
    }
}

/// What is known of a formula without NOT.
fn truth(formula: &Formula, domains: &Domains) -> Truth {
    let of = |can: bool, must: bool| match (can, must) {
        (false, _) => Truth::Never,
        (true, true) => Truth::Always,
        (true, false) => Truth::Open,
    };
    match formula {
        Formula::OneOf(parameter, marked) => {
            let mut may = domains[*parameter].iter().zip(marked).filter(|(may, _)| **may);
            of(may.clone().any(|(_, marked)| *marked), may.all(|(_, marked)| *marked))
        }
        Formula::Pair(left, right, marked) => {
            let rows = marked.iter().zip(&domains[*left]).filter(|(_, may)| **may).map(|(row, _)| row);
            let mut may = rows.flat_map(|row| row.iter().zip(&domains[*right]).filter(|(_, may)| **may));
            of(may.clone().any(|(marked, _)| *marked), may.all(|(marked, _)| *marked))
        }
        Formula::Not(inner) => match truth(inner, domains) {
            Truth::Always => Truth::Never,
            Truth::Never => Truth::Always,
            Truth::Open => Truth::Open,
        },
        Formula::And(parts) => {
            let parts = parts.iter().map(|part| truth(part, domains));
            parts.fold(Truth::Always, |all, part| match (all, part) {
                (Truth::Never, _) | (_, Truth::Never) => Truth::Never,
                (Truth::Open, _) | (_, Truth::Open) => Truth::Open,
                _ => Truth::Always,
            })
        }
        Formula::Or(parts) => {
            let parts = parts.iter().map(|part| truth(part, domains));
            parts.fold(Truth::Never, |any, part| match (any, part) {
                (Truth::Always, _) | (_, Truth::Always) => Truth::Always,
                (Truth::Open, _) | (_, Truth::Open) => Truth::Open,
                _ => Truth::Never,
            })
        }
        Formula::Count { of: parts, least, most } => {
            let parts: Vec<Truth> = parts.iter().map(|part| truth(part, domains)).collect();
            let always = parts.iter().filter(|part| **part == Truth::Always).count();
            let possible = parts.iter().filter(|part| **part != Truth::Never).count();
            of(possible >= *least && always <= *most, always >= *least && possible <= *most)
        }
    }
}

/// Takes away values without which a formula can still be true; false when it cannot be.
fn demand(formula: &Formula, domains: &mut Domains, changed: &mut Vec<usize>) -> bool {
    match formula {
        Formula::OneOf(parameter, marked) => keep(*parameter, |value| marked[value], domains, changed),
        Formula::Pair(left, right, marked) => {
            let (lefts, rights) = (domains[*left].clone(), domains[*right].clone());
            let meets = |a: usize, b: usize| lefts[a] && rights[b] && marked[a][b];
            keep(*left, |a| (0..rights.len()).any(|b| meets(a, b)), domains, changed)
                && keep(*right, |b| (0..lefts.len()).any(|a| meets(a, b)), domains, changed)
        }
        Formula::Not(_) => truth(formula, domains) != Truth::Never,
        Formula::And(parts) => parts.iter().all(|part| demand(part, domains, changed)),
        Formula::Or(parts) => {
            let mut possible = parts.iter().filter(|part| truth(part, domains) != Truth::Never);
            match (possible.next(), possible.next()) {
                (None, _) => false,
                (Some(only), None) => demand(only, domains, changed),
                _ => true,
            }
        }
        Formula::Count { of, least, most } => {
            let parts: Vec<Truth> = of.iter().map(|part| truth(part, domains)).collect();
            let always = parts.iter().filter(|part| **part == Truth::Always).count();
            let open = parts.iter().filter(|part| **part == Truth::Open).count();
            if always > *most || always + open < *least {
                return false;
            }
            let undecided = of.iter().zip(&parts).filter(|(_, part)| **part == Truth::Open);
            let mut undecided = undecided.map(|(part, _)| part);
            if always == *most {
                undecided.all(|part| demand(&without_not(part, true), domains, changed))
            } else if always + open == *least {
                undecided.all(|part| demand(part, domains, changed))
            } else {
                true
            }
        }
    }
}

fn keep(parameter: usize, stays: impl Fn(usize) -> bool, domains: &mut Domains, changed: &mut Vec<usize>) -> bool {
    let domain = &mut domains[parameter];
    let mut went = false;
    for (value, may) in domain.iter_mut().enumerate() {
        if *may && !stays(value) {
            *may = false;
            went = true;
        }
    }
    if went {
        changed.push(parameter);
    }
    domain.contains(&true)
}
