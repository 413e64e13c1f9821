//! Coverage for machines: one object; what is unknown is absent.

use coexist_model::{Part, PartKind};
use serde_json::{Map, Value, json};

use super::{Coverage, Grid, Look, OfVersions, Tally};
use crate::ReportError;

/// Schema name of the object.
pub const COVERAGE_SCHEMA: &str = "coexist.coverage/1";

/// Renders the object, with a line end. Times are RFC 3339 UTC, ages whole seconds.
///
/// # Errors
/// When JSON cannot be made.
pub fn coverage_json(coverage: &Coverage) -> Result<String, ReportError> {
    let mut root = Map::new();
    let mut put = |key: &str, value: Value| {
        root.insert(key.to_owned(), value);
    };
    put("schema", json!(COVERAGE_SCHEMA));
    put("matrix", json!({"name": coverage.matrix.0, "path": coverage.matrix.1}));
    put("stand_in", json!(coverage.stand_in));
    put("now", json!(coverage.now));
    if let Some(since) = coverage.since {
        put("since", json!(since));
    }
    let mut ledger = json!({"path": coverage.memory.path, "runs": coverage.memory.runs});
    if let (Some(newest), Some(ledger)) = (coverage.memory.newest, ledger.as_object_mut()) {
        ledger.insert("newest".to_owned(), json!(newest));
    }
    put("ledger", ledger);
    let counted = coverage.counted;
    put(
        "combinations",
        json!({"strength": counted.strength, "planned": counted.combinations, "tested": counted.tested,
               "masked": counted.masked, "never": counted.never()}),
    );
    put("pairs", grid(coverage, &coverage.pairs));
    if let Some(order) = &coverage.order {
        put("sequences", grid(coverage, order));
    }
    put("others", grid(coverage, &coverage.others));
    let text = serde_json::to_string_pretty(&Value::Object(root)).map_err(ReportError::Json)?;
    Ok(text + "\n")
}

fn grid(coverage: &Coverage, grid: &Grid) -> Value {
    let Tally { tested, masked, never, impossible } = grid.tally();
    let entries = grid.entries().map(|entry| {
        let state = entry.standpoint().as_str();
        let first = match grid.rows.get(entry.row) {
            Some((PartKind::Image, _, image)) => json!({"image": image}),
            Some((PartKind::Setting, setting, value)) => json!({"setting": setting, "value": value}),
            Some((PartKind::Agent, agent, _)) => json!({"agent": agent}),
            None => Value::Null,
        };
        let second = grid.columns.get(entry.column).map_or(Value::Null, |agent| json!({"agent": agent}));
        let versions: Value = entry.of_versions.iter().map(|of| of_versions(coverage, of)).collect();
        json!({"of": [first, second], "state": state, "versions": versions})
    });
    json!({"tested": tested, "masked": masked, "never": never, "impossible": impossible, "entries": entries.collect::<Value>()})
}

fn of_versions(coverage: &Coverage, of: &OfVersions) -> Value {
    let mut object = Map::new();
    object.insert("parts".to_owned(), of.parts.iter().map(part).collect());
    object.insert("state".to_owned(), json!(of.standpoint().as_str()));
    for (name, it) in [("tested", &of.tested), ("masked", &of.masked)] {
        if let Some(it) = it {
            object.insert(name.to_owned(), look(coverage, &of.parts, it));
        }
    }
    Value::Object(object)
}

fn part(part: &Part) -> Value {
    match part.kind {
        PartKind::Image => json!({"image": part.value}),
        PartKind::Setting => json!({"setting": part.name, "value": part.value}),
        PartKind::Agent => json!({"agent": part.name, "version": part.value}),
    }
}

fn look(coverage: &Coverage, parts: &[Part; 2], look: &Look) -> Value {
    let age = coverage.now.as_second().saturating_sub(look.last.as_second()).max(0);
    let on = parts.iter().zip(&look.digests).filter_map(|(it, digest)| {
        let mut on = part(it);
        on.as_object_mut()?.insert("digest".to_owned(), json!(digest.as_ref()?));
        Some(on)
    });
    json!({"last": look.last, "age_s": age, "verdict": look.verdict.as_str(), "runs": look.runs, "on": on.collect::<Value>()})
}
