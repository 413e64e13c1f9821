//! What constraints mean for the parameters of their model.

use std::cmp::Ordering;

use super::constraints::{Clause, Operand, Term, Written, written};
use super::lines::Read;
use super::tokens::{Relation, tokens};
use super::{Dialect, PictError};
use crate::model::{Expression, Rule};

/// Signs of a constraint's text that its label shows.
const LABEL: usize = 160;

pub(super) fn rules(read: &Read<'_>, dialect: &Dialect, mistakes: &mut Vec<PictError>) -> Vec<Rule> {
    let words = tokens(read.constraints, read.constraints_line, mistakes);
    let meaning = Meaning { read, dialect, numeric: read.meant.iter().map(|names| numeric(names)).collect() };
    let mut rules = Vec::new();
    for constraint in written(&words, mistakes) {
        match meaning.rule(&constraint) {
            Ok(expression) => rules.push(Rule::holds(label(read.constraints, &constraint), expression)),
            Err(what) => mistakes.push(PictError::at(constraint.line, what)),
        }
    }
    rules
}

fn label(text: &str, constraint: &Written) -> String {
    let text = text.get(constraint.span.clone()).unwrap_or_default();
    let words: Vec<&str> = text.trim_end_matches(';').split_whitespace().collect();
    let text = words.join(" ");
    let mut short: String = text.chars().take(LABEL).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("line {}: {short}", constraint.line)
}

/// A number as it may stand in a model: digits, a sign, a point, an exponent.
pub(super) fn number(text: &str) -> Option<f64> {
    let first = text.trim_start_matches(['+', '-']).chars().next()?;
    let number: f64 = if first.is_ascii_digit() || first == '.' { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

fn numeric(names: &[String]) -> bool {
    names.iter().all(|name| number(name).is_some())
}

struct Meaning<'a> {
    read: &'a Read<'a>,
    dialect: &'a Dialect,
    /// For each parameter whether all its values are numbers.
    numeric: Vec<bool>,
}

impl Meaning<'_> {
    fn rule(&self, written: &Written) -> Result<Expression, String> {
        let then = self.clause(&written.then)?;
        let Some(when) = &written.when else { return Ok(then) };
        let when = self.clause(when)?;
        Ok(match &written.otherwise {
            None => when.implies(then),
            Some(otherwise) => {
                let otherwise = when.clone().negated().implies(self.clause(otherwise)?);
                Expression::All(vec![when.implies(then), otherwise])
            }
        })
    }

    fn clause(&self, clause: &Clause) -> Result<Expression, String> {
        let each = |parts: &[Clause]| parts.iter().map(|part| self.clause(part)).collect::<Result<Vec<_>, _>>();
        match clause {
            Clause::All(parts) => each(parts).map(Expression::All),
            Clause::Any(parts) => each(parts).map(Expression::Any),
            Clause::Not(inner) => self.clause(inner).map(Expression::negated),
            Clause::Term(term) => self.term(term),
        }
    }

    fn parameter(&self, name: &str) -> Result<usize, String> {
        self.read.find(name, self.dialect).ok_or_else(|| format!("[{name}] is no parameter of this model"))
    }

    fn term(&self, term: &Term) -> Result<Expression, String> {
        match term {
            Term::Range { parameter: Some(name), negative } => Ok(self.range(self.parameter(name)?, *negative)),
            Term::Range { parameter: None, negative } => {
                let all = 0..self.read.parameters.len();
                Ok(if *negative {
                    Expression::Any(all.map(|parameter| self.range(parameter, true)).collect())
                } else {
                    Expression::All(all.map(|parameter| self.range(parameter, false)).collect())
                })
            }
            Term::Like { parameter, pattern } => {
                let number = self.parameter(parameter)?;
                if self.numeric[number] {
                    return Err(format!("LIKE compares texts, and all values of [{parameter}] are numbers"));
                }
                let pattern: Vec<char> = self.dialect.key(pattern).chars().collect();
                Ok(self.those(number, |name| like(name, &pattern)))
            }
            Term::In { parameter, values } => {
                let number = self.parameter(parameter)?;
                let each = values.iter().map(|value| self.compared(number, Relation::Equal, value));
                each.collect::<Result<Vec<_>, _>>().map(Expression::Any)
            }
            Term::Compared { parameter, relation, with } => {
                let left = self.parameter(parameter)?;
                match with {
                    Operand::Parameter(other) => self.related(left, *relation, self.parameter(other)?),
                    value => self.compared(left, *relation, value),
                }
            }
        }
    }

    fn range(&self, parameter: usize, negative: bool) -> Expression {
        let values = &self.read.parameters[parameter].values;
        Expression::one_of(parameter, (0..values.len()).filter(|&at| values[at].negative == negative).collect())
    }

    fn those(&self, parameter: usize, which: impl Fn(&str) -> bool) -> Expression {
        let names = self.read.meant[parameter].iter().enumerate();
        let values = names.filter(|(_, name)| which(&self.dialect.key(name))).map(|(value, _)| value);
        Expression::one_of(parameter, values.collect())
    }

    fn compared(&self, parameter: usize, relation: Relation, with: &Operand) -> Result<Expression, String> {
        let name = &self.read.parameters[parameter].name;
        match with {
            Operand::Number(wanted) if self.numeric[parameter] => Ok(self.those(parameter, |name| {
                number(name).is_some_and(|number| number.partial_cmp(wanted).is_some_and(|order| relation.holds(order)))
            })),
            Operand::Text(wanted) if !self.numeric[parameter] => {
                let wanted = self.dialect.key(wanted);
                Ok(self.those(parameter, |name| relation.holds(name.cmp(&wanted))))
            }
            Operand::Number(wanted) => {
                Err(format!("[{name}] has values that are no numbers, so it compares with texts: write \"{wanted}\""))
            }
            Operand::Text(wanted) => {
                Err(format!("all values of [{name}] are numbers, so it compares with numbers, not with \"{wanted}\""))
            }
            Operand::Parameter(other) => Err(format!("[{other}] is no value")),
        }
    }

    fn related(&self, left: usize, relation: Relation, right: usize) -> Result<Expression, String> {
        let name = |number: usize| &self.read.parameters[number].name;
        if left == right {
            return Err(format!("[{}] is compared with itself", name(left)));
        }
        if self.numeric[left] != self.numeric[right] {
            return Err(format!(
                "[{}] and [{}] do not compare: one has numbers, the other texts",
                name(left),
                name(right)
            ));
        }
        let order = |one: &str, other: &str| match (self.numeric[left], number(one), number(other)) {
            (true, Some(one), Some(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
            _ => self.dialect.key(one).cmp(&self.dialect.key(other)),
        };
        let allowed = self.read.meant[left].iter().map(|one| {
            let right = self.read.meant[right].iter().enumerate();
            right.filter(|(_, other)| relation.holds(order(one, other))).map(|(value, _)| value).collect()
        });
        Ok(Expression::Related { left, right, allowed: allowed.collect() })
    }
}

/// Whether a text fits a pattern: `*` is any signs or none, `?` is one sign.
fn like(text: &str, pattern: &[char]) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&sign| sign == '*')
}
