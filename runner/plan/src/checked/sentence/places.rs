//! Where the words of a sentence stand in the file.
//!
//! YAML gives a scalar its text with quotes and escapes resolved and lines folded. A word is found again by walking
//! along both texts: where they differ by white space, by a doubled quote or by an escaped one, each has its place.
//! Behind any other escape, places are lost, and the whole scalar is what messages point at.

use std::ops::Range;

use crate::source::{Sources, Span};

#[derive(Debug)]
pub(super) struct Places {
    whole: Span,
    /// For each byte of the sentence its place in the file; white space has none that counts.
    bytes: Vec<usize>,
}

impl Places {
    pub(super) fn new(sources: &Sources, whole: Span, text: &str) -> Self {
        let raw = sources.get(whole.source).and_then(|source| source.text.get(whole.start..whole.end)).unwrap_or("");
        Self { whole, bytes: align(raw, text).iter().map(|at| whole.start + at).collect() }
    }

    /// The place of some bytes of the sentence; the end of the sentence for its end.
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        let start = self.bytes.get(range.start).copied();
        let end = range.end.checked_sub(1).and_then(|last| self.bytes.get(last)).map(|last| last + 1);
        match (start, end) {
            (Some(start), Some(end)) if start < end => Span { start, end, ..self.whole },
            // Behind the last word.
            (None, Some(end)) => Span { start: end, end, ..self.whole },
            _ => self.whole,
        }
    }
}

/// The offset in `raw` of each byte of `text`, as far as they go together.
fn align(raw: &str, text: &str) -> Vec<usize> {
    let (mut at, quote) = match raw.chars().next() {
        Some(quote @ ('\'' | '"')) => (1, Some(quote)),
        Some('|' | '>') => (raw.find('\n').map_or(raw.len(), |line| line + 1), None),
        _ => (0, None),
    };
    let mut places = Vec::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_whitespace() {
            at = skip_space(raw, at, quote);
            let written = match (quote, character) {
                (Some('\''), '\'') => "''".to_owned(),
                (Some('"'), '"' | '\\') => format!("\\{character}"),
                _ => character.to_string(),
            };
            if !raw.get(at..).is_some_and(|rest| rest.starts_with(&written)) {
                return Vec::new();
            }
            at += written.len();
        }
        // Every byte of a character, so that offsets of the sentence are indexes here.
        let first = at.saturating_sub(character.len_utf8());
        places.extend((0..character.len_utf8()).map(|byte| first + byte));
    }
    places
}

/// Past white space, and past a backslash that joins lines in double quotes.
fn skip_space(raw: &str, mut at: usize, quote: Option<char>) -> usize {
    while let Some(rest) = raw.get(at..) {
        let next = rest.trim_start();
        at += rest.len() - next.len();
        if quote == Some('"') && (next.starts_with("\\\n") || next.starts_with("\\\r\n")) {
            at += 1;
        } else {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file holds at the place of a word of the sentence.
    fn found(raw: &str, text: &str, word: &str) -> String {
        let mut sources = Sources::default();
        let source = sources.add("a".into(), raw.to_owned());
        let places = Places::new(&sources, Span { source, start: 0, end: raw.len() }, text);
        let start = text.find(word).unwrap();
        let span = places.span(&(start..start + word.len()));
        raw[span.start..span.end].to_owned()
    }

    #[test]
    fn words_are_found_again() {
        assert_eq!(found("hvci = on", "hvci = on", "on"), "on");
        assert_eq!(found("'hvci = on'", "hvci = on", "on"), "on");
        assert_eq!(found("'''hvci'' = on'", "'hvci' = on", "on"), "on");
        assert_eq!(found("\"\\\"hvci\\\" = on\"", "\"hvci\" = on", "on"), "on");
        assert_eq!(found(">-\n  hvci\n  = on\n", "hvci = on", "on"), "on");
        assert_eq!(found("hvci\n    = on", "hvci = on", "= on"), "= on");
        assert_eq!(found("\"hvci \\\n   = on\"", "hvci = on", "on"), "on");
        assert_eq!(found("'ä = on'", "ä = on", "on"), "on");
        assert_eq!(found("'ä = on'", "ä = on", "ä"), "ä");
    }

    #[test]
    fn behind_an_escape_the_whole_is_shown() {
        assert_eq!(found("\"hvci = \\x6fn\"", "hvci = on", "on"), "\"hvci = \\x6fn\"");
    }

    #[test]
    fn the_end_is_behind_the_last_word() {
        let mut sources = Sources::default();
        let source = sources.add("a".into(), "'hvci ='".into());
        let places = Places::new(&sources, Span { source, start: 0, end: 8 }, "hvci =");
        assert_eq!(places.span(&(6..6)), Span { source, start: 7, end: 7 });
    }
}
