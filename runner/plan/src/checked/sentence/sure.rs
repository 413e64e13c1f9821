//! Sentences that no cell can keep, and sentences that every cell keeps: told where trying all that they speak of is
//! cheap. Other rules are not looked at here; what all of them together forbid, the planner finds out.

use super::scope::{How, Scope};
use crate::checked::Condition;
use crate::message::{Message, Mistake, Severity};
use crate::source::Span;

/// So many combinations are tried.
const MOST_TRIED: usize = 10_000;

/// What can be told of a condition by itself; nothing where what it speaks of could not all be read.
pub(super) fn check(condition: &Condition, scope: &Scope, span: Span) -> Option<Message> {
    let outcomes = outcomes(condition, scope)?;
    match outcomes {
        Outcomes { held: true, broken: true } | Outcomes { held: false, broken: false } => None,
        Outcomes { held: false, broken: true } => {
            let found = "no cell can keep this sentence";
            Some(Message::error(Mistake::NeverTrue, span, found, "expected something that can be true"))
        }
        Outcomes { held: true, broken: false } => {
            let found = "this sentence says nothing: it is true of every cell";
            let message = Message::error(Mistake::SaysNothing, span, found, "expected something that can be false");
            Some(message.severity(Severity::Warning))
        }
    }
}

/// Whether some combination keeps a condition, and whether some breaks it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcomes {
    held: bool,
    broken: bool,
}

/// One combination of what a condition speaks of.
#[derive(Debug, Default)]
struct Facts<'a> {
    image: Option<&'a str>,
    settings: Vec<(&'a str, &'a str)>,
    agents: Vec<(&'a str, &'a str)>,
}

/// What a condition speaks of, each thing once.
#[derive(Debug, Default)]
struct Subjects<'a> {
    image: bool,
    settings: Vec<&'a str>,
    agents: Vec<&'a str>,
}

/// One thing that varies, as facts that go together.
type Dimension<'a> = Vec<Facts<'a>>;

impl Subjects<'_> {
    fn are_whole(&self, scope: &Scope) -> bool {
        (scope.images_whole || !self.image)
            && (scope.settings_whole || self.settings.is_empty())
            && (scope.agents_whole || self.agents.is_empty())
    }
}

/// `None` where there are too many combinations, or some are not known.
fn outcomes(condition: &Condition, scope: &Scope) -> Option<Outcomes> {
    let mut subjects = Subjects::default();
    collect(condition, &mut subjects);
    if !subjects.are_whole(scope) {
        return None;
    }
    let dimensions = dimensions(&subjects, scope);
    let many = dimensions.iter().map(Vec::len).try_fold(1, usize::checked_mul)?;
    if many == 0 || many > MOST_TRIED {
        return None;
    }
    let mut outcomes = Outcomes::default();
    for number in 0..many {
        let mut facts = Facts::default();
        let mut rest = number;
        for dimension in &dimensions {
            let one = dimension.get(rest % dimension.len())?;
            rest /= dimension.len();
            facts.image = facts.image.or(one.image);
            facts.settings.extend(&one.settings);
            facts.agents.extend(&one.agents);
        }
        if holds(condition, &facts) {
            outcomes.held = true;
        } else {
            outcomes.broken = true;
        }
    }
    Some(outcomes)
}

fn dimensions<'a>(subjects: &Subjects<'a>, scope: &'a Scope) -> Vec<Dimension<'a>> {
    let mut dimensions: Vec<Dimension<'a>> = Vec::new();
    if subjects.image {
        let one = |id: &'a str| Facts { image: Some(id), ..Facts::default() };
        dimensions.push(scope.images.iter().map(|image| one(&image.id)).collect());
    }
    for setting in scope.settings.iter().filter(|it| subjects.settings.contains(&it.name.as_str())) {
        let one = |value: &'a String| Facts { settings: vec![(&setting.name, value)], ..Facts::default() };
        dimensions.push(setting.values.iter().map(one).collect());
    }
    if subjects.agents.is_empty() {
        return dimensions;
    }
    match &scope.how {
        How::Sets(sets) => {
            let members =
                |set: &'a Vec<(String, String)>| set.iter().map(|(id, version)| (id.as_str(), version.as_str()));
            dimensions
                .push(sets.iter().map(|set| Facts { agents: members(set).collect(), ..Facts::default() }).collect());
        }
        How::Choice { always } => {
            for agent in scope.agents.iter().filter(|it| subjects.agents.contains(&it.id.as_str())) {
                let there = agent.versions.iter().map(|it| Facts { agents: vec![(&agent.id, it)], ..Facts::default() });
                let absent = (always.as_ref() != Some(&agent.id)).then(Facts::default);
                dimensions.push(there.chain(absent).collect());
            }
        }
    }
    dimensions
}

fn collect<'a>(condition: &'a Condition, subjects: &mut Subjects<'a>) {
    match condition {
        Condition::Image(_) => subjects.image = true,
        Condition::Setting(name, _) => subjects.settings.push(name),
        Condition::Agent(id, _) => subjects.agents.push(id),
        Condition::Not(inner) => collect(inner, subjects),
        Condition::All(all) | Condition::Any(all) => all.iter().for_each(|it| collect(it, subjects)),
        Condition::Implies(one, other) => {
            collect(one, subjects);
            collect(other, subjects);
        }
    }
}

fn holds(condition: &Condition, facts: &Facts<'_>) -> bool {
    match condition {
        Condition::Image(ids) => facts.image.is_some_and(|image| ids.iter().any(|id| id == image)),
        Condition::Setting(name, values) => {
            facts.settings.iter().any(|(setting, value)| setting == name && values.iter().any(|it| it == value))
        }
        Condition::Agent(id, versions) => facts.agents.iter().any(|(agent, version)| {
            agent == id && versions.as_ref().is_none_or(|versions| versions.iter().any(|it| it == version))
        }),
        Condition::Not(inner) => !holds(inner, facts),
        Condition::All(all) => all.iter().all(|it| holds(it, facts)),
        Condition::Any(all) => all.iter().any(|it| holds(it, facts)),
        Condition::Implies(one, other) => !holds(one, facts) || holds(other, facts),
    }
}
