//! From a matrix that is ready to its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coexist_model::{CandidateRef, Cell, Image, ImageId, PLAN_SCHEMA, PackageSource, PastCell, Plan, Sha256};

use coexist_cover::CoverError;
pub use coexist_cover::Effort;

use crate::Resolved;
use crate::budget::Budget;
use crate::checked::signing::forced;
use crate::checked::{Checked, Origin, Package};
use crate::choose::covered::Covered;
use crate::choose::explain::ExplainError;
use crate::choose::running::Turn;
use crate::choose::saved::SavedRows;
use crate::choose::{self, Chosen, Row};
use crate::message::{Message, Report};
use crate::price::{Costs, Price};
use crate::rows_file::RowsFile;
use crate::shared::Shared;
use crate::source::{Sources, absolute};
use crate::steps::Stepper;

/// What is asked of a plan beyond its matrix.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How hard to look for few cells.
    pub effort: Effort,
    /// Instead of the matrix's own strength; of no use without `coverage`.
    pub strength: Option<usize>,
    /// The rows file of the matrix, whose rows are kept.
    pub saved: Option<RowsFile>,
    /// Only so many cells, or so much time or disk: those that cover most. Included rows and early waves come first.
    pub budget: Option<Budget>,
    /// Cells of earlier runs, for prices and for what was tested. In any order.
    pub history: Vec<PastCell>,
    /// Cells with what was never tested come first, then with what was not tested for longest; what was masked is tried
    /// in another cell.
    pub prefer_untested: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            effort: Effort::Normal,
            strength: None,
            saved: None,
            budget: None,
            history: Vec::new(),
            prefer_untested: false,
        }
    }
}

/// A plan, and what its author should look at all the same.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Without a cell where the matrix excludes every one; a warning then names the rules that do so.
    pub plan: Plan,
    /// From reading and from choosing.
    pub warnings: Report,
    /// What the rows file of this plan holds.
    pub rows: String,
    /// What became of the saved rows; `None` where there were none.
    pub replanned: Option<Replanned>,
    /// Settings that the candidate's signature forces in every cell, each with its value.
    pub forced_by_signing: Vec<(String, String)>,
    /// How many cells each wave has, in the order they run; none where the matrix has no waves.
    pub waves: Vec<(String, usize)>,
    /// What the cells cover; `None` where the full product was asked for, and is there.
    pub covered: Option<Covered>,
    /// What the cells cost.
    pub price: Price,
    /// What the cells have in common.
    pub shared: Shared,
}

/// What became of saved rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replanned {
    /// Rows whose lines are as they were, byte for byte.
    pub kept: usize,
    /// Rows that lost something that is gone from the matrix, or have an open cell filled.
    pub changed: usize,
    /// Rows that are new, after the others.
    pub new: usize,
    /// Rows that are gone.
    pub dropped: Vec<DroppedRow>,
}

/// A saved row that is not in the plan any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedRow {
    /// Its line in the rows file, from 1.
    pub line: usize,
    /// Its cell.
    pub cell: String,
    /// The fewest rules that forbid it; none where it only became like another row.
    pub rules: Vec<String>,
}

