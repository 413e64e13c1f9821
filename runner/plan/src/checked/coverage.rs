//! `coverage`: which combinations the cells hold.

use crate::checked::matrix::Checker;
use crate::checked::sentence::Scope;
use crate::checked::{Agents, Also, Coverage, Factor};
use crate::element::{At, List, items};
use crate::message::{Message, Mistake};
use crate::scalars::Name;
use crate::words::{alternatives, count, quote};

const PAGE: &str = "matrix.md#coverage";
const IMAGE: &str = "image";
const AGENT: &str = "agent";
/// As many as a strength may be.
const MOST_FACTORS: usize = 6;

impl Checker<'_> {
    pub(super) fn check_coverage(&mut self, scope: &Scope, agents: &Agents) -> Option<Coverage> {
        let written = self.written.coverage.as_ref()?;
        let lists = items(written.value.also.as_ref());
        let also: Vec<Also> = lists.iter().filter_map(|list| self.also(list, scope, agents)).collect();
        let strength = written.value.strength.as_ref()?.value.0 as usize;
        Some(Coverage { strength, also, span: written.span })
    }

    fn also(&mut self, list: &At<List<Name>>, scope: &Scope, agents: &Agents) -> Option<Also> {
        let names = &list.value.items;
        let factors: Vec<Option<Factor>> = names.iter().map(|name| self.factor(name, scope, agents)).collect();
        self.check_repeated(names);
        if list.value.whole && !(2..=MOST_FACTORS).contains(&names.len()) {
            let found =
                if names.len() < 2 { "a combination is of at least two" } else { "this is too large a combination" };
            let message =
                Message::error(Mistake::BadBounds, list.span, found, format!("expected 2 to {MOST_FACTORS} names"));
            self.tell(message, PAGE);
            return None;
        }
        let any = names.iter().filter(|name| name.value.0 == AGENT).count();
        let (most, why) = match agents {
            Agents::Sets(_) => {
                (1, "the sets of agents are listed, and each is one value: `agent` stands for them once".to_owned())
            }
            Agents::Choice(pool) => {
                (pool.at_most.min(pool.offers.len()), format!("no cell has more than {}", count(pool.at_most, "agent")))
            }
        };
        let named = names.iter().filter(|name| scope.has_agent(&name.value.0)).count();
        if any > 0 && any + named > most && scope.is_whole() {
            let message =
                Message::error(Mistake::BadBounds, list.span, why, format!("expected at most {most} of them"));
            self.tell(message, PAGE);
            return None;
        }
        let factors: Vec<Factor> = factors.into_iter().collect::<Option<_>>()?;
        Some(Also { factors })
    }

    fn factor(&mut self, name: &At<Name>, scope: &Scope, agents: &Agents) -> Option<Factor> {
        let text = name.value.0.as_str();
        let word = match text {
            IMAGE => Some(Factor::Image),
            AGENT => Some(Factor::AnyAgent),
            _ => None,
        };
        let setting = scope.has_setting(text).then(|| Factor::Setting(text.to_owned()));
        let agent = scope.has_agent(text).then(|| Factor::Agent(text.to_owned()));
        match (word, setting, agent) {
            (None, None, Some(_)) if matches!(agents, Agents::Sets(_)) => {
                let found = format!("the sets of agents are listed: {} is no parameter of its own", quote(text));
                let message =
                    Message::error(Mistake::NotForThisKind, name.span, found, "expected `agent`, for the set");
                self.tell(message.help("a choice (`agents: {from: …}`) makes every agent one"), PAGE);
                None
            }
            (Some(only), None, None) | (None, Some(only), None) | (None, None, Some(only)) => Some(only),
            (None, None, None) => {
                if scope.is_whole() {
                    let known = || [IMAGE, AGENT].into_iter().chain(scope.names());
                    let found = format!("this matrix has no setting or agent {}", quote(text));
                    let expected = format!("expected {}", alternatives(known()));
                    let message = Message::error(Mistake::UnknownName, name.span, found, expected);
                    self.tell(message.nearest(text, known()), PAGE);
                }
                None
            }
            (word, setting, agent) => {
                let named = [
                    (word.is_some(), "a word of `coverage`"),
                    (setting.is_some(), "a setting"),
                    (agent.is_some(), "an agent"),
                ];
                let named: Vec<&str> = named.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
                let found = format!("{} is {}", quote(text), named.join(" and "));
                let message = Message::error(Mistake::Ambiguous, name.span, found, "expected a name for one thing");
                self.tell(message.help("give the setting another name"), PAGE);
                None
            }
        }
    }

    /// Only `agent` stands for another one each time.
    fn check_repeated(&mut self, names: &[At<Name>]) {
        for (at, name) in names.iter().enumerate().filter(|(_, name)| name.value.0 != AGENT) {
            if let Some(first) = names[..at].iter().find(|it| it.value == name.value) {
                let found = format!("{} is in this combination twice", quote(&name.value.0));
                let message =
                    Message::error(Mistake::Duplicate, name.span, found, "again").related(first.span, "first here");
                self.tell(message, PAGE);
            }
        }
    }
}
