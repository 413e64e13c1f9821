//! In which order agents are installed: which orders there can be, and which of them rows have.

use std::collections::BTreeSet;
use std::fmt;

use super::build::Built;
use super::saved::Saved;
use crate::check::Invalid;
use crate::search::{Cell, Search, TooHard};

/// What is right and wrong with the orders of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orders {
    /// Ordered combinations of agents that some valid row without a negative value can have.
    pub feasible: u64,
    /// Those of them that no such row of this plan has.
    pub missing: Vec<String>,
    /// Rows in which an agent is installed before what it needs.
    pub invalid: Vec<Invalid>,
}

impl Orders {
    /// Whether there is nothing wrong.
    pub fn all_good(&self) -> bool {
        self.missing.is_empty() && self.invalid.is_empty()
    }
}

impl fmt::Display for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feasible, missing, invalid } = self;
        write!(f, "orders {feasible}  missing {}  rows in a wrong order {}", missing.len(), invalid.len())?;
        invalid.iter().take(10).try_for_each(|it| write!(f, "\n  row on line {}: {}", it.line, it.why))?;
        missing.iter().take(10).try_for_each(|order| write!(f, "\n  missing: {order}"))
    }
}

/// Looks at the orders of rows.
pub(crate) fn orders(built: &Built, saved: &Saved, search: &mut Search<'_>) -> Result<Orders, TooHard> {
    let mut orders = Orders::default();
    let name = |agent: usize| built.model.parameters[agent].name.as_str();
    for row in &saved.rows {
        let place = |agent: usize| row.order.iter().position(|it| *it == agent);
        let turned = |&&(first, second): &&(usize, usize)| match (place(first), place(second)) {
            (Some(first), Some(second)) => first > second,
            _ => false,
        };
        orders.invalid.extend(built.before.iter().find(turned).map(|&(first, second)| Invalid {
            line: row.line,
            why: format!("{} is installed before {}", name(second), name(first)),
        }));
    }
    let Some(length) = built.ordered else { return Ok(orders) };
    let mut met: BTreeSet<Vec<usize>> = BTreeSet::new();
    for row in saved.rows.iter().filter(|row| built.model.negatives(&row.cells).is_empty()) {
        crate::demand::choose(&row.order, length, &mut |order| {
            met.insert(order.to_vec());
        });
    }
    let agents: Vec<usize> = built.agents.clone().collect();
    let mut sets = Vec::new();
    crate::demand::choose(&agents, length, &mut |set| sets.push(set.to_vec()));
    let sooner = everything_before(built);
    for set in sets {
        if !meet(built, &set, search)? {
            continue;
        }
        for order in permutations(&set) {
            let lawful =
                (0..order.len()).all(|at| order[..at].iter().all(|first| !sooner.contains(&(order[at], *first))));
            if lawful {
                orders.feasible += 1;
                if !met.contains(&order) {
                    orders.missing.push(order.iter().map(|&agent| name(agent)).collect::<Vec<_>>().join(" → "));
                }
            }
        }
    }
    Ok(orders)
}

/// Whether the agents can stand in one row, at any of their versions.
fn meet(built: &Built, agents: &[usize], search: &mut Search<'_>) -> Result<bool, TooHard> {
    let mut combinations: Vec<Vec<Cell>> = vec![Vec::new()];
    for &agent in agents {
        let versions = 1..built.model.parameters[agent].values.len();
        let longer = |cells: Vec<Cell>| versions.clone().map(move |version| [&cells[..], &[(agent, version)]].concat());
        combinations = combinations.into_iter().flat_map(longer).collect();
    }
    for cells in combinations {
        if search.row_with(&cells)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Pairs of which the first is installed before the second, also by way of others: what an agent needs is in every row
/// that has it, and what that needs too.
fn everything_before(built: &Built) -> BTreeSet<(usize, usize)> {
    let mut all: BTreeSet<(usize, usize)> = built.before.iter().copied().collect();
    loop {
        let further: Vec<(usize, usize)> = all
            .iter()
            .flat_map(|&(first, middle)| all.iter().filter(move |it| it.0 == middle).map(move |it| (first, it.1)))
            .collect();
        let many = all.len();
        all.extend(further);
        if all.len() == many {
            return all;
        }
    }
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let with_first = |at: usize| {
        let rest = [&of[..at], &of[at + 1..]].concat();
        permutations(&rest).into_iter().map(move |order| [&[of[at]][..], &order].concat())
    };
    (0..of.len()).flat_map(with_first).collect()
}
