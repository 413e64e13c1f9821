//! Writer of Windows event logs (`.evtx`) and of the XML that `wevtutil qe /f:xml` prints.
//!
//! A log file is a 4 KiB header and 64 KiB chunks. A chunk holds records of binary XML; each record names a template
//! (elements and attribute names, stored once per chunk) and brings the values for it. Structure from the public
//! documentation of the format (libevtx, python-evtx); the readers in the tests are those projects' and the `evtx`
//! crate.

mod binxml;
mod chunk;
mod event;
mod tree;

use serde::{Deserialize, Serialize};

/// Name under which [`Event::event_data`] carries the binary part of an event, as hexadecimal digits; it becomes the
/// element `Binary` beside the `Data` elements.
pub const BINARY: &str = "Binary";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Provider name, e.g. `Microsoft-Windows-Kernel-Power`.
    pub provider: String,
    /// Event source name of providers that also have a classic one, e.g. `BugCheck`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_source_name: Option<String>,
    /// Provider GUID, with or without braces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Event identifier.
    pub event_id: u16,
    /// 1 critical, 2 error, 3 warning, 4 information.
    pub level: u8,
    /// Task category; most providers have none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub task: u16,
    /// FILETIME.
    pub time: u64,
    /// Number of the record in its log, from 1.
    pub record_id: u64,
    /// Names and values in order. An empty name gives a `Data` element without a name, as classic events have;
    /// [`BINARY`] gives the binary part.
    ///
    /// For the kernel's providers (`Microsoft-Windows-Kernel-…`) a value that reads like a number, an unpadded
    /// `0x` number, `true`, `false` or a time is stored with that type, as Windows does; all others are text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_data: Vec<(String, String)>,
    /// The element that holds the data of an event whose provider has a shape of its own for it: the values are then its
    /// child elements, below `UserData` instead of `EventData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<UserData>,
}

/// Element of an event's own shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserData {
    /// Name of the element, e.g. `LogFileCleared`. It and the names of its values must be XML names.
    pub element: String,
    /// Its namespace.
    pub namespace: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// The events of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    channel: String,
    computer: String,
    events: Vec<Event>,
}

impl EventLog {
    /// An empty log of this channel (`System`) on this computer.
    #[must_use]
    pub fn new(channel: impl Into<String>, computer: impl Into<String>) -> Self {
        Self { channel: channel.into(), computer: computer.into(), events: Vec::new() }
    }

    /// Adds an event at the end.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The log as an `.evtx` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let records = self.events.iter().map(|event| chunk::Record {
            id: event.record_id,
            time: event.time,
            root: event::tree(event, &self.channel, &self.computer),
        });
        chunk::file(records)
    }

    /// One event of this log as XML; see [`to_xml`].
    #[must_use]
    pub fn to_xml(&self, event: &Event) -> String {
        to_xml(event, &self.channel, &self.computer)
    }
}

/// An event as `wevtutil qe /f:xml` prints it: one line, single quotes, no declaration.
#[must_use]
pub fn to_xml(event: &Event, channel: &str, computer: &str) -> String {
    event::tree(event, channel, computer).to_xml()
}
