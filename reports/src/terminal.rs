//! The last screen of a run: plain text for a terminal or a CI log.

use std::fmt::Write as _;

use coexist_model::{EvidenceKind, Problem, Verdict};

use crate::facts::{self, BEGUN_ANEW};
use crate::view::{Row, Undecided, number_of, verdict_words};
use crate::{Report, text};

/// Renders the last screen: cells and verdicts, problems with their evidence, counts, and what the exit code means.
///
/// Every line begins with words of ours and holds no runner command, so a guest cannot speak to a CI system through it.
#[must_use]
pub fn summary_text(report: Report<'_>) -> String {
    let run = report.run;
    let mut out = String::new();
    let _ = writeln!(out, "run          {}", clean(run.id.as_str()));
    let _ = writeln!(out, "matrix       {} ({})", clean(&report.matrix()), clean(&run.plan.matrix.path));
    let _ = writeln!(out, "candidate    {}", clean(&report.candidate()));
    if let Some(coverage) = report.coverage() {
        let _ = writeln!(out, "coverage     planned: {}", clean(&coverage));
    }
    let _ = writeln!(out, "host         {}, QEMU {}", clean(&run.host.name), clean(&run.host.qemu));
    let _ = writeln!(out, "acceleration {}", clean(&report.acceleration()));
    for note in &run.host.notes {
        let _ = writeln!(out, "note         {}", clean(note));
    }
    if let Some(notice) = report.stand_in_notice() {
        let _ = writeln!(out, "\n{}", clean(&notice));
    }

    if let Some(notice) = report.held_notice() {
        let _ = writeln!(out, "\n{}", clean(&notice));
    }

    let _ = writeln!(out, "\ncells");
    for row in report.rows_by_verdict() {
        let verdict = verdict_words(row.judgement.verdict);
        let _ = writeln!(out, "  {verdict:<14}  {}", clean(row.cell.id.as_str()));
        if row.judgement.verdict != Verdict::Compatible {
            // Under its cell, not beside it: both may be long.
            let _ = writeln!(out, "  {:<14}  why: {}", "", clean(&row.judgement.reason));
        }
    }

    if !report.verdicts.problems.is_empty() {
        let _ = writeln!(out, "\nproblems");
    }
    for (index, it) in report.verdicts.problems.iter().enumerate() {
        problem(&mut out, report, index + 1, it);
    }

    no_verdict(&mut out, report);
    begun_anew(&mut out, report);

    let exit = report.exit();
    let _ = writeln!(out, "\n{}", report.counts());
    let _ = writeln!(out, "exit code {}: {} ({})", exit.code(), exit.meaning(), report.exit_reason());
    out
}

fn is_undecided(row: &Row<'_>) -> bool {
    row.judgement.verdict == Verdict::Inconclusive
}

fn no_verdict(out: &mut String, report: Report<'_>) {
    let undecided: Vec<_> = report.rows().filter(is_undecided).collect();
    if !undecided.is_empty() {
        let _ = writeln!(out, "\nno verdict");
    }
    for row in undecided {
        let _ = writeln!(out, "  {}: {}", clean(row.cell.id.as_str()), undecided_words(row.undecided()));
        facts(out, report, row);
    }
}

/// The cells of which nothing above tells the attempts.
fn begun_anew(out: &mut String, report: Report<'_>) {
    // Of the cells of a problem the first one stands for all.
    let problems = &report.verdicts.problems;
    let stands_for_all = |row: &Row<'_>| problems.iter().any(|it| it.cells.first() == Some(&row.cell.id));
    let begun_anew = report.begun_anew(|row| is_undecided(row) || stands_for_all(row));
    if !begun_anew.is_empty() {
        let _ = writeln!(out, "\n{BEGUN_ANEW}");
    }
    for row in begun_anew {
        let _ = writeln!(out, "  {}", clean(row.cell.id.as_str()));
        facts(out, report, row);
    }
}

fn problem(out: &mut String, report: Report<'_>, number: usize, problem: &Problem) {
    let ids: Vec<_> = problem.cells.iter().map(|it| clean(it.as_str())).collect();
    // Not whether it is new: this program compares no runs yet.
    let _ = writeln!(out, "  {number}. in {}: {}", number_of(ids.len(), "cell"), clean(&ids.join(", ")));
    if let Some(row) = problem.cells.first().and_then(|id| report.row(id)) {
        facts(out, report, row);
    }
}

fn undecided_words(undecided: Undecided) -> &'static str {
    match undecided {
        Undecided::NoBaseline => "the lab failed the baseline arm",
        Undecided::NoCandidate => "the lab failed the candidate arm",
        Undecided::Masked => "the baseline fails earlier and hides what the candidate would do there",
        Undecided::Record => "the record contradicts itself",
    }
}

fn facts(out: &mut String, report: Report<'_>, row: Row<'_>) {
    let mut evidence = row.telling_evidence();
    evidence.sort_by_key(|it| !matches!(it.kind, EvidenceKind::KernelDump | EvidenceKind::Screenshot));
    let files = evidence.iter().take(4).map(|it| ("evidence", it.path.clone()));
    let more = evidence.len().checked_sub(4).filter(|more| *more > 0);
    let more = more.map(|more| ("evidence", format!("and {}", number_of(more, "more file"))));
    let repeat = ("repeat", report.repeat(row.cell));
    for (name, value) in facts::facts(row).into_iter().chain(files).chain(more).chain([repeat]) {
        let _ = writeln!(out, "     {name:<9} {}", clean(&value));
    }
}

fn clean(foreign: &str) -> String {
    text::terminal(foreign)
}
