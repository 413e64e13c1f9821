//! Files as they are written: every key optional, every value with its place. Nothing here knows another file.

pub(crate) mod guest;
pub(crate) mod image;
pub(crate) mod matrix;
pub(crate) mod recipe;

use crate::element::Record;

/// Every mapping with fixed keys that a file may hold.
pub(crate) const RECORDS: &[&Record] = &[
    matrix::Matrix::RECORD,
    matrix::Folders::RECORD,
    matrix::Axis::RECORD,
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
