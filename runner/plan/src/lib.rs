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
mod catalogue;
mod checked;
mod choose;
mod element;
mod files;
mod message;
mod node;
mod report;
mod scalars;
mod schema;
mod shelf;
mod source;
mod steps;
mod text;
mod words;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use coexist_model::{CandidateRef, Image, ImageId, PLAN_SCHEMA, PackageSource, Plan, Sha256};

pub use element::{Key, Need, Record};
pub use files::{FileKind, check};
pub use message::{Message, Mistake, Report, Severity};
pub use schema::schema;
pub use shelf::{CatalogueEntry, catalogue, driver_owners};
pub use text::render_text;

use checked::{Checked, Origin, Package};
use source::{Sources, absolute};

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

/// A plan, and what its author should look at all the same.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Without a cell where the matrix excludes every one; a warning then names the rules that do so.
    pub plan: Plan,
    /// From reading and from choosing.
    pub warnings: Report,
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

/// Plans a matrix: every step of both arms of every cell, with every digest. The same matrix gives the same plan.
///
/// # Errors
/// The combinations cannot be chosen: one is included and excluded, or there are too many. Warnings are with it.
pub fn plan(resolved: &Resolved) -> Result<Planned, Report> {
    let Resolved { checked, images, sources, warnings } = resolved;
    let mut messages = warnings.messages.clone();
    let rows = choose::choose(checked, sources, &mut messages);
    let Some(rows) = rows else { return Err(Report::new(Arc::clone(sources), messages)) };
    let stepper = steps::Stepper { checked, sources };
    let mut used: BTreeMap<ImageId, Image> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut cells = Vec::new();
    let mut packages: BTreeMap<Sha256, PackageSource> = BTreeMap::new();
    add(&mut packages, &checked.candidate.package);
    for row in &rows {
        let Some(image) = images.get(&ImageId::from(row.image.image.id.as_str())) else { continue };
        let boot_deadline = checked.deadlines.boot.unwrap_or(image.boot_deadline);
        let image = used.entry(image.id.clone()).or_insert_with(|| Image { boot_deadline, ..image.clone() });
        cells.push(stepper.cell(unique_id(choose::id(row), &mut ids).into(), row, image));
        for member in &row.set.members {
            let product = checked.products.get(&member.agent);
            let release = product.and_then(|it| it.releases.iter().find(|it| it.version == member.version));
            release.into_iter().for_each(|release| add(&mut packages, &release.package));
        }
    }
    let candidate = &checked.candidate;
    let plan = Plan {
        schema: PLAN_SCHEMA.to_owned(),
        matrix: checked.matrix.clone(),
        candidate: CandidateRef {
            agent: candidate.install.agent.clone(),
            vendor: candidate.vendor.clone(),
            kind: candidate.kind,
            version: candidate.install.version.clone(),
            sha256: Some(candidate.package.sha256.clone()),
        },
        images: used,
        packages,
        driver_owners: checked.driver_owners.clone(),
        lab_fault_retries: checked.lab_fault_retries,
        cells,
    };
    Ok(Planned { plan, warnings: Report::new(Arc::clone(sources), messages) })
}

fn add(packages: &mut BTreeMap<Sha256, PackageSource>, package: &Package) {
    let source = match &package.origin {
        Origin::Path(path) => PackageSource::File(absolute(path)),
        Origin::Url(url) => PackageSource::Url(url.clone()),
    };
    packages.entry(package.sha256.clone()).or_insert(source);
}

/// Versions that differ in `.` and `_` only, or in case, would share a folder; the later one gets a number.
fn unique_id(id: String, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{id}_{number}"));
    let free = std::iter::once(id.clone()).chain(numbered).find(|it| !taken.contains(&it.to_lowercase())).unwrap_or(id);
    taken.insert(free.to_lowercase());
    free
}
