//! The lab's nouns and pure rules: no files, no clock, no async.
//!
//! Words are the design's: a *cell* has two *arms*; an arm is a list of *steps*; a step proves *checks*; what the product
//! did wrong is a *failure*, what our lab did wrong is a *fault*. A [`Plan`] is what will be done, [`Event`]s are what
//! happened, and [`Run::fold`] makes one record of them that every report renders.

mod boot;
mod boot_history;
mod crash;
mod driver_file;
mod event;
mod evidence_places;
mod fault;
mod guest_path;
mod hex;
mod history;
mod hive;
mod ids;
mod image;
mod ladder;
mod outcome;
mod pace;
mod plan;
mod recipe;
mod run;
mod seconds;
mod triage;
mod user_crash;
mod verdict;

pub use boot::{
    Boot, BootEnd, BootIdentity, BootStage, BootState, DiskWitness, Failing, LogSpan, MachineEvent, MachineSign, Proof,
    RepairLog, boot_edges, boots, crashes, failing, reached, what_the_disk_proves,
};
pub use boot_history::{BootHistory, LoggedBoot, LoggedEnd};
pub use crash::{Blame, Bucket, Crash, LoadedDriver, StackCandidate, Strength, UnloadedDriver};
pub use driver_file::DriverFile;
pub use event::{ArmRef, EVENTS_SCHEMA, Ending, Event, Happening, HeldWave, Host};
pub use evidence_places::{EvidenceFolder, EvidencePlaces, EvidenceSettings, Holds, LAB_LOGS};
pub use fault::{FaultFacts, FaultKind, LabFault};
pub use guest_path::is_file_name;
pub use hex::Hex;
pub use history::{ArmCost, Digests, Met, Part, PartKind, PastCell, PastRun, Standing, past_run, standing};
pub use hive::{CrashSettings, DriverService, HiveFacts};
pub use ids::{AgentId, CellId, ImageId, RunId, Sha256, StepId};
pub use image::{Disk, DiskBus, Edition, Firmware, GuestAccess, Image, MachineProfile, NetworkCard, WindowsFacts};
pub use ladder::{RungOutcome, RungRecord, ladder_words};
pub use outcome::{ArmOutcome, CheckOutcome, FailureState, StepFailure};
pub use pace::Pace;
pub use plan::{
    Action, AgentChoice, Arm, Arms, CANDIDATE_STEP, CandidateKind, CandidateRef, Cell, Check, Exercise, MatrixRef,
    PLAN_SCHEMA, PackageSource, Plan, PlanCoverage, PlannedProbe, Signing, Step, StrengthCoverage,
    USUAL_LAB_FAULT_RETRIES,
};
pub use recipe::{Apply, ExitMeaning, Install, Method, Probe, RegistryData, Restart, SettingValue};
pub use run::{AbandonedAttempt, ArmRecord, CheckRecord, Evidence, EvidenceKind, FoldError, Run, Rung};
pub use seconds::Seconds;
pub use triage::{EvidenceForm, Findings, TRIAGE_SCHEMA, Triage, TriageFacts};
pub use user_crash::{UserCrash, UserException, UserModule};
pub use verdict::{Exit, Judgement, Problem, ProblemState, Verdict, Verdicts};
