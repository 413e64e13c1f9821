//! Strength 3: where ACTS is known, at the usual effort and beside it; else quickly, for the checker.

use coexist_cover::Effort;

use crate::Failure;
use crate::families::Family;
use crate::limits;
use crate::measured::measure;
use crate::recorded;
use crate::report::{Report, mean, word};

pub(crate) fn table(family: &Family, report: &mut Report) -> Result<(), Failure> {
    report.say(&format!("\n### {}, triples\n", family.name));
    report.say("| model | ACTS | effort | rows | CPU s | bound | ÷ ACTS | feasible | checker |");
    report.say("|---|--:|---|--:|--:|--:|--:|--:|---|");
    let (mut ratios, mut slowest, mut complete) = (Vec::new(), 0f64, 0);
    for model in &family.models {
        let acts = recorded::acts(family.kind, &model.name);
        let effort = if acts.is_some() { Effort::Normal } else { Effort::Quick };
        let made = measure(&model.text, 3, effort).map_err(|error| format!("{}: {error}", model.name))?;
        let (rows, seconds) = (made.plan.rows.len(), made.seconds);
        let what = format!("{}, triples", model.name);
        report.hold(made.findings.all_good(), || format!("{what}: {}", made.findings));
        report.hold(made.findings.feasible == made.plan.combinations, || {
            format!("{what}: combinations are not counted alike")
        });
        report.hold(acts.is_none_or(|acts| rows <= acts), || format!("{what}: {rows} rows, more than those of ACTS"));
        report.hold(seconds <= limits::SECONDS_OF_TRIPLES, || format!("{what}: {seconds:.1} s of CPU"));
        let ratio = acts.map(|acts| rows as f64 / acts as f64);
        ratios.extend(ratio);
        slowest = slowest.max(seconds);
        complete += usize::from(made.findings.all_good());
        report.say(&format!(
            "| {} | {} | {} | {rows} | {seconds:.2} | {} | {} | {} | {} |",
            model.name,
            acts.map_or("-".to_string(), |acts| acts.to_string()),
            word(effort),
            made.plan.lower_bound.max(made.findings.bound),
            ratio.map_or("-".to_string(), |ratio| format!("{ratio:.3}")),
            made.findings.feasible,
            if made.findings.all_good() { "complete" } else { "**WRONG**" },
        ));
    }
    let (mean, worst) = (mean(&ratios), ratios.iter().copied().fold(0.0, f64::max));
    let compared = !ratios.is_empty();
    report.hold(!compared || mean <= limits::OF_ACTS, || format!("{}: {mean:.3} of the rows of ACTS", family.name));
    let shown = |figure: f64| if compared { format!("{figure:.3}") } else { String::new() };
    report.sum(&format!(
        "| {} | 3 | {} | {complete} of {} | {} | {} | {} | | {slowest:.2} | {} | {} |",
        family.name,
        if compared { "normal" } else { "quick" },
        family.models.len(),
        shown(mean),
        shown(worst),
        if compared { format!("{:.2} (ACTS)", limits::OF_ACTS) } else { String::new() },
        limits::SECONDS_OF_TRIPLES,
        match (compared, mean <= limits::OF_ACTS) {
            (false, _) => "",
            (true, true) => "met",
            (true, false) => "MISSED",
        },
    ));
    Ok(())
}
