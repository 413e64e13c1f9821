//! The piece of XPath that event queries use.
//!
//! ```text
//! query  = "*" [ "[" expr "]" ] | "Event" …        expr = term { "or" term }      term = factor { "and" factor }
//! factor = "(" expr ")" | "System" "[" expr "]" | "EventData" "[" expr "]" | "Provider" "[" expr "]"
//!        | "TimeCreated" "[" expr "]" | "Data" "[" expr "]" [ op value ] | NAME op value | "@" NAME op value
//!        | "timediff" "(" "@SystemTime" ")" op number
//! ```

use crate::Event;

/// A parsed query.
pub(super) struct Query(Expr);

enum Expr {
    Everything,
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Compare { field: Field, operator: String, value: String },
}

#[derive(Clone)]
enum Field {
    Provider,
    Id,
    Level,
    RecordId,
    Channel,
    Time,
    /// Milliseconds since the event.
    Age,
    /// `Data[@Name='x']`
    Data(String),
}

type Parsed<T> = Result<T, ()>;

impl Query {
    pub(super) fn parse(text: &str) -> Parsed<Self> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let first = parser.next()?;
        if !matches!(first.as_str(), "*" | "Event") {
            return Err(());
        }
        let mut parts = Vec::new();
        while parser.accept("[") {
            parts.push(parser.either()?);
            parser.expect("]")?;
        }
        if parser.accept("/") {
            parts.push(parser.factor()?);
        }
        if parser.at != parser.tokens.len() {
            return Err(());
        }
        Ok(Self(if parts.is_empty() { Expr::Everything } else { Expr::And(parts) }))
    }

    /// Whether the event is selected; `now` is a FILETIME.
    pub(super) fn selects(&self, event: &Event, now: u64) -> bool {
        holds(&self.0, event, now)
    }
}

fn holds(expr: &Expr, event: &Event, now: u64) -> bool {
    match expr {
        Expr::Everything => true,
        Expr::Or(parts) => parts.iter().any(|it| holds(it, event, now)),
        Expr::And(parts) => parts.iter().all(|it| holds(it, event, now)),
        Expr::Compare { field, operator, value } => {
            let actual = match field {
                Field::Provider => event.provider.clone(),
                Field::Id => event.event_id.to_string(),
                Field::Level => event.level.to_string(),
                Field::RecordId => event.record_id.to_string(),
                Field::Channel => "System".to_owned(),
                Field::Time => standin_formats::filetime::to_text(event.time),
                Field::Age => (now.saturating_sub(event.time) / 10_000).to_string(),
                Field::Data(name) => match event.event_data.iter().find(|(it, _)| it == name) {
                    Some((_, value)) => value.clone(),
                    None => return false,
                },
            };
            compare(&actual, operator, value)
        }
    }
}

