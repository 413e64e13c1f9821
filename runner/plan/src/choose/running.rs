//! In which order rows run: waves one after the other; where it matters, the rows that are worth most come first.

use coexist_cover::{CoverError, Strength};
use coexist_model::{PastCell, Standing};

use super::model::Space;
use super::{Chosen, Row, id, rules};
use crate::checked::{Checked, Wave};
use crate::message::{Message, Mistake, Severity};
use crate::words::quote;

/// Looks back at earlier runs: more are put together.
const MOST_AGES: usize = 6;

/// A row in the order of running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The row's number.
    pub(crate) row: usize,
    /// The wave it is in; `None` where the matrix has none.
    pub(crate) wave: Option<usize>,
    /// Whether a budget takes it before others: it is included, or of a wave that is not the last.
    pub(crate) first: bool,
}

/// The name of the last wave, of cells that are in no other.
pub(crate) const REST: &str = "rest";

/// Every row once. With `by_worth` the rows of each wave stand by what they add; else as they were chosen.
pub(crate) fn turns(
    checked: &Checked,
    chosen: &Chosen<'_>,
    by_worth: bool,
    history: &[PastCell],
) -> Result<Vec<Turn>, CoverError> {
    let limited = checked.waves.iter().any(|wave| wave.at_most.is_some());
    let places: Vec<usize> = (0..chosen.rows.len()).collect();
    let worth = if by_worth || limited { worth(chosen, history)? } else { places.clone() };
    let mut wave_of: Vec<Option<usize>> = vec![None; chosen.rows.len()];
    for (number, wave) in checked.waves.iter().enumerate() {
        let mut left = wave.at_most.unwrap_or(usize::MAX);
        for &row in &worth {
            let is = wave_of[row].is_none() && wave.of.as_ref().is_none_or(|of| rules::holds(of, &chosen.rows[row]));
            if is && left > 0 {
                wave_of[row] = Some(number);
                left -= 1;
            }
        }
    }
    let rest = checked.waves.len();
    let mut turns: Vec<Turn> = (if by_worth { worth } else { places })
        .into_iter()
        .map(|row| Turn {
            row,
            wave: (rest > 0).then(|| wave_of[row].unwrap_or(rest)),
            first: wave_of[row].is_some() || chosen.included.contains(&id(&chosen.rows[row])),
        })
        .collect();
    turns.sort_by_key(|turn| turn.wave);
    Ok(turns)
}

/// Waves that hold nothing back, as no row is in them. Where a wave takes some of the rows that it could, nobody knows yet
/// which: only what is sure is told.
pub(crate) fn without_cells(checked: &Checked, rows: &[Row<'_>]) -> Vec<Message> {
    let mut messages = Vec::new();
    // For each row the wave that has it for sure.
    let mut taken: Vec<Option<&Wave>> = vec![None; rows.len()];
    for wave in checked.waves.iter().filter(|_| !rows.is_empty()) {
        let is_of = |row: &usize| wave.of.as_ref().is_none_or(|of| rules::holds(of, &rows[*row]));
        let of: Vec<usize> = (0..rows.len()).filter(is_of).collect();
        let left: Vec<usize> = of.iter().copied().filter(|row| taken[*row].is_none()).collect();
        if left.is_empty() {
            messages.push(without_cell(checked, wave, of.first().and_then(|row| taken[*row])));
        } else if wave.at_most.is_none_or(|most| left.len() <= most) {
            left.iter().for_each(|row| taken[*row] = Some(wave));
        }
    }
    messages
}

fn without_cell(checked: &Checked, wave: &Wave, earlier: Option<&Wave>) -> Message {
    let name = quote(&wave.name);
    let message = match (earlier, &checked.coverage) {
        (Some(earlier), _) => {
            let found = format!("no cell is left for the wave {name}: it holds nothing back");
            Message::error(Mistake::EmptyWave, wave.span, found, "only cells that earlier waves have")
                .related(earlier.span, format!("{} has them", quote(&earlier.name)))
                .help("put it before the other, say more in the other's `where`, or take it out")
        }
        (None, Some(_)) => {
            let found = format!("no cell is in the wave {name}: it holds nothing back");
            Message::error(Mistake::EmptyWave, wave.span, found, "true of no cell").help(
                "say less in `where`, or have such a cell: `include` one, or name its parts in `also` of `coverage`",
            )
        }
        (None, None) => {
            let found = format!("no cell is in the wave {name}: it holds nothing back");
            Message::error(Mistake::EmptyWave, wave.span, found, "true of no cell")
                .help("say less in `where`, or change the rules that keep such cells out")
        }
    };
    message.severity(Severity::Warning).page("matrix.md#waves")
}

/// The rows by what they add to those before them: included rows first; then what was never tested, then what was not
/// tested for longest.
fn worth(chosen: &Chosen<'_>, history: &[PastCell]) -> Result<Vec<usize>, CoverError> {
    let is_included = |row: &usize| chosen.included.contains(&id(&chosen.rows[*row]));
    let (mut order, others): (Vec<usize>, Vec<usize>) = (0..chosen.rows.len()).partition(is_included);
    let Some(space) = &chosen.space else {
        order.extend(others);
        return Ok(order);
    };
    let values: Vec<Option<Vec<usize>>> = chosen.rows.iter().map(|row| space.values(row)).collect();
    let (mut left, beside): (Vec<usize>, Vec<usize>) = others.into_iter().partition(|row| values[*row].is_some());
    for counted in ages(space, history) {
        let mut counted = counted;
        counted.extend(order.iter().filter_map(|row| values[*row].clone()));
        let fresh = fresh(space, &chosen.strength, &values, &left, &counted)?;
        left.retain(|row| !fresh.contains(row));
        order.extend(fresh);
    }
    order.extend(left);
    order.extend(beside);
    Ok(order)
}

/// Of the rows that are left those that hold something that is not counted, the one that holds most first.
fn fresh(
    space: &Space<'_>,
    strength: &Strength,
    values: &[Option<Vec<usize>>],
    left: &[usize],
    counted: &[Vec<usize>],
) -> Result<Vec<usize>, CoverError> {
    let rows: Vec<Vec<usize>> = left.iter().filter_map(|row| values[*row].clone()).collect();
    let order = coexist_cover::most_first_after(&space.model, strength, &rows, counted)?;
    let in_order = order.iter().map(|&at| rows[at].clone());
    let all: Vec<Vec<usize>> = counted.iter().cloned().chain(in_order).collect();
    let measure = coexist_cover::measure(&space.model, strength, &all, 0)?;
    let firsts = measure.first.iter().skip(counted.len());
    Ok(order.iter().zip(firsts).filter(|(_, first)| **first > 0).map(|(&at, _)| left[at]).collect())
}

/// What counts as tested, look by look: everything at first, then without the oldest runs, at last nothing.
fn ages(space: &Space<'_>, history: &[PastCell]) -> Vec<Vec<Vec<usize>>> {
    let mut tested: Vec<(jiff::Timestamp, Vec<usize>)> = history
        .iter()
        .filter(|past| past.standing == Standing::Tested)
        .filter_map(|past| Some((past.at, space.values_of_past(past)?)))
        .collect();
    tested.sort();
    let mut times: Vec<jiff::Timestamp> = tested.iter().map(|(at, _)| *at).collect();
    times.dedup();
    let each = times.len().div_ceil(MOST_AGES).max(1);
    let mut ages = Vec::new();
    for since in times.iter().step_by(each) {
        let newer = tested.iter().filter(|(at, _)| at >= since);
        ages.push(newer.map(|(_, values)| values.clone()).collect());
    }
    ages.push(Vec::new());
    ages
}
