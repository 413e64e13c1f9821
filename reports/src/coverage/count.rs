//! All combinations of so many values that stand in the plan's cells, and how many of them were tested.

use std::collections::{BTreeMap, BTreeSet};

use coexist_model::{AgentChoice, Part, PartKind, PastCell, Plan, Standing};

use super::grid::{part, parts};
use crate::ReportError;

/// Combinations of more values are not counted.
pub const MOST_STRENGTH: usize = 3;
/// So many are held at once, 12 bytes each.
const MOST: usize = 20_000_000;

/// Combinations of so many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many values: image, values of settings, agents at their versions.
    pub strength: usize,
    /// Those that stand in the plan's cells.
    pub combinations: usize,
    /// Of these, those that were tested.
    pub tested: usize,
    /// Of the others, those that stood in a broken or inconclusive cell.
    pub masked: usize,
}

/// Numbers of values, ascending; a shorter combination ends in the number that no value has.
type Combination = [u32; MOST_STRENGTH];
const NONE: u32 = u32::MAX;

impl Counted {
    pub(super) fn new(plan: &Plan, past: &[PastCell], strength: usize) -> Result<Self, ReportError> {
        if !(1..=MOST_STRENGTH).contains(&strength) {
            return Err(ReportError::Strength { strength, most: MOST_STRENGTH });
        }
        let planned: Vec<Vec<Part>> = plan.cells.iter().map(parts).collect();
        let values: BTreeSet<&Part> = planned.iter().flatten().collect();
        let numbers: BTreeMap<&Part, u32> = values.into_iter().zip(0..).collect();
        let mut wanted = Vec::new();
        for cell in &planned {
            choose(&numbered(&numbers, cell), strength, &mut wanted);
            if wanted.len() > MOST {
                wanted.sort_unstable();
                wanted.dedup();
            }
            if wanted.len() > MOST / 2 {
                return Err(ReportError::TooManyCombinations { strength, most: MOST / 2 });
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        // Most nights run the same cells.
        let cells: BTreeSet<(Vec<u32>, Standing)> =
            past.iter().map(|cell| (numbered(&numbers, &past_parts(cell)), cell.standing)).collect();
        let mut known: Vec<Option<Standing>> = vec![None; wanted.len()];
        let mut met = Vec::new();
        for (cell, standing) in cells {
            met.clear();
            choose(&cell, strength, &mut met);
            for place in met.iter().filter_map(|combination| wanted.binary_search(combination).ok()) {
                if let Some(known) = known.get_mut(place) {
                    // `Tested` comes before `Masked`.
                    *known = Some(known.map_or(standing, |other| other.min(standing)));
                }
            }
        }
        let count = |standing| known.iter().filter(|it| **it == Some(standing)).count();
        let (tested, masked) = (count(Standing::Tested), count(Standing::Masked));
        Ok(Self { strength, combinations: wanted.len(), tested, masked })
    }

    /// Those that stood in no cell that is remembered.
    #[must_use]
    pub fn never(self) -> usize {
        self.combinations - self.tested - self.masked
    }
}

fn past_parts(cell: &PastCell) -> Vec<Part> {
    let image = part(PartKind::Image, "", cell.image.as_str());
    let settings = cell.settings.iter().map(|(setting, value)| part(PartKind::Setting, setting, value));
    let agent = |it: &AgentChoice| part(PartKind::Agent, it.id.as_str(), &it.version);
    std::iter::once(image).chain(settings).chain(cell.agents.iter().map(agent)).collect()
}

/// The numbers of the values that the plan knows, ascending.
fn numbered(numbers: &BTreeMap<&Part, u32>, parts: &[Part]) -> Vec<u32> {
    let mut known: Vec<u32> = parts.iter().filter_map(|part| numbers.get(part).copied()).collect();
    known.sort_unstable();
    known
}

/// Every choice of so many of ascending numbers.
fn choose(numbers: &[u32], strength: usize, into: &mut Vec<Combination>) {
    fn more(numbers: &[u32], chosen: Combination, place: usize, strength: usize, into: &mut Vec<Combination>) {
        if place == strength {
            into.push(chosen);
            return;
        }
        for (at, number) in numbers.iter().enumerate() {
            let mut chosen = chosen;
            if let Some(slot) = chosen.get_mut(place) {
                *slot = *number;
            }
            more(numbers.get(at + 1..).unwrap_or_default(), chosen, place + 1, strength, into);
        }
    }
    more(numbers, [NONE; MOST_STRENGTH], 0, strength, into);
}
