//! A rows file: `# coexist.rows/1`, a heading, and a row a line with the agents in the order of installation.

use super::ABSENT;
use super::build::Built;
use super::written::{MatrixError, wrong};

pub(crate) struct Saved {
    pub(crate) rows: Vec<SavedRow>,
}

pub(crate) struct SavedRow {
    /// From 1.
    pub(crate) line: usize,
    /// A value for each parameter.
    pub(crate) cells: Vec<usize>,
    /// Parameters of the agents in the order of installation.
    pub(crate) order: Vec<usize>,
}

/// Reads a rows file of a matrix. What a row says of a cell's name is not looked at.
pub(crate) fn read(built: &Built, text: &str) -> Result<Saved, MatrixError> {
    let mut lines = text.lines().enumerate();
    if lines.next().is_none_or(|(_, line)| line != "# coexist.rows/1") {
        return Err(wrong("rows, line 1: not `# coexist.rows/1`"));
    }
    let heading: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
    let [cell, columns @ .., agents] = &heading[..] else { return Err(wrong("rows, line 2: no heading")) };
    let column = |name: &&str| built.parameter(name).filter(|at| !built.agents.contains(at));
    let columns: Option<Vec<usize>> = columns.iter().map(column).collect();
    let columns = columns.filter(|_| (*cell, *agents) == ("cell", "agents"));
    let columns = columns.ok_or_else(|| wrong("rows, line 2: a column is not known"))?;
    let rows = lines.map(|(at, line)| row(built, &columns, at + 1, line));
    Ok(Saved { rows: rows.collect::<Result<_, _>>()? })
}

fn row(built: &Built, columns: &[usize], line: usize, text: &str) -> Result<SavedRow, MatrixError> {
    let at = |what: String| wrong(format!("rows, line {line}: {what}"));
    let parts: Vec<&str> = text.split('\t').collect();
    let [_, values @ .., agents] = &parts[..] else { return Err(at("it is empty".to_owned())) };
    if values.len() != columns.len() {
        return Err(at(format!("{} values under {} headings", values.len(), columns.len())));
    }
    let value = |parameter: usize, name: &str| {
        let parameter = &built.model.parameters[parameter];
        let found = parameter.values.iter().position(|value| value.names[0] == name);
        found.ok_or_else(|| at(format!("{} has no value {name:?}", parameter.name)))
    };
    // The first value of an agent is not being there.
    let mut cells: Vec<Option<usize>> = vec![None; built.agents.start];
    cells.resize(built.model.parameters.len(), Some(0));
    for (&parameter, name) in columns.iter().zip(values) {
        cells[parameter] = Some(value(parameter, name)?);
    }
    let mut order = Vec::new();
    for agent in agents.split(' ').filter(|agent| *agent != ABSENT) {
        let (name, version) = agent.split_once('@').unwrap_or((agent, ""));
        let parameter = built.agent(name)?;
        if order.contains(&parameter) {
            return Err(at(format!("{name} stands there twice")));
        }
        cells[parameter] = Some(value(parameter, version)?);
        order.push(parameter);
    }
    let cells = cells.into_iter().collect::<Option<_>>().ok_or_else(|| at("a setting has no value".to_owned()))?;
    Ok(SavedRow { line, cells, order })
}

impl Saved {
    /// The rows as those of the model, without their orders.
    pub(crate) fn as_table(&self, built: &Built) -> String {
        let parameters = &built.model.parameters;
        let mut lines = vec![parameters.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("\t")];
        for row in &self.rows {
            let cells = row.cells.iter().zip(parameters).map(|(&value, it)| it.values[value].names[0].as_str());
            lines.push(cells.collect::<Vec<_>>().join("\t"));
        }
        lines.join("\n")
    }
}
