//! Constraints: `IF … THEN … ELSE …;` or a statement that is always true. NOT binds before AND, AND before OR.

use std::cmp::Ordering;

use super::same;
use super::scanner::{Scanner, number};
use crate::model::{Formula, Parameter};

/// NOT and parentheses around one another.
const DEEPEST: usize = 60;

/// Whether two values that stand in this order are related.
type Relation = fn(Ordering) -> bool;

/// Longer signs first: a shorter one is the beginning of some.
const RELATIONS: [(&str, Relation); 6] = [
    ("<>", Ordering::is_ne),
    ("<=", Ordering::is_le),
    (">=", Ordering::is_ge),
    ("=", Ordering::is_eq),
    ("<", Ordering::is_lt),
    (">", Ordering::is_gt),
];

/// What names in constraints mean.
pub(super) struct Names<'p> {
    parameters: &'p [Parameter],
    /// For each parameter the number that each value is; nothing where a value is none.
    numbers: Vec<Option<Vec<f64>>>,
}

fn bare(parameter: &Parameter, value: usize) -> &str {
    let value = &parameter.values[value];
    let name = value.names.first().map_or("", String::as_str);
    if value.negative { name.trim_start_matches('~') } else { name }
}

impl<'p> Names<'p> {
    pub(super) fn of(parameters: &'p [Parameter]) -> Self {
        let all = |parameter: &Parameter| (0..parameter.values.len()).map(|at| number(bare(parameter, at))).collect();
        Self { parameters, numbers: parameters.iter().map(all).collect() }
    }

    /// One constraint and the semicolon after it.
    pub(super) fn constraint(&self, text: &mut Scanner<'_>) -> Result<Formula, String> {
        let formula = if text.word("IF") {
            let when = self.either(text, 0)?;
            if !text.word("THEN") {
                return Err("THEN was expected".to_string());
            }
            let not_when = Formula::Not(Box::new(when.clone()));
            let then = Formula::Or(vec![not_when, self.either(text, 0)?]);
            if text.word("ELSE") {
                Formula::And(vec![then, Formula::Or(vec![when, self.either(text, 0)?])])
            } else {
                then
            }
        } else {
            self.either(text, 0)?
        };
        if text.take(";") { Ok(formula) } else { Err("a semicolon was expected".to_string()) }
    }

    fn either(&self, text: &mut Scanner<'_>, depth: usize) -> Result<Formula, String> {
        let mut parts = vec![self.both(text, depth)?];
        while text.word("OR") {
            parts.push(self.both(text, depth)?);
        }
        Ok(Formula::Or(parts))
    }

    fn both(&self, text: &mut Scanner<'_>, depth: usize) -> Result<Formula, String> {
        let mut parts = vec![self.single(text, depth)?];
        while text.word("AND") {
            parts.push(self.single(text, depth)?);
        }
        Ok(Formula::And(parts))
    }

    fn single(&self, text: &mut Scanner<'_>, depth: usize) -> Result<Formula, String> {
        if depth > DEEPEST {
            return Err(format!("more than {DEEPEST} levels of NOT and parentheses"));
        }
        if text.word("NOT") {
            return Ok(Formula::Not(Box::new(self.single(text, depth + 1)?)));
        }
        if text.take("(") {
            let inner = self.either(text, depth + 1)?;
            return closed(text, ")", inner);
        }
        for (word, negative) in [("ISNEGATIVE", true), ("ISPOSITIVE", false)] {
            if text.word(word) {
                return self.out_of_range(text, negative);
            }
        }
        let left = self.parameter(text)?.ok_or("a [parameter] was expected")?;
        self.about(left, text)
    }

    fn out_of_range(&self, text: &mut Scanner<'_>, negative: bool) -> Result<Formula, String> {
        if !text.take("(") {
            return Err("\"(\" was expected".to_string());
        }
        let has =
            |at: usize| Formula::OneOf(at, self.parameters[at].values.iter().map(|v| v.negative == negative).collect());
        let formula = match self.parameter(text)? {
            Some(one) => has(one),
            None if negative => Formula::Or((0..self.parameters.len()).map(has).collect()),
            None => Formula::And((0..self.parameters.len()).map(has).collect()),
        };
        closed(text, ")", formula)
    }

