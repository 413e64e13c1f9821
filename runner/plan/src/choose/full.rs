//! The full product of images, settings and agents, without what rules forbid, with what is included.

use std::collections::BTreeSet;

use super::model::Space;
use super::rules::Rule;
use super::{Row, cover, id, of_included, sets};
use crate::checked::{AgentSet, Agents, AxisValue, Checked};
use crate::message::{Message, Mistake, Severity};
use crate::source::Sources;
use crate::words::count;

/// More cells than anybody waits for: `coverage` chooses few of them.
const MOST_CELLS: usize = 10_000;

/// Rows in the matrix's order: images, then settings, then agent sets, then included rows, which are `None` after an error.
pub(crate) fn rows<'a>(
    checked: &'a Checked,
    sources: &Sources,
    rules: &[Rule<'_>],
    included: Option<Vec<Row<'a>>>,
    messages: &mut Vec<Message>,
) -> Option<Vec<Row<'a>>> {
    let Some((sets, many)) = sets(checked, rules) else {
        messages.push(too_many(checked));
        return None;
    };
    // How many rows each rule takes out; a row may be taken out by several.
    let by_included = |rule: &Rule<'_>| checked.include.iter().filter(|it| !rule.kept_by(&of_included(it))).count();
    let mut used: Vec<usize> = rules.iter().map(by_included).collect();
    let mut rows = Vec::new();
    for image in &checked.images {
        for values in combinations(checked) {
            for set in &sets {
                let row = Row { image, values: values.clone(), set: set.clone() };
                let mut keep = true;
                for (rule, used) in rules.iter().zip(&mut used) {
                    if !rule.kept_by(&row) {
                        *used += 1;
                        keep = false;
                    }
                }
                if keep {
                    rows.push(row);
                }
            }
        }
    }
    for (rule, _) in rules.iter().zip(&used).filter(|(rule, used)| rule.excludes() && **used == 0) {
        messages.push(
            Message::error(Mistake::ExcludesNothing, rule.span, "this rule excludes no cell", "matches nothing")
                .severity(Severity::Warning)
                .page("matrix.md#exclude"),
        );
    }
    let mut ids: BTreeSet<String> = rows.iter().map(id).collect();
    rows.extend(included?.into_iter().filter(|row| ids.insert(id(row))));
    if rows.is_empty() {
        // Rules that contradict each other are a mistake; excluding everything that there is may be meant.
        if rules.iter().any(|rule| !rule.excludes())
            && let Some(message) = contradiction(checked, rules)
        {
            messages.push(message);
            return None;
        }
        messages.push(no_cells(checked, rules, &used, many, sources));
    }
    Some(rows)
}

/// The sets of agents, and how many cells their product with everything else has; `None` when it has too many.
fn sets(checked: &Checked, rules: &[Rule<'_>]) -> Option<(Vec<AgentSet>, usize)> {
    let mut others = checked.axes.iter().map(|axis| axis.values.len()).chain([checked.images.len()]);
    let others = others.try_fold(1, usize::checked_mul).filter(|many| *many <= MOST_CELLS)?;
    let sets = match &checked.agents {
        Agents::Sets(sets) => sets.clone(),
        Agents::Choice(pool) => {
            let of_agents: Vec<Rule<'_>> = rules.iter().filter(|rule| rule.of_agents()).cloned().collect();
            sets::all(checked, pool, &of_agents, MOST_CELLS)?
        }
    };
    let many = others.checked_mul(sets.len()).filter(|many| *many <= MOST_CELLS)?;
    Some((sets, many))
}

fn too_many(checked: &Checked) -> Message {
    let found = format!("the product of images, settings and agent sets has more than {MOST_CELLS} cells");
    Message::error(Mistake::TooManyCells, checked.name_span, found, "expected fewer")
        .help("ask for every pair instead of everything: `coverage: {strength: 2}`")
        .help("or take values out, or split the matrix")
        .page("matrix.md#cells")
}

fn contradiction(checked: &Checked, rules: &[Rule<'_>]) -> Option<Message> {
    let space = Space::new(checked, rules).ok()?;
    let request =
        coexist_cover::Request { effort: coexist_cover::Effort::Quick, ..coexist_cover::Request::strength(1) };
    let error = coexist_cover::plan(&space.model, &request).err()?;
    Some(cover::refused(&error, checked.name_span, rules))
}

/// Names the rules that together took out every row.
fn no_cells(checked: &Checked, rules: &[Rule<'_>], used: &[usize], many: usize, sources: &Sources) -> Message {
    const MOST_NAMED: usize = 10;
    let rules: Vec<_> = rules.iter().zip(used).filter(|(_, used)| **used > 0).collect();
    let mut message =
        Message::error(Mistake::NoCells, checked.name_span, "no cell is left in this matrix", "nothing is selected")
            .severity(Severity::Warning)
            .page("matrix.md#exclude");
    for (rule, used) in rules.iter().take(MOST_NAMED) {
        let line = sources.line(rule.span);
        message = message.help(format!("the rule in line {line} excludes {used} of {}", count(many, "cell")));
    }
    match rules.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => message.help(format!("and {}", count(more, "more rule"))),
        _ => message,
    }
}

/// Every choice of one value for each axis; the last axis changes fastest.
fn combinations(checked: &Checked) -> Vec<Vec<&AxisValue>> {
    checked.axes.iter().fold(vec![Vec::new()], |shorter, axis| {
        let longer = shorter.iter().flat_map(|values| {
            axis.values.iter().map(move |value| values.iter().copied().chain([value]).collect::<Vec<_>>())
        });
        longer.collect()
    })
}
