//! Matrix text and catalogues to a checked matrix to a plan.
//!
//! ```text
//! text ─► node ─────► written ─────────► checked ───────────────► rows ─► plan
//!         the YAML    typed, every key   references followed,     choose  steps
//!         with places optional           defaults filled in          ▲
//!                                            └─► artefacts: digests and keys read ─► Resolved
//! ```
//!
//! Every arrow adds messages to one [`Report`] and goes on as far as it can: a file with nine mistakes gets nine
//! messages, with file, line, column, the line itself, what was expected and the nearest known word. What is concluded
//! from something *missing* is only told where everything around it could be read.
//!
//! A new key is a line in `written/` with a sentence for editors, its meaning in `checked/`, its section in `docs/`, its
//! mistakes in `tests/bad-matrices`. [`vocabulary`] lists all keys for documentation, and [`schema`] describes the files
//! to editors: the test `schema` says how to accept what a new key changes in `docs/schema`.

mod artefacts;
mod budget;
mod catalogue;
mod checked;
mod choose;
mod element;
mod files;
mod json;
mod message;
mod node;
mod planning;
mod price;
mod report;
mod rows_file;
mod scalars;
mod schema;
mod shared;
mod shelf;
mod source;
mod steps;
mod text;
mod words;
mod written;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use coexist_model::{Image, ImageId};

pub use budget::{Budget, BudgetError};
pub use choose::covered::{Covered, ImpossibleGroup};
pub use choose::explain::ExplainError;
pub use choose::orders::{ImpossibleOrders, Orders, UncoveredOrder, WhyUncovered};
pub use element::{Key, Need, Record};
pub use files::{FileKind, check};
pub use json::json;
pub use message::{Message, Mistake, Report, Severity};
pub use planning::{Ask, DroppedRow, Effort, Planned, Replanned, explain, plan};
pub use price::Price;
pub use rows_file::{RowsFile, RowsFileError};
pub use schema::schema;
pub use shared::Shared;
pub use shelf::{CatalogueEntry, catalogue, driver_owners};
pub use text::{OnHost, Telling, compared, render, render_text, replanned_in_words};

use checked::Checked;
use source::Sources;

/// Every mapping with fixed keys that a matrix, recipe or image may hold.
#[must_use]
pub fn vocabulary() -> &'static [&'static Record] {
    written::RECORDS
}

/// A matrix with everything it rests on, ready to be planned.
#[derive(Debug, Clone)]
pub struct Resolved {
    checked: Checked,
    images: BTreeMap<ImageId, Image>,
    sources: Arc<Sources>,
    warnings: Report,
}

/// Reads a matrix, its catalogue files, and the digests and keys they name.
///
/// # Errors
/// All mistakes at once. Unlike [`check`], a file that was not made or fetched yet is one.
pub fn load(matrix: &Path) -> Result<Resolved, Report> {
    let mut desk = catalogue::Desk::default();
    let checked = files::matrix_at(matrix, &mut desk);
    let images = checked.as_ref().map(|it| artefacts::pin(it, Severity::Error, &mut desk.messages));
    let sources = Arc::new(desk.sources);
    let report = Report::new(Arc::clone(&sources), desk.messages);
    match (checked, images) {
        (Some(checked), Some(images)) if report.errors() == 0 => {
            Ok(Resolved { checked, images, sources, warnings: report })
        }
        _ => Err(report),
    }
}