/// Plans a matrix: every step of both arms of every cell, with every digest. The same matrix gives the same plan.
///
/// # Errors
/// The combinations cannot be chosen: rules contradict each other or an included row, there are too many, or the rows
/// file is damaged. Warnings are with it.
pub fn plan(resolved: &Resolved, ask: &Ask) -> Result<Planned, Report> {
    let checked = &resolved.checked;
    let Choice { chosen, sources, saved, messages } = choice(resolved, ask)?;
    let rows: Vec<(String, Row<'_>)> = ids(&chosen).into_iter().zip(chosen.rows.iter().cloned()).collect();
    let text = choose::saved::write(checked, &rows);
    let replanned = saved.map(|saved| replanned(&saved, &text, &chosen.dropped));
    let last = finish(resolved, ask, &chosen, &rows, &sources).map_err(|error| {
        let mut messages = messages.clone();
        messages.push(choose::refused(checked, &sources, &error));
        Report::new(Arc::clone(&sources), messages)
    })?;
    let Finished { plan, covered } = last;
    let (price, shared) = (Price::of(&plan, &ask.history), Shared::of(&plan));
    let warnings = Report::new(sources, messages);
    let (waves, forced_by_signing) = (waves(checked, &plan), forced(checked));
    Ok(Planned { plan, warnings, rows: text, replanned, forced_by_signing, waves, covered, price, shared })
}

/// Every wave of a matrix, and how many cells of a plan are in it. One without a cell holds nothing back, which its author
/// should see.
fn waves(checked: &Checked, plan: &Plan) -> Vec<(String, usize)> {
    if checked.waves.is_empty() {
        return Vec::new();
    }
    let names = checked.waves.iter().map(|wave| wave.name.as_str()).chain([choose::running::REST]);
    let cells = |name: &str| plan.cells.iter().filter(|cell| cell.wave.as_deref() == Some(name)).count();
    names.map(|name| (name.to_owned(), cells(name))).collect()
}

/// Why a cell is in the plan of a matrix, or a combination in its cells or in none: `asked` is a cell's id, or a
/// combination such as `hvci=on,acme-endpoint=4.1`.
///
/// # Errors
/// As for [`plan`]. Inside, what is asked for is not of this matrix.
pub fn explain(resolved: &Resolved, ask: &Ask, asked: &str) -> Result<Result<String, ExplainError>, Report> {
    let Choice { chosen, .. } = choice(resolved, ask)?;
    let ids = ids(&chosen);
    Ok(if asked.contains('=') {
        choose::explain::combination(&resolved.checked, &chosen, &ids, asked)
    } else {
        choose::explain::cell(&chosen, &ids, asked)
    })
}

/// Rows, with all that was read for them.
struct Choice<'a> {
    chosen: Chosen<'a>,
    sources: Arc<Sources>,
    saved: Option<SavedRows>,
    messages: Vec<Message>,
}

fn choice<'a>(resolved: &'a Resolved, ask: &Ask) -> Result<Choice<'a>, Report> {
    let checked = &resolved.checked;
    let mut messages = resolved.warnings.messages.clone();
    let mut sources = Arc::clone(&resolved.sources);
    let mut saved = None;
    if let Some(file) = &ask.saved {
        let source = Arc::make_mut(&mut sources).add(file.shown.clone(), file.text.clone());
        saved = choose::saved::read(&sources, source, &mut messages);
        if saved.is_none() {
            return Err(Report::new(sources, messages));
        }
    }
    let chosen = choose::choose(checked, &sources, saved.as_ref(), ask, &mut messages);
    let Some(chosen) = chosen else { return Err(Report::new(sources, messages)) };
    Ok(Choice { chosen, sources, saved, messages })
}

/// Names of the chosen rows, in their order.
fn ids(chosen: &Chosen<'_>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    chosen.rows.iter().map(|row| unique_id(choose::id(row), &mut taken)).collect()
}

struct Finished {
    plan: Plan,
    covered: Option<Covered>,
}

