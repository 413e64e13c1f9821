//! The matrix as written.

use coexist_model::{CandidateKind, Exercise};

use crate::element::{At, Element, List, Named, Reader, record};
use crate::message::{Message, Mistake};
use crate::node::{Kind, Node};
use crate::scalars::{
    AgentRef, Count, Deadline, Duration, ExitCode, Meaning, Name, Reboots, Retries, Sentence, Text, Version, Weight,
    WindowsPath, words,
};
use crate::schema::{Definitions, Schema, Variant, one_of};
use crate::words::{alternatives, quote};
use crate::written::agents::{Agents, Choice};
use crate::written::guest::Value;
use crate::written::recipe::Package;
use crate::written::wanted::{Coverage, Means, Order, Signing, Wave};

record! {
    /// The file that a person writes.
    Matrix, "a matrix", "matrix.md#the-file" {
        /// The matrix's name, as reports show it.
        matrix: Required "matrix" Name,
        /// What people call it.
        title: Optional "title" Text,
        /// Where recipes and images are; `agents` beside the matrix and `../images` where it is left out.
        catalogue: Optional "catalogue" Folders,
        /// Ids of images, in the order their cells run.
        images: Required "images" List<Name>,
        /// Axes: each cell has one value of every setting.
        settings: Optional "settings" Named<Name, Axis>,
        /// Sets of agents, each in the order of installation; or products of which a cell has some.
        agents: Required "agents" Agents,
        /// In which order agents are installed, in whatever cell they meet.
        order: Optional "order" Order,
        /// Rules that every cell keeps, a sentence each.
        constraints: Optional "constraints" List<Sentence>,
        /// Which combinations the cells hold; left out, the full product of everything.
        coverage: Optional "coverage" Coverage,
        /// How much images are liked where the choice changes no coverage; 1 is the usual.
        weights: Optional "weights" Named<Name, Weight>,
        /// Cells that run first; the next wave runs only when every cell of the one before is clean.
        waves: Optional "waves" List<Wave>,
        /// The update under test.
        candidate: Required "candidate" Candidate,
        /// What happens after the candidate.
        scenario: Optional "scenario" Scenario,
        /// Limits.
        policy: Optional "policy" Policy,
        /// Cells that must be there beside the product of the axes.
        include: Optional "include" List<IncludeRow>,
        /// Cells that must not be there: those of which everything given matches.
        exclude: Optional "exclude" List<ExcludeRule>,
    }
}

impl Matrix {
    /// The sets of agents that it lists; none where its cells choose.
    pub(crate) fn sets(&self) -> &[At<List<AgentRef>>] {
        self.agents.as_ref().and_then(|agents| agents.value.sets()).map_or(&[], |sets| &sets.items)
    }

    /// The products of which its cells have some.
    pub(crate) fn choice(&self) -> Option<&Choice> {
        self.agents.as_ref()?.value.choice()
    }
}

record! {
    /// Where images and recipes are.
    Folders, "a catalogue", "matrix.md#catalogue" {
        /// Folder of recipes: `<agents>/<id>.yaml`.
        agents: Optional "agents" Text,
        /// Folder of images: `<images>/<id>/image.yaml`.
        images: Optional "images" Text,
    }
}

record! {
    /// One setting with its values.
    Axis, "a setting", "matrix.md#settings" {
        /// What people call it.
        title: Optional "title" Text,
        /// What it stands for in Windows, so that `signing` can speak of it.
        means: Optional "means" Means,
        /// Its values, by name: how each is applied and proved.
        values: Required "values" Named<Name, Value>,
    }
}

record! {
    /// The update under test.
    Candidate, "a candidate", "matrix.md#candidate" {
        /// The product that is updated; every cell must have it. A Windows update has none.
        agent: Optional "agent" Name,
        /// What kind of update it is.
        kind: Required "kind" CandidateKind,
        /// Its version.
        version: Required "version" Version,
        /// The file; the recipe's package of that version where it is left out.
        package: Optional "package" Package,
        /// How installing it differs from the recipe.
        install: Optional "install" InstallChange,
        /// Where a content file is put.
        destination: Optional "destination" WindowsPath,
        /// Commands for `cmd.exe` afterwards, each of which must end with 0.
        then: Optional "then" List<Text>,
        /// How its drivers are signed: what Windows asks for then holds in every cell.
        signing: Optional "signing" Signing,
    }
}

record! {
    /// How installing the candidate differs from the recipe.
    InstallChange, "the candidate's way to install", "matrix.md#candidate" {
        /// Arguments instead of the recipe's.
        arguments: Optional "arguments" List<Text>,
        /// What each exit code means, instead of the recipe's.
        exit_codes: Optional "exit-codes" Named<ExitCode, Meaning>,
        /// Longest time for the installer, instead of the recipe's.
        deadline: Optional "deadline" Deadline,
    }
}

