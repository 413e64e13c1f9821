//! Condition expressions.
//!
//! ```text
//! or   = xor { "OR" xor }     and = not { "AND" not }     not = "NOT" not | "(" or ")" | term [ op term ]
//! term = PROPERTY | "text" | number | %ENVIRONMENT | $component | ?component | &feature | !feature
//! ```

/// What a condition asks about.
pub(super) trait Facts {
    /// A property; none when it is not set.
    fn property(&self, name: &str) -> Option<String>;
    /// A symbol with its mark: `$x` action of a component, `?x` its state, `&x`, `!x` of a feature, `%x` environment.
    fn marked(&self, mark: char, name: &str) -> Option<String>;
}

/// Whether the condition holds; an empty one does. None when it is no condition.
pub(super) fn holds(text: &str, facts: &impl Facts) -> Option<bool> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Some(true);
    }
    let mut parser = Parser { tokens: &tokens, at: 0, facts };
    let value = parser.either()?;
    (parser.at == tokens.len()).then_some(value)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Marked(char, String),
    Text(String),
    Number(i64),
    Operator(String),
    Open,
    Close,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    let name_end = |from: usize| {
        let length = letters[from..].iter().take_while(|it| it.is_alphanumeric() || matches!(it, '_' | '.')).count();
        from + length
    };
    while let Some(&letter) = letters.get(at) {
        let rest = |length: usize| letters.iter().skip(at).take(length).collect::<String>();
        match letter {
            _ if letter.is_whitespace() => at += 1,
            '(' => {
                found.push(Token::Open);
                at += 1;
            }
            ')' => {
                found.push(Token::Close);
                at += 1;
            }
            '"' => {
                let end = letters.iter().skip(at + 1).position(|it| *it == '"')? + at + 1;
                found.push(Token::Text(letters[at + 1..end].iter().collect()));
                at = end + 1;
            }
            '$' | '?' | '&' | '!' | '%' => {
                let end = name_end(at + 1);
                found.push(Token::Marked(letter, letters[at + 1..end].iter().collect()));
                at = end;
            }
            '~' | '=' | '<' | '>' => {
                let any_case = letter == '~';
                let operator: String = rest(3).chars().skip(usize::from(any_case)).collect();
                let length =
                    if ["<>", "<=", ">=", "><", "<<", ">>"].iter().any(|it| operator.starts_with(it)) { 2 } else { 1 };
                let operator: String = operator.chars().take(length).collect();
                if !operator.starts_with(['=', '<', '>']) {
                    return None;
                }
                at += length + usize::from(any_case);
                found.push(Token::Operator(if any_case { format!("~{operator}") } else { operator }));
            }
            _ if letter.is_ascii_digit() || letter == '-' => {
                let length = letters[at + 1..].iter().take_while(|it| it.is_ascii_digit()).count();
                found.push(Token::Number(rest(length + 1).parse().ok()?));
                at += length + 1;
            }
            _ if letter.is_alphabetic() || letter == '_' => {
                let end = name_end(at);
                found.push(Token::Word(letters[at..end].iter().collect()));
                at = end;
            }
            _ => return None,
        }
    }
    Some(found)
}

const KEYWORDS: &[&str] = &["AND", "OR", "NOT", "XOR", "EQV", "IMP"];

struct Parser<'a, F> {
    tokens: &'a [Token],
    at: usize,
    facts: &'a F,
}

