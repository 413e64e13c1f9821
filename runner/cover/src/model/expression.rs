//! Rules as people think them.

/// One parameter has one of some values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    /// The parameter's number.
    pub parameter: usize,
    /// Numbers of its values; none of them makes the predicate false in every row.
    pub values: Vec<usize>,
}

impl Predicate {
    /// The parameter has exactly this value.
    pub fn is(parameter: usize, value: usize) -> Self {
        Self { parameter, values: vec![value] }
    }

    /// The parameter has one of these values.
    pub fn one_of(parameter: usize, values: Vec<usize>) -> Self {
        Self { parameter, values }
    }
}

/// A statement about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// One parameter has one of some values.
    Is(Predicate),
    /// Two parameters stand in a relation: for each value of `left` the values that `right` may have.
    Related {
        /// A parameter's number.
        left: usize,
        /// Another parameter's number.
        right: usize,
        /// As many lists as `left` has values.
        allowed: Vec<Vec<usize>>,
    },
    /// The opposite.
    Not(Box<Expression>),
    /// Every one of them; true when there is none.
    All(Vec<Expression>),
    /// One of them at least; false when there is none.
    Any(Vec<Expression>),
    /// Where the first is true, the second is too.
    Implies(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// `parameter = value`.
    pub fn is(parameter: usize, value: usize) -> Self {
        Self::Is(Predicate::is(parameter, value))
    }

    /// The parameter has one of these values.
    pub fn one_of(parameter: usize, values: Vec<usize>) -> Self {
        Self::Is(Predicate::one_of(parameter, values))
    }

    /// The opposite of this one.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Where this one is true, the other is too.
    #[must_use]
    pub fn implies(self, other: Self) -> Self {
        Self::Implies(Box::new(self), Box::new(other))
    }

    /// The expressions right below this one.
    pub(crate) fn parts(&self) -> Vec<&Expression> {
        match self {
            Self::Is(_) | Self::Related { .. } => Vec::new(),
            Self::Not(inner) => vec![inner],
            Self::All(parts) | Self::Any(parts) => parts.iter().collect(),
            Self::Implies(when, then) => vec![when, then],
        }
    }
}
