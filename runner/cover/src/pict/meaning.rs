//! What constraints mean for the parameters of their model.

use super::constraints::{Clause, Operand, Term, Written, written};
use super::lines::Read;
use super::numbers::number;
use super::size::{Cost, check_constraints, check_name, short};
use super::tokens::{Relation, Scanner};
use super::{Dialect, MOST_TOLD, Note, PictError};
use crate::model::{Expression, Rule};

/// Signs of a constraint's text that its label shows.
const LABEL: usize = 160;

/// The rules that constraints state.
///
/// # Errors
/// When there are too many, or what they say is too much. Other mistakes go to `mistakes`.
pub(super) fn rules(
    read: &mut Read<'_>,
    dialect: &Dialect,
    mistakes: &mut Vec<PictError>,
) -> Result<Vec<Rule>, Vec<PictError>> {
    let text = read.constraints;
    let mut scanner = Scanner::new(text, read.constraints_line);
    let mut meaning = Meaning::new(read, dialect);
    let mut rules = Vec::new();
    while mistakes.len() < MOST_TOLD
        && let Some(words) = scanner.constraint()
    {
        check_constraints(scanner.line, rules.len() + 1).map_err(|size| vec![size])?;
        let outcome = words.and_then(|words| written(&words)).and_then(|constraint| {
            meaning.line = constraint.line;
            let expression = meaning.rule(&constraint)?;
            Ok(Rule::holds(label(text, &constraint), expression))
        });
        match outcome {
            Ok(rule) => rules.push(rule),
            Err(mistake) => mistakes.push(mistake),
        }
        if let Some(size) = meaning.too_large.take() {
            return Err(vec![size]);
        }
    }
    let notes = meaning.notes;
    read.notes.extend(notes);
    Ok(rules)
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

/// A parameter as relations see it.
struct Side {
    /// Whether all its values are numbers.
    numeric: bool,
    numbers: Vec<f64>,
    /// What is compared of values that are texts.
    keys: Vec<String>,
    /// Signs of all keys together.
    signs: u64,
}

struct Meaning<'a> {
    read: &'a Read<'a>,
    dialect: &'a Dialect,
    sides: Vec<Side>,
    /// The constraint's.
    line: usize,
    cost: Cost,
    notes: Vec<Note>,
    too_large: Option<PictError>,
}

type Meant<T> = Result<T, PictError>;

