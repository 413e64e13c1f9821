//! A text from the front to the end, sign by sign.

/// What is left of a text.
pub(super) struct Scanner<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Scanner<'t> {
    /// A text whose first sign stands on this line.
    pub(super) fn new(text: &'t str, line: usize) -> Self {
        let mut scanner = Self { rest: text, line };
        scanner.skip();
        scanner
    }

    /// The line of what comes next, from 1.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.pass(blanks);
            if !self.rest.starts_with('#') {
                return;
            }
            self.pass(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn pass(&mut self, bytes: usize) -> &'t str {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
        passed
    }

    /// Takes these signs if they come next.
    pub(super) fn take(&mut self, signs: &str) -> bool {
        let here = self.rest.starts_with(signs);
        if here {
            self.pass(signs.len());
            self.skip();
        }
        here
    }

    /// Takes this word, in any case, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let length = self.rest.find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let here = self.rest[..length].eq_ignore_ascii_case(word);
        if here {
            self.pass(length);
            self.skip();
        }
        here
    }

    /// Takes a text from `open` to `close`, in which a backslash stands before a sign that is meant as it is.
    pub(super) fn enclosed(&mut self, open: char, close: char) -> Result<Option<String>, String> {
        if !self.rest.starts_with(open) {
            return Ok(None);
        }
        let mut text = String::new();
        let mut escaped = false;
        for (at, sign) in self.rest.char_indices().skip(1) {
            match sign {
                '\n' => break,
                '\\' if !escaped => escaped = true,
                _ if sign == close && !escaped => {
                    self.pass(at + close.len_utf8());
                    self.skip();
                    return Ok(Some(text));
                }
                _ => {
                    if escaped && !['\\', '"', ']'].contains(&sign) {
                        text.push('\\');
                    }
                    text.push(sign);
                    escaped = false;
                }
            }
        }
        Err(format!("{open:?} is not closed on its line"))
    }

    /// Takes a number.
    pub(super) fn number(&mut self) -> Option<f64> {
        let end = self.rest.find(|sign: char| !(sign.is_ascii_alphanumeric() || "+-.".contains(sign)));
        let number = number(&self.rest[..end.unwrap_or(self.rest.len())])?;
        self.pass(end.unwrap_or(self.rest.len()));
        self.skip();
        Some(number)
    }
}

/// A decimal number, with one zero only; words that Rust takes for numbers are none.
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let begins = digits.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.');
    let number: f64 = if begins { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number + 0.0)
}
