//! Included rows and exclude rules, against the axes of their matrix.

use crate::checked::matrix::Checker;
use crate::checked::{Agents, AxisValue, ExcludeRule, IncludeRow};
use crate::element::{At, Named, items, whole};
use crate::message::{Message, Mistake};
use crate::scalars::Name;
use crate::source::Span;
use crate::words::{alternatives, quote};
use crate::written;
use crate::written::agents::Agents as WrittenAgents;

impl Checker<'_> {
    pub(super) fn check_include(&mut self, agents: &Agents) -> Vec<IncludeRow> {
        let rows = items(self.written.include.as_ref());
        rows.iter().filter_map(|row| self.include(row, agents)).collect()
    }

    fn include(&mut self, row: &At<written::matrix::IncludeRow>, choice: &Agents) -> Option<IncludeRow> {
        let image = row.value.image.as_ref().and_then(|name| self.image(name));
        let agents = row.value.agents.as_ref();
        let set = agents.map(|agents| {
            let set = self.set(agents);
            self.present(&set, &agents.value);
            self.together(&set, &agents.value);
            if let Agents::Choice(pool) = choice {
                self.check_members(&agents.value.items, pool);
            }
            set
        });
        let given = self.choices(row.value.settings.as_ref());
        let mut values = Vec::new();
        for axis in &self.axes {
            match given.iter().find(|(name, _, _)| *name == axis.name) {
                Some((_, value, span)) => {
                    let known = axis.values.iter().find(|it| it.setting.value == *value);
                    values.extend(known.map(|it| AxisValue { span: *span, ..it.clone() }));
                }
                None if row.value.whole => {
                    let found = format!("this row does not say the setting {}", quote(&axis.name));
                    let known = alternatives(axis.values.iter().map(|it| it.setting.value.as_str()));
                    let message = Message::error(Mistake::MissingKey, row.span, found, format!("expected {known}"));
                    self.desk.messages.push(message.page("matrix.md#include"));
                }
                None => {}
            }
        }
        Some(IncludeRow { image: image?, values, set: set?, span: row.span })
    }

    pub(super) fn check_exclude(&mut self) -> Vec<ExcludeRule> {
        let rules = items(self.written.exclude.as_ref());
        rules.iter().map(|rule| self.exclude(rule)).collect()
    }

    fn exclude(&mut self, rule: &At<written::matrix::ExcludeRule>) -> ExcludeRule {
        let image = rule.value.image.as_ref();
        let listed = || items(self.written.images.as_ref()).iter().map(|it| it.value.0.as_str());
        if let Some(image) = image
            && whole(self.written.images.as_ref())
            && !listed().any(|it| it == image.value.0)
        {
            let found = format!("this matrix has no image {}", quote(&image.value.0));
            let expected = format!("expected {}", alternatives(listed()));
            let message =
                Message::error(Mistake::UnknownImage, image.span, found, expected).nearest(&image.value.0, listed());
            self.tell(message, "matrix.md#exclude");
        }
        let settings = self.choices(rule.value.settings.as_ref());
        let mut agents = Vec::new();
        for agent in items(rule.value.agents.as_ref()) {
            let (id, version) = &agent.value.0;
            let agents_of_cells = self.written.agents.as_ref().map(|it| &it.value);
            let mut known: Vec<&str> = agents_of_cells.iter().flat_map(|it| it.named()).map(|(id, _)| id).collect();
            let all = agents_of_cells.is_some_and(WrittenAgents::is_whole);
            if all && !known.contains(&id.as_str()) {
                let found = self.nobody(id);
                known.sort_unstable();
                known.dedup();
                let expected = format!("expected {}", alternatives(known.iter().copied()));
                let message = Message::error(Mistake::UnknownAgent, agent.span, found, expected).nearest(id, known);
                self.tell(message, "matrix.md#exclude");
            }
            agents.push((id.clone(), version.clone()));
        }
        if image.is_none() && settings.is_empty() && agents.is_empty() && rule.value.whole {
            let message = Message::error(
                Mistake::Empty,
                rule.span,
                "this rule would exclude every cell",
                "expected an image, settings or agents",
            );
            self.tell(message, "matrix.md#exclude");
        }
        ExcludeRule {
            image: image.map(|it| it.value.0.clone()),
            settings: settings.into_iter().map(|(name, value, _)| (name, value)).collect(),
            agents,
            span: rule.span,
        }
    }

    /// Settings with their values as rows and rules choose them; unknown ones are told and left in.
    fn choices(&mut self, written: Option<&At<Named<Name, Name>>>) -> Vec<(String, String, Span)> {
        let Some(written) = written else { return Vec::new() };
        let all = self.written.settings.as_ref();
        let whole = all.is_none_or(|it| it.value.whole);
        for (name, value) in &written.value.entries {
            let known = || self.axes.iter().map(|axis| axis.name.as_str());
            let Some(axis) = self.axes.iter().find(|axis| axis.name == name.value.0) else {
                if whole {
                    let found = format!("this matrix has no setting {}", quote(&name.value.0));
                    let expected = format!("expected {}", alternatives(known()));
                    let message = Message::error(Mistake::UnknownSetting, name.span, found, expected)
                        .nearest(&name.value.0, known());
                    self.desk.messages.push(message.page("matrix.md#settings"));
                }
                continue;
            };
            let written = all.and_then(|all| all.value.entries.iter().find(|(it, _)| it.value == name.value));
            let values_whole =
                written.and_then(|(_, axis)| axis.value.values.as_ref()).is_some_and(|it| it.value.whole);
            let known = || axis.values.iter().map(|it| it.setting.value.as_str());
            if values_whole && !known().any(|it| it == value.value.0) {
                let found = format!("the setting {} has no value {}", quote(&axis.name), quote(&value.value.0));
                let expected = format!("expected {}", alternatives(known()));
                let message =
                    Message::error(Mistake::UnknownValue, value.span, found, expected).nearest(&value.value.0, known());
                self.desk.messages.push(message.page("matrix.md#settings"));
            }
        }
        written
            .value
            .entries
            .iter()
            .map(|(name, value)| (name.value.0.clone(), value.value.0.clone(), value.span))
            .collect()
    }
}
