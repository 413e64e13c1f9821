//! What is done to a guest and read from it, as settings and recipes write it.

use serde_json::json;

use crate::element::{At, Element, List, Reader, record};
use crate::node::{Kind, Node};
use crate::scalars::{Altitude, Dword, Qword, RegistryKey, ServiceName, Text, Weight, WindowsPath, YesNo};
use crate::schema::{Definitions, Form, Schema, Variant, one_of};

record! {
    /// One value of a setting.
    Value, "a value of a setting", "matrix.md#settings" {
        /// Changes that lead to this value, in order; left out where the image has it already.
        apply: Optional "apply" List<Apply>,
        /// Probes that prove the value; all must match.
        read_back: Required "read-back" List<Probe>,
        /// Whether the value takes a restart.
        restart: Optional "restart" YesNo,
        /// How much it is liked where the choice changes no coverage; 1 is the usual.
        weight: Optional "weight" Weight,
        /// Whether the value is out of range: at most one such value stands in a cell.
        negative: Optional "negative" YesNo,
    }
}

record! {
    /// A registry value that must read so.
    RegistryProbe, "a registry probe", "recipe.md#probes" {
        /// Full key, such as `HKLM\SOFTWARE\Acme`.
        key: Required "key" RegistryKey,
        /// Name of the value.
        name: Required "name" Text,
        /// Text that the value must read as, in any case; numbers in decimal.
        equals: Required "equals" Text,
    }
}

record! {
    /// A filter that must be attached.
    FilterProbe, "a filter probe", "recipe.md#probes" {
        /// Name of the filter.
        name: Required "name" ServiceName,
        /// Altitude that it must be attached at.
        altitude: Optional "altitude" Altitude,
    }
}

record! {
    /// A command that must end with 0.
    CommandProbe, "a command probe", "recipe.md#probes" {
        /// Line for `cmd.exe` that must end with 0.
        run: Required "run" Text,
        /// Text that it must print.
        prints: Optional "prints" Text,
    }
}

record! {
    /// A registry value to set.
    RegistryWrite, "a registry value to set", "matrix.md#settings" {
        /// Full key, such as `HKLM\SOFTWARE\Acme`.
        key: Required "key" RegistryKey,
        /// Name of the value.
        name: Required "name" Text,
        /// Data of a `REG_DWORD`; one of `dword`, `qword` and `text` is given.
        dword: Optional "dword" Dword,
        /// Data of a `REG_QWORD`; one of `dword`, `qword` and `text` is given.
        qword: Optional "qword" Qword,
        /// Data of a `REG_SZ`; one of `dword`, `qword` and `text` is given.
        text: Optional "text" Text,
    }
}

/// One look at a guest.
#[derive(Debug, Clone)]
pub(crate) enum Probe {
    Service(ServiceName),
    Driver(ServiceName),
    Filter(Box<FilterProbe>),
    Registry(Box<RegistryProbe>),
    File(At<Text>),
    Command(Box<CommandProbe>),
}

/// What can be probed.
const PROBES: &[Variant] = &[
    Variant { key: "service", help: "A service that must run.", value: Some(ServiceName::schema) },
    Variant { key: "driver", help: "A driver whose service must run.", value: Some(ServiceName::schema) },
    Variant { key: "filter", help: "A minifilter that must be attached.", value: Some(FilterProbe::schema) },
    Variant { key: "registry", help: "A registry value that must read so.", value: Some(RegistryProbe::schema) },
    Variant { key: "file", help: "A file that must be there.", value: Some(ProbedFile::schema) },
    Variant { key: "command", help: "A line for `cmd.exe` that must end with 0.", value: Some(command_schema) },
];

impl Element for Probe {
    const WHAT: &'static str = "a probe";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (kind, entry) = reader.single(node, Self::WHAT, PROBES)?;
        let value = &entry.value;
        Some(match kind {
            "service" => Self::Service(ServiceName::read(value, reader)?),
            "driver" => Self::Driver(ServiceName::read(value, reader)?),
            "filter" => Self::Filter(Box::new(FilterProbe::read(value, reader)?)),
            "registry" => Self::Registry(Box::new(RegistryProbe::read(value, reader)?)),
            "file" => Self::File(At { value: ProbedFile::read(value, reader)?.0, span: value.span }),
            _ => Self::Command(Box::new(command(value, reader)?)),
        })
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.refer::<Self>(Self::WHAT, |definitions| one_of(Self::WHAT, PROBES, definitions))
    }
}

/// A path that may hold a placeholder, which is no Windows file name; it is judged later.
struct ProbedFile(Text);

impl Element for ProbedFile {
    const WHAT: &'static str = WindowsPath::WHAT;

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let bare = Node { span: node.span, kind: without_placeholder(&node.kind) };
        WindowsPath::read(&bare, reader)?;
        Text::read(node, reader).map(Self)
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.scalar::<Self>("ProbedFile", Form::windows_path_with_placeholder())
    }
}

fn without_placeholder(kind: &Kind) -> Kind {
    match kind {
        Kind::Scalar(text) => Kind::Scalar(text.replace("{version}", "1")),
        Kind::Nothing | Kind::List(_) | Kind::Map(_) | Kind::Broken => kind.clone(),
    }
}

/// `command: "text"` is short for `command: {run: "text"}`.
fn command(node: &Node, reader: &mut Reader<'_>) -> Option<CommandProbe> {
    if matches!(node.kind, Kind::Map(_)) {
        return CommandProbe::read(node, reader);
    }
    let run = At { value: Text::read(node, reader)?, span: node.span };
    Some(CommandProbe { whole: true, run: Some(run), prints: None })
}

fn command_schema(definitions: &mut Definitions) -> Schema {
    json!({ "anyOf": [Text::schema(definitions), CommandProbe::schema(definitions)] })
}

/// One change of a guest.
#[derive(Debug, Clone)]
pub(crate) enum Apply {
    Registry(Box<At<RegistryWrite>>),
    Command(Text),
}

/// How a guest can be changed.
const CHANGES: &[Variant] = &[
    Variant { key: "registry", help: "A registry value to set.", value: Some(RegistryWrite::schema) },
    Variant { key: "command", help: "A line for `cmd.exe` that must end with 0.", value: Some(Text::schema) },
];

impl Element for Apply {
    const WHAT: &'static str = "a change";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (kind, entry) = reader.single(node, Self::WHAT, CHANGES)?;
        Some(match kind {
            "registry" => {
                let value = RegistryWrite::read(&entry.value, reader)?;
                Self::Registry(Box::new(At { value, span: entry.value.span }))
            }
            _ => Self::Command(Text::read(&entry.value, reader)?),
        })
    }

    fn schema(definitions: &mut Definitions) -> Schema {
        definitions.refer::<Self>(Self::WHAT, |definitions| one_of(Self::WHAT, CHANGES, definitions))
    }
}
