//! Coverage for a terminal: tables of ages, and the pairs that were not tested.

use std::fmt::Write as _;

use super::age::age;
use super::{Coverage, Entry, Grid, Look, OfVersions, Standpoint, Tally};
use crate::text::terminal;
use crate::view::{number_of, verdict_words};

/// So many pairs that were not tested are listed.
const MOST_LISTED: usize = 20;

/// Renders the tables. Every line begins with words or numbers of ours.
#[must_use]
pub fn coverage_text(coverage: &Coverage) -> String {
    let mut out = String::new();
    let (name, path) = &coverage.matrix;
    let _ = writeln!(out, "matrix     {} ({})", terminal(name), terminal(path));
    let _ = writeln!(out, "ledger     {}", memory_words(coverage));
    if coverage.stand_in {
        let _ = writeln!(out, "guest      the stand-in: nothing here was tested on Windows");
    }
    let _ = writeln!(out, "coverage   {}", counted_words(coverage));
    let _ = writeln!(out, "\nagent by agent: {}", tally_words(coverage.pairs.tally(), "pair"));
    grid(&mut out, coverage, &coverage.pairs);
    not_tested(&mut out, coverage);
    if let Some(order) = &coverage.order {
        let _ = writeln!(out, "\ninstall order, row before column: {}", tally_words(order.tally(), "sequence"));
        grid(&mut out, coverage, order);
    }
    let others = tally_words(coverage.others.tally(), "pair");
    let _ = writeln!(out, "\nimages and settings by agent: {others}");
    grid(&mut out, coverage, &coverage.others);
    out.push_str(
        "\n2d: tested so long ago; 2d!: and in a broken or inconclusive cell then or since; (2d): masked, it\n\
         stood only in broken or inconclusive cells; never: in no cell that is remembered; -: in no cell of this matrix\n",
    );
    out
}

/// `reports/out/ledger.sqlite: 14 runs since 2026-01-01T00:00:00Z, the newest 3h ago`.
pub(super) fn memory_words(coverage: &Coverage) -> String {
    let memory = &coverage.memory;
    let runs = number_of(usize::try_from(memory.runs).unwrap_or(usize::MAX), "run");
    let since = coverage.since.map_or(String::new(), |since| format!(" since {since:.0}"));
    let newest = memory.newest.map_or(String::new(), |last| format!(", the newest {} ago", age(coverage.now, last)));
    format!("{}: {runs}{since}{newest}", terminal(&memory.path))
}

/// `of 66 combinations of 2 values in the plan's cells 40 are tested, 6 masked, 20 never met`.
pub(super) fn counted_words(coverage: &Coverage) -> String {
    let counted = coverage.counted;
    let values = number_of(counted.strength, "value");
    let (all, tested, masked, never) = (counted.combinations, counted.tested, counted.masked, counted.never());
    format!(
        "of {all} combinations of {values} in the plan's cells {tested} are tested, {masked} masked, {never} never met"
    )
}

/// `of 6 pairs that can stand together 3 are tested, 1 masked, 2 never met; 1 cannot`.
pub(super) fn tally_words(tally: Tally, noun: &str) -> String {
    let possible = number_of(tally.possible(), noun);
    let (tested, masked, never) = (tally.tested, tally.masked, tally.never);
    let impossible = if tally.impossible == 0 { String::new() } else { format!("; {} cannot", tally.impossible) };
    format!("of {possible} that can stand in a cell {tested} tested, {masked} masked, {never} never met{impossible}")
}

/// What stands in a place of a table: `2d`, `2d!`, `(2d)`, `never`, `-`.
pub(super) fn symbol(coverage: &Coverage, entry: &Entry) -> String {
    let Some(speaking) = entry.speaking() else { return "-".to_owned() };
    let since = |look: &Look| age(coverage.now, look.last);
    match (speaking.standpoint(), speaking.look()) {
        (Standpoint::Tested, Some(look)) if speaking.broken_since().is_some() => format!("{}!", since(look)),
        (Standpoint::Tested, Some(look)) => since(look),
        (Standpoint::Masked, Some(look)) => format!("({})", since(look)),
        _ => "never".to_owned(),
    }
}

/// What is known, in words: `masked: regressed 5h ago, in 3 runs`.
pub(super) fn words(coverage: &Coverage, of: &OfVersions) -> String {
    let look = |look: &Look| {
        let runs = number_of(usize::try_from(look.runs).unwrap_or(usize::MAX), "run");
        format!("{} {} ago, in {runs}", verdict_words(look.verdict), age(coverage.now, look.last))
    };
    match (of.standpoint(), of.look()) {
        (Standpoint::Tested, Some(tested)) => match of.broken_since() {
            Some(broken) => format!("tested: {}; also {}", look(tested), look(broken)),
            None => format!("tested: {}", look(tested)),
        },
        (Standpoint::Masked, Some(masked)) => format!("masked: {}", look(masked)),
        _ => "never met".to_owned(),
    }
}

/// Both parts with their versions: `acme-endpoint 4.1 + globex-sensor 7.0`.
pub(super) fn versions_words(of: &OfVersions) -> String {
    let [first, second] = &of.parts;
    format!("{} {} + {} {}", first.name, first.value, second.name, second.value)
}

fn grid(out: &mut String, coverage: &Coverage, grid: &Grid) {
    let headings: Vec<String> = (0..grid.rows.len()).map(|row| terminal(grid.row_words(row))).collect();
    let agents = grid.rows.iter().zip(&grid.columns).all(|((_, name, _), column)| name == column);
    if !agents {
        for (number, agent) in grid.columns.iter().enumerate() {
            let _ = writeln!(out, "  {:>2} {}", number + 1, terminal(agent));
        }
    }
    let heading = |row: usize, text: &str| if agents { format!("{:>2} {text}", row + 1) } else { text.to_owned() };
    let longest = headings.iter().enumerate().map(|(row, it)| heading(row, it).chars().count()).max().unwrap_or(0);
    let _ = write!(out, "  {:longest$}", "");
    for number in 1..=grid.columns.len() {
        let _ = write!(out, " {number:>6}");
    }
    out.push('\n');
    for (row, text) in headings.iter().enumerate() {
        let _ = write!(out, "  {:<longest$}", heading(row, text));
        for column in 0..grid.columns.len() {
            let symbol = grid.entry(row, column).map_or("·".to_owned(), |entry| symbol(coverage, entry));
            let _ = write!(out, " {symbol:>6}");
        }
        out.push('\n');
    }
}

fn not_tested(out: &mut String, coverage: &Coverage) {
    let all = coverage.pairs.entries().flat_map(|entry| &entry.of_versions);
    let open: Vec<&OfVersions> = all.filter(|it| it.tested.is_none() || it.broken_since().is_some()).collect();
    if open.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nnot tested, or broken then or since");
    for of in open.iter().take(MOST_LISTED) {
        let _ = writeln!(out, "  {}: {}", terminal(versions_words(of)), words(coverage, of));
    }
    if open.len() > MOST_LISTED {
        let _ = writeln!(out, "  and {} more: --json and --html have all", open.len() - MOST_LISTED);
    }
}
