//! `coexist plan --pict`: rows for a model that people have.

use std::path::Path;

use coexist_cover::pict::{PictModel, PictRows};
use coexist_cover::{Plan, Request, combinations, explain, plan as choose};
use coexist_model::Exit;
use serde_json::{Map, Value, json};

use super::{TOLD, names, print_json, read, refused, shown, text};
use crate::args::PictPlanArgs;
use crate::plan::Wishes;
use crate::{printable, say};

/// What was chosen, and for what.
pub(super) struct Chosen<'a> {
    pub(super) place: &'a Path,
    pub(super) model: PictModel,
    pub(super) seeds: PictRows,
    pub(super) strength: usize,
    pub(super) effort: &'static str,
    pub(super) plan: Plan,
    /// Combinations that no valid row holds, when they are known.
    pub(super) impossible: Option<u64>,
}

/// Prints the rows of a model, or what there is to say of them.
pub(crate) fn plan(place: &Path, args: &PictPlanArgs, wishes: &Wishes, json: bool) -> Exit {
    let chosen = match make(place, args, wishes) {
        Ok(chosen) => chosen,
        Err(exit) => return exit,
    };
    chosen.tell_impossible();
    chosen.tell_dropped(args.seed_rows.as_deref());
    if args.rows {
        return say::say(&chosen.tsv(), Exit::Clean);
    }
    if json { print_json(&chosen.json(), Exit::Clean) } else { say::say(&text::plan(&chosen), Exit::Clean) }
}

fn make<'a>(place: &'a Path, args: &PictPlanArgs, wishes: &Wishes) -> Result<Chosen<'a>, Exit> {
    let dialect = args.dialect.read();
    let model = read::model(place, &dialect)?;
    let seeds = match &args.seed_rows {
        Some(rows) => read::rows(rows, &model, &dialect)?,
        None => PictRows::none(),
    };
    let strength = wishes.strength.unwrap_or(2);
    let effort = wishes.effort;
    let request = Request {
        strength: model.strength(strength),
        effort: effort.into(),
        seeds: seeds.rows.clone(),
        ..Request::strength(strength)
    };
    let plan = choose(&model.model, &request).map_err(|error| refused(place, &error))?;
    let all = combinations(&model.model, &request.strength).map_err(|error| refused(place, &error))?;
    let impossible = all.map(|all| all.saturating_sub(plan.combinations));
    Ok(Chosen { place, model, seeds, strength, effort: effort.name(), plan, impossible })
}

impl Chosen<'_> {
    fn tsv(&self) -> String {
        let heading: Vec<&str> = self.model.model.parameters().iter().map(|parameter| &*parameter.name).collect();
        let mut lines = vec![heading.join("\t")];
        lines.extend(self.rows().iter().map(|row| row.join("\t")));
        lines.push(String::new());
        lines.join("\n")
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.model.named(&self.plan, &self.seeds)
    }

    /// The rules that keep a value out of every row.
    fn why_impossible(&self, cell: (usize, usize)) -> Option<Vec<String>> {
        explain(&self.model.model, &[cell]).ok().flatten()
    }

    fn tell_impossible(&self) {
        let all = &self.plan.impossible;
        for &(parameter, value) in all.iter().take(TOLD) {
            let (name, value_name) = names(&self.model.model, parameter, value);
            let rules = self.why_impossible((parameter, value)).unwrap_or_default().join("; ");
            let what = printable::line(&format!("no valid row can hold {value_name} of {name}: {rules}"));
            say::aside(&format!("note: {}: {what}", shown(self.place)));
        }
        if all.len() > TOLD {
            let more = all.len() - TOLD;
            say::aside(&format!("note: {}: nor {more} more values of its parameters", shown(self.place)));
        }
    }

    fn tell_dropped(&self, file: Option<&Path>) {
        let Some(file) = file else { return };
        for seed in self.plan.dropped.iter().take(TOLD) {
            let line = self.seeds.lines.get(seed.number).copied().unwrap_or_default();
            let rules = printable::line(&seed.rules.join("; "));
            say::aside(&format!("note: {}: line {line}: this row is dropped, as it breaks {rules}", shown(file)));
        }
        if self.plan.dropped.len() > TOLD {
            let more = self.plan.dropped.len() - TOLD;
            say::aside(&format!("note: {}: {more} more rows are dropped, as they break rules", shown(file)));
        }
    }

    fn json(&self) -> Value {
        let parameters: Vec<&str> = self.model.model.parameters().iter().map(|parameter| &*parameter.name).collect();
        let row = |row: Vec<String>| -> Map<String, Value> {
            parameters.iter().map(|name| (*name).to_owned()).zip(row.into_iter().map(Value::from)).collect()
        };
        let rows: Vec<_> = self.rows().into_iter().map(row).collect();
        let dropped = self.plan.dropped.iter().map(|seed| {
            let line = self.seeds.lines.get(seed.number).copied();
            json!({"line": line, "rules": seed.rules})
        });
        let mut combinations = json!({"feasible": self.plan.combinations});
        if let Some(impossible) = self.impossible {
            combinations["impossible"] = impossible.into();
        }
        json!({
            "schema": "coexist.pict-plan/1",
            "model": self.place.to_string_lossy(),
            "strength": self.strength,
            "effort": self.effort,
            "parameters": parameters,
            "combinations": combinations,
            "lower_bound": self.plan.lower_bound,
            "impossible_values": self.impossible_values(),
            "seeds": {"kept": self.plan.seeds, "dropped": dropped.collect::<Value>()},
            "rows": rows,
        })
    }

    /// Rules are told of the first values only: finding the fewest takes time.
    fn impossible_values(&self) -> Value {
        let each = self.plan.impossible.iter().enumerate().map(|(number, &cell)| {
            let (parameter, value) = names(&self.model.model, cell.0, cell.1);
            let mut object = json!({"parameter": parameter, "value": value});
            if let Some(rules) = (number < TOLD).then(|| self.why_impossible(cell)).flatten() {
                object["rules"] = rules.into();
            }
            object
        });
        each.collect()
    }
}
