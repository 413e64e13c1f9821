//! Rows as PICT writes and reads them: a heading with parameters, then a row a line, separated by tabs.

use super::names::{Names, Place, ValueNames};
use super::size::{check_rows, short};
use super::{Dialect, MOST_TEXT, MOST_TOLD, Note, PictError, PictModel};
use crate::plan::Plan;

/// Rows that were read for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictRows {
    /// Value numbers by parameter; nothing where the text has none, or one that the model does not have.
    pub rows: Vec<Vec<Option<usize>>>,
    /// For each row its line, from 1.
    pub lines: Vec<usize>,
    /// Numbers of the parameters that no column is for.
    pub without: Vec<usize>,
    /// What was passed over, at most the first hundred remarks.
    pub notes: Vec<Note>,
    /// For each row which of its values' names it uses.
    names: Vec<Vec<u16>>,
}

impl PictModel {
    /// Reads rows: seeds, or a suite to measure. Columns may have any order; a value may have any of its names, with or
    /// without the mark of a value out of range.
    ///
    /// A column that the model does not have is passed over, and a value that its parameter does not have is open: both
    /// are noted, as PICT warns of them.
    ///
    /// # Errors
    /// When there is no heading, a heading names a parameter twice, a line has more cells than the heading, or the rows
    /// are more than can be planned with.
    pub fn rows(&self, text: &str, dialect: &Dialect) -> Result<PictRows, Vec<PictError>> {
        if text.len() > MOST_TEXT {
            return Err(vec![PictError::TooLong(text.len())]);
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let Some((at, heading)) = lines.next() else {
            return Err(vec![PictError::at(1, "there is no heading: parameters separated by tabs were expected")]);
        };
        let mut read =
            PictRows { rows: Vec::new(), lines: Vec::new(), without: Vec::new(), notes: Vec::new(), names: Vec::new() };
        let columns = self.columns(heading, at + 1, dialect, &mut read.notes).map_err(|mistake| vec![mistake])?;
        let parameters = self.model.parameters();
        read.without = (0..parameters.len()).filter(|number| !columns.contains(&Some(*number))).collect();
        let values: Vec<_> = parameters.iter().map(|parameter| ValueNames::of(parameter, dialect)).collect();
        let mut mistakes = Vec::new();
        for (at, line) in lines {
            let cells: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
            if cells.len() > columns.len() {
                let what = format!("the row has {} cells, and the heading {}", cells.len(), columns.len());
                mistakes.push(PictError::at(at + 1, what));
                if mistakes.len() == MOST_TOLD {
                    break;
                }
                continue;
            }
            check_rows(at + 1, read.rows.len() + 1, parameters.len()).map_err(|size| vec![size])?;
            let mut places: Vec<Option<Place>> = vec![None; parameters.len()];
            for (cell, column) in cells.iter().map(|cell| cell.trim()).zip(&columns) {
                let Some(column) = *column else { continue };
                places[column] = values[column].find(cell, dialect);
                if places[column].is_none() && !cell.is_empty() {
                    let text = || {
                        let name = &parameters[column].name;
                        format!("parameter {name:?} has no value {}: the cell is open", short(cell))
                    };
                    Note::add(&mut read.notes, at + 1, text);
                }
            }
            read.rows.push(places.iter().map(|place| place.map(|(value, _)| value)).collect());
            let name = |place: &Option<Place>| place.map_or(0, |(_, name)| u16::try_from(name).unwrap_or(0));
            read.names.push(places.iter().map(name).collect());
            read.lines.push(at + 1);
        }
        if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
    }

    /// For each column its parameter.
    fn columns(
        &self,
        heading: &str,
        line: usize,
        dialect: &Dialect,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Option<usize>>, PictError> {
        let names = Names::of(self.model.parameters(), dialect);
        let mut columns: Vec<Option<usize>> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for name in heading.trim_end_matches('\r').split('\t').map(str::trim) {
            let found = names.find(name, dialect);
            match found {
                Some(number) if !seen.insert(number) => {
                    return Err(PictError::at(line, format!("the heading names parameter {} twice", short(name))));
                }
                Some(_) => {}
                None => Note::add(notes, line, || {
                    format!("the model has no parameter {}: its column is passed over", short(name))
                }),
            }
            columns.push(found);
        }
        Ok(columns)
    }

    /// A plan's rows as people see them: seeds keep the names they came with, and other rows use the names of a value in
    /// turn.
    pub fn named(&self, plan: &Plan, seeds: &PictRows) -> Vec<Vec<String>> {
        let mut named = self.model.named(&plan.rows);
        let dropped: std::collections::BTreeSet<usize> = plan.dropped.iter().map(|seed| seed.number).collect();
        let kept = (0..seeds.rows.len()).filter(|number| !dropped.contains(number));
        for (row, number) in named.iter_mut().take(plan.seeds).zip(kept) {
            let parameters = self.model.parameters().iter();
            let given = seeds.rows[number].iter().zip(&seeds.names[number]);
            for ((cell, parameter), (value, &name)) in row.iter_mut().zip(parameters).zip(given) {
                let name = value.and_then(|value| parameter.values.get(value)?.names.get(usize::from(name)));
                if let Some(name) = name {
                    cell.clone_from(name);
                }
            }
        }
        named
    }
}

impl PictRows {
    /// No rows at all.
    pub fn none() -> Self {
        Self { rows: Vec::new(), lines: Vec::new(), without: Vec::new(), notes: Vec::new(), names: Vec::new() }
    }
}