fn compare(actual: &str, operator: &str, value: &str) -> bool {
    let order = match (actual.parse::<i64>(), value.parse::<i64>()) {
        (Ok(actual), Ok(value)) => actual.cmp(&value),
        // Times are written alike, so that their text compares as they do; a missing fraction sorts first.
        _ => actual.trim_end_matches('Z').cmp(value.trim_end_matches('Z')),
    };
    match operator {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn tokens(text: &str) -> Parsed<Vec<String>> {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).ok_or(())? + 2,
            '<' | '>' | '!' if rest[1..].starts_with('=') => 2,
            _ if first.is_alphanumeric() || matches!(first, '_' | '-' | '.' | ':') => rest
                .find(|it: char| !(it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | ':')))
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        found.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Parsed<String> {
        let token = self.tokens.get(self.at).cloned().ok_or(())?;
        self.at += 1;
        Ok(token)
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|it| it == token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.accept(token) { Ok(()) } else { Err(()) }
    }

    fn either(&mut self) -> Parsed<Expr> {
        let mut parts = vec![self.both()?];
        while self.accept("or") {
            parts.push(self.both()?);
        }
        Ok(Expr::Or(parts))
    }

    fn both(&mut self) -> Parsed<Expr> {
        let mut parts = vec![self.factor()?];
        while self.accept("and") {
            parts.push(self.factor()?);
        }
        Ok(Expr::And(parts))
    }

    fn factor(&mut self) -> Parsed<Expr> {
        if self.accept("(") {
            let inside = self.either()?;
            self.expect(")")?;
            return Ok(inside);
        }
        self.accept("@");
        let name = self.next()?;
        match name.as_str() {
            "System" | "EventData" | "Provider" | "TimeCreated" => {
                if self.accept("/") {
                    return self.factor();
                }
                self.expect("[")?;
                let inside = self.either()?;
                self.expect("]")?;
                Ok(inside)
            }
            "Data" => {
                self.expect("[")?;
                self.expect("@")?;
                self.expect("Name")?;
                self.expect("=")?;
                let name = unquoted(&self.next()?);
                let mut compared = None;
                if self.accept("and") {
                    // Data[@Name='x' and (text()='y')] is not used by anyone here.
                    return Err(());
                }
                self.expect("]")?;
                if let Some(operator) = self.operator() {
                    compared = Some((operator, unquoted(&self.next()?)));
                }
                let (operator, value) = compared.unwrap_or_else(|| (">=".to_owned(), String::new()));
                Ok(Expr::Compare { field: Field::Data(name), operator, value })
            }
            "timediff" => {
                self.expect("(")?;
                self.expect("@")?;
                self.expect("SystemTime")?;
                self.expect(")")?;
                self.comparison(Field::Age)
            }
            "Name" => self.comparison(Field::Provider),
            "EventID" => self.comparison(Field::Id),
            "Level" => self.comparison(Field::Level),
            "EventRecordID" => self.comparison(Field::RecordId),
            "Channel" => self.comparison(Field::Channel),
            "SystemTime" => self.comparison(Field::Time),
            _ => Err(()),
        }
    }

    fn operator(&mut self) -> Option<String> {
        let operator =
            self.tokens.get(self.at).filter(|it| matches!(it.as_str(), "=" | "!=" | "<" | "<=" | ">" | ">="))?;
        self.at += 1;
        Some(operator.clone())
    }

    fn comparison(&mut self, field: Field) -> Parsed<Expr> {
        let operator = self.operator().ok_or(())?;
        let value = unquoted(&self.next()?);
        Ok(Expr::Compare { field, operator, value })
    }
}

fn unquoted(token: &str) -> String {
    token.trim_matches(['\'', '"']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let event = Event {
            provider: "Microsoft-Windows-Kernel-Boot".into(),
            event_id: 20,
            level: 4,
            time: 133_000_000_000_000_000,
            record_id: 7,
            event_data: vec![("LastBootId".into(), "3".into())],
            ..Event::default()
        };
        let now = event.time + 5_000 * 10_000;
        for (text, expected) in [
            ("*", Ok(true)),
            ("*[System[Provider[@Name='Microsoft-Windows-Kernel-Boot'] and (EventID=20)]]", Ok(true)),
            ("*[System[Provider[@Name='Other'] and (EventID=20)]]", Ok(false)),
            ("*[System[(EventID=1 or EventID=20)]]", Ok(true)),
            ("*[System[EventID=1 or EventID=2]]", Ok(false)),
            ("*[System[EventID=20 and TimeCreated[timediff(@SystemTime) <= 6000]]]", Ok(true)),
            ("*[System[TimeCreated[timediff(@SystemTime) &lt;= 4000]]]", Ok(false)),
            ("*[System[TimeCreated[@SystemTime>='2022-06-18T04:26:40.000Z']]]", Ok(true)),
            ("*[System[TimeCreated[@SystemTime>'2099-01-01T00:00:00Z']]]", Ok(false)),
            ("*[System[EventRecordID>6]] ", Ok(true)),
            ("*[System[EventID=20]][EventData[Data[@Name='LastBootId']='3']]", Ok(true)),
            ("*[EventData[Data[@Name='Other']]]", Ok(false)),
            ("Event/System[Level=4]", Ok(true)),
            ("*[System[EventID=]]", Err(())),
            ("*[System[EventID=1]", Err(())),
            ("nonsense", Err(())),
        ] {
            assert_eq!(Query::parse(text).map(|it| it.selects(&event, now)), expected, "{text}");
        }
    }
}
