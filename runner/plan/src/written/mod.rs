//! Files as they are written: every key optional, every value with its place. Nothing here knows another file.

pub(crate) mod agents;
pub(crate) mod guest;
pub(crate) mod image;
pub(crate) mod matrix;
pub(crate) mod recipe;
pub(crate) mod wanted;

use crate::element::Record;
use crate::words::quote;

/// Every mapping with fixed keys that a file may hold.
pub(crate) const RECORDS: &[&Record] = &[
    matrix::Matrix::RECORD,
    matrix::Folders::RECORD,
    matrix::Axis::RECORD,
    agents::Choice::RECORD,
    agents::Offer::RECORD,
    wanted::Coverage::RECORD,
    wanted::Wave::RECORD,
    guest::Value::RECORD,
    matrix::Candidate::RECORD,
    matrix::InstallChange::RECORD,
    matrix::Scenario::RECORD,
    matrix::Policy::RECORD,
    matrix::Deadlines::RECORD,
    matrix::IncludeRow::RECORD,
    matrix::ExcludeRule::RECORD,
    recipe::Recipe::RECORD,
    recipe::ProductVersion::RECORD,
    recipe::Package::RECORD,
    recipe::Install::RECORD,
    recipe::Uninstall::RECORD,
    recipe::Driver::RECORD,
    guest::RegistryProbe::RECORD,
    guest::FilterProbe::RECORD,
    guest::CommandProbe::RECORD,
    guest::RegistryWrite::RECORD,
    image::Image::RECORD,
    image::Disk::RECORD,
    image::Windows::RECORD,
    image::Machine::RECORD,
    image::Ssh::RECORD,
];

/// "`dwell` is a key of a scenario": where a key belongs that stands in the wrong mapping, in this kind of file if it can.
pub(crate) fn place_of(key: &str, here: &Record) -> Option<String> {
    const MOST: usize = 3;
    let file = |record: &Record| record.page.split('#').next();
    let holders = || RECORDS.iter().filter(|record| record.keys.iter().any(|it| it.name == key));
    let here: Vec<&str> = holders().filter(|record| file(record) == file(here)).map(|record| record.what).collect();
    let homes = if here.is_empty() { holders().map(|record| record.what).collect() } else { here };
    (1..=MOST).contains(&homes.len()).then(|| format!("{} is a key of {}", quote(key), homes.join(", of ")))
}
