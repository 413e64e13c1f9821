//! How much a plan may take.

use std::str::FromStr;

use coexist_model::Seconds;

use crate::price::Price;

/// A limit to what the cells of a plan take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// So many cells.
    Cells(usize),
    /// So much time of machines, that of all arms one after the other.
    Time(Seconds),
    /// So many bytes that the arms' disks grow.
    Disk(u64),
}

/// A text that is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of cells such as `40`, time of machines such as `90m` or `6h`, or disk such as `200GB`")]
pub struct BudgetError;

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| BudgetError)?;
        let times = |each: u64| number.checked_mul(each).filter(|all| *all > 0).ok_or(BudgetError);
        match unit {
            "" => Ok(Self::Cells(usize::try_from(times(1)?).map_err(|_| BudgetError)?)),
            "m" => Ok(Self::Time(Seconds::from_millis(times(60_000)?))),
            "h" => Ok(Self::Time(Seconds::from_millis(times(3_600_000)?))),
            "GB" => Ok(Self::Disk(times(1_000_000_000)?)),
            "TB" => Ok(Self::Disk(times(1_000_000_000_000)?)),
            _ => Err(BudgetError),
        }
    }
}

impl Budget {
    /// Whether so many cells at this price are within it.
    pub(crate) fn holds(self, cells: usize, price: &Price) -> bool {
        match self {
            Self::Cells(most) => cells <= most,
            Self::Time(most) => price.time <= most,
            Self::Disk(most) => price.disk <= most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_cells_time_or_disk() {
        for (text, expected) in [
            ("40", Ok(Budget::Cells(40))),
            ("6h", Ok(Budget::Time(Seconds::from_secs(6 * 3600)))),
            ("90m", Ok(Budget::Time(Seconds::from_secs(90 * 60)))),
            ("200GB", Ok(Budget::Disk(200_000_000_000))),
            ("0", Err(BudgetError)),
            ("", Err(BudgetError)),
            ("h", Err(BudgetError)),
            ("-1", Err(BudgetError)),
            ("6 h", Err(BudgetError)),
            ("200gb", Err(BudgetError)),
            ("99999999999999999999", Err(BudgetError)),
            ("99999999999999999h", Err(BudgetError)),
        ] {
            assert_eq!(text.parse::<Budget>(), expected, "{text}");
        }
    }
}
