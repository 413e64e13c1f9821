//! The words and signs of a sentence.

use std::ops::Range;

use super::{Comparison, Flaw, KEYWORDS, Word};
use crate::words::quote;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    Keyword(&'static str),
    /// A name or a value, in quotes or without.
    Word(Word),
    Comparison(Comparison),
    Open,
    Close,
    Comma,
}

/// Signs of other languages, with what is written here.
const FOREIGN: [(&str, &str); 10] = [
    ("==", "`=`"),
    ("<>", "`!=`"),
    ("=>", "`if … then …`"),
    ("->", "`if … then …`"),
    ("&&", "`and`"),
    ("||", "`or`"),
    ("&", "`and`"),
    ("|", "`or`"),
    ("!", "`not`"),
    ("~", "`not`"),
];

/// Splits a sentence into words and signs.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Flaw> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = token(&text[at..], at)?;
        tokens.push(Token { kind, range: at..at + length });
        at += length;
    }
    Ok(tokens)
}

/// The token that begins a text, and its length.
fn token(rest: &str, at: usize) -> Result<(TokenKind, usize), Flaw> {
    if rest.starts_with(['\'', '"']) {
        return quoted(rest, at);
    }
    let word = rest.len() - rest.trim_start_matches(is_of_word).len();
    if word > 0 && rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let text = &rest[..word];
        let keyword = KEYWORDS.into_iter().find(|keyword| *keyword == text);
        let kind = keyword.map_or_else(|| TokenKind::Word(plain(text, at..at + word)), TokenKind::Keyword);
        return Ok((kind, word));
    }
    for (sign, kind) in [("(", TokenKind::Open), (")", TokenKind::Close), (",", TokenKind::Comma)] {
        if rest.starts_with(sign) {
            return Ok((kind, sign.len()));
        }
    }
    let comparison = || {
        let longest_first = || Comparison::ALL.into_iter().rev();
        let two = longest_first().filter(|it| it.as_str().len() == 2);
        let one = longest_first().filter(|it| it.as_str().len() == 1);
        two.chain(one).find(|it| rest.starts_with(it.as_str()))
    };
    let foreign = FOREIGN.into_iter().find(|(sign, _)| rest.starts_with(sign) && !rest.starts_with("!="));
    if let Some((sign, ours)) = foreign {
        let found = format!("{} means nothing here", quote(sign));
        let help = Some(format!("write {ours}"));
        return Err(Flaw { range: at..at + sign.len(), found, expected: format!("expected {ours}"), help });
    }
    if let Some(comparison) = comparison() {
        return Ok((TokenKind::Comparison(comparison), comparison.as_str().len()));
    }
    let length = rest.chars().next().map_or(0, char::len_utf8);
    let found = format!("{} means nothing here", quote(&rest[..length]));
    let help = Some(
        "a name or value with other characters than letters, digits, `.`, `-`, `_` and `+` is put in quotes".into(),
    );
    Err(Flaw { range: at..at + length, found, expected: "expected a word or a sign of the language".into(), help })
}

/// `@` is in no name or value; taken in, it can be told where it stands.
fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '+' | '@')
}

fn plain(text: &str, range: Range<usize>) -> Word {
    Word { text: text.to_owned(), quoted: false, range }
}

/// A word in quotes: nothing in it stands for something else.
fn quoted(rest: &str, at: usize) -> Result<(TokenKind, usize), Flaw> {
    let mark = &rest[..1];
    let flaw = |length: usize, found: &str, expected: String| Flaw {
        range: at..at + length,
        found: found.to_owned(),
        expected,
        help: None,
    };
    let Some(end) = rest[1..].find(mark) else {
        let expected = format!("expected {} at the end of a word", quote(mark));
        return Err(flaw(1, "a quote is opened here and not closed", expected));
    };
    let length = end + 2;
    let text = &rest[1..=end];
    if text.trim().is_empty() {
        return Err(flaw(length, "there is no word in these quotes", "expected a name or a value".into()));
    }
    Ok((TokenKind::Word(Word { text: text.to_owned(), quoted: true, range: at..at + length }), length))
}
