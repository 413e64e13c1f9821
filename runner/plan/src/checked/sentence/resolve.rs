//! From what a sentence says to a condition on cells: every name followed, every value looked for.

use std::ops::Range;

use coexist_model::Edition;

use super::scope::{Scope, ScopeAgent, ScopeImage, ScopeSetting};
use super::{Comparison, Said, Statement, Test, Word, versions};
use crate::checked::Condition;
use crate::message::{Message, Mistake};
use crate::source::Span;
use crate::words::{alternatives, quote};

const IMAGE: &str = "image";
const BUILD: &str = "image.build";
const EDITION: &str = "image.edition";
const EDITIONS: [(&str, Edition); 2] = [("client", Edition::Client), ("server", Edition::Server)];

/// Resolves a sentence; `None` where a name or value is unknown, which messages say of each.
pub(super) fn resolve(
    said: &Said,
    scope: &Scope,
    place: &dyn Fn(&Range<usize>) -> Span,
    messages: &mut Vec<Message>,
) -> Option<Condition> {
    let mut resolver = Resolver { scope, place, messages };
    resolver.condition(said)
}

struct Resolver<'a> {
    scope: &'a Scope,
    place: &'a dyn Fn(&Range<usize>) -> Span,
    messages: &'a mut Vec<Message>,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Image,
    Build,
    Edition,
    Setting(&'a ScopeSetting),
    Agent(&'a ScopeAgent),
}

impl<'a> Resolver<'a> {
    /// Both sides are always looked at, so that every unknown name is told.
    fn condition(&mut self, said: &Said) -> Option<Condition> {
        match said {
            Said::Is(statement) => self.statement(statement),
            Said::Not(inner) => Some(Condition::Not(Box::new(self.condition(inner)?))),
            Said::All(all) => self.conditions(all).map(Condition::All),
            Said::Any(all) => self.conditions(all).map(Condition::Any),
            Said::Implies(one, other) => {
                let (one, other) = (self.condition(one), self.condition(other));
                Some(Condition::Implies(Box::new(one?), Box::new(other?)))
            }
        }
    }

    fn conditions(&mut self, all: &[Said]) -> Option<Vec<Condition>> {
        let all: Vec<_> = all.iter().map(|said| self.condition(said)).collect();
        all.into_iter().collect()
    }

    fn statement(&mut self, statement: &Statement) -> Option<Condition> {
        let Statement { name, test } = statement;
        let subject = self.subject(name)?;
        match (subject, test) {
            (Subject::Agent(agent), Test::There) => Some(Condition::Agent(agent.id.clone(), None)),
            (_, Test::There) => {
                self.needs_value(name, subject);
                None
            }
            (_, Test::Compared(Comparison::Equal, word)) => self.one_of(name, subject, std::slice::from_ref(word)),
            (_, Test::In(words)) => self.one_of(name, subject, words),
            (_, Test::Compared(Comparison::Unequal, word)) => {
                self.one_of(name, subject, std::slice::from_ref(word)).map(opposite)
            }
            (_, Test::NotIn(words)) => self.one_of(name, subject, words).map(opposite),
            (Subject::Build, Test::Compared(comparison, word)) => self.build(*comparison, word),
            (Subject::Agent(agent), Test::Compared(comparison, word)) => self.version(name, agent, *comparison, word),
            (Subject::Image | Subject::Edition | Subject::Setting(_), Test::Compared(comparison, _)) => {
                let found = format!("{} is no number: `{}` says nothing of it", quote(&name.text), comparison.as_str());
                let message = self.error(Mistake::BadSentence, name, found, "expected `=`, `!=` or `in` behind it");
                self.messages.push(match subject {
                    Subject::Image => message.help("`image.build` is a number"),
                    _ => message,
                });
                None
            }
        }
    }

    fn error(&self, mistake: Mistake, word: &Word, found: String, expected: impl Into<String>) -> Message {
        Message::error(mistake, (self.place)(&word.range), found, expected)
    }

    fn subject(&mut self, name: &Word) -> Option<Subject<'a>> {
        let scope = self.scope;
        let setting = scope.settings.iter().find(|it| it.name == name.text).map(Subject::Setting);
        let agent = scope.agents.iter().find(|it| it.id == name.text).map(Subject::Agent);
        let word = match name.text.as_str() {
            IMAGE if !name.quoted => Some(Subject::Image),
            BUILD if !name.quoted => Some(Subject::Build),
            EDITION if !name.quoted => Some(Subject::Edition),
            _ => None,
        };
        match (word, setting, agent) {
            (Some(only), None, None) | (None, Some(only), None) | (None, None, Some(only)) => Some(only),
            (None, None, None) => {
                self.unknown(name);
                None
            }
            (word, setting, agent) => {
                let named =
                    [(word.is_some(), "the image"), (setting.is_some(), "a setting"), (agent.is_some(), "an agent")];
                let named: Vec<&str> = named.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
                let found = format!("{} may stand for {}", quote(&name.text), named.join(" or "));
                let message = self.error(Mistake::Ambiguous, name, found, "expected a name for one thing");
                self.messages.push(match (setting, agent) {
                    (Some(_), Some(_)) => message.help("give the setting another name"),
                    _ => message.help(format!("in quotes it is never the image: `\"{}\"`", name.text)),
                });
                None
            }
        }
    }

    fn unknown(&mut self, name: &Word) {
        if !self.scope.is_whole() {
            return;
        }
        let known = || [IMAGE, BUILD, EDITION].into_iter().chain(self.scope.names());
        let found = format!("this matrix has no setting or agent {}", quote(&name.text));
        let expected = format!("expected {}", alternatives(known()));
        let message = self.error(Mistake::UnknownName, name, found, expected);
        let is_image = self.scope.images.iter().any(|image| image.id == name.text);
        let message = match name.text.split_once('@') {
            Some((agent, version)) => message.help(format!("write `{agent} = {version}` for an agent at a version")),
            None if is_image => message.help(format!("write `image = {}`", name.text)),
            None => message.nearest(&name.text, known()),
        };
        self.messages.push(message);
    }

    fn needs_value(&mut self, name: &Word, subject: Subject<'_>) {
        let found = format!("nothing is said of {}", quote(&name.text));
        let example = match subject {
            Subject::Setting(setting) => setting.values.first().map_or("…", String::as_str),
            Subject::Image => self.scope.images.first().map_or("…", |image| image.id.as_str()),
            Subject::Edition => "client",
            Subject::Build | Subject::Agent(_) => "26100",
        };
        let message = self.error(Mistake::BadSentence, name, found, "expected `=`, `!=` or `in` behind it");
        self.messages
            .push(message.help(format!("for example `{} = {example}`; only an agent stands alone", name.text)));
    }

    /// The subject is one of these words.
    fn one_of(&mut self, name: &Word, subject: Subject<'a>, words: &[Word]) -> Option<Condition> {
        match subject {
            Subject::Image => {
                let known: Vec<&str> = self.scope.images.iter().map(|it| it.id.as_str()).collect();
                let what = "this matrix has no image".to_owned();
                self.known(words, &known, self.scope.images_whole, (Mistake::UnknownImage, what)).map(Condition::Image)
            }
            Subject::Edition => {
                let known = EDITIONS.map(|(word, _)| word);
                let chosen = self.known(words, &known, true, (Mistake::UnknownValue, "there is no edition".into()))?;
                let is =
                    |edition| EDITIONS.iter().any(|(word, it)| *it == edition && chosen.iter().any(|it| it == word));
                Some(self.scope.images_where(&|image| is(image.edition)))
            }
            Subject::Build => {
                let mut known: Vec<String> = self.scope.images.iter().map(|it| it.build.to_string()).collect();
                known.sort_unstable();
                known.dedup();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let what = "no image of this matrix has the build".to_owned();
                let chosen = self.known(words, &known, self.scope.images_whole, (Mistake::UnknownValue, what))?;
                Some(self.scope.images_where(&|image| chosen.contains(&image.build.to_string())))
            }
            Subject::Setting(setting) => {
                let known: Vec<&str> = setting.values.iter().map(String::as_str).collect();
                let what = format!("the setting {} has no value", quote(&name.text));
                let chosen = self.known(words, &known, self.scope.settings_whole, (Mistake::UnknownValue, what))?;
                Some(Condition::Setting(setting.name.clone(), chosen))
            }
            Subject::Agent(agent) => {
                let known: Vec<&str> = agent.versions.iter().map(String::as_str).collect();
                let what = format!("no cell of this matrix has {} at version", quote(&name.text));
                let chosen = self.known(words, &known, self.scope.agents_whole, (Mistake::UnknownVersion, what))?;
                Some(Condition::Agent(agent.id.clone(), Some(chosen)))
            }
        }
    }

    /// The words, each once, if all of them are known.
    fn known(
        &mut self,
        words: &[Word],
        known: &[&str],
        whole: bool,
        (mistake, what): (Mistake, String),
    ) -> Option<Vec<String>> {
        let mut chosen: Vec<String> = Vec::new();
        let mut all = true;
        for word in words {
            if !known.contains(&word.text.as_str()) {
                all = false;
                if whole {
                    let found = format!("{what} {}", quote(&word.text));
                    let expected = format!("expected {}", alternatives(known.iter().copied()));
                    let message = self.error(mistake, word, found, expected);
                    self.messages.push(message.nearest(&word.text, known.iter().copied()));
                }
            } else if !chosen.contains(&word.text) {
                chosen.push(word.text.clone());
            }
        }
        all.then_some(chosen)
    }

    fn build(&mut self, comparison: Comparison, word: &Word) -> Option<Condition> {
        let Ok(number) = word.text.parse::<u32>() else {
            let found = format!("{} is no build number", quote(&word.text));
            let message = self.error(Mistake::BadSentence, word, found, "expected a number such as 26100");
            self.messages.push(message);
            return None;
        };
        Some(self.scope.images_where(&|image| comparison.holds(image.build.cmp(&number))))
    }

    /// The agent is there, at a version that stands so to the given one.
    fn version(&mut self, name: &Word, agent: &ScopeAgent, comparison: Comparison, word: &Word) -> Option<Condition> {
        let odd = agent.versions.iter().find(|version| !versions::is_numeric(version));
        if let Some((version, at)) =
            odd.map(|it| (it, name)).or((!versions::is_numeric(&word.text)).then_some((&word.text, word)))
        {
            let found =
                format!("the version {} is not made of numbers: nobody can say what is before it", quote(version));
            let message = self.error(Mistake::BadSentence, at, found, "expected `=`, `!=` or `in` here");
            self.messages.push(message.help("name the versions that are meant: `in (…)`"));
            return None;
        }
        let holds = |version: &&String| versions::compare(version, &word.text).is_some_and(|it| comparison.holds(it));
        let chosen = agent.versions.iter().filter(holds).cloned().collect();
        Some(Condition::Agent(agent.id.clone(), Some(chosen)))
    }
}

impl Scope {
    fn images_where(&self, is: &dyn Fn(&ScopeImage) -> bool) -> Condition {
        Condition::Image(self.images.iter().filter(|image| is(image)).map(|image| image.id.clone()).collect())
    }
}

fn opposite(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}
