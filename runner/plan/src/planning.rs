//! From a matrix that is ready to its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coexist_model::{CandidateRef, Image, ImageId, PLAN_SCHEMA, PackageSource, Plan, Sha256};

pub use coexist_cover::Effort;

use crate::Resolved;
use crate::checked::{Origin, Package};
use crate::choose;
use crate::message::Report;
use crate::source::absolute;
use crate::steps::Stepper;

/// What is asked of a plan beyond its matrix.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How hard to look for few cells.
    pub effort: Effort,
    /// Instead of the matrix's own strength; of no use without `coverage`.
    pub strength: Option<usize>,
}

impl Default for Ask {
    fn default() -> Self {
        Self { effort: Effort::Normal, strength: None }
    }
}

/// A plan, and what its author should look at all the same.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Without a cell where the matrix excludes every one; a warning then names the rules that do so.
    pub plan: Plan,
    /// From reading and from choosing.
    pub warnings: Report,
}

/// Plans a matrix: every step of both arms of every cell, with every digest. The same matrix gives the same plan.
///
/// # Errors
/// The combinations cannot be chosen: rules contradict each other or an included row, or there are too many. Warnings
/// are with it.
pub fn plan(resolved: &Resolved, ask: &Ask) -> Result<Planned, Report> {
    let Resolved { checked, images, sources, warnings } = resolved;
    let mut messages = warnings.messages.clone();
    let rows = choose::choose(checked, sources, ask, &mut messages);
    let Some(rows) = rows else { return Err(Report::new(Arc::clone(sources), messages)) };
    let stepper = Stepper { checked, sources };
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
