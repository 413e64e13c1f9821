//! Parameters and values by their names.

use std::collections::BTreeMap;

use super::Dialect;
use crate::model::Parameter;

/// Numbers of parameters by what their names have in common with others of the same name.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: BTreeMap<String, usize>,
}

impl Names {
    pub(super) fn of(parameters: &[Parameter], dialect: &Dialect) -> Self {
        let mut names = Self::default();
        parameters.iter().for_each(|parameter| names.add(&parameter.name, dialect));
        names
    }

    /// The next parameter.
    pub(super) fn add(&mut self, name: &str, dialect: &Dialect) {
        let number = self.numbers.len();
        self.numbers.entry(dialect.key(name)).or_insert(number);
    }

    pub(super) fn find(&self, name: &str, dialect: &Dialect) -> Option<usize> {
        self.numbers.get(&dialect.key(name.trim())).copied()
    }
}

/// Where a name stands: a value's number, and the name's place among its names.
pub(super) type Place = (usize, usize);

/// Values of one parameter by any of their names.
#[derive(Debug)]
pub(super) struct ValueNames {
    places: BTreeMap<String, Place>,
}

impl ValueNames {
    pub(super) fn of(parameter: &Parameter, dialect: &Dialect) -> Self {
        let mut places = BTreeMap::new();
        // Names as rows show them come first, and first names before others: an alias of one value may be the name of
        // another. What is left of a name without the mark of a value out of range comes last.
        for bare in [false, true] {
            for others in [false, true] {
                for (value, each) in parameter.values.iter().enumerate() {
                    for (place, name) in each.names.iter().enumerate().filter(|(place, _)| (*place > 0) == others) {
                        let name = if bare { inside(name, dialect) } else { name };
                        places.entry(dialect.key(name)).or_insert((value, place));
                    }
                }
            }
        }
        Self { places }
    }

    pub(super) fn find(&self, name: &str, dialect: &Dialect) -> Option<Place> {
        let found = |name: &str| self.places.get(&dialect.key(name)).copied();
        found(name).or_else(|| found(inside(name, dialect)))
    }
}

/// A name without what marks it as out of range.
fn inside<'n>(name: &'n str, dialect: &Dialect) -> &'n str {
    name.strip_prefix(dialect.negative).map_or(name, str::trim)
}
