//! Windows Installer packages: tables, cabinet, container.

mod cabinet;
mod container;
mod guid;
mod names;
mod schema;

use std::collections::BTreeMap;

use msi::Value;
use uuid::Uuid;

use crate::ForgeError;

pub use guid::{guid, uuid};
pub(crate) use names::{ShortNames, file_name};

/// What the summary information says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Product name, shown as title and subject.
    pub product: String,
    /// Vendor.
    pub author: String,
    /// Identity of this very package.
    pub package_code: Uuid,
}

/// A database in the making: rows by table, and the files of its cabinet in order.
#[derive(Debug, Default)]
pub struct Database {
    rows: BTreeMap<&'static str, Vec<Vec<Value>>>,
    files: Vec<(String, Vec<u8>)>,
}

impl Database {
    /// Adds a row; every column of the table must be given. Tables without rows are not written.
    pub fn row<const N: usize>(&mut self, table: &'static str, values: [Value; N]) {
        self.rows.entry(table).or_default().push(values.to_vec());
    }

    /// Adds a file to the cabinet under its key in the `File` table, and returns its sequence number, from 1.
    pub fn file(&mut self, key: &str, bytes: Vec<u8>) -> i32 {
        self.files.push((key.to_owned(), bytes));
        i32::try_from(self.files.len()).unwrap_or(i32::MAX)
    }

    /// The files' bytes, which tell one package from another.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().map(|(_, bytes)| bytes.as_slice())
    }

    /// The package.
    ///
    /// # Errors
    /// When the database library refuses a row or a name.
    pub fn to_bytes(&self, summary: &Summary) -> Result<Vec<u8>, ForgeError> {
        let cabinet = cabinet::write(&self.files).map_err(|source| failed("cabinet", source))?;
        container::write(&self.rows, &cabinet, summary)
    }
}

/// Name of the cabinet's stream; the `Media` table puts a `#` before it.
pub const CABINET: &str = "product.cab";

/// A value of a text column; empty text is null, as the format has no empty text.
#[must_use]
pub fn text(value: &str) -> Value {
    if value.is_empty() { Value::Null } else { Value::Str(value.to_owned()) }
}

fn failed(what: &str, source: std::io::Error) -> ForgeError {
    ForgeError::Installer { what: what.to_owned(), source }
}
