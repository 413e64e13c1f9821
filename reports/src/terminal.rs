//! The last screen of a run: plain text for a terminal or a CI log.

use std::fmt::Write as _;

use coexist_model::{EvidenceKind, Problem, Verdict};

use crate::view::{Row, number_of, verdict_words};
use crate::{Report, facts, text};

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
    let _ = writeln!(out, "host         {}, QEMU {}", clean(&run.host.name), clean(&run.host.qemu));
    let _ = writeln!(out, "acceleration {}", clean(&report.acceleration()));
    for note in &run.host.notes {
        let _ = writeln!(out, "note         {}", clean(note));
    }
    if let Some(notice) = report.stand_in_notice() {
        let _ = writeln!(out, "\n{}", clean(&notice));
    }

    let _ = writeln!(out, "\ncells");
    let rows = report.rows_by_verdict();
    for row in &rows {
        let verdict = verdict_words(row.judgement.verdict);
        let _ = writeln!(out, "  {verdict:<14}  {}", clean(row.cell.id.as_str()));
        if row.judgement.verdict != Verdict::Compatible {
            // Under its cell, not beside it: both may be long.
            let _ = writeln!(out, "  {:<14}  why: {}", "", clean(&row.judgement.reason));
        }
        for attempt in facts::attempts(*row) {
            let _ = writeln!(out, "  {:<14}  attempt {}", "", clean(&attempt));
        }
    }

    if !report.verdicts.problems.is_empty() {
        let _ = writeln!(out, "\nproblems");
    }
    for (index, it) in report.verdicts.problems.iter().enumerate() {
        problem(&mut out, report, index + 1, it);
    }

    let undecided = rows.iter().filter(|row| row.judgement.verdict == Verdict::Inconclusive);
    for (index, row) in undecided.enumerate() {
        if index == 0 {
            let _ = writeln!(out, "\nno verdict, because of the lab");
        }
        let _ = writeln!(out, "  {}", clean(row.cell.id.as_str()));
        facts(&mut out, report, *row);
    }

    let exit = report.exit();
    let _ = writeln!(out, "\n{}", report.counts());
    let _ = writeln!(out, "exit code {}: {} ({})", exit.code(), exit.meaning(), report.exit_reason());
    out
}

fn problem(out: &mut String, report: Report<'_>, number: usize, problem: &Problem) {
    let ids: Vec<_> = problem.cells.iter().map(|it| clean(it.as_str())).collect();
    // Not whether it is new: this program compares no runs yet.
    let _ = writeln!(out, "  {number}. in {}: {}", number_of(ids.len(), "cell"), clean(&ids.join(", ")));
    if let Some(row) = problem.cells.first().and_then(|id| report.row(id)) {
        facts(out, report, row);
    }
}

fn facts(out: &mut String, report: Report<'_>, row: Row<'_>) {
    let mut facts = facts::facts(report, row);
    let mut evidence = row.telling_evidence();
    evidence.sort_by_key(|it| !matches!(it.kind, EvidenceKind::KernelDump | EvidenceKind::Screenshot));
    let files = evidence.iter().take(4).map(|it| ("evidence", it.path.clone()));
    let more = evidence.len().checked_sub(4).filter(|more| *more > 0);
    let more = more.map(|more| ("evidence", format!("and {}", number_of(more, "more file"))));
    // How to see it again comes last, where the eye rests.
    let last = facts.len().saturating_sub(1);
    facts.splice(last..last, files.chain(more));
    for (name, value) in facts {
        let _ = writeln!(out, "     {name:<9} {}", clean(&value));
    }
}

fn clean(foreign: &str) -> String {
    text::terminal(foreign)
}
