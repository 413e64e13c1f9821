//! Rows as PICT writes and reads them: a heading with parameters, then a row a line, separated by tabs.

use super::{Dialect, MOST_TEXT, Note, PictError, PictModel};
use crate::model::Parameter;

/// Rows that were read for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictRows {
    /// Value numbers by parameter; nothing where the text has none, or one that the model does not have.
    pub rows: Vec<Vec<Option<usize>>>,
    /// For each row its line, from 1.
    pub lines: Vec<usize>,
    /// What was passed over.
    pub notes: Vec<Note>,
}

impl PictModel {
    /// Reads rows: seeds, or a suite to measure. Columns may have any order; a value may have any of its names.
    ///
    /// A column that the model does not have is passed over, and a value that its parameter does not have is open: both
    /// are noted, as PICT warns of them.
    ///
    /// # Errors
    /// When there is no heading, a heading names a parameter twice, or a line has more cells than the heading.
    pub fn rows(&self, text: &str, dialect: &Dialect) -> Result<PictRows, Vec<PictError>> {
        if text.len() > MOST_TEXT {
            return Err(vec![PictError::TooLong(text.len())]);
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let Some((at, heading)) = lines.next() else {
            return Err(vec![PictError::at(1, "there is no heading: parameters separated by tabs were expected")]);
        };
        let mut read = PictRows { rows: Vec::new(), lines: Vec::new(), notes: Vec::new() };
        let columns = self.columns(heading, at + 1, dialect, &mut read.notes).map_err(|mistake| vec![mistake])?;
        let mut mistakes = Vec::new();
        for (at, line) in lines {
            let cells: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
            if cells.len() > columns.len() {
                let what = format!("the row has {} cells, and the heading {}", cells.len(), columns.len());
                mistakes.push(PictError::at(at + 1, what));
                continue;
            }
            let mut row = vec![None; self.model.parameters().len()];
            for (cell, column) in cells.iter().map(|cell| cell.trim()).zip(&columns) {
                let Some(column) = *column else { continue };
                let parameter = &self.model.parameters()[column];
                row[column] = value(parameter, cell, dialect);
                if row[column].is_none() && !cell.is_empty() {
                    let text = format!("parameter {:?} has no value {cell:?}: the cell is open", parameter.name);
                    read.notes.push(Note { line: at + 1, text });
                }
            }
            read.rows.push(row);
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
        let mut columns: Vec<Option<usize>> = Vec::new();
        for name in heading.trim_end_matches('\r').split('\t').map(str::trim) {
            let wanted = dialect.key(name);
            let found = self.model.parameters().iter().position(|parameter| dialect.key(&parameter.name) == wanted);
            if found.is_none() {
                notes.push(Note {
                    line,
                    text: format!("the model has no parameter {name:?}: its column is passed over"),
                });
            } else if columns.contains(&found) {
                return Err(PictError::at(line, format!("the heading names parameter {name:?} twice")));
            }
            columns.push(found);
        }
        Ok(columns)
    }
}

fn value(parameter: &Parameter, name: &str, dialect: &Dialect) -> Option<usize> {
    let wanted = dialect.key(name);
    // The names as they are shown first: an alias of one value may be the name of another.
    let first = parameter.values.iter().position(|value| dialect.key(&value.names[0]) == wanted);
    first.or_else(|| {
        parameter.values.iter().position(|value| value.names.iter().any(|name| dialect.key(name) == wanted))
    })
}
