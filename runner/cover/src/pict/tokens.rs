//! Constraints as words.

use super::PictError;

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
    /// `true` for values out of range.
    Range(bool),
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
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
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

const WORDS: [(&str, Word); 10] = [
    ("ISNEGATIVE", Word::Range(true)),
    ("ISPOSITIVE", Word::Range(false)),
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

/// The words of constraints that begin on a line. What cannot be read is told and passed over up to the next `;`.
pub(super) fn tokens(text: &str, first_line: usize, mistakes: &mut Vec<PictError>) -> Vec<Token> {
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, first_line);
    let mut line_is_empty = true;
    while let Some(next) = text[at..].chars().next() {
        if next == '\n' {
            (line, line_is_empty) = (line + 1, true);
        }
        if next.is_whitespace() {
            at += next.len_utf8();
        } else if next == '#' && line_is_empty {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
        } else {
            line_is_empty = false;
            let length = match word(&text[at..]) {
                Ok((word, length)) => {
                    tokens.push(Token { word, line, span: at..at + length });
                    length
                }
                Err(what) => {
                    mistakes.push(PictError::at(line, what));
                    // The rest of the constraint says nothing any more: it ends here.
                    while tokens.last().is_some_and(|token| token.word != Word::End) {
                        tokens.pop();
                    }
                    text[at..].find(';').map_or(text.len() - at, |end| end + 1)
                }
            };
            line += text[at..at + length].matches('\n').count();
            at += length;
        }
    }
    tokens
}

fn word(text: &str) -> Result<(Word, usize), String> {
    let first = text.chars().next().unwrap_or(' ');
    match first {
        '[' => quoted(text, ']').map(|(name, length)| (Word::Parameter(name), length)),
        '"' => quoted(text, '"').map(|(text, length)| (Word::Text(text), length)),
        _ => {
            let number = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(text.len());
            if let Some(number_read) = super::meaning::number(&text[..number]) {
                return Ok((Word::Number(number_read), number));
            }
            let starts = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
            let known = SIGNS.iter().chain(&WORDS).find(|(word, _)| starts(word));
            let shown: String = text.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
            known.map(|(text, word)| (word.clone(), text.len())).ok_or_else(|| {
                format!("{shown:?} is not understood; parameters stand in [brackets], texts in \"quotes\"")
            })
        }
    }
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
