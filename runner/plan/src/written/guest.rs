//! What is done to a guest and read from it, as settings and recipes write it.

use crate::element::{At, Element, List, Reader, record};
use crate::node::{Kind, Node};
use crate::scalars::{Altitude, Dword, Qword, RegistryKey, ServiceName, Text, WindowsPath, YesNo};

record! {
    /// One value of a setting.
    Value, "a value of a setting", "matrix.md#settings" {
        apply: Optional "apply" List<Apply>,
        read_back: Required "read-back" List<Probe>,
        restart: Optional "restart" YesNo,
    }
}

record! {
    /// A registry value that must read so.
    RegistryProbe, "a registry probe", "recipe.md#probes" {
        key: Required "key" RegistryKey,
        name: Required "name" Text,
        equals: Required "equals" Text,
    }
}

record! {
    /// A filter that must be attached.
    FilterProbe, "a filter probe", "recipe.md#probes" {
        name: Required "name" ServiceName,
        altitude: Optional "altitude" Altitude,
    }
}

record! {
    /// A command that must end with 0.
    CommandProbe, "a command probe", "recipe.md#probes" {
        run: Required "run" Text,
        prints: Optional "prints" Text,
    }
}

record! {
    /// A registry value to set.
    RegistryWrite, "a registry value to set", "matrix.md#settings" {
        key: Required "key" RegistryKey,
        name: Required "name" Text,
        dword: Optional "dword" Dword,
        qword: Optional "qword" Qword,
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

impl Element for Probe {
    const WHAT: &'static str = "a probe";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        const KINDS: &[&str] = &["service", "driver", "filter", "registry", "file", "command"];
        let (kind, entry) = reader.single(node, Self::WHAT, KINDS)?;
        let value = &entry.value;
        Some(match kind {
            "service" => Self::Service(ServiceName::read(value, reader)?),
            "driver" => Self::Driver(ServiceName::read(value, reader)?),
            "filter" => Self::Filter(Box::new(FilterProbe::read(value, reader)?)),
            "registry" => Self::Registry(Box::new(RegistryProbe::read(value, reader)?)),
            // A path may hold a placeholder, which is no Windows file name; it is judged later.
            "file" => {
                let bare = Node { span: value.span, kind: without_placeholder(&value.kind) };
                WindowsPath::read(&bare, reader)?;
                Self::File(At { value: Text::read(value, reader)?, span: value.span })
            }
            _ => Self::Command(Box::new(command(value, reader)?)),
        })
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

/// One change of a guest.
#[derive(Debug, Clone)]
pub(crate) enum Apply {
    Registry(Box<At<RegistryWrite>>),
    Command(Text),
}

impl Element for Apply {
    const WHAT: &'static str = "a change";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (kind, entry) = reader.single(node, Self::WHAT, &["registry", "command"])?;
        Some(match kind {
            "registry" => {
                let value = RegistryWrite::read(&entry.value, reader)?;
                Self::Registry(Box::new(At { value, span: entry.value.span }))
            }
            _ => Self::Command(Text::read(&entry.value, reader)?),
        })
    }
}
