//! One more value: a model is planned with a rule against a value, then without it, the old rows kept.

use coexist_cover::{Expression, Model, Request, Rule, plan};
use coexist_plan_checker::{Model as Checked, check, cost_of_new_value};

use crate::Failure;
use crate::families::{Family, Listed};
use crate::limits;
use crate::measured::{parse, printed};
use crate::report::Report;

/// Values of each model that are added, each for itself.
const VALUES: usize = 2;

struct Grown {
    added: String,
    before: usize,
    new: usize,
    least: usize,
}

pub(crate) fn table(family: &Family, report: &mut Report) -> Result<(), Failure> {
    report.say(&format!("\n### {}, one value more\n", family.name));
    report.say("| model | value | rows before | new rows | there have to be |");
    report.say("|---|---|--:|--:|--:|");
    let (mut tried, mut most) = (0, 0);
    for model in &family.models {
        for grown in grow(model, report).map_err(|error| format!("{}: {error}", model.name))? {
            let Grown { added, before, new, least } = grown;
            report.say(&format!("| {} | {added} | {before} | {new} | {least} |", model.name));
            report.hold(new <= least + limits::NEW_ROWS, || {
                format!("{} with {added}: {new} new rows, where {least} have to be", model.name)
            });
            tried += 1;
            most = most.max(new.saturating_sub(least));
        }
    }
    report.say(&format!("\n{tried} values added; at most {most} rows more than there have to be. Values without which others cannot be are \
         passed over: they would not be one value more."));
    Ok(())
}

fn grow(model: &Listed, report: &mut Report) -> Result<Vec<Grown>, Failure> {
    let parsed = parse(&model.text)?;
    let checked = Checked::read(&model.text)?;
    let mut grown = Vec::new();
    for (parameter, value) in values(&parsed.model) {
        let mut rules = parsed.model.rules().to_vec();
        rules.push(Rule::holds("not yet", Expression::is(parameter, value).negated()));
        let smaller = Model::new(parsed.model.parameters().to_vec(), rules).map_err(|_| "a rule that does not fit")?;
        let request = Request { strength: parsed.strength(2), ..Request::strength(2) };
        let Ok(before) = plan(&smaller, &request) else { continue };
        let cost = cost_of_new_value(&checked, parameter, value)?;
        let seeds = before.rows.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
        let after = plan(&parsed.model, &Request { seeds, ..request })?;
        if after.combinations != before.combinations + cost.pairs as u64 {
            // It takes part in more than its own pairs: others cannot be without it.
            continue;
        }
        let added = format!(
            "{} = {}",
            checked.parameters[parameter].name, checked.parameters[parameter].values[value].names[0]
        );
        let (old, all) = (printed(&parsed, &before.rows), printed(&parsed, &after.rows));
        let findings = check(&checked, 2, &all, Some(&old))?;
        report.hold(all.starts_with(&old), || format!("{} with {added}: rows were lost or changed", model.name));
        report.hold(findings.all_good(), || format!("{} with {added}: {findings}", model.name));
        let new = after.rows.len().saturating_sub(before.rows.len());
        grown.push(Grown { added, before: before.rows.len(), new, least: cost.rows });
    }
    Ok(grown)
}

/// The last values of so many parameters, spread evenly, the last parameter among them.
fn values(model: &Model) -> Vec<(usize, usize)> {
    let wide: Vec<usize> =
        (0..model.parameters().len()).filter(|&at| model.parameters()[at].values.len() > 1).collect();
    let step = wide.len().div_ceil(VALUES).max(1);
    wide.iter().rev().step_by(step).map(|&at| (at, model.parameters()[at].values.len() - 1)).collect()
}
