//! A matrix as the engine sees it: parameters with values, and rules about them.
//!
//! Image, settings and agents each are a parameter. Where cells choose their agents, each offered agent is one, with its
//! versions and, before them, *none*; where the matrix lists sets, the sets are the values of one.

use coexist_cover::{Demand, Expression, Model, ModelError, Parameter, Predicate, Value};
use coexist_model::{AgentChoice, PastCell};

use super::rules::{self, Rule};
use super::{Row, order};
use crate::checked::{AgentSet, Agents, Checked, Condition, ExcludeRule, Member, Offer, Order, Range};
use crate::source::Span;

/// What a parameter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Image,
    /// The axis of this number.
    Setting(usize),
    /// One of the listed sets.
    Sets,
    /// The offer of this number; its value 0 is *none*, unless the candidate needs it.
    Offer(usize),
}

/// A matrix as parameters and rules, and the way back.
#[derive(Debug, Clone)]
pub(crate) struct Space<'a> {
    checked: &'a Checked,
    pub(crate) columns: Vec<Column>,
    pub(crate) model: Model,
}

impl<'a> Space<'a> {
    /// # Errors
    /// The matrix has more of something than the engine takes.
    pub(crate) fn new(checked: &'a Checked, rules: &[Rule<'_>]) -> Result<Self, Vec<ModelError>> {
        let mut columns = vec![Column::Image];
        columns.extend((0..checked.axes.len()).map(Column::Setting));
        match &checked.agents {
            Agents::Sets(_) => columns.push(Column::Sets),
            Agents::Choice(pool) => columns.extend((0..pool.offers.len()).map(Column::Offer)),
        }
        let parameters = columns.iter().map(|column| parameter(checked, *column)).collect();
        let writer = Writer { checked, columns: &columns };
        let rules = rules.iter().filter_map(|rule| {
            Some(coexist_cover::Rule { label: rule.label.clone(), demand: writer.demand(&rule.demand)? })
        });
        let model = Model::new(parameters, rules.collect())?;
        Ok(Self { checked, columns, model })
    }

    /// The row that value numbers stand for.
    pub(crate) fn row(&self, values: &[usize]) -> Option<Row<'a>> {
        let (mut image, mut settings, mut members, mut set) = (None, Vec::new(), Vec::new(), None);
        for (column, &value) in self.columns.iter().zip(values) {
            match *column {
                Column::Image => image = self.checked.images.get(value),
                Column::Setting(axis) => settings.push(self.checked.axes.get(axis)?.values.get(value)?),
                Column::Sets => set = self.checked.agents.sets().get(value).cloned(),
                Column::Offer(number) => members.extend(self.member(number, value)),
            }
        }
        let set = match &self.checked.agents {
            Agents::Sets(_) => set?,
            Agents::Choice(pool) => {
                order::fixed(self.checked, &mut members);
                AgentSet { members, span: pool.span }
            }
        };
        Some(Row { image: image?, values: settings, set })
    }

    /// Where the matrix names a version of an offer; `None` for *none*.
    pub(crate) fn span_of_version(&self, parameter: usize, value: usize) -> Option<Span> {
        match self.columns.get(parameter)? {
            Column::Offer(number) => self.member(*number, value).map(|member| member.span),
            Column::Image | Column::Setting(_) | Column::Sets => None,
        }
    }

    /// That an agent is in the row, whatever its version.
    pub(crate) fn has(&self, agent: &str) -> Predicate {
        let writer = Writer { checked: self.checked, columns: &self.columns };
        match writer.agent(agent, None) {
            Expression::Is(predicate) => predicate,
            // An agent that no parameter has is in no row.
            _ => Predicate::one_of(0, Vec::new()),
        }
    }

    /// The value that is *none* of an offer; an agent that the candidate needs has no such value.
    pub(crate) fn none_of(&self, number: usize) -> Option<usize> {
        (first(self.checked, self.offer(number)?) > 0).then_some(0)
    }

    /// The value that is this version of an offer.
    pub(crate) fn version_of(&self, number: usize, version: &str) -> Option<usize> {
        let offer = self.offer(number)?;
        let at = offer.versions.iter().position(|it| it.version == version)?;
        Some(at + first(self.checked, offer))
    }

    fn offer(&self, number: usize) -> Option<&'a Offer> {
        match &self.checked.agents {
            Agents::Sets(_) => None,
            Agents::Choice(pool) => pool.offers.get(number),
        }
    }

    fn member(&self, number: usize, value: usize) -> Option<Member> {
        let offer = self.offer(number)?;
        let version = offer.versions.get(value.checked_sub(first(self.checked, offer))?)?;
        Some(Member {
            agent: offer.agent.clone(),
            version: version.version.clone(),
            pinned: version.pinned,
            span: version.span,
        })
    }

    /// Value numbers of a row; `None` where the row has something that no parameter has.
    pub(crate) fn values(&self, row: &Row<'_>) -> Option<Vec<usize>> {
        if let Agents::Choice(pool) = &self.checked.agents {
            let offered = |member: &Member| pool.offers.iter().any(|offer| offer.agent == member.agent);
            if !row.set.members.iter().all(offered) {
                return None;
            }
        }
        self.columns.iter().map(|column| self.value(*column, row)).collect()
    }

    /// Value numbers of a cell of an earlier run; `None` where it had something that no parameter has now.
    pub(crate) fn values_of_past(&self, past: &PastCell) -> Option<Vec<usize>> {
        let is = |member: &Member, choice: &AgentChoice| {
            member.agent == choice.id.as_str() && member.version == choice.version
        };
        if let Agents::Choice(pool) = &self.checked.agents {
            let offered = |choice: &AgentChoice| pool.offers.iter().any(|offer| offer.agent == choice.id.as_str());
            if !past.agents.iter().all(offered) {
                return None;
            }
        }
        if past.settings.len() != self.checked.axes.len() {
            return None;
        }
        let value = |column: &Column| match *column {
            Column::Image => self.checked.images.iter().position(|it| it.image.id == past.image.as_str()),
            Column::Setting(axis) => {
                let axis = self.checked.axes.get(axis)?;
                let was = past.settings.get(&axis.name)?;
                axis.values.iter().position(|it| it.setting.value == *was)
            }
            Column::Sets => self.set(&past.agents, is),
            Column::Offer(number) => {
                let agent = &self.offer(number)?.agent;
                match past.agents.iter().find(|choice| choice.id.as_str() == agent) {
                    None => self.none_of(number),
                    Some(choice) => self.version_of(number, &choice.version),
                }
            }
        };
        self.columns.iter().map(value).collect()
    }

    fn value(&self, column: Column, row: &Row<'_>) -> Option<usize> {
        match column {
            Column::Image => self.checked.images.iter().position(|it| it.image.id == row.image.image.id),
            Column::Setting(axis) => {
                let wanted = &row.values.get(axis)?.setting.value;
                self.checked.axes.get(axis)?.values.iter().position(|it| it.setting.value == *wanted)
            }
            Column::Sets => {
                self.set(&row.set.members, |one, other| one.agent == other.agent && one.version == other.version)
            }
            Column::Offer(number) => {
                let agent = &self.offer(number)?.agent;
                match row.set.members.iter().find(|member| member.agent == *agent) {
                    None => self.none_of(number),
                    Some(member) => self.version_of(number, &member.version),
                }
            }
        }
    }

    /// The listed set with these agents: in this order, or in any where the matrix asks for every one.
    pub(crate) fn set<T>(&self, agents: &[T], is: impl Fn(&Member, &T) -> bool) -> Option<usize> {
        let sets = self.checked.agents.sets();
        let as_listed = |set: &AgentSet| set.members.iter().zip(agents).all(|(member, agent)| is(member, agent));
        let in_any_order =
            |set: &AgentSet| set.members.iter().all(|member| agents.iter().any(|agent| is(member, agent)));
        let place = |fits: &dyn Fn(&AgentSet) -> bool| {
            sets.iter().position(|set| set.members.len() == agents.len() && fits(set))
        };
        let listed = place(&as_listed);
        let every = matches!(self.checked.order, Order::Every { .. });
        listed.or_else(|| if every { place(&in_any_order) } else { None })
    }

    /// What a value is called where combinations are told: `hvci on`, `acme-endpoint 4.1`, `no globex-sensor`.
    pub(crate) fn words(&self, (parameter, value): (usize, usize)) -> String {
        let Some(column) = self.columns.get(parameter) else { return String::new() };
        let name = self
            .model
            .parameters()
            .get(parameter)
            .and_then(|parameter| parameter.values.get(value)?.names.first().cloned())
            .unwrap_or_default();
        match *column {
            Column::Image | Column::Sets => name,
            Column::Setting(axis) => {
                format!("{} {name}", self.checked.axes.get(axis).map_or("", |axis| axis.name.as_str()))
            }
            Column::Offer(number) => {
                let agent = self.offer(number).map_or("", |offer| offer.agent.as_str());
                match self.member(number, value) {
                    Some(member) => format!("{agent} {}", member.version),
                    None => format!("no {agent}"),
                }
            }
        }
    }
}