/// Cells in the order they run, those that the budget pays for.
fn finish(
    resolved: &Resolved,
    ask: &Ask,
    chosen: &Chosen<'_>,
    rows: &[(String, Row<'_>)],
    sources: &Sources,
) -> Result<Finished, CoverError> {
    let checked = &resolved.checked;
    let by_worth = ask.budget.is_some() || ask.prefer_untested;
    let history: &[PastCell] = if ask.prefer_untested { &ask.history } else { &[] };
    let turns = choose::running::turns(checked, chosen, by_worth, history)?;
    let wave = |turn: &Turn| {
        let name = |wave: usize| checked.waves.get(wave).map_or(choose::running::REST, |wave| wave.name.as_str());
        turn.wave.map(|wave| name(wave).to_owned())
    };
    let in_order = turns.iter().map(|turn| (&rows[turn.row], wave(turn)));
    let mut plan = of_rows(resolved, sources, &in_order.collect::<Vec<_>>());
    let mut kept: Vec<usize> = (0..turns.len()).collect();
    if let Some(budget) = ask.budget {
        kept = within(budget, &plan.cells, &turns, &ask.history);
        let cells: Vec<_> =
            kept.iter().filter_map(|at| Some((&rows[turns.get(*at)?.row], wave(turns.get(*at)?)))).collect();
        plan = of_rows(resolved, sources, &cells);
    }
    let left_out = turns.len() - kept.len();
    let mut covered = None;
    if let Some(space) = chosen.space.as_ref().filter(|_| checked.coverage.is_some() || left_out > 0) {
        let values = |row: usize| chosen.rows.get(row).and_then(|row| space.values(row));
        let all: Vec<Vec<usize>> = (0..chosen.rows.len()).filter_map(values).collect();
        let some: Vec<Vec<usize>> = kept.iter().filter_map(|at| values(turns[*at].row)).collect();
        let mut look = choose::covered::look(space, &chosen.strength, &all, &some, left_out)?;
        look.orders = chosen.sequences.as_ref().map(|sequences| {
            let seen = |row: &usize| chosen.rows.get(*row).filter(|row| space.values(row).is_some());
            let all: Vec<&Row<'_>> = (0..chosen.rows.len()).filter_map(|row| seen(&row)).collect();
            let some: Vec<&Row<'_>> = kept.iter().filter_map(|at| seen(&turns.get(*at)?.row)).collect();
            choose::orders::look(checked, sources, sequences, &all, &some)
        });
        covered = Some(look);
    }
    plan.coverage = covered.as_ref().map(|covered| covered.summary.clone());
    Ok(Finished { plan, covered })
}

/// Places of the turns that a budget pays for, in their order. A cell that is too much leaves room for smaller ones.
fn within(budget: Budget, cells: &[Cell], turns: &[Turn], history: &[PastCell]) -> Vec<usize> {
    let costs = Costs::of(history);
    let mut price = Price::default();
    let mut kept: Vec<usize> = Vec::new();
    let first = |first: bool| (0..turns.len()).filter(move |at| turns[*at].first == first);
    for at in first(true).chain(first(false)) {
        let Some(cell) = cells.get(at) else { continue };
        let mut with = price;
        with.add(&costs.cell(cell));
        if budget.holds(kept.len() + 1, &with) {
            price = with;
            kept.push(at);
        }
    }
    kept.sort_unstable();
    kept
}

fn replanned(saved: &SavedRows, text: &str, dropped: &[(usize, Vec<String>)]) -> Replanned {
    let now: BTreeSet<&str> = text.lines().skip(2).collect();
    let kept = saved.rows.iter().filter(|row| now.contains(row.text.as_str())).count();
    let rules: BTreeMap<usize, &Vec<String>> = dropped.iter().map(|(number, rules)| (*number, rules)).collect();
    let gone = saved.rows.iter().enumerate().filter_map(|(number, row)| {
        let rules = (*rules.get(&number)?).clone();
        Some(DroppedRow { line: row.line, cell: row.cell.clone(), rules })
    });
    let dropped: Vec<DroppedRow> = gone.collect();
    let changed = saved.rows.len() - kept - dropped.len();
    Replanned { kept, changed, new: now.len().saturating_sub(kept + changed), dropped }
}

fn of_rows(resolved: &Resolved, sources: &Sources, rows: &[(&(String, Row<'_>), Option<String>)]) -> Plan {
    let Resolved { checked, images, .. } = resolved;
    let stepper = Stepper { checked, sources };
    let mut used: BTreeMap<ImageId, Image> = BTreeMap::new();
    let mut cells = Vec::new();
    let mut packages: BTreeMap<Sha256, PackageSource> = BTreeMap::new();
    add(&mut packages, &checked.candidate.package);
    for ((id, row), wave) in rows {
        let Some(image) = images.get(&ImageId::from(row.image.image.id.as_str())) else { continue };
        let boot_deadline = checked.deadlines.boot.unwrap_or(image.boot_deadline);
        let image = used.entry(image.id.clone()).or_insert_with(|| Image { boot_deadline, ..image.clone() });
        cells.push(Cell { wave: wave.clone(), ..stepper.cell(id.as_str().into(), row, image) });
        for member in &row.set.members {
            let product = checked.products.get(&member.agent);
            let release = product.and_then(|it| it.releases.iter().find(|it| it.version == member.version));
            release.into_iter().for_each(|release| add(&mut packages, &release.package));
        }
    }
    let candidate = &checked.candidate;
    Plan {
        schema: PLAN_SCHEMA.to_owned(),
        matrix: checked.matrix.clone(),
        candidate: CandidateRef {
            agent: candidate.install.agent.clone(),
            vendor: candidate.vendor.clone(),
            kind: candidate.kind,
            version: candidate.install.version.clone(),
            sha256: Some(candidate.package.sha256.clone()),
            signing: candidate.signing,
        },
        images: used,
        packages,
        driver_owners: checked.driver_owners.clone(),
        lab_fault_retries: checked.lab_fault_retries,
        coverage: None,
        cells,
    }
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
