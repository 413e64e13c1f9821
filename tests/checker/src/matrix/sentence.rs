//! Sentences of a matrix: `if hvci = on then image in (a, b)`.

use super::ABSENT;
use super::build::Built;
use crate::model::Formula;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// A name, a value, or a word of the language.
    Plain(String),
    /// A name or value in quotes: never a word of the language.
    Quoted(String),
    Sign(&'static str),
}

const SIGNS: [&str; 9] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","];

/// Reads a sentence.
pub(super) fn read(built: &Built, text: &str) -> Result<Formula, String> {
    let mut reader = Reader { built, words: words(text)?, at: 0 };
    let formula = if reader.takes("if") {
        let condition = reader.any()?;
        if !reader.takes("then") {
            return Err("there is no `then`".to_owned());
        }
        Formula::Or(vec![Formula::Not(Box::new(condition)), reader.any()?])
    } else {
        reader.any()?
    };
    if reader.at < reader.words.len() {
        return Err(format!("{:?} is too much", reader.words[reader.at]));
    }
    Ok(formula)
}

fn words(mut text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else { return Ok(words) };
        if let Some(sign) = SIGNS.iter().find(|sign| text.starts_with(**sign)) {
            words.push(Word::Sign(sign));
            text = &text[sign.len()..];
        } else if first == '\'' || first == '"' {
            let (inside, after) = text[1..].split_once(first).ok_or("a quote is not closed")?;
            words.push(Word::Quoted(inside.to_owned()));
            text = after;
        } else {
            let end = text.find(|c: char| !(c.is_alphanumeric() || ".-_+".contains(c))).unwrap_or(text.len());
            if end == 0 {
                return Err(format!("{first:?} is not read here"));
            }
            words.push(Word::Plain(text[..end].to_owned()));
            text = &text[end..];
        }
    }
}

struct Reader<'a> {
    built: &'a Built,
    words: Vec<Word>,
    at: usize,
}

impl Reader<'_> {
    fn takes(&mut self, expected: &str) -> bool {
        let found = match self.words.get(self.at) {
            Some(Word::Plain(word)) => word == expected,
            Some(Word::Sign(sign)) => *sign == expected,
            Some(Word::Quoted(_)) | None => false,
        };
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<String, String> {
        let word = self.words.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        match word {
            Word::Plain(name) | Word::Quoted(name) => Ok(name),
            Word::Sign(sign) => Err(format!("{sign:?} stands where a name belongs")),
        }
    }

    fn any(&mut self) -> Result<Formula, String> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(Formula::Or(parts))
    }

    fn all(&mut self) -> Result<Formula, String> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(Formula::And(parts))
    }

    fn one(&mut self) -> Result<Formula, String> {
        if self.takes("not") {
            return Ok(Formula::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let inside = self.any()?;
            return if self.takes(")") { Ok(inside) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Formula, String> {
        let name = self.name()?;
        let mut negated = false;
        let sign = if self.takes("not") {
            negated = true;
            if self.takes("in") { Some("=") } else { return Err("`in` belongs behind `not`".to_owned()) }
        } else if self.takes("in") {
            Some("=")
        } else {
            SIGNS[..6].iter().copied().find(|sign| self.takes(sign))
        };
        let Some(sign) = sign else {
            return self.built.agent(&name).map(|it| self.built.has(it)).map_err(|e| e.to_string());
        };
        let values = if self.takes("(") { self.values()? } else { vec![self.name()?] };
        negated ^= sign == "!=";
        let formula = self.compared(&name, if sign == "!=" { "=" } else { sign }, &values)?;
        Ok(if negated { Formula::Not(Box::new(formula)) } else { formula })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let mut values = vec![self.name()?];
        while self.takes(",") {
            values.push(self.name()?);
        }
        if self.takes(")") { Ok(values) } else { Err("a list is not closed".to_owned()) }
    }

    fn compared(&self, name: &str, sign: &str, values: &[String]) -> Result<Formula, String> {
        let built = self.built;
        let image_is = |so: &dyn Fn(usize) -> bool| Formula::OneOf(0, (0..built.images.len()).map(so).collect());
        if name == "image.edition" {
            return Ok(image_is(&|at| values.contains(&built.images[at].windows.edition)));
        }
        if name == "image.build" {
            let builds = values.iter().map(|value| value.parse::<u64>()).collect::<Result<Vec<_>, _>>();
            let builds = builds.map_err(|_| format!("{values:?} are no builds"))?;
            return Ok(image_is(&|at| {
                builds.iter().any(|build| meets(built.images[at].windows.build.cmp(build), sign))
            }));
        }
        let parameter = built.parameter(name).ok_or_else(|| format!("{name:?} is not known"))?;
        if built.agents.contains(&parameter) {
            let so = |value: &str| {
                let version = built.version(parameter, value);
                let same = |other: &String| match sign {
                    "=" => version == other,
                    _ => order_of(version, other).is_some_and(|order| meets(order, sign)),
                };
                value != ABSENT && values.iter().any(same)
            };
            return Ok(built.marked(parameter, so));
        }
        if sign != "=" {
            return Err(format!("{name:?} is not compared by {sign:?}"));
        }
        Ok(built.marked(parameter, |value| values.iter().any(|it| it == value)))
    }
}

fn meets(order: std::cmp::Ordering, sign: &str) -> bool {
    match sign {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => order.is_eq(),
    }
}

/// Field by field as numbers; nothing where one is no number.
fn order_of(one: &str, other: &str) -> Option<std::cmp::Ordering> {
    let fields = |text: &str| text.split('.').map(|field| field.parse().ok()).collect::<Option<Vec<u64>>>();
    let (mut one, mut other) = (fields(one)?, fields(other)?);
    let longest = one.len().max(other.len());
    one.resize(longest, 0);
    other.resize(longest, 0);
    Some(one.cmp(&other))
}
