//! The plan: every step of every arm of every cell, no choice left to the executor.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{AgentId, CellId, Image, ImageId, Install, Probe, Restart, Seconds, SettingValue, Sha256, StepId};

/// Schema name written into every saved plan.
pub const PLAN_SCHEMA: &str = "coexist.plan/1";

/// How often an arm that the lab failed is tried again, where nothing else is said.
pub const USUAL_LAB_FAULT_RETRIES: u32 = 2;

/// A whole plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The matrix it was made from.
    pub matrix: MatrixRef,
    /// The update under test.
    pub candidate: CandidateRef,
    /// Every image that a cell names.
    pub images: BTreeMap<ImageId, Image>,
    /// Every package that a step installs, by digest.
    pub packages: BTreeMap<Sha256, PackageSource>,
    /// Driver base name (lower case) to vendor, from all recipes: whom to name when a driver is blamed.
    pub driver_owners: BTreeMap<String, String>,
    /// How often an arm is tried again after a fault of the lab. What a product did wrong is never tried again.
    #[serde(default = "usual_lab_fault_retries")]
    pub lab_fault_retries: u32,
    /// Which combinations the cells hold, where the matrix asks for coverage or a budget left cells out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<PlanCoverage>,
    /// Cells in the order they run.
    pub cells: Vec<Cell>,
}

/// Which combinations the cells of a plan hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCoverage {
    /// For each strength that was asked for; that of everything first, then those of groups.
    pub strengths: Vec<StrengthCoverage>,
    /// Cells that a budget left out.
    pub left_out: usize,
}

/// The combinations of so many of image, settings and agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrengthCoverage {
    /// How many parameters a combination has.
    pub strength: usize,
    /// Combinations that some cell may hold.
    pub feasible: u64,
    /// Feasible ones that a cell of the plan holds.
    pub covered: u64,
    /// Combinations that rules forbid.
    pub impossible: u64,
}

impl std::fmt::Display for PlanCoverage {
    /// One line: `all 412 pairs; 310 of 622 triples; 3 cells left out`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, it) in self.strengths.iter().enumerate() {
            f.write_str(if at > 0 { "; " } else { "" })?;
            let what = match it.strength {
                1 => "values".to_owned(),
                2 => "pairs".to_owned(),
                3 => "triples".to_owned(),
                more => format!("combinations of {more}"),
            };
            if it.covered == it.feasible {
                write!(f, "all {} {what}", it.feasible)?;
            } else {
                write!(f, "{} of {} {what}", it.covered, it.feasible)?;
            }
        }
        match self.left_out {
            0 => Ok(()),
            1 => f.write_str("; 1 cell left out by the budget"),
            more => write!(f, "; {more} cells left out by the budget"),
        }
    }
}

/// Plans that were saved before the key was there have the usual number.
fn usual_lab_fault_retries() -> u32 {
    USUAL_LAB_FAULT_RETRIES
}

/// The matrix a plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRef {
    /// Its `matrix:`.
    pub name: String,
    /// Its `title:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Path as given, with forward slashes.
    pub path: String,
    /// Digest of its text.
    pub sha256: Sha256,
}

/// The update under test, for readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRef {
    /// Whose product it updates.
    pub agent: AgentId,
    /// Vendor of that product.
    pub vendor: String,
    /// What kind of update it is.
    pub kind: CandidateKind,
    /// Its version, for readers.
    pub version: String,
    /// Digest of its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// How its drivers are signed, where the matrix says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
}

/// How a candidate's drivers are signed. What each means for Secure Boot and memory integrity is in `docs/matrix.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// By a test certificate.
    Test,
    /// Attested by Microsoft.
    Attested,
    /// By Microsoft, after the tests of the hardware compatibility program.
    Whql,
}

impl Signing {
    /// `test`, `attested` or `whql`, as matrices write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Attested => "attested",
            Self::Whql => "whql",
        }
    }
}

impl std::fmt::Display for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Kinds of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateKind {
    /// In place over the vendor's current version.
    Upgrade,
    /// On a machine that never had the product; the baseline installs the current version there.
    Fresh,
    /// A content file for the installed version.
    Content,
    /// A driver package.
    Driver,
    /// An update of Windows itself.
    WindowsUpdate,
}

impl CandidateKind {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Fresh => "fresh",
            Self::Content => "content",
            Self::Driver => "driver",
            Self::WindowsUpdate => "windows-update",
        }
    }
}

/// Where a package comes from. It is verified against its digest before anything starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageSource {
    /// A file on this host.
    File(PathBuf),
    /// An `http(s)` address; kept in a cache by digest.
    Url(String),
}

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its name.
    pub id: CellId,
    /// The image it starts from.
    pub image: ImageId,
    /// Setting to value.
    pub settings: BTreeMap<String, String>,
    /// Agents in the order they are installed.
    pub agents: Vec<AgentChoice>,
    /// The wave it runs in, where the matrix has waves. Cells of a wave stand together in the plan, and run only when
    /// every cell before them is clean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<String>,
    /// What is done in each arm. Both lists have the same step ids in the same order.
    pub arms: Arms<Vec<Step>>,
}

