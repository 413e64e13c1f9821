//! `summary.md`: short, for a CI system's summary page or a merge request.

use std::fmt::Write as _;

use coexist_model::Verdict;

use crate::facts::{BEGUN_ANEW, facts};
use crate::view::{Row, moment, number_of, verdict_words};
use crate::{Report, text};

/// Cells listed one by one; GitHub aborts a whole upload above 1 MiB, so a long run names the rest by number.
const ROW_LIMIT: usize = 500;

/// Verdicts whose cells are told of one by one.
const TOLD: [Verdict; 4] = [Verdict::Regressed, Verdict::Flaky, Verdict::Inconclusive, Verdict::AlreadyBroken];

/// Renders the summary. Foreign text in it is neither markup nor link nor mention.
#[must_use]
pub fn summary_md(report: Report<'_>) -> String {
    let run = report.run;
    let mut out = String::new();
    let _ = writeln!(out, "# Coexist: {}\n", md(&report.matrix()));
    if let Some(notice) = report.stand_in_notice() {
        let _ = writeln!(out, "> {}\n", md(&notice));
    }
    let _ = writeln!(out, "**{}**\n", md(&report.counts()));
    let exit = report.exit();
    let _ = writeln!(out, "- exit code {}: {}", exit.code(), md(exit.meaning()));
    if let Some(notice) = report.held_notice() {
        let _ = writeln!(out, "- {}", md(&notice));
    }
    let _ = writeln!(out, "- candidate: {}", md(&report.candidate()));
    if let Some(coverage) = report.coverage() {
        let _ = writeln!(out, "- planned coverage: {}", md(&coverage));
    }
    let (from, to) = (moment(run.started), moment(run.ended));
    let _ = writeln!(out, "- run {} on {}, {from} to {to}", md(run.id.as_str()), md(&run.host.name));
    let _ = writeln!(out, "- acceleration: {}", md(&report.acceleration()));
    for note in &run.host.notes {
        let _ = writeln!(out, "- note: {}", md(note));
    }

    let rows = report.rows_by_verdict();
    for verdict in TOLD {
        let of_verdict: Vec<_> = rows.iter().copied().filter(|row| row.judgement.verdict == verdict).collect();
        section(&mut out, report, verdict_words(verdict), &of_verdict);
    }
    section(&mut out, report, BEGUN_ANEW, &report.begun_anew(|row| TOLD.contains(&row.judgement.verdict)));

    let _ = writeln!(out, "\n## All cells\n\n| verdict | cell | reason |\n|---|---|---|");
    for row in rows.iter().take(ROW_LIMIT) {
        let verdict = verdict_words(row.judgement.verdict);
        let _ = writeln!(out, "| {verdict} | {} | {} |", md(row.cell.id.as_str()), md(&row.judgement.reason));
    }
    rest(&mut out, rows.len());
    out
}

fn section(out: &mut String, report: Report<'_>, title: &str, rows: &[Row<'_>]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {}\n", capital(title));
    for row in rows.iter().take(ROW_LIMIT) {
        cell(out, report, *row);
    }
    rest(out, rows.len());
}

fn rest(out: &mut String, rows: usize) {
    if rows > ROW_LIMIT {
        let _ = writeln!(out, "\nand {} more", number_of(rows - ROW_LIMIT, "cell"));
    }
}

fn cell(out: &mut String, report: Report<'_>, row: Row<'_>) {
    let _ = writeln!(out, "- **{}**: {}", md(row.cell.id.as_str()), md(&row.judgement.reason));
    for (name, value) in facts(row) {
        let _ = writeln!(out, "  - {name}: {}", md(&value));
    }
    let evidence: Vec<_> = row.telling_evidence().into_iter().filter(|it| text::is_plain_path(&it.path)).collect();
    if !evidence.is_empty() {
        let links: Vec<_> = evidence.iter().map(|it| format!("[{}]({})", md(&it.path), text::href(&it.path))).collect();
        let _ = writeln!(out, "  - evidence: {}", links.join(", "));
    }
    let _ = writeln!(out, "  - repeat: {}", md(&report.repeat(row.cell)));
}

fn md(foreign: &str) -> String {
    text::markdown(&text::line(foreign))
}

pub(crate) fn capital(words: &str) -> String {
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
