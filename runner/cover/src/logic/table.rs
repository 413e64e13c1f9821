//! Rules as counters: for each constraint how much a row gives it, and how much it needs. Changing one cell touches only
//! the constraints of its parameter.

use super::compile::Constraint;
use super::form::Form;
use crate::space::{Cell, Space};

/// The rules of a model in the form that the search asks of, millions of times.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    needs: Vec<u16>,
    /// For each parameter the constraints it has a part in.
    touched: Vec<Vec<u32>>,
    /// For each cell what it gives to the constraints that its parameter touches, in their order.
    gives: Vec<Vec<u16>>,
    /// For each constraint the cells that give to it.
    helpers: Vec<Vec<Cell>>,
    trees: Vec<Form>,
    /// For each parameter the trees that speak of it.
    in_trees: Vec<Vec<u32>>,
    /// Whether no row at all can be valid.
    contradictory: bool,
}

impl Rules {
    pub(crate) fn new<'a>(constraints: impl IntoIterator<Item = &'a Constraint>, space: &Space) -> Self {
        let width = space.width();
        let mut rules = Self {
            needs: Vec::new(),
            touched: vec![Vec::new(); width],
            gives: vec![Vec::new(); space.cells()],
            helpers: Vec::new(),
            trees: Vec::new(),
            in_trees: vec![Vec::new(); width],
            contradictory: false,
        };
        let mut seen = std::collections::BTreeSet::new();
        for constraint in constraints {
            match constraint {
                Constraint::OneOf(cells) if !seen.insert(cells) => {}
                Constraint::OneOf(cells) => rules.count(1, std::slice::from_ref(cells), space),
                Constraint::Count { need, of } => rules.count(*need, of, space),
                Constraint::Tree(form) => rules.tree(form, space),
            }
        }
        rules
    }

    fn count(&mut self, need: usize, of: &[Vec<Cell>], space: &Space) {
        let mut given = std::collections::BTreeMap::new();
        of.iter().flatten().for_each(|&cell| *given.entry(cell).or_insert(0u16) += 1);
        let Ok(need) = u16::try_from(need) else {
            self.contradictory = true;
            return;
        };
        self.contradictory |= usize::from(need) > of.len() || given.is_empty();
        let number = self.needs.len() as u32;
        let cells: Vec<Cell> = given.keys().copied().collect();
        for chunk in cells.chunk_by(|one, other| space.owner(*one) == space.owner(*other)) {
            let parameter = space.owner(chunk[0]);
            self.touched[parameter].push(number);
            for cell in space.values(parameter) {
                self.gives[cell as usize].push(given.get(&cell).copied().unwrap_or(0));
            }
        }
        self.needs.push(need);
        self.helpers.push(cells);
    }

    fn tree(&mut self, form: &Form, space: &Space) {
        let mut cells = Vec::new();
        form.cells(&mut cells);
        let parameters: std::collections::BTreeSet<usize> = cells.into_iter().map(|cell| space.owner(cell)).collect();
        parameters.into_iter().for_each(|parameter| self.in_trees[parameter].push(self.trees.len() as u32));
        self.trees.push(form.clone());
    }

    pub(crate) fn contradictory(&self) -> bool {
        self.contradictory
    }

    /// About how long one look at a changed cell takes, in steps of about a nanosecond.
    pub(crate) fn cost(&self) -> u64 {
        let touched: usize = self.touched.iter().map(Vec::len).sum();
        let trees: usize = self.in_trees.iter().map(Vec::len).sum();
        ((2 * touched + 2000 * trees) / self.touched.len().max(1)) as u64
    }

    /// Whether any rule speaks of this parameter.
    pub(crate) fn bind(&self, parameter: usize) -> bool {
        !self.touched[parameter].is_empty() || !self.in_trees[parameter].is_empty()
    }

    /// Groups of parameters that rules tie together, directly or through others: a number for each parameter.
    pub(crate) fn groups(&self, space: &Space) -> Vec<u32> {
        let mut groups: Vec<u32> = (0..space.width() as u32).collect();
        let mut join = |parameters: &mut dyn Iterator<Item = usize>| {
            let mut parameters = parameters.map(|parameter| groups[parameter]).collect::<Vec<_>>();
            parameters.sort_unstable();
            parameters.dedup();
            if let [first, rest @ ..] = &parameters[..] {
                groups.iter_mut().filter(|group| rest.contains(group)).for_each(|group| *group = *first);
            }
        };
        for helpers in &self.helpers {
            join(&mut helpers.iter().map(|&cell| space.owner(cell)));
        }
        for tree in &self.trees {
            let mut cells = Vec::new();
            tree.cells(&mut cells);
            join(&mut cells.into_iter().map(|cell| space.owner(cell)));
        }
        groups
    }

    /// What a row gives to each constraint.
    pub(crate) fn counts(&self, row: &[Cell]) -> Vec<u16> {
        let mut counts = vec![0; self.needs.len()];
        for (parameter, &cell) in row.iter().enumerate() {
            for (&constraint, &gives) in self.touched[parameter].iter().zip(&self.gives[cell as usize]) {
                counts[constraint as usize] += gives;
            }
        }
        counts
    }

    pub(crate) fn valid(&self, row: &[Cell], counts: &[u16]) -> bool {
        !self.contradictory
            && counts.iter().zip(&self.needs).all(|(count, need)| count >= need)
            && self.trees.iter().all(|tree| tree.holds(&|cell| row.contains(&cell)))
    }

    /// Whether a valid row stays valid when one parameter takes this cell.
    #[inline]
    pub(crate) fn allows(&self, row: &[Cell], counts: &[u16], parameter: usize, cell: Cell) -> bool {
        let now = &self.gives[row[parameter] as usize];
        let then = &self.gives[cell as usize];
        for ((&constraint, now), then) in self.touched[parameter].iter().zip(now).zip(then) {
            if counts[constraint as usize] + then < self.needs[constraint as usize] + now {
                return false;
            }
        }
        self.in_trees[parameter].is_empty() || self.trees_allow(row, parameter, cell)
    }

    #[cold]
    fn trees_allow(&self, row: &[Cell], parameter: usize, cell: Cell) -> bool {
        let old = row[parameter];
        let has = |asked: Cell| asked == cell || (asked != old && row.contains(&asked));
        self.in_trees[parameter].iter().all(|&tree| self.trees[tree as usize].holds(&has))
    }

    /// Brings the counts of a row in line with one changed cell.
    #[inline]
    pub(crate) fn change(&self, counts: &mut [u16], parameter: usize, from: Cell, to: Cell) {
        let now = &self.gives[from as usize];
        let then = &self.gives[to as usize];
        for ((&constraint, now), then) in self.touched[parameter].iter().zip(now).zip(then) {
            let count = &mut counts[constraint as usize];
            *count = *count + then - now;
        }
    }

    /// A constraint of these parameters that the row does not satisfy: how it could be, as the cells that would help.
    pub(crate) fn broken(&self, row: &[Cell], counts: &[u16], parameters: &[usize]) -> Broken<'_> {
        for &parameter in parameters {
            for &constraint in &self.touched[parameter] {
                if counts[constraint as usize] < self.needs[constraint as usize] {
                    return Broken::Wants(&self.helpers[constraint as usize]);
                }
            }
        }
        let has = |cell: Cell| row.contains(&cell);
        let tree = parameters
            .iter()
            .flat_map(|&parameter| &self.in_trees[parameter])
            .any(|&tree| !self.trees[tree as usize].holds(&has));
        if tree { Broken::Somehow } else { Broken::Nothing }
    }

    /// How many constraints of a parameter would be broken with this cell, the row being valid or not.
    pub(crate) fn harm(&self, row: &[Cell], counts: &[u16], parameter: usize, cell: Cell) -> u32 {
        let now = &self.gives[row[parameter] as usize];
        let then = &self.gives[cell as usize];
        let mut harm = 0;
        for ((&constraint, now), then) in self.touched[parameter].iter().zip(now).zip(then) {
            harm += u32::from(counts[constraint as usize] + then < self.needs[constraint as usize] + now);
        }
        harm
    }
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken<'a> {
    Nothing,
    /// More of these cells are needed.
    Wants(&'a [Cell]),
    /// A rule without a simple cure.
    Somehow,
}
