//! Which combinations become cells: for now the full product of the axes, without what is excluded, with what is included.

use crate::checked::{AgentSet, AxisValue, Checked, ExcludeRule, Image, ListedImage, Pinned};
use crate::message::{Message, Mistake, Severity};
use crate::source::Sources;
use crate::words::count;

/// More cells than anybody waits for. Choosing a covering subset is the next step, not this.
const MOST_CELLS: usize = 10_000;

/// One chosen combination.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) image: &'a ListedImage,
    /// One value for each axis, in the axes' order.
    pub(crate) values: Vec<&'a AxisValue>,
    pub(crate) set: &'a AgentSet,
}

/// Chooses in the matrix's order: images, then settings, then agent sets, then included rows. `None` after an error; no
/// row at all is a warning.
pub(crate) fn choose<'a>(checked: &'a Checked, sources: &Sources, messages: &mut Vec<Message>) -> Option<Vec<Row<'a>>> {
    let many = checked
        .axes
        .iter()
        .map(|axis| axis.values.len())
        .chain([checked.images.len(), checked.agents.sets().len()])
        .try_fold(1, usize::checked_mul)
        .filter(|many| *many <= MOST_CELLS);
    if many.is_none() {
        let found = format!("the product of images, settings and agent sets has more than {MOST_CELLS} cells");
        messages.push(
            Message::error(Mistake::TooManyCells, checked.name_span, found, "expected fewer")
                .help("take values out, or split the matrix")
                .page("matrix.md#cells"),
        );
        return None;
    }
    let before = messages.len();
    // How many rows each rule takes out; a row may be taken out by several.
    let mut used = vec![0_usize; checked.exclude.len()];
    let mut rows = Vec::new();
    for image in &checked.images {
        for values in combinations(checked) {
            for set in checked.agents.sets() {
                let row = Row { image, values: values.clone(), set };
                let mut keep = true;
                for (rule, used) in checked.exclude.iter().zip(&mut used) {
                    if matches(rule, &row) {
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
    for included in &checked.include {
        let row = Row { image: &included.image, values: included.values.iter().collect(), set: &included.set };
        if let Some(at) = checked.exclude.iter().position(|rule| matches(rule, &row)) {
            used[at] += 1;
            let message = Message::error(
                Mistake::IncludedAndExcluded,
                included.span,
                "this row is excluded as well",
                "included here",
            )
            .related(checked.exclude[at].span, "excluded here");
            messages.push(message.page("matrix.md#include"));
        } else if !rows.iter().any(|other| same(other, &row)) {
            rows.push(row);
        }
    }
    let errors = messages.len() > before;
    for (rule, _) in checked.exclude.iter().zip(&used).filter(|(_, used)| **used == 0) {
        messages.push(
            Message::error(Mistake::ExcludesNothing, rule.span, "this rule excludes no cell", "matches nothing")
                .severity(Severity::Warning)
                .page("matrix.md#exclude"),
        );
    }
    if errors {
        return None;
    }
    if rows.is_empty() {
        messages.push(no_cells(checked, &used, many.unwrap_or_default(), sources));
    }
    Some(rows)
}

/// Names the rules that together took out every row.
fn no_cells(checked: &Checked, used: &[usize], many: usize, sources: &Sources) -> Message {
    const MOST_NAMED: usize = 10;
    let rules: Vec<_> = checked.exclude.iter().zip(used).filter(|(_, used)| **used > 0).collect();
    let page = "matrix.md#exclude";
    let mut message =
        Message::error(Mistake::NoCells, checked.name_span, "no cell is left in this matrix", "nothing is selected")
            .severity(Severity::Warning)
            .page(page);
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

fn matches(rule: &ExcludeRule, row: &Row<'_>) -> bool {
    let image = rule.image.as_ref().is_none_or(|id| *id == row.image.image.id);
    let settings = rule
        .settings
        .iter()
        .all(|(name, value)| row.values.iter().any(|it| it.setting.setting == *name && it.setting.value == *value));
    let agents = rule.agents.iter().all(|(id, version)| {
        row.set
            .members
            .iter()
            .any(|it| it.agent == *id && version.as_ref().is_none_or(|version| *version == it.version))
    });
    image && settings && agents
}

fn same(a: &Row<'_>, b: &Row<'_>) -> bool {
    id(a) == id(b)
}

/// A row's readable name: `standin-client.hvci-on.acme-endpoint+globex-sensor`. It is stable across runs, as a cell's
/// history hangs on it, and safe as the name of a folder: names hold lower-case letters, digits and hyphens only.
pub(crate) fn id(row: &Row<'_>) -> String {
    const LONGEST: usize = 200;
    let image: &Image = &row.image.image;
    let settings = row.values.iter().map(|it| format!("{}-{}", it.setting.setting, it.setting.value));
    let settings: Vec<String> = settings.collect();
    let agents: Vec<String> = row
        .set
        .members
        .iter()
        .map(|member| match member.pinned {
            Pinned::No => member.agent.clone(),
            Pinned::Yes => format!("{}@{}", member.agent, member.version.replace(['.', '+'], "_")),
        })
        .collect();
    let or = |text: String, empty: &str| if text.is_empty() { empty.to_owned() } else { text };
    let settings = or(settings.join("_"), "as-it-is");
    let agents = or(agents.join("+"), "no-agent");
    let id = format!("{}.{settings}.{agents}", image.id);
    if id.len() <= LONGEST {
        return id;
    }
    // Only ASCII gets here, so that every byte is a character. The image and settings stay whole where they can.
    let digest = crate::artefacts::sha256(id.as_bytes());
    format!("{}-{}", id.get(..LONGEST - 13).unwrap_or(&id), digest.as_str().get(..12).unwrap_or(""))
}
