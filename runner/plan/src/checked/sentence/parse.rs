//! Sentences by recursive descent, see the grammar in [`super`].

use std::ops::Range;

use super::tokens::{Token, TokenKind, tokens};
use super::{Flaw, KEYWORDS, Said, Statement, Test, Word};
use crate::words::{nearest, quote};

/// Parentheses and `not` within each other.
const MOST_NESTED: usize = 32;

/// Words of other languages, with what is written here.
const FOREIGN: [(&str, &str); 9] = [
    ("is", "`=`"),
    ("equals", "`=`"),
    ("implies", "`if … then …`"),
    ("else", "a second sentence"),
    ("AND", "`and`"),
    ("OR", "`or`"),
    ("NOT", "`not`"),
    ("IF", "`if`"),
    ("THEN", "`then`"),
];

/// Reads a sentence.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(super) fn parse(text: &str) -> Result<Said, Flaw> {
    let tokens = tokens(text)?;
    let end = text.trim_end().len();
    let mut parser = Parser { tokens: &tokens, at: 0, end, nested: 0 };
    let said = parser.sentence()?;
    match parser.peek() {
        None => Ok(said),
        Some(token) => Err(parser.after(token, &said)),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    /// Where the text ends.
    end: usize,
    nested: usize,
}

impl<'t> Parser<'t> {
    fn sentence(&mut self) -> Result<Said, Flaw> {
        if !self.keyword("if") {
            return self.either();
        }
        let condition = self.either()?;
        if !self.keyword("then") {
            return Err(self.unexpected("expected `then`", None));
        }
        let consequence = self.either()?;
        Ok(Said::Implies(Box::new(condition), Box::new(consequence)))
    }

    fn either(&mut self) -> Result<Said, Flaw> {
        let first = self.both()?;
        let mut all = vec![first];
        while self.keyword("or") {
            all.push(self.both()?);
        }
        Ok(one_or(all, Said::Any))
    }

    fn both(&mut self) -> Result<Said, Flaw> {
        let first = self.one()?;
        let mut all = vec![first];
        while self.keyword("and") {
            all.push(self.one()?);
        }
        Ok(one_or(all, Said::All))
    }

    fn one(&mut self) -> Result<Said, Flaw> {
        if self.keyword("not") {
            return Ok(Said::Not(Box::new(self.deeper(Self::one)?)));
        }
        if !self.sign(&TokenKind::Open) {
            return self.statement().map(Said::Is);
        }
        let inner = self.deeper(Self::sentence)?;
        if self.sign(&TokenKind::Close) {
            return Ok(inner);
        }
        Err(self.unexpected("expected `)`, `and` or `or`", None))
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Said, Flaw>) -> Result<Said, Flaw> {
        if self.nested == MOST_NESTED {
            let found = format!("nested deeper than {MOST_NESTED} levels");
            let help = Some("say it in several sentences: a cell keeps all of them".to_owned());
            return Err(Flaw { range: self.here(), found, expected: "expected fewer `(` and `not`".into(), help });
        }
        self.nested += 1;
        let said = read(self);
        self.nested -= 1;
        said
    }

