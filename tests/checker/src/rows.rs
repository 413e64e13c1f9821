//! Rows: a heading with parameters in any order, then a row a line, separated by tabs.

use crate::model::{Model, Parameter};
use crate::reader::{ReadError, same};

/// What stands where a parameter's value belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    Value(usize),
    Unknown(String),
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// From 1.
    pub(crate) line: usize,
    /// One for each parameter.
    pub(crate) cells: Vec<Read>,
}

/// What becomes of a column that the model does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Refused,
    PassedOver,
}

/// Reads rows.
///
/// # Errors
/// A heading that is missing, has a parameter twice, or a column that is refused; a row that is too long.
pub(crate) fn read(model: &Model, text: &str, foreign: Foreign) -> Result<Vec<Row>, ReadError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (at, heading) = lines.next().ok_or_else(|| ReadError::at(1, "rows have a heading"))?;
    let mut columns = Vec::new();
    for name in heading.split('\t').map(str::trim) {
        let column = model.find(name);
        if column.is_none() && foreign == Foreign::Refused {
            return Err(ReadError::at(at + 1, format!("{name:?} is no parameter")));
        }
        if column.is_some() && columns.contains(&column) {
            return Err(ReadError::at(at + 1, format!("{name:?} stands here twice")));
        }
        columns.push(column);
    }
    lines.map(|(at, line)| row(model, &columns, at + 1, line)).collect()
}

fn row(model: &Model, columns: &[Option<usize>], line: usize, text: &str) -> Result<Row, ReadError> {
    let mut cells = vec![Read::Nothing; model.parameters.len()];
    for (at, name) in text.split('\t').map(str::trim).enumerate() {
        let column = *columns.get(at).ok_or_else(|| ReadError::at(line, "more cells than the heading"))?;
        let Some(column) = column else { continue };
        cells[column] = match value(&model.parameters[column], name) {
            Some(value) => Read::Value(value),
            None if name.is_empty() => Read::Nothing,
            None => Read::Unknown(name.to_string()),
        };
    }
    Ok(Row { line, cells })
}

/// The value with this name: as it is written, else in any case; the first name of a value before its others.
fn value(parameter: &Parameter, name: &str) -> Option<usize> {
    let first = |is: &dyn Fn(&str) -> bool| parameter.values.iter().position(|value| is(&value.names[0]));
    let any = |is: &dyn Fn(&str) -> bool| parameter.values.iter().position(|value| value.names.iter().any(|n| is(n)));
    let (exact, alike) = (|other: &str| other == name, |other: &str| same(other, name));
    first(&exact).or_else(|| any(&exact)).or_else(|| first(&alike)).or_else(|| any(&alike))
}