/// An agent at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentChoice {
    /// Catalogue name.
    pub id: AgentId,
    /// Version that the baseline arm holds.
    pub version: String,
}

/// One value for each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Arms<T> {
    /// Without the candidate.
    pub baseline: T,
    /// With it.
    pub candidate: T,
}

/// The two arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// Without the candidate.
    Baseline,
    /// With it.
    Candidate,
}

impl Arm {
    /// Both, in the order reports use.
    pub const BOTH: [Self; 2] = [Self::Baseline, Self::Candidate];

    /// `baseline` or `candidate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Candidate => "candidate",
        }
    }
}

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T> std::ops::Index<Arm> for Arms<T> {
    type Output = T;
    fn index(&self, arm: Arm) -> &T {
        match arm {
            Arm::Baseline => &self.baseline,
            Arm::Candidate => &self.candidate,
        }
    }
}

impl<T> std::ops::IndexMut<Arm> for Arms<T> {
    fn index_mut(&mut self, arm: Arm) -> &mut T {
        match arm {
            Arm::Baseline => &mut self.baseline,
            Arm::Candidate => &mut self.candidate,
        }
    }
}

/// One step of an arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Name within the arm, the same in both arms.
    pub id: StepId,
    /// What is done.
    pub action: Action,
    /// Longest time the step may take: the sum of what its action may take.
    pub deadline: Seconds,
    /// What the step proves: one test case each in the reports, never empty.
    pub checks: Vec<Check>,
}

/// One thing that a step proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name in the reports, `<phase digit>-<phase>: <what>`: unique within the arm, stable across runs.
    pub name: String,
    /// Line of the matrix that asked for it, 1-based.
    pub line: u32,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Start a fresh machine from the image and wait for its guest. One check.
    Provision,
    /// Read settings, apply those that are not as wanted, restart where one of these asks for it, and read all of them
    /// again. One check per setting; none: one check.
    Configure {
        /// In the order they are applied.
        settings: Vec<SettingValue>,
        /// Longest time for each look or change.
        look: Seconds,
        /// Longest time until the guest is back, where a setting asks for a restart.
        restart: Seconds,
    },
    /// Install something. One check.
    Install(Box<Install>),
    /// The baseline arm's place of the candidate: the current version stays. One check.
    Hold,
    /// Let the machine live: the dwell after the candidate, the soak after the work. One check.
    Dwell {
        /// For this long; what the step's deadline has beyond it is for the look at the end.
        time: Seconds,
    },
    /// Restart, wait for the next boot identity, and let the guest settle. One check.
    Reboot {
        /// Longest time from the order to restart until the next boot answers.
        wait: Seconds,
        /// How long the guest must stay up before the boot counts.
        settle: Seconds,
    },
    /// Make the stack work. One check.
    Exercise(Exercise),
    /// Look whether every setting is still as configured, now that products are in, and every product is whole. One check
    /// per setting, then one per probe, then one for "no bugcheck".
    Probe {
        /// Settings to read again, in the order of [`Action::Configure`]; nothing is applied.
        settings: Vec<SettingValue>,
        /// What to look at.
        probes: Vec<PlannedProbe>,
        /// Longest time for each look: one of a setting's proofs, a probe, or the search for dumps.
        look: Seconds,
    },
    /// Fetch the guest's own records, all of them within the step's deadline. One check.
    Collect,
}

/// A probe, with the product whose health it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedProbe {
    /// Whose recipe asks for it.
    pub agent: AgentId,
    /// What to look at.
    pub probe: Probe,
}

/// Work for the stack under test, timed in both arms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exercise {
    /// Create, rename, read and delete many small files.
    FileStorm {
        /// How many.
        files: u32,
    },
    /// Start and end many processes.
    ProcessStarts {
        /// How many.
        processes: u32,
    },
    /// Pack and unpack an archive.
    Archives,
    /// Traffic on the loopback interface.
    Loopback,
    /// A command of the matrix author's; its exit code must be 0.
    Run {
        /// Command line for `cmd.exe`.
        command: String,
    },
}

impl Exercise {
    /// Its name in step ids and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::FileStorm { .. } => "file-storm",
            Self::ProcessStarts { .. } => "process-starts",
            Self::Archives => "archives",
            Self::Loopback => "loopback",
            Self::Run { .. } => "run",
        }
    }
}

/// Id of the step at which the arms part: the candidate in one, [`Action::Hold`] in the other.
pub const CANDIDATE_STEP: &str = "candidate";

impl Cell {
    /// Position of a step in both arms' lists.
    #[must_use]
    pub fn position(&self, step: &StepId) -> Option<usize> {
        self.arms.baseline.iter().position(|it| it.id == *step)
    }
}

impl Step {
    /// Whether the step is planned to restart the guest; an installer may want a restart as well.
    #[must_use]
    pub fn restarts(&self) -> bool {
        match &self.action {
            Action::Reboot { .. } => true,
            Action::Configure { settings, .. } => settings.iter().any(|it| it.restart == Restart::Needed),
            Action::Provision
            | Action::Install(_)
            | Action::Hold
            | Action::Dwell { .. }
            | Action::Exercise(_)
            | Action::Probe { .. }
            | Action::Collect => false,
        }
    }
}