/// The number of an offer's first version among its values: 0 where every cell has the agent.
fn first(checked: &Checked, offer: &Offer) -> usize {
    let always = checked.agents.pool().and_then(|pool| pool.always.as_ref());
    usize::from(always.is_none_or(|always| always.agent != offer.agent))
}

fn parameter(checked: &Checked, column: Column) -> Parameter {
    let value = |name: String, weight: u32, range: Range| Value {
        names: vec![name],
        weight,
        negative: range == Range::Negative,
    };
    match column {
        Column::Image => Parameter {
            name: "image".to_owned(),
            values: checked.images.iter().map(|it| value(it.image.id.clone(), it.weight, Range::Usual)).collect(),
        },
        Column::Setting(number) => {
            let axis = checked.axes.get(number);
            let values = axis.into_iter().flat_map(|axis| &axis.values);
            Parameter {
                name: format!("setting {}", axis.map_or("", |axis| axis.name.as_str())),
                values: values.map(|it| value(it.setting.value.clone(), it.weight, it.range)).collect(),
            }
        }
        Column::Sets => Parameter {
            name: "agents".to_owned(),
            values: checked.agents.sets().iter().map(|set| value(set_words(set), 1, Range::Usual)).collect(),
        },
        Column::Offer(number) => {
            let Agents::Choice(pool) = &checked.agents else { return Parameter::new("agent", [""; 0]) };
            let Some(offer) = pool.offers.get(number) else { return Parameter::new("agent", [""; 0]) };
            let none = (first(checked, offer) > 0).then(|| value("none".to_owned(), 1, Range::Usual));
            let versions = offer.versions.iter().map(|it| value(it.version.clone(), offer.weight, Range::Usual));
            Parameter { name: format!("agent {}", offer.agent), values: none.into_iter().chain(versions).collect() }
        }
    }
}

