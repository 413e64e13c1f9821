//! One number for each value of each parameter, and sets of them as words of bits.

use crate::model::Parameter;

/// A value of a parameter, numbered through all parameters in their order.
pub(crate) type Cell = u32;

/// How values are numbered.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    starts: Vec<Cell>,
    owners: Vec<u32>,
}

impl Space {
    pub(crate) fn new(parameters: &[Parameter]) -> Self {
        let (mut starts, mut owners) = (vec![0], Vec::new());
        for (number, parameter) in parameters.iter().enumerate() {
            owners.extend(std::iter::repeat_n(number as u32, parameter.values.len()));
            starts.push(owners.len() as Cell);
        }
        Self { starts, owners }
    }

    /// Parameters.
    pub(crate) fn width(&self) -> usize {
        self.starts.len() - 1
    }

    /// Values of all parameters.
    pub(crate) fn cells(&self) -> usize {
        self.owners.len()
    }

    /// Words of a set of values.
    pub(crate) fn words(&self) -> usize {
        self.cells().div_ceil(64)
    }

    pub(crate) fn owner(&self, cell: Cell) -> usize {
        self.owners[cell as usize] as usize
    }

    pub(crate) fn values(&self, parameter: usize) -> std::ops::Range<Cell> {
        self.starts[parameter]..self.starts[parameter + 1]
    }

    pub(crate) fn count(&self, parameter: usize) -> usize {
        self.values(parameter).len()
    }

    pub(crate) fn cell(&self, parameter: usize, value: usize) -> Cell {
        self.starts[parameter] + value as Cell
    }

    /// Which of its parameter's values this is.
    pub(crate) fn value(&self, cell: Cell) -> usize {
        (cell - self.starts[self.owner(cell)]) as usize
    }

    pub(crate) fn row(&self, values: &[usize]) -> Vec<Cell> {
        values.iter().enumerate().map(|(parameter, &value)| self.cell(parameter, value)).collect()
    }

    pub(crate) fn values_of(&self, row: &[Cell]) -> Vec<usize> {
        row.iter().map(|&cell| self.value(cell)).collect()
    }
}

pub(crate) fn has(set: &[u64], cell: Cell) -> bool {
    set[cell as usize / 64] >> (cell % 64) & 1 == 1
}

pub(crate) fn put(set: &mut [u64], cell: Cell) {
    set[cell as usize / 64] |= 1 << (cell % 64);
}

pub(crate) fn take(set: &mut [u64], cell: Cell) {
    set[cell as usize / 64] &= !(1 << (cell % 64));
}

/// How many members two sets share.
#[inline(always)]
pub(crate) fn shared(one: &[u64], other: &[u64]) -> u32 {
    one.iter().zip(other).map(|(one, other)| (one & other).count_ones()).sum()
}

/// The members of a set, smallest first.
pub(crate) fn members(set: &[u64]) -> impl Iterator<Item = Cell> + '_ {
    set.iter().enumerate().flat_map(|(at, &word)| {
        let mut word = word;
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros())?;
            word &= word - 1;
            Some(at as Cell * 64 + bit)
        })
    })
}
