//! What every row keeps, and how a row is looked at with it.

use std::collections::BTreeMap;

use super::Row;
use crate::checked::{Agents, Because, Checked, Condition, ExcludeRule, Range};
use crate::source::{Sources, Span};

/// One rule, with how it is told.
#[derive(Debug, Clone)]
pub(crate) struct Rule<'a> {
    /// In the author's words, with the line: `exclusive: [a, b] (line 31)`. Different for different rules.
    pub(crate) label: String,
    pub(crate) span: Span,
    pub(crate) demand: Demand<'a>,
}

/// What a rule asks of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Demand<'a> {
    /// At least so many agents.
    AtLeast(usize),
    /// At most so many agents.
    AtMost(usize),
    /// This agent, whatever its version.
    Has(&'a str),
    /// At most one of these agents.
    Exclusive(&'a [String]),
    /// Where the first agent is, one of the others.
    Beside(&'a str, &'a [String]),
    /// The condition is true.
    Holds(&'a Condition),
    /// Not all that the rule names.
    Excluded(&'a ExcludeRule),
    /// At most one value out of range.
    OneOutOfRange,
}

/// Every rule of a matrix: of the choice of agents first, then constraints, then what is excluded.
pub(crate) fn of<'a>(checked: &'a Checked, sources: &Sources) -> Vec<Rule<'a>> {
    let mut rules = Rules { home: checked.name_span.source, sources, told: BTreeMap::new(), all: Vec::new() };
    if let Agents::Choice(pool) = &checked.agents {
        if let Some(always) = &pool.always {
            rules.because(&always.why, Demand::Has(&always.agent));
        }
        // The product that is in every cell is one.
        if pool.at_least > usize::from(pool.always.is_some()) {
            rules.add(&format!("at-least: {}", pool.at_least), pool.span, Demand::AtLeast(pool.at_least));
        }
        // The engine sees an agent that is always there as no choice, so that these rules are told with it.
        let always = pool.always.as_ref().map(|always| always.agent.as_str());
        if pool.at_most < pool.offers.len() {
            let with = always.map(|agent| format!(", and {agent} is always one")).unwrap_or_default();
            rules.add(&format!("at-most: {}{with}", pool.at_most), pool.span, Demand::AtMost(pool.at_most));
        }
        for exclusive in &pool.exclusive {
            let here = always.filter(|agent| exclusive.agents.iter().any(|it| it == agent));
            let with = here.map(|agent| format!(", and {agent} is in every cell")).unwrap_or_default();
            let words = format!("{}{with}", exclusive.why.label);
            rules.add(&words, exclusive.why.span, Demand::Exclusive(&exclusive.agents));
        }
        for beside in &pool.beside {
            rules.because(&beside.why, Demand::Beside(&beside.agent, &beside.one_of));
        }
    }
    for constraint in &checked.constraints {
        rules.because(&constraint.why, Demand::Holds(&constraint.condition));
    }
    for exclude in &checked.exclude {
        rules.add(&format!("exclude: {}", words(exclude)), exclude.span, Demand::Excluded(exclude));
    }
    if checked.axes.iter().flat_map(|axis| &axis.values).any(|value| value.range == Range::Negative) {
        rules.add("at most one negative value stands in a cell", checked.name_span, Demand::OneOutOfRange);
    }
    rules.all
}

struct Rules<'a, 's> {
    /// The matrix's own source.
    home: usize,
    sources: &'s Sources,
    /// How often each label was given out.
    told: BTreeMap<String, usize>,
    all: Vec<Rule<'a>>,
}

impl<'a> Rules<'a, '_> {
    fn because(&mut self, why: &Because, demand: Demand<'a>) {
        self.add(&why.label, why.span, demand);
    }

    fn add(&mut self, words: &str, span: Span, demand: Demand<'a>) {
        let mut label = placed(words, span, self.home, self.sources);
        let before = self.told.entry(label.clone()).or_default();
        *before += 1;
        if *before > 1 {
            label = format!("{label}, {before}");
        }
        self.all.push(Rule { label, span, demand });
    }
}

/// A rule's words with its place; places in the matrix itself, `home`, are told by their line alone.
pub(crate) fn placed(words: &str, span: Span, home: usize, sources: &Sources) -> String {
    let line = sources.line(span);
    match sources.get(span.source) {
        Some(source) if span.source != home => format!("{words} ({}:{line})", source.shown),
        _ => format!("{words} (line {line})"),
    }
}

/// An exclude rule in a line, as one writes it.
fn words(rule: &ExcludeRule) -> String {
    let image = rule.image.iter().map(|image| format!("image {image}"));
    let settings = rule.settings.iter().map(|(name, value)| format!("{name} {value}"));
    let agents = rule.agents.iter().map(|(id, version)| match version {
        Some(version) => format!("{id}@{version}"),
        None => id.clone(),
    });
    image.chain(settings).chain(agents).collect::<Vec<_>>().join(", ")
}

impl Rule<'_> {
    /// Whether it is one of `exclude`.
    pub(crate) fn excludes(&self) -> bool {
        matches!(self.demand, Demand::Excluded(_))
    }

    /// Whether it speaks of agents alone, so that a set of them keeps it or not.
    pub(crate) fn of_agents(&self) -> bool {
        match self.demand {
            Demand::AtLeast(_) | Demand::AtMost(_) | Demand::Has(_) | Demand::Exclusive(_) | Demand::Beside(..) => true,
            Demand::Holds(_) | Demand::Excluded(_) | Demand::OneOutOfRange => false,
        }
    }

    pub(crate) fn kept_by(&self, row: &Row<'_>) -> bool {
        let members = &row.set.members;
        let has = |agent: &str| members.iter().any(|member| member.agent == agent);
        match self.demand {
            Demand::AtLeast(least) => members.len() >= least,
            Demand::AtMost(most) => members.len() <= most,
            Demand::Has(agent) => has(agent),
            Demand::Exclusive(agents) => agents.iter().filter(|agent| has(agent)).count() <= 1,
            Demand::Beside(agent, others) => !has(agent) || others.iter().any(|other| has(other)),
            Demand::Holds(condition) => holds(condition, row),
            Demand::Excluded(rule) => !matches(rule, row),
            Demand::OneOutOfRange => row.values.iter().filter(|value| value.range == Range::Negative).count() <= 1,
        }
    }
}

/// Whether a condition is true of a row.
pub(crate) fn holds(condition: &Condition, row: &Row<'_>) -> bool {
    match condition {
        Condition::Image(ids) => ids.contains(&row.image.image.id),
        Condition::Setting(name, values) => {
            row.values.iter().any(|it| it.setting.setting == *name && values.contains(&it.setting.value))
        }
        Condition::Agent(id, versions) => row.set.members.iter().any(|member| {
            member.agent == *id && versions.as_ref().is_none_or(|versions| versions.contains(&member.version))
        }),
        Condition::Not(inner) => !holds(inner, row),
        Condition::All(parts) => parts.iter().all(|part| holds(part, row)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, row)),
        Condition::Implies(when, then) => !holds(when, row) || holds(then, row),
    }
}

/// Whether all that an exclude rule names is in a row.
pub(crate) fn matches(rule: &ExcludeRule, row: &Row<'_>) -> bool {
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