fn set_words(set: &AgentSet) -> String {
    let members: Vec<String> = set.members.iter().map(|it| format!("{} {}", it.agent, it.version)).collect();
    if members.is_empty() { "no agent".to_owned() } else { members.join(" + ") }
}

/// Rules of a matrix as demands of the engine.
struct Writer<'a> {
    checked: &'a Checked,
    columns: &'a [Column],
}

impl Writer<'_> {
    /// `None` for what the engine knows by itself, and for what the values say already.
    fn demand(&self, demand: &rules::Demand<'_>) -> Option<Demand> {
        Some(match demand {
            rules::Demand::AtLeast(least) => Demand::AtLeast(*least, self.agents()),
            rules::Demand::AtMost(most) => Demand::AtMost(*most, self.agents()),
            rules::Demand::Exclusive(agents) => {
                Demand::AtMost(1, agents.iter().filter_map(|agent| self.offered(agent)).collect())
            }
            rules::Demand::Beside(agent, others) => {
                let others = others.iter().map(|other| self.agent(other, None)).collect();
                Demand::Holds(self.agent(agent, None).implies(Expression::Any(others)))
            }
            rules::Demand::Holds(condition) => Demand::Holds(self.condition(condition)),
            rules::Demand::Excluded(rule) => Demand::Holds(self.all_of(rule).negated()),
            rules::Demand::Has(_) | rules::Demand::OneOutOfRange => return None,
        })
    }

    fn condition(&self, condition: &Condition) -> Expression {
        match condition {
            Condition::Image(ids) => self.image(|id| ids.iter().any(|it| it == id)),
            Condition::Setting(name, values) => self.setting(name, |value| values.iter().any(|it| it == value)),
            Condition::Agent(id, versions) => self.agent(id, versions.as_deref()),
            Condition::Not(inner) => self.condition(inner).negated(),
            Condition::All(parts) => Expression::All(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Any(parts) => Expression::Any(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Implies(when, then) => self.condition(when).implies(self.condition(then)),
        }
    }

    fn all_of(&self, rule: &ExcludeRule) -> Expression {
        let image = rule.image.iter().map(|image| self.image(|id| id == image));
        let settings = rule.settings.iter().map(|(name, value)| self.setting(name, |it| it == value));
        let agents = rule.agents.iter().map(|(id, version)| self.agent(id, version.as_ref().map(std::slice::from_ref)));
        Expression::All(image.chain(settings).chain(agents).collect())
    }

    fn image(&self, of: impl Fn(&str) -> bool) -> Expression {
        let images = self.checked.images.iter().enumerate().filter(|(_, it)| of(&it.image.id));
        Expression::one_of(0, images.map(|(number, _)| number).collect())
    }

    fn setting(&self, name: &str, of: impl Fn(&str) -> bool) -> Expression {
        let Some(axis) = self.checked.axes.iter().position(|axis| axis.name == name) else { return never() };
        let values = self.checked.axes[axis].values.iter().enumerate().filter(|(_, it)| of(&it.setting.value));
        match self.columns.iter().position(|column| *column == Column::Setting(axis)) {
            Some(parameter) => Expression::one_of(parameter, values.map(|(number, _)| number).collect()),
            None => never(),
        }
    }

    /// The agent is in the row, at one of these versions; at any where there is `None`.
    fn agent(&self, id: &str, versions: Option<&[String]>) -> Expression {
        let predicate = match &self.checked.agents {
            Agents::Choice(_) => self.version(id, versions),
            Agents::Sets(sets) => {
                let holds = |set: &AgentSet| {
                    let mut members = set.members.iter().filter(|member| member.agent == id);
                    members.any(|member| versions.is_none_or(|versions| versions.contains(&member.version)))
                };
                let with = sets.iter().enumerate().filter(|(_, set)| holds(set)).map(|(number, _)| number).collect();
                let parameter = self.columns.iter().position(|column| *column == Column::Sets);
                parameter.map(|parameter| Predicate::one_of(parameter, with))
            }
        };
        predicate.map_or_else(never, Expression::Is)
    }

    fn version(&self, id: &str, versions: Option<&[String]>) -> Option<Predicate> {
        let Agents::Choice(pool) = &self.checked.agents else { return None };
        let number = pool.offers.iter().position(|offer| offer.agent == id)?;
        let parameter = self.columns.iter().position(|column| *column == Column::Offer(number))?;
        let offer = &pool.offers[number];
        let first = first(self.checked, offer);
        let those = offer.versions.iter().enumerate();
        let those = those.filter(|(_, it)| versions.is_none_or(|versions| versions.contains(&it.version)));
        Some(Predicate::one_of(parameter, those.map(|(at, _)| at + first).collect()))
    }

    fn offered(&self, id: &str) -> Option<Predicate> {
        self.version(id, None)
    }

    fn agents(&self) -> Vec<Predicate> {
        let Agents::Choice(pool) = &self.checked.agents else { return Vec::new() };
        pool.offers.iter().filter_map(|offer| self.offered(&offer.agent)).collect()
    }
}

/// What no row is: of something that no parameter has.
fn never() -> Expression {
    Expression::Any(Vec::new())
}
