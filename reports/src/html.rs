//! `index.html`: one static page with what the summary says and links to the files beside it. No scripts, nothing from
//! elsewhere, everything escaped.

use std::fmt::Write as _;

use coexist_model::{EvidenceKind, Verdict};

use crate::facts::{BEGUN_ANEW, facts};
use crate::markdown::capital;
use crate::view::{Row, moment, verdict_words};
use crate::{Report, text};

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886}\
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}\
td,li,dd{overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}\
.notice{border:2px solid;padding:.6rem 1rem}\
.regressed,.flaky{color:light-dark(#a40000,#ff8a80);font-weight:600}\
.inconclusive{color:light-dark(#8a4b00,#ffb74d);font-weight:600}\
img{max-width:100%;border:1px solid var(--line)}\
code{font-family:ui-monospace,monospace}";

/// Renders the page; `junit` names the JUnit files beside it.
#[must_use]
pub fn index_html(report: Report<'_>, junit: &[String]) -> String {
    let run = report.run;
    let title = format!("Coexist: {}", report.matrix());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; img-src 'self'\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        h(&title)
    );
    if let Some(notice) = report.stand_in_notice() {
        let _ = writeln!(out, "<p class=\"notice\">{}</p>", h(&notice));
    }
    if let Some(notice) = report.held_notice() {
        let _ = writeln!(out, "<p class=\"notice\">{}</p>", h(&notice));
    }
    let exit = report.exit();
    let _ = writeln!(out, "<p><strong>{}</strong></p>\n<dl>", h(&report.counts()));
    let facts = [
        ("exit code", format!("{}: {}", exit.code(), exit.meaning())),
        ("candidate", report.candidate()),
        ("run", run.id.to_string()),
        ("matrix", run.plan.matrix.path.clone()),
        ("from, to", format!("{} to {}", moment(run.started), moment(run.ended))),
        ("host", format!("{}, QEMU {}", run.host.name, run.host.qemu)),
        ("acceleration", report.acceleration()),
    ];
    let coverage = report.coverage().map(|coverage| ("planned coverage", coverage));
    let notes = run.host.notes.iter().map(|note| ("note", note.clone()));
    for (name, value) in facts.into_iter().chain(coverage).chain(notes) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", h(&value));
    }
    out.push_str("</dl>\n<p>Files: ");
    let files = junit.iter().map(String::as_str).chain(["run.json", "summary.md", "events.jsonl"]);
    let links: Vec<_> = files.map(link).collect();
    let _ = writeln!(out, "{}</p>", links.join(", "));

    let rows = report.rows_by_verdict();
    out.push_str("<h2>Cells</h2>\n<table>\n<tr><th>verdict</th><th>cell</th><th>reason</th></tr>\n");
    for row in &rows {
        let verdict = row.judgement.verdict;
        let _ = writeln!(
            out,
            "<tr><td class=\"{verdict}\">{}</td><td>{}</td><td>{}</td></tr>",
            verdict_words(verdict),
            h(row.cell.id.as_str()),
            h(&row.judgement.reason)
        );
    }
    out.push_str("</table>\n");
    for row in rows.into_iter().filter(is_told) {
        cell(&mut out, report, verdict_words(row.judgement.verdict), row);
    }
    for row in report.begun_anew(is_told) {
        cell(&mut out, report, BEGUN_ANEW, row);
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// Whether a cell's verdict is worth a part of the page.
fn is_told(row: &Row<'_>) -> bool {
    match row.judgement.verdict {
        Verdict::Regressed | Verdict::Flaky | Verdict::Inconclusive | Verdict::AlreadyBroken | Verdict::Fixed => true,
        Verdict::Compatible | Verdict::NotRun => false,
    }
}

fn cell(out: &mut String, report: Report<'_>, title: &str, row: Row<'_>) {
    let _ = writeln!(out, "<h2>{}: {}</h2>\n<dl>", capital(title), h(row.cell.id.as_str()));
    let reason = ("reason", row.judgement.reason.clone());
    let repeat = ("repeat", report.repeat(row.cell));
    for (name, value) in std::iter::once(reason).chain(facts(row)).chain([repeat]) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", h(&value));
    }
    out.push_str("</dl>\n");
    let evidence: Vec<_> = row.evidence().filter(|it| text::is_plain_path(&it.path)).collect();
    if !evidence.is_empty() {
        out.push_str("<ul>\n");
        for it in &evidence {
            let _ = writeln!(out, "<li>{} ({} bytes)</li>", link(&it.path), it.size);
        }
        out.push_str("</ul>\n");
    }
    // Browsers show PNG only; a picture in another format stays a link.
    if let Some(picture) = evidence.iter().find(|it| it.kind == EvidenceKind::Screenshot && it.path.ends_with(".png")) {
        let source = text::href(&picture.path);
        let _ = writeln!(out, "<p><img src=\"{source}\" alt=\"screen of the failing machine\"></p>");
    }
}

fn link(path: &str) -> String {
    format!("<a href=\"{}\">{}</a>", text::href(path), h(path))
}

fn h(foreign: &str) -> String {
    text::html(&text::line(foreign))
}
