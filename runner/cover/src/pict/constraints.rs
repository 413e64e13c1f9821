//! Constraints by their grammar. AND binds tighter than OR, NOT tighter than both.

use super::size::short;
use super::tokens::{Relation, Token, Word};
use super::{MOST_LEVELS, PictError};

/// One constraint as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) line: usize,
    /// Where its text is.
    pub(super) span: std::ops::Range<usize>,
    pub(super) when: Option<Clause>,
    pub(super) then: Clause,
    pub(super) otherwise: Option<Clause>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clause {
    All(Vec<Clause>),
    Any(Vec<Clause>),
    Not(Box<Clause>),
    Term(Term),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Compared {
        parameter: String,
        relation: Relation,
        with: Operand,
    },
    Like {
        parameter: String,
        pattern: String,
        negated: bool,
    },
    In {
        parameter: String,
        values: Vec<Operand>,
        negated: bool,
    },
    /// Whether a parameter, or any when none is named, is out of range.
    Range {
        parameter: Option<String>,
        negative: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(String),
    Number(f64),
    Parameter(String),
}

/// Reads one constraint.
///
/// # Errors
/// What is wrong, with its line.
pub(super) fn written(tokens: &[Token]) -> Result<Written, PictError> {
    let mut reader = Reader { tokens, at: 0, levels: 0 };
    reader.constraint().map_err(|what| {
        let at = reader.at.min(tokens.len().saturating_sub(1));
        PictError::at(tokens.get(at).map_or(0, |token| token.line), what)
    })
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    levels: usize,
}

type Parsed<T> = Result<T, String>;

impl Reader<'_> {
    fn peek(&self) -> Option<&Word> {
        self.tokens.get(self.at).map(|token| &token.word)
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.peek().cloned();
        self.at += usize::from(word.is_some());
        word
    }

    fn accept(&mut self, word: &Word) -> bool {
        let here = self.peek() == Some(word);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, word: &Word, name: &str) -> Parsed<()> {
        if self.accept(word) { Ok(()) } else { Err(format!("{name} was expected")) }
    }

    fn constraint(&mut self) -> Parsed<Written> {
        let (first, last) = (self.tokens.first(), self.tokens.last());
        let (line, start) = first.map_or((0, 0), |token| (token.line, token.span.start));
        let end = last.map_or(start, |token| token.span.end);
        let when = if self.accept(&Word::If) {
            let clause = self.any()?;
            self.expect(&Word::Then, "THEN, AND or OR")?;
            Some(clause)
        } else {
            None
        };
        let then = self.any()?;
        let otherwise = if when.is_some() && self.accept(&Word::Else) { Some(self.any()?) } else { None };
        self.expect(&Word::End, "AND, OR or the \";\" that ends every constraint")?;
        Ok(Written { line, span: start..end, when, then, otherwise })
    }

    fn any(&mut self) -> Parsed<Clause> {
        let mut parts = vec![self.all()?];
        while self.accept(&Word::Or) {
            parts.push(self.all()?);
        }
        Ok(single(parts, Clause::Any))
    }

    fn all(&mut self) -> Parsed<Clause> {
        let mut parts = vec![self.one()?];
        while self.accept(&Word::And) {
            parts.push(self.one()?);
        }
        Ok(single(parts, Clause::All))
    }

    fn one(&mut self) -> Parsed<Clause> {
        self.levels += 1;
        if self.levels > MOST_LEVELS {
            return Err(format!("more than {MOST_LEVELS} levels of parentheses and NOT, the most that are read"));
        }
        let clause = if self.accept(&Word::Not) {
            Clause::Not(Box::new(self.one()?))
        } else if self.accept(&Word::Open) {
            let clause = self.any()?;
            self.expect(&Word::Close, "AND, OR or \")\"")?;
            clause
        } else {
            Clause::Term(self.term()?)
        };
        self.levels -= 1;
        Ok(clause)
    }

    fn term(&mut self) -> Parsed<Term> {
        match self.next() {
            Some(Word::Range { negative, parameter }) => Ok(Term::Range { parameter, negative }),
            Some(Word::Parameter(parameter)) => self.about(parameter),
            _ => {
                self.at = self.at.saturating_sub(1);
                Err("a [parameter], NOT or \"(\" was expected".to_string())
            }
        }
    }

    fn about(&mut self, parameter: String) -> Parsed<Term> {
        if let Some(Word::Relation(relation)) = self.peek() {
            let relation = *relation;
            self.at += 1;
            return Ok(Term::Compared { parameter, relation, with: self.operand(true)? });
        }
        let negated = self.accept(&Word::Not);
        match self.next() {
            Some(Word::Like) => match self.next() {
                Some(Word::Text(pattern)) => Ok(Term::Like { parameter, pattern, negated }),
                _ => Err("a \"pattern\" was expected after LIKE".to_string()),
            },
            Some(Word::In) => {
                self.expect(&Word::OpenSet, "\"{\" after IN")?;
                let mut values = vec![self.operand(false)?];
                while self.accept(&Word::Comma) {
                    values.push(self.operand(false)?);
                }
                self.expect(&Word::CloseSet, "\",\" or \"}\"")?;
                Ok(Term::In { parameter, values, negated })
            }
            _ => {
                let name = short(&parameter);
                Err(format!("a relation was expected after the parameter {name}: =, <>, <, <=, >, >=, LIKE or IN"))
            }
        }
    }

    fn operand(&mut self, parameters: bool) -> Parsed<Operand> {
        match self.next() {
            Some(Word::Text(text)) => Ok(Operand::Text(text)),
            Some(Word::Number(number)) => Ok(Operand::Number(number)),
            Some(Word::Parameter(name)) if parameters => Ok(Operand::Parameter(name)),
            _ => Err("a number or a \"text\" was expected".to_string()),
        }
    }
}

fn single(mut parts: Vec<Clause>, many: fn(Vec<Clause>) -> Clause) -> Clause {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}