record! {
    /// What happens to a machine after the candidate.
    Scenario, "a scenario", "matrix.md#scenario" {
        /// How long the machine stays up after the candidate; 30s where it is left out.
        dwell: Optional "dwell" Duration,
        /// How often it restarts; once where it is left out.
        reboots: Optional "reboots" Reboots,
        /// How long it stays up before a boot counts; 30s where it is left out.
        settle: Optional "settle" Duration,
        /// Work for the machine, timed in both arms.
        exercise: Optional "exercise" List<WrittenExercise>,
        /// How long it stays up after that, for what shows only with time; left out, there is no such step.
        soak: Optional "soak" Duration,
    }
}

record! {
    /// Limits.
    Policy, "a policy", "matrix.md#policy" {
        /// Longest times, for every step that does the thing.
        deadlines: Optional "deadlines" Deadlines,
        /// How often an arm that the lab itself failed is begun anew.
        lab_fault_retries: Optional "lab-fault-retries" Retries,
    }
}

record! {
    /// Longest times of steps.
    Deadlines, "a list of deadlines", "matrix.md#policy" {
        /// A fresh machine's start, until its guest answers; as the image says where it is left out.
        boot: Optional "boot" Deadline,
        /// An installer without a deadline of its own; 10m where it is left out.
        install: Optional "install" Deadline,
        /// Each restart, until the next boot answers; 10m where it is left out.
        reboot: Optional "reboot" Deadline,
        /// One exercise; 10m where it is left out.
        exercise: Optional "exercise" Deadline,
        /// Each look or change: a read-back, a probe, a command of `then`; 2m where it is left out.
        probe: Optional "probe" Deadline,
        /// Fetching the guest's records, all together; 5m where it is left out.
        collect: Optional "collect" Deadline,
    }
}

record! {
    /// A combination that must be there.
    IncludeRow, "an included row", "matrix.md#include" {
        /// The image.
        image: Required "image" Name,
        /// A value for every setting.
        settings: Optional "settings" Named<Name, Name>,
        /// The agents, in the order of installation.
        agents: Required "agents" List<AgentRef>,
    }
}

record! {
    /// Combinations that must not be there.
    ExcludeRule, "an exclude rule", "matrix.md#exclude" {
        /// The image; any where it is left out.
        image: Optional "image" Name,
        /// Values of settings; any where one is left out.
        settings: Optional "settings" Named<Name, Name>,
        /// Agents that are all there, beside whichever others.
        agents: Optional "agents" List<AgentRef>,
    }
}

words! {
    CandidateKind, "a kind of candidate" {
        Upgrade = "upgrade",
        Fresh = "fresh",
        Content = "content",
        Driver = "driver",
        WindowsUpdate = "windows-update",
    }
}

/// One exercise: `file-storm: 40`, `archives`.
#[derive(Debug, Clone)]
pub(crate) struct WrittenExercise(pub(crate) Exercise);

/// What a machine can be put to.
const EXERCISES: &[Variant] = &[
    Variant {
        key: "file-storm",
        help: "So many files are created, renamed, read and deleted.",
        value: Some(Count::schema),
    },
    Variant { key: "process-starts", help: "So many processes start and end.", value: Some(Count::schema) },
    Variant { key: "run", help: "A line for `cmd.exe` that must end with 0.", value: Some(Text::schema) },
    Variant { key: "archives", help: "Archives are packed and unpacked.", value: None },
    Variant { key: "loopback", help: "Traffic of the machine with itself.", value: None },
];

impl Element for WrittenExercise {
    const WHAT: &'static str = "an exercise";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Kind::Scalar(word) = &node.kind {
            return match word.as_str() {
                "archives" => Some(Self(Exercise::Archives)),
                "loopback" => Some(Self(Exercise::Loopback)),
                _ => {
                    reader.tell(no_exercise(node, word));
                    None
                }
            };
        }
        let (kind, entry) = reader.single(node, Self::WHAT, EXERCISES)?;
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

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.refer::<Self>(Self::WHAT, |definitions| one_of(Self::WHAT, EXERCISES, definitions))
    }
}

/// Why a word alone is no exercise.
fn no_exercise(node: &Node, word: &str) -> Message {
    let bare = || EXERCISES.iter().filter(|it| it.value.is_none());
    let counted = || EXERCISES.iter().filter(|it| it.value.is_some());
    let known = || bare().chain(counted()).map(|it| it.key);
    let message = Message::error(
        Mistake::UnknownWord,
        node.span,
        format!("{} is not an exercise", quote(word)),
        format!("expected {}", alternatives(known())),
    );
    if word == "run" {
        let found = "`run` does not say what to run".to_owned();
        Message { found, ..message }.help("for example `run: 'ver'`")
    } else if counted().any(|it| it.key == word) {
        let found = format!("{} does not say how many", quote(word));
        Message { found, ..message }.help(format!("for example `{word}: 100`"))
    } else {
        message.nearest(word, known())
    }
}
