//! Constraints as words, one constraint after the other.

use super::size::{MOST_WORDS, short};
use super::{PictError, numbers};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    If,
    Then,
    Else,
    And,
    Or,
    Not,
    Like,
    In,
    /// Whether a parameter, or any when none is named, is out of range or in it.
    Range {
        negative: bool,
        parameter: Option<String>,
    },
    /// Between brackets.
    Parameter(String),
    /// Between quotes.
    Text(String),
    Number(f64),
    Relation(Relation),
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
    /// The end of a constraint.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

impl Relation {
    /// Whether it holds between two that compare like this; `nan` compares with nothing, and is only unequal.
    pub(super) fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        let Some(order) = order else { return self == Self::NotEqual };
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::More => order.is_gt(),
            Self::MoreOrEqual => order.is_ge(),
        }
    }
}

/// A word, the line it is on, and where in the text it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) line: usize,
    pub(super) span: std::ops::Range<usize>,
}

const WORDS: [(&str, Word); 8] = [
    ("THEN", Word::Then),
    ("ELSE", Word::Else),
    ("LIKE", Word::Like),
    ("AND", Word::And),
    ("NOT", Word::Not),
    ("IF", Word::If),
    ("OR", Word::Or),
    ("IN", Word::In),
];

const SIGNS: [(&str, Word); 12] = [
    ("<>", Word::Relation(Relation::NotEqual)),
    ("<=", Word::Relation(Relation::LessOrEqual)),
    (">=", Word::Relation(Relation::MoreOrEqual)),
    ("<", Word::Relation(Relation::Less)),
    (">", Word::Relation(Relation::More)),
    ("=", Word::Relation(Relation::Equal)),
    ("(", Word::Open),
    (")", Word::Close),
    ("{", Word::OpenSet),
    ("}", Word::CloseSet),
    (",", Word::Comma),
    (";", Word::End),
];

/// A text from which constraints are taken.
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// From 1.
    pub(super) line: usize,
    line_is_empty: bool,
}

impl<'t> Scanner<'t> {
    /// Constraints that begin on a line.
    pub(super) fn new(text: &'t str, line: usize) -> Self {
        Self { text, at: 0, line, line_is_empty: true }
    }

    /// The words of the next constraint with the `;` that ends it; nothing after the last.
    ///
    /// # Errors
    /// For what cannot be read. It is passed over up to the next `;`.
    pub(super) fn constraint(&mut self) -> Option<Result<Vec<Token>, PictError>> {
        let mut tokens: Vec<Token> = Vec::new();
        while let Some(start) = self.word_start() {
            match word(&self.text[start..]) {
                Ok(_) if tokens.len() == MOST_WORDS => {
                    let what =
                        format!("the constraint has more than {MOST_WORDS} words, the most that are read: split it");
                    return Some(Err(self.pass_over(what)));
                }
                Ok((word, length)) => {
                    let ends = word == Word::End;
                    tokens.push(Token { word, line: self.line, span: start..start + length });
                    self.skip_to(start + length);
                    if ends {
                        return Some(Ok(tokens));
                    }
                }
                Err(what) => return Some(Err(self.pass_over(what))),
            }
        }
        (!tokens.is_empty()).then_some(Ok(tokens))
    }

    /// Where the next word begins, after space and comments.
    fn word_start(&mut self) -> Option<usize> {
        while let Some(next) = self.text[self.at..].chars().next() {
            if next.is_whitespace() {
                self.skip_to(self.at + next.len_utf8());
            } else if next == '#' && self.line_is_empty {
                let rest = &self.text[self.at..];
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                self.line_is_empty = false;
                return Some(self.at);
            }
        }
        None
    }

    fn skip_to(&mut self, end: usize) {
        let lines = self.text[self.at..end].matches('\n').count();
        self.line += lines;
        self.line_is_empty |= lines > 0;
        self.at = end;
    }

    /// The rest of the constraint says nothing any more.
    fn pass_over(&mut self, what: String) -> PictError {
        let mistake = PictError::at(self.line, what);
        let end = self.text[self.at..].find(';').map_or(self.text.len(), |end| self.at + end + 1);
        self.skip_to(end);
        mistake
    }
}

fn word(text: &str) -> Result<(Word, usize), String> {
    match text.chars().next() {
        Some('[') => return quoted(text, ']').map(|(name, length)| (Word::Parameter(name), length)),
        Some('"') => return quoted(text, '"').map(|(text, length)| (Word::Text(text), length)),
        _ => {}
    }
    if let Some((number, length)) = numbers::starts(text) {
        return Ok((Word::Number(number), length));
    }
    if let Some(function) = function(text) {
        return function;
    }
    let known = SIGNS.iter().chain(&WORDS).find(|(word, _)| starts(text, word));
    let shown: String = text.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
    known.map(|(text, word)| (word.clone(), text.len())).ok_or_else(|| {
        format!("{} is not understood; parameters stand in [brackets], texts in \"quotes\"", short(&shown))
    })
}

fn starts(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// `IsNegative(parameter)`, where PICT has the bare name between the parentheses; with brackets it is read too.
fn function(text: &str) -> Option<Result<(Word, usize), String>> {
    let negative = starts(text, "ISNEGATIVE");
    if !negative && !starts(text, "ISPOSITIVE") {
        return None;
    }
    const NAME: usize = "ISNEGATIVE".len();
    let rest = text[NAME..].trim_start();
    let before = text.len() - rest.len();
    if !rest.starts_with('(') {
        return Some(Err(format!("\"(\" was expected after {}", &text[..NAME])));
    }
    Some(named(&rest[1..]).map(|(parameter, length)| (Word::Range { negative, parameter }, before + 1 + length)))
}

/// The parameter that a function is about, if any, and the length with the `)` after it.
fn named(text: &str) -> Result<(Option<String>, usize), String> {
    let rest = text.trim_start();
    let before = text.len() - rest.len();
    let (name, length) = if rest.starts_with('[') {
        quoted(rest, ']')?
    } else {
        let end = rest.find([')', ';']).unwrap_or(rest.len());
        (rest[..end].trim().to_string(), end)
    };
    let closed = rest[length..].trim_start();
    if !closed.starts_with(')') {
        return Err("\")\" was expected after the parameter".to_string());
    }
    Ok(((!name.is_empty()).then_some(name), before + rest.len() - closed.len() + 1))
}

/// What stands up to a closing sign; a backslash takes the next sign as it is.
fn quoted(text: &str, close: char) -> Result<(String, usize), String> {
    let mut read = String::new();
    let mut signs = text.char_indices().skip(1);
    while let Some((at, sign)) = signs.next() {
        match sign {
            sign if sign == close => return Ok((read, at + sign.len_utf8())),
            '\\' => match signs.next() {
                Some((_, taken)) if ['\\', '"', ']'].contains(&taken) => read.push(taken),
                _ => return Err("a backslash stands before \\, \" or ] only".to_string()),
            },
            '\n' => break,
            sign => read.push(sign),
        }
    }
    Err(format!(
        "{:?} is not closed by {close:?} on the same line",
        &text[..text.chars().next().map_or(0, char::len_utf8)]
    ))
}
