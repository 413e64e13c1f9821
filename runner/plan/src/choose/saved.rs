//! The rows file: the rows of a matrix, a line each, so that the next plan keeps them and a change reads well in git.
//!
//! ```text
//! # coexist.rows/1
//! cell            image   hvci    agents
//! w11.on.acme     w11     on      acme-endpoint globex-sensor@7.0
//! ```
//!
//! Columns are parted by tabs. Agents stand in the order of installation, with their version where the matrix says one;
//! `-` is a cell without agents. The first column follows from the others: it is there for people, and proves the line.

use std::collections::BTreeMap;

use super::id::{name, shown};
use super::{Row, id};
use crate::checked::Checked;
use crate::message::{Message, Mistake};
use crate::source::{Sources, Span};
use crate::words::{count, quote};

/// First line of every rows file.
const SCHEMA: &str = "# coexist.rows/1";
const PAGE: &str = "planning.md#the-rows-file";
/// How a cell without agents is written.
const NOBODY: &str = "-";
/// Rows beyond which no file is read: more than any plan has.
const MOST_ROWS: usize = 100_000;
/// Mistakes of one file that are told.
const MOST_TOLD: usize = 20;

/// Saved rows, as written: the matrix may have changed since.
#[derive(Debug, Clone, Default)]
pub(crate) struct SavedRows {
    /// Headings between the image and the agents.
    pub(crate) settings: Vec<String>,
    pub(crate) rows: Vec<SavedRow>,
}

/// One line of a rows file.
#[derive(Debug, Clone)]
pub(crate) struct SavedRow {
    /// Number of the line, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) cell: String,
    pub(crate) image: String,
    /// As many as the file has settings.
    pub(crate) values: Vec<String>,
    /// With the version where one is said.
    pub(crate) agents: Vec<(String, Option<String>)>,
}

