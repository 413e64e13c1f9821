//! From a line, `%` already replaced, to what it says.

use super::node::{Condition, ForKind, Join, Node, Redirection, Target, Test};

/// Why a line says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyntaxError {
    /// More lines are needed: an open parenthesis.
    Incomplete,
    /// This text stands where it may not.
    Unexpected(String),
}

type Parsed<T> = Result<T, SyntaxError>;

/// Parses a line, or several when parentheses span them. Empty lines say nothing.
pub(crate) fn parse(text: &str) -> Parsed<Option<Node>> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, depth: 0, nesting: 0 };
    parser.skip_blank(true);
    if parser.peek().is_none() {
        return Ok(None);
    }
    let node = parser.sequence(false)?;
    parser.skip_blank(true);
    match parser.peek() {
        None => Ok(node),
        // A lone ")" outside parentheses is skipped with the rest of its line, as in cmd.
        Some(')') => Ok(node),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    /// Open parentheses.
    depth: u32,
    /// Commands within commands: parentheses, `if`, `for`.
    nesting: u32,
}

/// Commands within commands; more is refused, for the stack's sake.
const DEEPEST: u32 = 100;

/// What separates words besides blanks.
fn is_delimiter(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | ',' | ';' | '=')
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn peek_second(&self) -> Option<char> {
        self.text.get(self.at + 1).copied()
    }

    fn rest(&self) -> &[char] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Moves over a caret and what it protects, and returns that.
    fn escaped(&mut self) -> Option<char> {
        let escaped = self.peek_second();
        self.at = (self.at + 2).min(self.text.len());
        escaped
    }

    fn skip_blank(&mut self, lines: bool) {
        while self.peek().is_some_and(|it| is_delimiter(it) || it == '\r' || (lines && it == '\n')) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> SyntaxError {
        let rest: String = self.rest().iter().collect();
        let symbol: String = rest.chars().take_while(|it| matches!(it, '&' | '|' | '<' | '>' | ')')).take(2).collect();
        let token = if symbol.is_empty() { rest.split_whitespace().next().unwrap_or("").to_owned() } else { symbol };
        SyntaxError::Unexpected(token)
    }

    /// The word that begins here, in lower case, without moving.
    fn word_ahead(&self) -> String {
        self.rest().iter().take_while(|it| it.is_alphanumeric() || **it == '@').collect::<String>().to_lowercase()
    }

    /// `a & b & c`; with `lines`, which is right inside parentheses, a line end does as `&`. The body of an `if` or a `for`
    /// takes all that follows on its line.
    fn sequence(&mut self, lines: bool) -> Parsed<Option<Node>> {
        let mut all = Vec::new();
        loop {
            self.skip_blank(lines);
            match self.peek() {
                None | Some('\n') => break,
                Some(')') if self.depth > 0 => break,
                _ => {}
            }
            all.push(self.either()?);
            self.skip_blank(false);
            match self.peek() {
                Some('&') if self.peek_second() != Some('&') => self.at += 1,
                Some('\n') if lines => self.at += 1,
                _ => break,
            }
        }
        Ok(if all.len() > 1 { Some(Node::Sequence(all)) } else { all.pop() })
    }

    fn either(&mut self) -> Parsed<Node> {
        let mut left = self.both()?;
        while self.symbol("||") {
            let right = Box::new(self.both()?);
            left = Node::Pair { left: Box::new(left), join: Join::IfFailed, right };
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Node> {
        let mut left = self.pipe()?;
        while self.symbol("&&") {
            let right = Box::new(self.pipe()?);
            left = Node::Pair { left: Box::new(left), join: Join::IfDone, right };
        }
        Ok(left)
    }

    fn pipe(&mut self) -> Parsed<Node> {
        let left = self.command()?;
        self.skip_blank(false);
        if self.peek() == Some('|') && self.peek_second() != Some('|') {
            self.at += 1;
            let right = Box::new(self.pipe()?);
            return Ok(Node::Pipe { left: Box::new(left), right });
        }
        Ok(left)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        self.skip_blank(false);
        let wanted: Vec<char> = symbol.chars().collect();
        let found = self.rest().starts_with(&wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn command(&mut self) -> Parsed<Node> {
        self.nesting += 1;
        let node = if self.nesting > DEEPEST { Err(self.unexpected()) } else { self.command_within() };
        self.nesting -= 1;
        node
    }

    fn command_within(&mut self) -> Parsed<Node> {
        self.skip_blank(self.depth > 0);
        while self.peek() == Some('@') {
            self.at += 1;
            self.skip_blank(false);
        }
        match self.peek() {
            None => return Err(SyntaxError::Incomplete),
            Some('&' | '|' | ')') => return Err(self.unexpected()),
            Some('\n') => return Err(SyntaxError::Incomplete),
            Some('(') => return self.group(),
            _ => {}
        }
        match self.word_ahead().as_str() {
            "if" => self.if_command(),
            "for" => self.for_command(),
            "rem" => {
                while self.peek().is_some_and(|it| it != '\n') {
                    self.at += 1;
                }
                Ok(Node::Command { text: "rem".to_owned(), redirections: Vec::new() })
            }
            _ => self.simple(),
        }
    }

    fn group(&mut self) -> Parsed<Node> {
        self.at += 1;
        self.depth += 1;
        let body = self.sequence(true)?;
        self.skip_blank(true);
        if self.peek() != Some(')') {
            return if self.peek().is_none() { Err(SyntaxError::Incomplete) } else { Err(self.unexpected()) };
        }
        self.at += 1;
        self.depth -= 1;
        let mut redirections = Vec::new();
        loop {
            self.skip_blank(false);
            match self.redirection()? {
                Some(redirection) => redirections.push(redirection),
                None => break,
            }
        }
        let body = Box::new(body.ok_or_else(|| SyntaxError::Unexpected(")".to_owned()))?);
        Ok(Node::Group { body, redirections })
    }

    /// A redirection that begins here, with the digit before it if any.
    fn redirection(&mut self) -> Parsed<Option<Redirection>> {
        let start = self.at;
        let mut handle = None;
        if let Some(digit) = self.peek().and_then(|it| it.to_digit(10))
            && matches!(self.peek_second(), Some('<' | '>'))
        {
            handle = u8::try_from(digit).ok();
            self.at += 1;
        }
        let input = match self.peek() {
            Some('<') => true,
            Some('>') => false,
            _ => {
                self.at = start;
                return Ok(None);
            }
        };
        self.at += 1;
        let handle = handle.unwrap_or(u8::from(!input));
        let append = !input && self.peek() == Some('>');
        if append {
            self.at += 1;
        }
        if self.peek() == Some('&') {
            self.at += 1;
            let digit = self.peek().and_then(|it| it.to_digit(10)).ok_or_else(|| self.unexpected())?;
            self.at += 1;
            return Ok(Some(Redirection { handle, target: Target::Handle(u8::try_from(digit).unwrap_or(1)) }));
        }
        self.skip_blank(false);
        let name = self.word();
        if name.is_empty() {
            return Err(match self.peek() {
                None => SyntaxError::Incomplete,
                Some(_) => self.unexpected(),
            });
        }
        let target = match (input, append) {
            (true, _) => Target::From(name),
            (false, true) => Target::Append(name),
            (false, false) => Target::To(name),
        };
        Ok(Some(Redirection { handle, target }))
    }

    /// A word: up to a delimiter or an operator outside quotes. Quotes stay, carets go.
    fn word(&mut self) -> String {
        let mut word = String::new();
        let mut quoted = false;
        while let Some(letter) = self.peek() {
            match letter {
                '"' => quoted = !quoted,
                '\r' | '\n' => break,
                '^' if !quoted => {
                    word.extend(self.escaped());
                    continue;
                }
                '&' | '|' | '<' | '>' if !quoted => break,
                '(' | ')' if !quoted && self.depth > 0 => break,
                _ if !quoted && is_delimiter(letter) => break,
                _ => {}
            }
            word.push(letter);
            self.at += 1;
        }
        word
    }

    fn simple(&mut self) -> Parsed<Node> {
        let mut text = String::new();
        let mut redirections = Vec::new();
        let mut quoted = false;
        let mut fresh = true; // a digit here may belong to a redirection
        while let Some(letter) = self.peek() {
            if !quoted {
                match letter {
                    '\n' | '&' | '|' => break,
                    '\r' => {
                        self.at += 1;
                        continue;
                    }
                    ')' if self.depth > 0 => break,
                    '^' => {
                        text.extend(self.escaped().filter(|it| !matches!(it, '\r' | '\n')));
                        fresh = false;
                        continue;
                    }
                    '<' | '>' => {
                        redirections.extend(self.redirection()?);
                        continue;
                    }
                    _ if letter.is_ascii_digit() && fresh => {
                        if let Some(redirection) = self.redirection()? {
                            redirections.push(redirection);
                            continue;
                        }
                    }
                    _ => {}
                }
            } else if letter == '\n' {
                break;
            }
            if letter == '"' {
                quoted = !quoted;
            }
            fresh = is_delimiter(letter);
            text.push(letter);
            self.at += 1;
        }
        Ok(Node::Command { text: text.trim_end_matches('\r').to_owned(), redirections })
    }

    fn if_command(&mut self) -> Parsed<Node> {
        self.at += 2;
        let (mut not, mut any_case) = (false, false);
        let test = loop {
            self.skip_blank(false);
            let before = self.at;
            let word = self.condition_word();
            match word.to_ascii_lowercase().as_str() {
                "/i" => any_case = true,
                "not" => not = !not,
                "errorlevel" if !self.compares() => {
                    self.skip_blank(false);
                    break Test::ErrorLevel(self.condition_word());
                }
                "exist" if !self.compares() => {
                    self.skip_blank(false);
                    break Test::Exist(self.condition_word());
                }
                "defined" if !self.compares() => {
                    self.skip_blank(false);
                    break Test::Defined(self.condition_word());
                }
                "" if !self.compares() => {
                    self.at = before;
                    return Err(if self.peek().is_none() { SyntaxError::Incomplete } else { self.unexpected() });
                }
                _ => break self.comparison(word)?,
            }
        };
        let then = self.sequence(false)?.ok_or(SyntaxError::Incomplete)?;
        let mut otherwise = None;
        let closed = matches!(then, Node::Group { .. } | Node::If { .. });
        let before = self.at;
        self.skip_blank(false);
        if closed && self.word_ahead() == "else" {
            self.at += 4;
            otherwise = Some(Box::new(self.sequence(false)?.ok_or(SyntaxError::Incomplete)?));
        } else {
            self.at = before;
        }
        Ok(Node::If { condition: Condition { not, any_case, test }, then: Box::new(then), otherwise })
    }

    /// Whether `==` or a comparison word follows.
    fn compares(&self) -> bool {
        let rest: String = self.rest().iter().take(8).collect();
        let rest = rest.trim_start();
        rest.starts_with("==")
    }

    /// As [`Parser::word`], but it also ends at `==`.
    fn condition_word(&mut self) -> String {
        let mut word = String::new();
        let mut quoted = false;
        while let Some(letter) = self.peek() {
            match letter {
                '"' => quoted = !quoted,
                '\r' | '\n' => break,
                '^' if !quoted => {
                    word.extend(self.escaped());
                    continue;
                }
                '&' | '|' | '<' | '>' if !quoted => break,
                _ if !quoted && is_delimiter(letter) => break,
                '(' if !quoted && word.is_empty() => break,
                _ => {}
            }
            word.push(letter);
            self.at += 1;
        }
        word
    }

    fn comparison(&mut self, left: String) -> Parsed<Test> {
        while self.peek().is_some_and(|it| matches!(it, ' ' | '\t')) {
            self.at += 1;
        }
        let operator = if self.peek() == Some('=') && self.peek_second() == Some('=') {
            self.at += 2;
            "==".to_owned()
        } else {
            let word = self.condition_word().to_ascii_lowercase();
            if !matches!(word.as_str(), "equ" | "neq" | "lss" | "leq" | "gtr" | "geq") {
                return Err(SyntaxError::Unexpected(if word.is_empty() { left } else { word }));
            }
            word
        };
        self.skip_blank(false);
        let right = self.condition_word();
        Ok(Test::Compare { left, operator, right })
    }

    fn for_command(&mut self) -> Parsed<Node> {
        self.at += 3;
        let mut kind = ForKind::Plain;
        loop {
            self.skip_blank(false);
            match self.peek() {
                Some('/') => {
                    self.at += 1;
                    let switch = self.peek().unwrap_or(' ').to_ascii_lowercase();
                    self.at += 1;
                    self.skip_blank(false);
                    kind = match switch {
                        'l' => ForKind::Counter,
                        'd' => ForKind::Directories,
                        'r' => ForKind::Recursive(if self.peek() == Some('%') { String::new() } else { self.word() }),
                        'f' => ForKind::Lines(if self.peek() == Some('%') { String::new() } else { self.word() }),
                        _ => return Err(self.unexpected()),
                    };
                }
                Some('%') => break,
                None => return Err(SyntaxError::Incomplete),
                Some(_) => return Err(self.unexpected()),
            }
        }
        self.at += 1;
        let variable = self.peek().ok_or(SyntaxError::Incomplete)?;
        self.at += 1;
        self.skip_blank(false);
        if self.word_ahead() != "in" {
            return Err(self.unexpected());
        }
        self.at += 2;
        self.skip_blank(false);
        if self.peek() != Some('(') {
            return Err(self.unexpected());
        }
        self.at += 1;
        let set = self.set()?;
        self.skip_blank(false);
        if self.word_ahead() != "do" {
            return Err(self.unexpected());
        }
        self.at += 2;
        let body = Box::new(self.sequence(false)?.ok_or(SyntaxError::Incomplete)?);
        Ok(Node::For { kind, variable, set, body })
    }

    /// What stands between the parentheses of `in ( … )`.
    fn set(&mut self) -> Parsed<String> {
        let mut set = String::new();
        let (mut quoted, mut depth) = (false, 0);
        loop {
            let letter = self.peek().ok_or(SyntaxError::Incomplete)?;
            self.at += 1;
            match letter {
                '"' => quoted = !quoted,
                '^' if !quoted => {
                    self.at -= 1;
                    set.extend(self.escaped());
                    continue;
                }
                '(' if !quoted => depth += 1,
                ')' if !quoted && depth == 0 => return Ok(set),
                ')' if !quoted => depth -= 1,
                '\r' => continue,
                '\n' => {
                    set.push(' ');
                    continue;
                }
                _ => {}
            }
            set.push(letter);
        }
    }
}