    fn statement(&mut self) -> Result<Statement, Flaw> {
        let name = self.word("a name")?;
        let test = match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Comparison(comparison)) => {
                self.at += 1;
                Test::Compared(*comparison, self.word("a value")?)
            }
            Some(TokenKind::Keyword("in")) => {
                self.at += 1;
                Test::In(self.list()?)
            }
            Some(TokenKind::Keyword("not")) => {
                self.at += 1;
                if !self.keyword("in") {
                    return Err(
                        self.unexpected("expected `in`", Some("`not` stands before a statement, or before `in`"))
                    );
                }
                Test::NotIn(self.list()?)
            }
            _ => Test::There,
        };
        Ok(Statement { name, test })
    }

    fn list(&mut self) -> Result<Vec<Word>, Flaw> {
        if !self.sign(&TokenKind::Open) {
            return Err(self.unexpected("expected `(`", Some("values stand in parentheses: `in (a, b)`")));
        }
        let mut words = vec![self.word("a value")?];
        while self.sign(&TokenKind::Comma) {
            words.push(self.word("a value")?);
        }
        if self.sign(&TokenKind::Close) {
            return Ok(words);
        }
        Err(self.unexpected("expected `,` or `)`", None))
    }

    fn word(&mut self, what: &str) -> Result<Word, Flaw> {
        let expected = format!("expected {what}");
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Word(word)) => {
                self.at += 1;
                Ok(word.clone())
            }
            Some(TokenKind::Keyword("if")) => Err(self
                .unexpected(&expected, Some("`if` begins a sentence; a sentence in a sentence stands in parentheses"))),
            Some(TokenKind::Keyword(keyword)) => {
                let help = format!("{what} that is a word of the language is put in quotes: `\"{keyword}\"`");
                Err(self.unexpected(&expected, Some(&help)))
            }
            _ => Err(self.unexpected(&expected, None)),
        }
    }

    fn keyword(&mut self, wanted: &str) -> bool {
        let there = matches!(self.peek(), Some(Token { kind: TokenKind::Keyword(keyword), .. }) if *keyword == wanted);
        self.at += usize::from(there);
        there
    }

    fn sign(&mut self, wanted: &TokenKind) -> bool {
        let there = self.peek().is_some_and(|token| token.kind == *wanted);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    /// The next token, or the end.
    fn here(&self) -> Range<usize> {
        self.peek().map_or(self.end..self.end, |token| token.range.clone())
    }

    fn unexpected(&self, expected: &str, help: Option<&str>) -> Flaw {
        let found = match self.peek() {
            Some(token) => format!("{} cannot stand here", described(&token.kind)),
            None => "the sentence ends here".to_owned(),
        };
        let meant = self.peek().and_then(meant);
        Flaw { range: self.here(), found, expected: expected.to_owned(), help: meant.or(help.map(str::to_owned)) }
    }

    /// Something behind a whole sentence.
    fn after(&self, token: &Token, said: &Said) -> Flaw {
        let name_alone = self.at > 0 && matches!(said, Said::Is(Statement { test: Test::There, .. }));
        let (expected, help) = match &token.kind {
            TokenKind::Close => ("expected `(` before it", None),
            TokenKind::Keyword("then") => ("expected `if` before it", None),
            TokenKind::Keyword("if") => ("expected the end", Some("`if` begins a sentence: `if … then …`")),
            TokenKind::Word(_) if name_alone => ("expected `=`, `!=`, `in`, `and`, `or` or the end", None),
            _ => ("expected `and`, `or` or the end", None),
        };
        self.unexpected(expected, help)
    }
}

/// A word that looks like one of the language.
fn meant(token: &Token) -> Option<String> {
    let TokenKind::Word(word) = &token.kind else { return None };
    if word.quoted {
        return None;
    }
    let foreign = FOREIGN.into_iter().find(|(theirs, _)| *theirs == word.text).map(|(_, ours)| format!("write {ours}"));
    // Of two letters anything is near: `on` is no `or`.
    let near = || nearest(&word.text, KEYWORDS).filter(|_| word.text.len() > 2);
    foreign.or_else(|| near().map(|keyword| format!("did you mean `{keyword}`?")))
}

fn described(kind: &TokenKind) -> String {
    match kind {
        TokenKind::Keyword(keyword) => format!("`{keyword}`"),
        TokenKind::Word(word) => quote(&word.text),
        TokenKind::Comparison(comparison) => format!("`{}`", comparison.as_str()),
        TokenKind::Open => "`(`".to_owned(),
        TokenKind::Close => "`)`".to_owned(),
        TokenKind::Comma => "`,`".to_owned(),
    }
}

fn one_or(mut all: Vec<Said>, several: impl FnOnce(Vec<Said>) -> Said) -> Said {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            several(all)
        }
        None => several(all),
    }
}