    fn parameter(&self, text: &mut Scanner<'_>) -> Result<Option<usize>, String> {
        let Some(name) = text.enclosed('[', ']')? else { return Ok(None) };
        let found = self.parameters.iter().position(|parameter| same(&parameter.name, name.trim()));
        found.map(Some).ok_or_else(|| format!("[{name}] is no parameter"))
    }

    fn about(&self, left: usize, text: &mut Scanner<'_>) -> Result<Formula, String> {
        if text.word("LIKE") {
            let pattern = text.enclosed('"', '"')?.ok_or("a \"pattern\" was expected")?;
            let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
            return Ok(self.those(left, |at| is_like(&bare(&self.parameters[left], at).to_lowercase(), &pattern)));
        }
        if text.word("IN") {
            if !text.take("{") {
                return Err("\"{\" was expected".to_string());
            }
            let mut parts = vec![self.compared(left, Ordering::is_eq, text)?];
            while text.take(",") {
                parts.push(self.compared(left, Ordering::is_eq, text)?);
            }
            return closed(text, "}", Formula::Or(parts));
        }
        let relation = RELATIONS.iter().find(|(sign, _)| text.take(sign)).ok_or("a relation was expected")?.1;
        match self.parameter(text)? {
            Some(right) => self.related(left, relation, right),
            None => self.compared(left, relation, text),
        }
    }

    fn those(&self, parameter: usize, is: impl Fn(usize) -> bool) -> Formula {
        Formula::OneOf(parameter, (0..self.parameters[parameter].values.len()).map(is).collect())
    }

    fn compared(&self, left: usize, relation: Relation, text: &mut Scanner<'_>) -> Result<Formula, String> {
        let parameter = &self.parameters[left];
        if let Some(wanted) = text.enclosed('"', '"')? {
            if self.numbers[left].is_some() {
                return Err(format!("[{}] has numbers, and {wanted:?} is none", parameter.name));
            }
            let wanted = wanted.to_lowercase();
            return Ok(self.those(left, |at| relation(bare(parameter, at).to_lowercase().cmp(&wanted))));
        }
        let wanted = text.number().ok_or("a number or a \"text\" was expected")?;
        let numbers = self.numbers[left].as_ref().ok_or_else(|| format!("[{}] has texts", parameter.name))?;
        Ok(self.those(left, |at| relation(numbers[at].total_cmp(&wanted))))
    }

    fn related(&self, left: usize, relation: Relation, right: usize) -> Result<Formula, String> {
        let (one, other) = (&self.parameters[left], &self.parameters[right]);
        if left == right {
            return Err(format!("[{}] is compared with itself", one.name));
        }
        let order = |a: usize, b: usize| match (&self.numbers[left], &self.numbers[right]) {
            (Some(left), Some(right)) => Ok(left[a].total_cmp(&right[b])),
            (None, None) => Ok(bare(one, a).to_lowercase().cmp(&bare(other, b).to_lowercase())),
            _ => Err(format!("[{}] and [{}] do not compare", one.name, other.name)),
        };
        let row = |a: usize| (0..other.values.len()).map(|b| order(a, b).map(relation)).collect::<Result<Vec<_>, _>>();
        Ok(Formula::Pair(left, right, (0..one.values.len()).map(row).collect::<Result<_, _>>()?))
    }
}

fn closed(text: &mut Scanner<'_>, sign: &str, inner: Formula) -> Result<Formula, String> {
    if text.take(sign) { Ok(inner) } else { Err(format!("{sign:?} was expected")) }
}

/// Whether a text fits a pattern, of which each beginning is tried on each beginning of the text.
fn is_like(text: &str, pattern: &[char]) -> bool {
    let mut fits = vec![true];
    fits.extend(pattern.iter().scan(true, |so_far, &sign| {
        *so_far &= sign == '*';
        Some(*so_far)
    }));
    for sign in text.chars() {
        let mut next = vec![false];
        for (at, &wanted) in pattern.iter().enumerate() {
            next.push(match wanted {
                '*' => next[at] || fits[at + 1],
                '?' => fits[at],
                _ => fits[at] && wanted == sign,
            });
        }
        fits = next;
    }
    fits.last().copied().unwrap_or(false)
}
