//! The matrix as written.

use coexist_model::{CandidateKind, Exercise};

use crate::element::{Element, List, Named, Reader, record};
use crate::message::{Message, Mistake};
use crate::node::{Kind, Node};
use crate::scalars::{
    AgentRef, Count, Deadline, Duration, ExitCode, Meaning, Name, Reboots, Retries, Text, Version, WindowsPath,
};
use crate::words::{alternatives, quote};
use crate::written::guest::Value;
use crate::written::recipe::Package;

record! {
    /// The file that a person writes.
    Matrix, "a matrix", "matrix.md#the-file" {
        matrix: Required "matrix" Name,
        title: Optional "title" Text,
        catalogue: Optional "catalogue" Folders,
        images: Required "images" List<Name>,
        settings: Optional "settings" Named<Name, Axis>,
        agents: Required "agents" List<List<AgentRef>>,
        order: Optional "order" List<Name>,
        candidate: Required "candidate" Candidate,
        scenario: Optional "scenario" Scenario,
        policy: Optional "policy" Policy,
        include: Optional "include" List<IncludeRow>,
        exclude: Optional "exclude" List<ExcludeRule>,
    }
}

record! {
    /// Where images and recipes are.
    Folders, "a catalogue", "matrix.md#catalogue" {
        agents: Optional "agents" Text,
        images: Optional "images" Text,
    }
}

record! {
    /// One setting with its values.
    Axis, "a setting", "matrix.md#settings" {
        title: Optional "title" Text,
        values: Required "values" Named<Name, Value>,
    }
}

record! {
    /// The update under test.
    Candidate, "a candidate", "matrix.md#candidate" {
        agent: Optional "agent" Name,
        kind: Required "kind" CandidateKind,
        version: Required "version" Version,
        package: Optional "package" Package,
        install: Optional "install" InstallChange,
        destination: Optional "destination" WindowsPath,
        then: Optional "then" List<Text>,
    }
}

record! {
    /// How installing the candidate differs from the recipe.
    InstallChange, "the candidate's way to install", "matrix.md#candidate" {
        arguments: Optional "arguments" List<Text>,
        exit_codes: Optional "exit-codes" Named<ExitCode, Meaning>,
        deadline: Optional "deadline" Deadline,
    }
}

record! {
    /// What happens to a machine after the candidate.
    Scenario, "a scenario", "matrix.md#scenario" {
        dwell: Optional "dwell" Duration,
        reboots: Optional "reboots" Reboots,
        settle: Optional "settle" Duration,
        exercise: Optional "exercise" List<WrittenExercise>,
        soak: Optional "soak" Duration,
    }
}

record! {
    /// Limits.
    Policy, "a policy", "matrix.md#policy" {
        deadlines: Optional "deadlines" Deadlines,
        lab_fault_retries: Optional "lab-fault-retries" Retries,
    }
}

record! {
    /// Longest times of steps.
    Deadlines, "a list of deadlines", "matrix.md#policy" {
        boot: Optional "boot" Deadline,
        install: Optional "install" Deadline,
        reboot: Optional "reboot" Deadline,
        exercise: Optional "exercise" Deadline,
        probe: Optional "probe" Deadline,
        collect: Optional "collect" Deadline,
    }
}

record! {
    /// A combination that must be there.
    IncludeRow, "an included row", "matrix.md#include" {
        image: Required "image" Name,
        settings: Optional "settings" Named<Name, Name>,
        agents: Required "agents" List<AgentRef>,
    }
}

record! {
    /// Combinations that must not be there.
    ExcludeRule, "an exclude rule", "matrix.md#exclude" {
        image: Optional "image" Name,
        settings: Optional "settings" Named<Name, Name>,
        agents: Optional "agents" List<AgentRef>,
    }
}

impl Element for CandidateKind {
    const WHAT: &'static str = "a kind of candidate";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(
            node,
            Self::WHAT,
            &[
                ("upgrade", Self::Upgrade),
                ("fresh", Self::Fresh),
                ("content", Self::Content),
                ("driver", Self::Driver),
                ("windows-update", Self::WindowsUpdate),
            ],
        )
    }
}

/// One exercise: `file-storm: 40`, `archives`.
#[derive(Debug, Clone)]
pub(crate) struct WrittenExercise(pub(crate) Exercise);

impl Element for WrittenExercise {
    const WHAT: &'static str = "an exercise";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        const COUNTED: &[&str] = &["file-storm", "process-starts", "run"];
        const BARE: &[&str] = &["archives", "loopback"];
        if let Kind::Scalar(word) = &node.kind {
            return match word.as_str() {
                "archives" => Some(Self(Exercise::Archives)),
                "loopback" => Some(Self(Exercise::Loopback)),
                _ => {
                    let known = || BARE.iter().chain(COUNTED).copied();
                    let mut message = Message::error(
                        Mistake::UnknownWord,
                        node.span,
                        format!("{} is not an exercise", quote(word)),
                        format!("expected {}", alternatives(known())),
                    );
                    if word == "run" {
                        message.found = "`run` does not say what to run".to_owned();
                        message = message.help("for example `run: 'ver'`");
                    } else if COUNTED.contains(&word.as_str()) {
                        message.found = format!("{} does not say how many", quote(word));
                        message = message.help(format!("for example `{word}: 100`"));
                    } else {
                        message = message.nearest(word, known());
                    }
                    reader.tell(message);
                    None
                }
            };
        }
        let (kind, entry) =
            reader.single(node, Self::WHAT, &["file-storm", "process-starts", "run", "archives", "loopback"])?;
        let value = &entry.value;
        Some(Self(match kind {
            "file-storm" => Exercise::FileStorm { files: Count::read(value, reader)?.0 },
            "process-starts" => Exercise::ProcessStarts { processes: Count::read(value, reader)?.0 },
            "run" => Exercise::Run { command: Text::read(value, reader)?.0 },
            bare => {
                let found = format!("`{bare}` takes no value");
                let message = Message::error(Mistake::WrongType, entry.at, found, "no value here");
                reader.tell(message.help(format!("write `- {bare}`")));
                return None;
            }
        }))
    }
}
