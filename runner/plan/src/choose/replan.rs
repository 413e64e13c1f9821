//! Saved rows put into the matrix as it is now: what is gone is taken out of a row, and its open cells are filled anew.

use super::model::{Column, Space};
use super::saved::{SavedRow, SavedRows};
use crate::checked::{Agents, Checked, Member, Pinned};

/// A saved row that the engine shall keep.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    /// Its place among the saved rows.
    pub(crate) number: usize,
    /// Value numbers; `None` where something is gone, or is new.
    pub(crate) values: Vec<Option<usize>>,
}

/// A seed for each saved row, in their order. A row that became like another before it is left out.
pub(crate) fn seeds(checked: &Checked, space: &Space<'_>, saved: &SavedRows) -> Vec<Seed> {
    let mut seen = std::collections::BTreeSet::new();
    let seeds = saved.rows.iter().enumerate().map(|(number, row)| {
        let values = space.columns.iter().map(|column| value(checked, space, saved, row, *column));
        Seed { number, values: values.collect() }
    });
    seeds.filter(|seed| seen.insert(seed.values.clone())).collect()
}

fn value(checked: &Checked, space: &Space<'_>, saved: &SavedRows, row: &SavedRow, column: Column) -> Option<usize> {
    match column {
        Column::Image => checked.images.iter().position(|it| it.image.id == row.image),
        Column::Setting(axis) => {
            let axis = checked.axes.get(axis)?;
            let at = saved.settings.iter().position(|name| *name == axis.name)?;
            let written = row.values.get(at)?;
            axis.values.iter().position(|it| it.setting.value == *written)
        }
        Column::Sets => space.set(&row.agents, is),
        Column::Offer(number) => {
            let Agents::Choice(pool) = &checked.agents else { return None };
            let offer = pool.offers.get(number)?;
            let Some((_, version)) = row.agents.iter().find(|(agent, _)| *agent == offer.agent) else {
                // An agent that is new to the matrix was not there either.
                return space.none_of(number);
            };
            let current = || checked.products.get(&offer.agent).map(|product| product.current.clone());
            let version = version.clone().or_else(current)?;
            space.version_of(number, &version)
        }
    }
}

fn is(member: &Member, (agent, version): &(String, Option<String>)) -> bool {
    let said = match member.pinned {
        Pinned::Yes => Some(member.version.as_str()),
        Pinned::No => None,
    };
    member.agent == *agent && said == version.as_deref()
}