impl<F: Facts> Parser<'_, F> {
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Option<bool> {
        let mut value = self.both()?;
        loop {
            if self.keyword("OR") {
                value |= self.both()?;
            } else if self.keyword("XOR") {
                value ^= self.both()?;
            } else if self.keyword("EQV") {
                value = value == self.both()?;
            } else if self.keyword("IMP") {
                value = !value | self.both()?;
            } else {
                return Some(value);
            }
        }
    }

    fn both(&mut self) -> Option<bool> {
        let mut value = self.not()?;
        while self.keyword("AND") {
            value &= self.not()?;
        }
        Some(value)
    }

    fn not(&mut self) -> Option<bool> {
        if self.keyword("NOT") {
            return Some(!self.not()?);
        }
        if self.tokens.get(self.at) == Some(&Token::Open) {
            self.at += 1;
            let value = self.either()?;
            if self.tokens.get(self.at) != Some(&Token::Close) {
                return None;
            }
            self.at += 1;
            return Some(value);
        }
        let left = self.term()?;
        let Some(Token::Operator(operator)) = self.tokens.get(self.at) else {
            // Alone, a term asks whether it is set; a number whether it is not zero.
            return Some(match left {
                Term::Number(number) => number != 0,
                Term::Text(text) => !text.is_empty(),
                Term::Missing => false,
            });
        };
        let operator = operator.clone();
        self.at += 1;
        let right = self.term()?;
        Some(compare(&left, &operator, &right))
    }

    fn term(&mut self) -> Option<Term> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        let of = |value: Option<String>| value.map_or(Term::Missing, Term::Text);
        Some(match token {
            Token::Word(name) if KEYWORDS.iter().any(|it| name.eq_ignore_ascii_case(it)) => return None,
            Token::Word(name) => of(self.facts.property(name)),
            Token::Marked(mark, name) => of(self.facts.marked(*mark, name)),
            Token::Text(text) => Term::Text(text.clone()),
            Token::Number(number) => Term::Number(*number),
            Token::Operator(_) | Token::Open | Token::Close => return None,
        })
    }
}

enum Term {
    Text(String),
    Number(i64),
    Missing,
}

impl Term {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Missing => String::new(),
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Missing => None,
        }
    }
}

fn compare(left: &Term, operator: &str, right: &Term) -> bool {
    let (any_case, operator) = operator.strip_prefix('~').map_or((false, operator), |it| (true, it));
    let by_number = matches!(left, Term::Number(_)) || matches!(right, Term::Number(_));
    // A property that is no number compares with one only for inequality.
    let numbers = if by_number { left.number().zip(right.number()) } else { None };
    if by_number && numbers.is_none() {
        return operator == "<>";
    }
    let fold = |text: String| if any_case { text.to_lowercase() } else { text };
    let (text_left, text_right) = (fold(left.text()), fold(right.text()));
    match operator {
        "><" => return text_left.contains(&text_right),
        "<<" => return text_left.starts_with(&text_right),
        ">>" => return text_left.ends_with(&text_right),
        _ => {}
    }
    let order = match numbers {
        Some((left, right)) => left.cmp(&right),
        None => text_left.cmp(&text_right),
    };
    match operator {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Facts for Fixed {
        fn property(&self, name: &str) -> Option<String> {
            match name {
                "VersionNT" => Some("603".into()),
                "TOKEN" => Some("abc".into()),
                "ZERO" => Some("0".into()),
                _ => None,
            }
        }
        fn marked(&self, mark: char, name: &str) -> Option<String> {
            (mark == '$' && name == "c_main").then(|| "3".into())
        }
    }

    #[test]
    fn conditions() {
        for (text, expected) in [
            ("", Some(true)),
            ("Installed", Some(false)),
            ("NOT Installed", Some(true)),
            ("Installed OR TOKEN", Some(true)),
            ("NOT Installed AND NOT TOKEN", Some(false)),
            ("VersionNT >= 600", Some(true)),
            ("VersionNT>=1000", Some(false)),
            ("TOKEN=\"abc\" and (ZERO = 0)", Some(true)),
            ("TOKEN ~= \"ABC\"", Some(true)),
            ("TOKEN <> \"abc\"", Some(false)),
            ("TOKEN >< \"b\"", Some(true)),
            ("TOKEN << \"ab\"", Some(true)),
            ("Missing = 1", Some(false)),
            ("Missing <> 1", Some(true)),
            ("Missing = \"\"", Some(true)),
            ("$c_main = 3", Some(true)),
            ("REMOVE=\"ALL\"", Some(false)),
            ("NOT (Installed OR ZERO)", Some(false)),
            ("AND", None),
            ("(Installed", None),
            ("TOKEN = ", None),
        ] {
            assert_eq!(holds(text, &Fixed), expected, "{text}");
        }
    }
}
