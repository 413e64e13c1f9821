//! `waves`: which cells run before others.

use std::collections::BTreeMap;

use crate::checked::Wave;
use crate::checked::matrix::Checker;
use crate::checked::sentence::Scope;
use crate::element::items;
use crate::message::{Message, Mistake};
use crate::source::Span;
use crate::words::quote;

const PAGE: &str = "matrix.md#waves";
/// What is left runs last, under this name.
const REST: &str = "rest";

impl Checker<'_> {
    pub(super) fn check_waves(&mut self, scope: &Scope) -> Vec<Wave> {
        let mut waves = Vec::new();
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        for wave in items(self.written.waves.as_ref()) {
            if let Some(name) = &wave.value.name {
                if let Some(first) = names.get(name.value.0.as_str()) {
                    let found = format!("two waves are called {}", quote(&name.value.0));
                    let message = Message::error(Mistake::Duplicate, name.span, found, "again");
                    self.tell(message.related(*first, "first here"), PAGE);
                }
                names.entry(&name.value.0).or_insert(name.span);
                if name.value.0 == REST {
                    let found = format!("{} is the name of the last wave: what no other one has", quote(REST));
                    self.tell(Message::error(Mistake::Ambiguous, name.span, found, "expected another name"), PAGE);
                }
            }
            let of = wave.value.r#where.as_ref().map(|sentence| self.sentence(sentence, scope, PAGE));
            let at_most = wave.value.at_most.as_ref().map(|it| it.value.0 as usize);
            if of.is_none() && at_most.is_none() && wave.value.whole {
                let found = "this wave would have every cell";
                let message = Message::error(Mistake::Empty, wave.span, found, "expected `where` or `at-most`");
                self.tell(message, PAGE);
            }
            if let Some(name) = &wave.value.name {
                let span = wave.value.r#where.as_ref().map_or(wave.span, |sentence| sentence.span);
                waves.push(Wave { name: name.value.0.clone(), of: of.flatten(), at_most, span });
            }
        }
        waves
    }
}
