//! Files checked: every reference followed, every default filled in, nothing optional that must be there.

mod agents;
mod candidate;
mod coverage;
mod image;
mod matrix;
mod order;
mod package;
mod pool;
mod recipe;
mod rows;
mod sentence;
pub(crate) mod signing;
mod together;
mod wanted;
mod waves;
mod weights;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use coexist_model::{
    CandidateKind, Exercise, ExitMeaning, Install, MachineProfile, MatrixRef, Probe, Seconds, SettingValue, Sha256,
    WindowsFacts,
};

pub(crate) use candidate::{install, kind_word};
pub(crate) use image::check_image;
pub(crate) use matrix::check_matrix;
pub(crate) use recipe::check_recipe;
pub(crate) use wanted::{
    AgentPool, Agents, Also, Always, Because, Beside, Condition, Constraint, Coverage, Exclusive, Factor, Means, Offer,
    OfferedVersion, Order, Range, Signing, Wave,
};

use crate::source::Span;
use crate::written::recipe::InstallKind;

/// A matrix without mistakes. Nothing outside the text was needed for it, so files that are named may be missing.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) matrix: MatrixRef,
    pub(crate) name_span: Span,
    /// Images that cells are made of, in the matrix's order.
    pub(crate) images: Vec<ListedImage>,
    pub(crate) axes: Vec<Axis>,
    pub(crate) agents: Agents,
    pub(crate) order: Order,
    pub(crate) constraints: Vec<Constraint>,
    /// `None`: the full product of everything.
    pub(crate) coverage: Option<Coverage>,
    /// In the order they run; cells of none of them run last.
    pub(crate) waves: Vec<Wave>,
    pub(crate) products: BTreeMap<String, Rc<Product>>,
    pub(crate) candidate: Candidate,
    pub(crate) scenario: Scenario,
    pub(crate) deadlines: Deadlines,
    /// How often an arm that the lab failed is tried again.
    pub(crate) lab_fault_retries: u32,
    pub(crate) include: Vec<IncludeRow>,
    pub(crate) exclude: Vec<ExcludeRule>,
    /// Driver file (lower case) to vendor, from every recipe of the catalogue.
    pub(crate) driver_owners: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(crate) struct ListedImage {
    pub(crate) image: Rc<Image>,
    /// How much it is liked where the choice changes no coverage; 1 is the usual.
    pub(crate) weight: u32,
    pub(crate) span: Span,
}

/// One setting with its values.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) name: String,
    pub(crate) means: Option<Means>,
    pub(crate) values: Vec<AxisValue>,
}

#[derive(Debug, Clone)]
pub(crate) struct AxisValue {
    pub(crate) setting: SettingValue,
    /// How much it is liked where the choice changes no coverage; 1 is the usual.
    pub(crate) weight: u32,
    pub(crate) range: Range,
    pub(crate) span: Span,
}

/// Agents in the order they are installed.
#[derive(Debug, Clone)]
pub(crate) struct AgentSet {
    pub(crate) members: Vec<Member>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) agent: String,
    /// What the baseline arm holds.
    pub(crate) version: String,
    /// Whether the matrix said the version.
    pub(crate) pinned: Pinned,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// By the matrix: it is part of the cell's name.
    Yes,
    /// The recipe's current version.
    No,
}

/// A combination that must be there.
#[derive(Debug, Clone)]
pub(crate) struct IncludeRow {
    pub(crate) image: ListedImage,
    /// One value for each axis, in the order of the axes.
    pub(crate) values: Vec<AxisValue>,
    pub(crate) set: AgentSet,
    pub(crate) span: Span,
}

/// Cells of which all given parts match are left out.
#[derive(Debug, Clone)]
pub(crate) struct ExcludeRule {
    pub(crate) image: Option<String>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) agents: Vec<(String, Option<String>)>,
    pub(crate) span: Span,
}

/// The update under test.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) kind: CandidateKind,
    pub(crate) vendor: String,
    pub(crate) package: Package,
    pub(crate) install: Install,
    /// How its drivers are signed, where the matrix says so.
    pub(crate) signing: Option<Signing>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) dwell: Seconds,
    pub(crate) reboots: u32,
    pub(crate) settle: Seconds,
    pub(crate) exercise: Vec<(Exercise, Span)>,
    pub(crate) soak: Option<(Seconds, Span)>,
    /// What asked for dwell, reboots and probes: the key itself, or what stands nearest.
    pub(crate) dwell_span: Span,
    pub(crate) reboots_span: Span,
    pub(crate) span: Span,
}

/// Longest times of steps, defaults filled in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// Instead of the image's own.
    pub(crate) boot: Option<Seconds>,
    pub(crate) install: Seconds,
    pub(crate) reboot: Seconds,
    pub(crate) exercise: Seconds,
    pub(crate) probe: Seconds,
    pub(crate) collect: Seconds,
}

/// One vendor's product, from its recipe.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) vendor: String,
    pub(crate) releases: Vec<Release>,
    pub(crate) current: String,
    pub(crate) way: Way,
    /// Products that must be there before it is installed.
    pub(crate) requires: Vec<Other>,
    /// Products that it does not run beside.
    pub(crate) conflicts: Vec<Other>,
    /// Lower-case file names with the place that claims them.
    pub(crate) driver_files: Vec<(String, Span)>,
    /// What must be seen where it is whole; `{version}` is not filled in yet.
    pub(crate) probes: Vec<Probe>,
}

/// Another product that a recipe names.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) agent: String,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) package: Package,
    /// Instead of the recipe's.
    pub(crate) arguments: Option<Vec<String>>,
}

/// How packages of a product are installed.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) kind: InstallKind,
    pub(crate) arguments: Vec<String>,
    pub(crate) exit_codes: BTreeMap<u32, ExitMeaning>,
    pub(crate) destination: Option<String>,
    pub(crate) then: Vec<String>,
    pub(crate) deadline: Option<Seconds>,
}

/// A file that is installed.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) origin: Origin,
    pub(crate) sha256: Sha256,
    pub(crate) file_name: String,
    /// What makes the file where it is missing.
    pub(crate) made_by: Option<String>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Path(PathBuf),
    Url(String),
}

/// A golden image whose files were not looked at yet.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) stand_in: bool,
    pub(crate) made_by: Option<String>,
    pub(crate) disk: Named,
    pub(crate) digest: Given<Sha256>,
    pub(crate) windows: WindowsFacts,
    pub(crate) machine: MachineProfile,
    pub(crate) user: String,
    pub(crate) host_key: Given<String>,
    pub(crate) key_file: Named,
    pub(crate) settings: Vec<String>,
    pub(crate) boot_deadline: Seconds,
    pub(crate) expires: Option<jiff::civil::Date>,
}

/// A file that a catalogue entry names.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    pub(crate) span: Span,
}

/// Something that is given, or stands in a file.
#[derive(Debug, Clone)]
pub(crate) enum Given<T> {
    Here(T),
    InFile(Named),
}
