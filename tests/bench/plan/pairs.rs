//! Strength 2: every model at every effort, beside PICT.

use std::path::Path;

use coexist_cover::Effort;

use crate::Failure;
use crate::families::{Family, Kind, Listed, without_at_least_one};
use crate::limits;
use crate::measured::{Measured, PICT_SECONDS, Pict, measure, pict};
use crate::recorded;
use crate::report::{Report, mean, word};

/// One line of a family's table.
struct Line {
    /// By effort, in the order that was asked for.
    plans: Vec<Measured>,
    /// Rows that ours are compared with.
    theirs: Option<usize>,
}

pub(crate) fn table(family: &Family, efforts: &[Effort], folder: &Path, report: &mut Report) -> Result<(), Failure> {
    report.say(&format!("\n### {}, pairs\n", family.name));
    let by_effort: String = efforts.iter().map(|&effort| format!(" {0} | CPU s |", word(effort))).collect();
    report.say(&format!(
        "| model | PICT recorded | PICT here | CPU s |{by_effort} bound | ÷ PICT | feasible | checker |"
    ));
    report.say(&format!("|---|--:|--:|--:|{}--:|--:|--:|---|", "--:|--:|".repeat(efforts.len())));
    let mut lines = Vec::new();
    for model in &family.models {
        lines.push(line(family, model, efforts, folder, report)?);
    }
    for (at, &effort) in efforts.iter().enumerate() {
        summary(family, &lines, at, effort, report);
    }
    Ok(())
}

fn line(
    family: &Family,
    model: &Listed,
    efforts: &[Effort],
    folder: &Path,
    report: &mut Report,
) -> Result<Line, Failure> {
    let recorded = recorded::pict(family.kind, &model.name);
    let mut beside = pict(&model.text, folder)?;
    let mut mark = "";
    if matches!(beside, Pict::Nothing) && without_at_least_one(&model.text) != model.text {
        beside = pict(&without_at_least_one(&model.text), folder)?;
        mark = "*";
    }
    let (here, seconds) = match beside {
        Pict::Absent => ("-".to_string(), "-".to_string()),
        Pict::Nothing => ("none".to_string(), format!("{PICT_SECONDS}")),
        Pict::Rows(rows, seconds) => (format!("{rows}{mark}"), format!("{seconds:.3}")),
    };
    // What a family is held to does not depend on what is installed here.
    let theirs = recorded.or(match beside {
        Pict::Rows(rows, _) if family.kind == Kind::Other => Some(rows),
        _ => None,
    });
    let least =
        [recorded, if let Pict::Rows(rows, _) = beside { Some(rows) } else { None }].into_iter().flatten().min();
    let mut plans = Vec::new();
    for &effort in efforts {
        let made = measure(&model.text, 2, effort).map_err(|error| format!("{}: {error}", model.name))?;
        let what = format!("{} at {}", model.name, word(effort));
        let rows = made.plan.rows.len();
        report.hold(made.findings.all_good(), || format!("{what}: {}", made.findings));
        report.hold(made.findings.feasible == made.plan.combinations, || {
            format!("{what}: combinations are not counted alike")
        });
        report.hold(made.plan.lower_bound <= rows, || format!("{what}: fewer rows than its bound"));
        report.hold(least.is_none_or(|least| rows <= least), || format!("{what}: {rows} rows, more than PICT's"));
        let most = limits::rows(family.kind, &model.name, effort);
        report.hold(most.is_none_or(|most| rows <= most), || format!("{what}: {rows} rows, more than {most:?}"));
        let limit = limits::seconds(effort);
        report.hold(made.seconds <= limit, || format!("{what}: {:.2} s of CPU, more than {limit}", made.seconds));
        plans.push(made);
    }
    let columns: String = plans.iter().map(|p| format!(" {} | {:.2} |", p.plan.rows.len(), p.seconds)).collect();
    let bound = plans.iter().map(|made| made.plan.lower_bound.max(made.findings.bound)).max().unwrap_or(0);
    let usual = efforts.iter().position(|&effort| effort == Effort::Normal).unwrap_or(0);
    let ratio = plans.get(usual).zip(theirs).map(|(made, theirs)| made.plan.rows.len() as f64 / theirs as f64);
    report.say(&format!(
        "| {} | {} | {here} | {seconds} |{columns} {bound} | {} | {} | {} |",
        model.name,
        recorded.map_or("-".to_string(), |rows| rows.to_string()),
        ratio.map_or("-".to_string(), |ratio| format!("{ratio:.3}")),
        plans.first().map_or(0, |made| made.findings.feasible),
        if plans.iter().all(|made| made.findings.all_good()) { "complete" } else { "**WRONG**" },
    ));
    Ok(Line { plans, theirs })
}

fn summary(family: &Family, lines: &[Line], at: usize, effort: Effort, report: &mut Report) {
    let ratios: Vec<f64> = lines
        .iter()
        .filter_map(|line| Some(line.plans.get(at)?.plan.rows.len() as f64 / line.theirs? as f64))
        .collect();
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let slowest = lines.iter().filter_map(|line| line.plans.get(at)).map(|made| made.seconds).fold(0.0, f64::max);
    let mean = mean(&ratios);
    let limit = limits::of_pict(family.kind).filter(|_| effort == Effort::Normal && family.kind != Kind::Other);
    let verdict = match limit {
        Some(limit) if mean <= limit.target => "met",
        Some(limit) if mean <= limit.accepted => "accepted, target missed",
        Some(_) => "MISSED",
        None => "",
    };
    report.hold(matches!(verdict, "" | "met"), || format!("{}: {mean:.3} of PICT's rows", family.name));
    let held = |of: fn(limits::Limit) -> f64| limit.map_or(String::new(), |limit| format!("{:.2}", of(limit)));
    report.sum(&format!(
        "| {} | 2 | {} | {} of {} | {mean:.3} | {worst:.3} | {} | {} | {slowest:.2} | {} | {verdict} |",
        family.name,
        word(effort),
        ratios.len(),
        lines.len(),
        held(|limit| limit.target),
        held(|limit| limit.accepted),
        limits::seconds(effort),
    ));
}
