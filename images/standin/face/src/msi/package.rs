//! A package's tables and streams.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use msi::{Select, Value};

/// One row, by column name.
#[derive(Debug, Clone)]
pub(super) struct Record(BTreeMap<String, Value>);

impl Record {
    /// A text; empty when null.
    pub(super) fn text(&self, column: &str) -> String {
        self.optional(column).unwrap_or_default()
    }

    /// A text; none when null.
    pub(super) fn optional(&self, column: &str) -> Option<String> {
        match self.0.get(column)? {
            Value::Str(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Null | Value::Binary => None,
        }
    }

    /// A number; none when null.
    pub(super) fn number(&self, column: &str) -> Option<i32> {
        self.0.get(column)?.as_int()
    }
}

/// An open package.
pub(super) struct Package {
    inner: msi::Package<File>,
    /// Package code in braces, from the summary.
    pub(super) code: String,
    /// The Property table.
    pub(super) properties: BTreeMap<String, String>,
}

impl Package {
    pub(super) fn read(file: File) -> io::Result<Self> {
        let inner = msi::Package::open(file)?;
        let code = inner.summary_info().uuid().map(|it| format!("{{{}}}", it.to_string().to_uppercase()));
        let mut this = Self { inner, code: code.unwrap_or_default(), properties: BTreeMap::new() };
        this.properties = this.rows("Property").iter().map(|row| (row.text("Property"), row.text("Value"))).collect();
        if this.properties.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(this)
    }

    /// All rows of a table; none when there is no such table.
    pub(super) fn rows(&mut self, table: &str) -> Vec<Record> {
        if !self.inner.has_table(table) {
            return Vec::new();
        }
        let names: Vec<String> = self
            .inner
            .get_table(table)
            .map(|it| it.columns().iter().map(|it| it.name().to_owned()).collect())
            .unwrap_or_default();
        let Ok(rows) = self.inner.select_rows(Select::table(table)) else { return Vec::new() };
        rows.map(|row| Record(names.iter().enumerate().map(|(at, name)| (name.clone(), row[at].clone())).collect()))
            .collect()
    }

    /// A property as the package sets it.
    pub(super) fn property(&self, name: &str) -> Option<String> {
        self.properties.get(name).cloned()
    }

    /// Whether the summary says that sources are compressed (bit 1 of the word count).
    pub(super) fn is_compressed(&self) -> bool {
        self.inner.summary_info().word_count().unwrap_or(2) & 2 != 0
    }

    /// A stream's bytes.
    pub(super) fn stream(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.inner.read_stream(name)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