impl<'a> Meaning<'a> {
    fn new(read: &'a Read<'a>, dialect: &'a Dialect) -> Self {
        let side = |names: &Vec<String>| {
            let numbers: Vec<f64> = names.iter().filter_map(|name| number(name)).collect();
            let keys: Vec<String> = names.iter().map(|name| dialect.key(name)).collect();
            let signs = keys.iter().map(|key| key.len() as u64).sum();
            Side { numeric: numbers.len() == names.len(), numbers, keys, signs }
        };
        let sides = read.meant.iter().map(side).collect();
        Self { read, dialect, sides, line: 0, cost: Cost::default(), notes: Vec::new(), too_large: None }
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Meant<T> {
        Err(PictError::at(self.line, what))
    }

    /// Ends the reading where constraints cost too much.
    fn spend(&mut self, listed: usize, comparisons: u64) -> Meant<()> {
        let spent = self.cost.spend(self.line, listed, comparisons);
        self.too_large = spent.as_ref().err().cloned();
        spent
    }

    fn rule(&mut self, written: &Written) -> Meant<Expression> {
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

    fn clauses(&mut self, parts: &[Clause]) -> Meant<Vec<Expression>> {
        parts.iter().map(|part| self.clause(part)).collect()
    }

    fn clause(&mut self, clause: &Clause) -> Meant<Expression> {
        match clause {
            Clause::All(parts) => self.clauses(parts).map(Expression::All),
            Clause::Any(parts) => self.clauses(parts).map(Expression::Any),
            Clause::Not(inner) => self.clause(inner).map(Expression::negated),
            Clause::Term(term) => self.term(term),
        }
    }

    fn parameter(&self, name: &str) -> Meant<usize> {
        match self.read.names.find(name, self.dialect) {
            Some(number) => Ok(number),
            None => self.wrong(format!("{} is no parameter of this model", bracketed(name))),
        }
    }

    fn term(&mut self, term: &Term) -> Meant<Expression> {
        match term {
            Term::Range { parameter: Some(name), negative } => {
                let number = self.parameter(name)?;
                self.range(number, *negative)
            }
            Term::Range { parameter: None, negative } => {
                let all = 0..self.read.parameters.len();
                let each = all.map(|parameter| self.range(parameter, *negative)).collect::<Meant<_>>()?;
                Ok(if *negative { Expression::Any(each) } else { Expression::All(each) })
            }
            Term::Like { parameter, pattern, negated } => self.like(parameter, pattern, *negated),
            Term::In { parameter, values, negated } => {
                let number = self.parameter(parameter)?;
                let mut among = std::collections::BTreeSet::new();
                for value in values {
                    among.extend(self.compared(number, Relation::Equal, value)?);
                }
                Ok(self.chosen(number, among.into_iter().collect(), *negated))
            }
            Term::Compared { parameter, relation, with } => {
                let left = self.parameter(parameter)?;
                match with {
                    Operand::Parameter(other) => self.related(left, *relation, self.parameter(other)?),
                    value => {
                        let values = self.compared(left, *relation, value)?;
                        Ok(self.chosen(left, values, false))
                    }
                }
            }
        }
    }

    fn range(&mut self, parameter: usize, negative: bool) -> Meant<Expression> {
        let values = &self.read.parameters[parameter].values;
        self.spend(values.len() + 1, values.len() as u64)?;
        Ok(Expression::one_of(parameter, (0..values.len()).filter(|&at| values[at].negative == negative).collect()))
    }

    /// That a parameter has one of some values, with a note where that says nothing: a name may be misspelt.
    fn chosen(&mut self, parameter: usize, values: Vec<usize>, negated: bool) -> Expression {
        let all = self.read.meant[parameter].len();
        if values.is_empty() || values.len() == all {
            let how_many = if values.is_empty() { "none" } else { "each" };
            let name = bracketed(&self.read.parameters[parameter].name);
            let text =
                || format!("a relation of {name} fits {how_many} of its {all} values, so it tells nothing apart");
            Note::add(&mut self.notes, self.line, text);
        }
        let chosen = Expression::one_of(parameter, values);
        if negated { chosen.negated() } else { chosen }
    }

    fn like(&mut self, parameter: &str, pattern: &str, negated: bool) -> Meant<Expression> {
        let number = self.parameter(parameter)?;
        if self.sides[number].numeric {
            return self.wrong(format!("LIKE compares texts, and all values of {} are numbers", bracketed(parameter)));
        }
        if let Err(what) = check_name(pattern) {
            return self.wrong(what);
        }
        let pattern: Vec<char> = self.dialect.key(pattern).chars().collect();
        let comparisons = self.sides[number].signs.saturating_mul(pattern.len() as u64);
        self.spend(self.sides[number].keys.len(), comparisons)?;
        let keys = self.sides[number].keys.iter().enumerate();
        let values = keys.filter(|(_, key)| like(key, &pattern)).map(|(value, _)| value).collect();
        Ok(self.chosen(number, values, negated))
    }

    /// The values that stand in a relation to another one.
    fn compared(&mut self, parameter: usize, relation: Relation, with: &Operand) -> Meant<Vec<usize>> {
        let name = bracketed(&self.read.parameters[parameter].name);
        let count = self.sides[parameter].keys.len();
        let side = &self.sides[parameter];
        let values: Vec<usize> = match with {
            Operand::Number(wanted) if side.numeric => {
                (0..count).filter(|&value| relation.holds(side.numbers[value].partial_cmp(wanted))).collect()
            }
            Operand::Text(wanted) if !side.numeric => {
                let wanted = self.dialect.key(wanted);
                (0..count).filter(|&value| relation.holds(Some(side.keys[value].cmp(&wanted)))).collect()
            }
            Operand::Number(wanted) => {
                let what = "has values that are no numbers, so it compares with texts: write";
                return self.wrong(format!("{name} {what} \"{wanted}\""));
            }
            Operand::Text(wanted) => {
                let what = "are numbers, so it compares with numbers, not with";
                return self.wrong(format!("all values of {name} {what} {}", short(wanted)));
            }
            Operand::Parameter(other) => return self.wrong(format!("{} is no value", bracketed(other))),
        };
        self.spend(values.len() + 1, count as u64)?;
        Ok(values)
    }

    fn related(&mut self, left: usize, relation: Relation, right: usize) -> Meant<Expression> {
        let name = |number: usize| bracketed(&self.read.parameters[number].name);
        if left == right {
            return self.wrong(format!("{} is compared with itself", name(left)));
        }
        if self.sides[left].numeric != self.sides[right].numeric {
            let (left, right) = (name(left), name(right));
            return self.wrong(format!("{left} and {right} do not compare: one has numbers, the other texts"));
        }
        let pairs = self.sides[left].keys.len() * self.sides[right].keys.len();
        self.spend(pairs, pairs as u64)?;
        let (left_side, right_side) = (&self.sides[left], &self.sides[right]);
        let order = |one: usize, other: usize| {
            if left_side.numeric {
                left_side.numbers[one].partial_cmp(&right_side.numbers[other])
            } else {
                Some(left_side.keys[one].cmp(&right_side.keys[other]))
            }
        };
        let allowed = |one: usize| {
            (0..right_side.keys.len()).filter(|&other| relation.holds(order(one, other))).collect::<Vec<usize>>()
        };
        Ok(Expression::Related { left, right, allowed: (0..left_side.keys.len()).map(allowed).collect() })
    }
}

fn bracketed(name: &str) -> String {
    let mut shown: String = name.chars().take(60).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("[{shown}]")
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
