//! What rows are made of: parameters with their values, and the rules that every row keeps.

mod check;
mod expression;

pub use check::ModelError;
pub use expression::{Expression, Predicate};

/// One value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// How rows show it. More than one name is for one and the same value: rows use them in turn.
    pub names: Vec<String>,
    /// How much it is liked where the choice changes no coverage; 1 is the usual.
    pub weight: u32,
    /// Out of range: at most one such value stands in a row, and masks the row's other combinations.
    pub negative: bool,
}

impl Value {
    /// A value with one name and the usual weight.
    pub fn named(name: impl Into<String>) -> Self {
        Self { names: vec![name.into()], weight: 1, negative: false }
    }
}

/// One column of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its heading.
    pub name: String,
    /// What it can be, in the order in which [`Predicate`] and rows number them.
    pub values: Vec<Value>,
}

impl Parameter {
    /// A parameter whose values have one name each.
    pub fn new<V: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Value::named).collect() }
    }
}

/// What a rule asks of every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// The expression is true.
    Holds(Expression),
    /// At least so many of the predicates are true.
    AtLeast(usize, Vec<Predicate>),
    /// At most so many of the predicates are true; with 1, they exclude each other.
    AtMost(usize, Vec<Predicate>),
}

/// A demand with the words by which messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For people: the text it was written as, or what it stands for.
    pub label: String,
    /// What it asks.
    pub demand: Demand,
}

impl Rule {
    /// A rule that an expression states.
    pub fn holds(label: impl Into<String>, expression: Expression) -> Self {
        Self { label: label.into(), demand: Demand::Holds(expression) }
    }

    /// Predicates of which no two are true in a row.
    pub fn exclusive(label: impl Into<String>, predicates: Vec<Predicate>) -> Self {
        Self { label: label.into(), demand: Demand::AtMost(1, predicates) }
    }
}

/// Parameters and rules that are known to fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    parameters: Vec<Parameter>,
    rules: Vec<Rule>,
}

impl Model {
    /// A model, when every rule speaks of parameters and values that exist and nothing is too large to work with.
    ///
    /// # Errors
    /// Every mistake there is, in the order of parameters, then rules.
    pub fn new(parameters: Vec<Parameter>, rules: Vec<Rule>) -> Result<Self, Vec<ModelError>> {
        let mistakes = check::mistakes(&parameters, &rules);
        if mistakes.is_empty() { Ok(Self { parameters, rules }) } else { Err(mistakes) }
    }

    /// The columns, in their order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The same with rules that are known to fit.
    pub(crate) fn and(&self, rules: impl IntoIterator<Item = Rule>) -> Self {
        let rules = self.rules.iter().cloned().chain(rules).collect();
        Self { parameters: self.parameters.clone(), rules }
    }

    /// Whether any value is out of range.
    pub fn has_negative_values(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.values.iter().any(|value| value.negative))
    }

    /// The rows as people see them. A value with several names shows them in turn, from the first row on.
    ///
    /// A row that does not fit the model's shape is passed over.
    pub fn named(&self, rows: &[Vec<usize>]) -> Vec<Vec<String>> {
        let mut shown: Vec<Vec<usize>> = self.parameters.iter().map(|p| vec![0; p.values.len()]).collect();
        let mut named = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| self.fits(row)) {
            let mut cells = Vec::with_capacity(row.len());
            for ((parameter, shown), &value) in self.parameters.iter().zip(&mut shown).zip(row) {
                let names = &parameter.values[value].names;
                cells.push(names[shown[value] % names.len()].clone());
                shown[value] += 1;
            }
            named.push(cells);
        }
        named
    }

    /// Whether the row has a known value for every parameter.
    pub(crate) fn fits(&self, row: &[usize]) -> bool {
        row.len() == self.parameters.len() && row.iter().zip(&self.parameters).all(|(&value, p)| value < p.values.len())
    }
}
