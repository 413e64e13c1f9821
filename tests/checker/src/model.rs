//! A model as it was read.

/// Parameters, and what every row keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    /// In the order of the file.
    pub parameters: Vec<Parameter>,
    /// In the order of the file.
    pub sub_models: Vec<SubModel>,
    /// In the order of the file.
    pub rules: Vec<Rule>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As the heading shows it.
    pub name: String,
    /// In the order of the file.
    pub values: Vec<Value>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What rows may show for it, with the mark of a negative value. Constraints mean the first, without that mark.
    pub names: Vec<String>,
    /// Out of range: at most one in a row, and the row counts only for combinations that have it.
    pub negative: bool,
}

/// Parameters with a strength of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubModel {
    /// Numbers of parameters, in order, each once.
    pub parameters: Vec<usize>,
    /// The model's strength when nothing is written.
    pub strength: Option<usize>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it begins, from 1.
    pub line: usize,
    /// What is true of every row.
    pub formula: Formula,
}

/// A statement about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// The parameter has one of the marked values.
    OneOf(usize, Vec<bool>),
    /// Two different parameters, and by the first one's value the marked values of the second.
    Pair(usize, usize, Vec<Vec<bool>>),
    /// The opposite.
    Not(Box<Formula>),
    /// All of them.
    And(Vec<Formula>),
    /// One of them at least.
    Or(Vec<Formula>),
    /// So many of them are true.
    Count {
        /// Statements without [`Formula::Count`] in them.
        of: Vec<Formula>,
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
}

impl Formula {
    /// Whether it is true of a complete row of value numbers.
    pub fn holds(&self, row: &[usize]) -> bool {
        match self {
            Self::OneOf(parameter, marked) => marked[row[*parameter]],
            Self::Pair(left, right, marked) => marked[row[*left]][row[*right]],
            Self::Not(inner) => !inner.holds(row),
            Self::And(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Count { of, least, most } => {
                (*least..=*most).contains(&of.iter().filter(|part| part.holds(row)).count())
            }
        }
    }
}

impl Model {
    /// The parameters of a row that have a negative value.
    pub fn negatives(&self, row: &[usize]) -> Vec<usize> {
        (0..row.len()).filter(|&at| self.parameters[at].values[row[at]].negative).collect()
    }
}