/// The lines of a rows file. `rows` have their cells' ids.
pub(crate) fn write(checked: &Checked, rows: &[(String, Row<'_>)]) -> String {
    let settings: Vec<&str> = checked.axes.iter().map(|axis| axis.name.as_str()).collect();
    let mut text = format!("{SCHEMA}\n{}\n", [&["cell", "image"], &settings[..], &["agents"]].concat().join("\t"));
    for (id, row) in rows {
        text.push_str(&line(id, row));
        text.push('\n');
    }
    text
}

/// One row without the end of its line.
pub(crate) fn line(id: &str, row: &Row<'_>) -> String {
    let agents: Vec<String> = row.set.members.iter().map(shown).collect();
    let agents = if agents.is_empty() { NOBODY.to_owned() } else { agents.join(" ") };
    let values = row.values.iter().map(|it| it.setting.value.as_str());
    let cells: Vec<&str> = [id, &row.image.image.id].into_iter().chain(values).chain([agents.as_str()]).collect();
    cells.join("\t")
}

/// Reads a source that holds a rows file. `None` when it is damaged, which is told line by line.
pub(crate) fn read(sources: &Sources, source: usize, messages: &mut Vec<Message>) -> Option<SavedRows> {
    let text = sources.get(source)?.text.as_str();
    let mut reader = Reader { source, cells: BTreeMap::new(), mistakes: Vec::new() };
    let saved = reader.all(text);
    let more = reader.mistakes.len().saturating_sub(MOST_TOLD);
    reader.mistakes.truncate(MOST_TOLD);
    if let (Some(last), 1..) = (reader.mistakes.last_mut(), more) {
        last.helps.push(format!("and {}", count(more, "more mistake")));
    }
    let sound = reader.mistakes.is_empty();
    messages.append(&mut reader.mistakes);
    saved.filter(|_| sound)
}

struct Reader {
    source: usize,
    /// Cells that were read, with their places.
    cells: BTreeMap<String, Span>,
    mistakes: Vec<Message>,
}

impl Reader {
    fn tell(&mut self, span: Span, found: impl Into<String>, expected: impl Into<String>) -> &mut Message {
        let message = Message::error(Mistake::DamagedRows, span, found, expected)
            .help("take it from version control, or delete it and make it anew with `coexist plan --save`")
            .page(PAGE);
        self.mistakes.push(message);
        // It was pushed just now.
        let last = self.mistakes.len() - 1;
        &mut self.mistakes[last]
    }

    fn all(&mut self, text: &str) -> Option<SavedRows> {
        let mut start = 0;
        let lines = text.split_inclusive('\n').enumerate().map(|(number, line)| {
            let span = Span { source: self.source, start, end: start + line.trim_end().len() };
            start += line.len();
            (number + 1, span, line.trim_end_matches(['\n', '\r']))
        });
        let lines: Vec<_> = lines.take(MOST_ROWS + 3).collect();
        let whole = Span { source: self.source, start: 0, end: 0 };
        let mut lines = lines.into_iter();
        match lines.next() {
            Some((_, _, SCHEMA)) => {}
            Some((_, span, _)) => {
                self.tell(span, "this is no rows file that this version reads", format!("expected `{SCHEMA}`"));
                return None;
            }
            None => {
                self.tell(whole, "this rows file is empty", format!("expected `{SCHEMA}`"));
                return None;
            }
        }
        let Some((_, span, header)) = lines.next() else {
            self.tell(whole, "this rows file has no headings", "expected a second line");
            return None;
        };
        let headings: Vec<&str> = header.split('\t').collect();
        let ["cell", "image", settings @ .., "agents"] = &headings[..] else {
            self.tell(span, "these are not the headings of a rows file", "expected `cell`, `image`, …, `agents`");
            return None;
        };
        let mut saved = SavedRows { settings: settings.iter().map(|it| (*it).to_owned()).collect(), rows: Vec::new() };
        for (line, span, text) in lines {
            if saved.rows.len() == MOST_ROWS {
                self.tell(span, format!("this rows file has more than {MOST_ROWS} rows"), "the first one too many");
                return None;
            }
            saved.rows.extend(self.row(line, span, text, &saved.settings));
        }
        Some(saved)
    }

    fn row(&mut self, line: usize, span: Span, text: &str, settings: &[String]) -> Option<SavedRow> {
        let cells: Vec<&str> = text.split('\t').collect();
        let wanted = settings.len() + 3;
        let [cell, image, values @ .., agents] = &cells[..] else {
            self.tell(span, format!("this row has {}", count(cells.len(), "column")), format!("expected {wanted}"));
            return None;
        };
        if cells.len() != wanted || cells.iter().any(|cell| cell.is_empty()) {
            let found = match cells.iter().position(|cell| cell.is_empty()) {
                Some(empty) => format!("column {} of this row is empty", empty + 1),
                None => format!("this row has {}", count(cells.len(), "column")),
            };
            self.tell(span, found, format!("expected {wanted}"));
            return None;
        }
        let named: Vec<&str> = if *agents == NOBODY { Vec::new() } else { agents.split(' ').collect() };
        let says = name(image, settings.iter().map(String::as_str).zip(values.iter().copied()), named.iter().copied());
        // Names that differ in a version's dots only have a number behind them.
        let number = cell.strip_prefix(says.as_str()).and_then(|rest| rest.strip_prefix('_'));
        if *cell != says && !number.is_some_and(|number| number.bytes().all(|it| it.is_ascii_digit())) {
            let found = format!("this row is named {}, and holds {}", quote(cell), quote(&says));
            self.tell(span, found, "the name follows from the other columns");
            return None;
        }
        if let Some(before) = self.cells.insert((*cell).to_owned(), span) {
            let message = self.tell(span, "this row is in the file twice", "again");
            message.related.push((before, "first here".to_owned()));
            return None;
        }
        let agents = named.into_iter().map(|agent| match agent.split_once('@') {
            Some((agent, version)) => (agent.to_owned(), Some(version.to_owned())),
            None => (agent.to_owned(), None),
        });
        Some(SavedRow {
            line,
            text: text.to_owned(),
            cell: (*cell).to_owned(),
            image: (*image).to_owned(),
            values: values.iter().map(|it| (*it).to_owned()).collect(),
            agents: agents.collect(),
        })
    }
}

/// Saved rows first, in their places; the others as they are.
pub(crate) fn in_saved_order(saved: &SavedRows, rows: &mut [Row<'_>]) {
    let places: BTreeMap<&str, usize> =
        saved.rows.iter().enumerate().map(|(at, row)| (row.cell.as_str(), at)).collect();
    rows.sort_by_key(|row| places.get(id(row).as_str()).copied().unwrap_or(usize::MAX));
}
