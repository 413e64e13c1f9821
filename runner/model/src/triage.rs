//! What one file proves: the lines of `coexist triage --json`, contract `coexist.triage/1`.

use serde::Serialize;

use crate::{BootHistory, Crash, DriverFile, HiveFacts, UserCrash};

/// Name and version of the contract.
pub const TRIAGE_SCHEMA: &str = "coexist.triage/1";

/// What one file proves, with the name it was given by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Triage {
    schema: &'static str,
    /// The file's path as it was given, or joined from a folder that was given.
    pub path: String,
    /// What is in it.
    #[serde(flatten)]
    pub found: Findings,
}

impl Triage {
    /// Findings of the file at this path.
    #[must_use]
    pub fn new(path: impl Into<String>, found: Findings) -> Self {
        Self { schema: TRIAGE_SCHEMA, path: path.into(), found }
    }
}

/// What bytes prove, whatever their file was called. Unknown is absent, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// What they are.
    pub kind: EvidenceForm,
    /// The facts of that kind; absent where there is none to report.
    #[serde(flatten)]
    pub facts: Option<TriageFacts>,
    /// Whether some part could not be read; the notes say which.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Remarks on how far the facts go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Findings {
    /// Facts, whose own remarks become the findings'.
    #[must_use]
    pub fn of(mut facts: TriageFacts) -> Self {
        let mut whole = false;
        let (kind, damaged, notes) = match &mut facts {
            TriageFacts::KernelDump(crash) => (EvidenceForm::KernelDump, &mut whole, &mut crash.notes),
            TriageFacts::UserDump(crash) => (EvidenceForm::UserDump, &mut crash.damaged, &mut crash.notes),
            TriageFacts::EventLog(log) => (EvidenceForm::EventLog, &mut log.damaged, &mut log.notes),
            TriageFacts::RegistryHive(hive) => (EvidenceForm::RegistryHive, &mut hive.damaged, &mut hive.notes),
            TriageFacts::Pe(file) => (EvidenceForm::Pe, &mut file.damaged, &mut file.notes),
        };
        let (damaged, notes) = (std::mem::take(damaged), std::mem::take(notes));
        Self { kind, facts: Some(facts), damaged, notes }
    }

    /// Bytes of a kind, not damaged, that are not read, and why: a dump of another platform.
    #[must_use]
    pub fn refused(kind: EvidenceForm, why: impl Into<String>) -> Self {
        Self { damaged: false, ..Self::without_facts(kind, why) }
    }

    /// Bytes of a kind that give no fact, and why.
    #[must_use]
    pub fn without_facts(kind: EvidenceForm, why: impl Into<String>) -> Self {
        Self { kind, facts: None, damaged: kind != EvidenceForm::Unknown, notes: vec![why.into()] }
    }

    /// Whether the bytes are of a kind that is read, and every part of them could be.
    #[must_use]
    pub fn read_whole(&self) -> bool {
        self.facts.is_some() && !self.damaged
    }
}

/// What a file is, told by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceForm {
    /// Of a stopped system.
    KernelDump,
    /// Of one process.
    UserDump,
    /// Events of one channel.
    EventLog,
    /// Registry keys and values.
    RegistryHive,
    /// A program or driver.
    Pe,
    /// Something else.
    Unknown,
}

impl EvidenceForm {
    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::KernelDump => "kernel dump",
            Self::UserDump => "user dump",
            Self::EventLog => "event log",
            Self::RegistryHive => "registry hive",
            Self::Pe => "program or driver",
            Self::Unknown => "unknown",
        }
    }
}

/// The facts of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TriageFacts {
    /// Of a kernel dump.
    KernelDump(Box<Crash>),
    /// Of the dump of one process.
    UserDump(UserCrash),
    /// Of an event log.
    EventLog(BootHistory),
    /// Of a registry hive.
    RegistryHive(HiveFacts),
    /// Of a program's or driver's file.
    Pe(DriverFile),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LoggedBoot, LoggedEnd};

    #[test]
    fn one_flat_object_without_nulls() {
        let boots =
            vec![LoggedBoot { first_record: Some(7), ended: Some(LoggedEnd::Running), ..LoggedBoot::default() }];
        let log =
            BootHistory { boots, damaged: true, notes: vec!["chunk 1: cut".to_owned()], ..BootHistory::default() };
        let triage = Triage::new("a/System.evtx", Findings::of(TriageFacts::EventLog(log)));
        assert_eq!(
            serde_json::to_string(&triage).unwrap(),
            r#"{"schema":"coexist.triage/1","path":"a/System.evtx","kind":"event-log","boots":[{"first_record":7,"ended":"running"}],"damaged":true,"notes":["chunk 1: cut"]}"#
        );
        let refused = Findings::refused(EvidenceForm::UserDump, "of another platform");
        assert!(!refused.read_whole() && !refused.damaged);
        let unknown = Findings::without_facts(EvidenceForm::Unknown, "empty");
        assert!(!unknown.read_whole());
        assert_eq!(
            serde_json::to_string(&Triage::new("x", unknown)).unwrap(),
            r#"{"schema":"coexist.triage/1","path":"x","kind":"unknown","notes":["empty"]}"#
        );
    }
}
