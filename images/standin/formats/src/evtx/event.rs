//! From an [`Event`] to its tree of elements.

use jiff::Timestamp;

use super::tree::{Element, Value};
use super::{BINARY, Event, UserData};
use crate::filetime;

const NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";
/// Windows refuses larger events; a record must fit into a chunk of 64 KiB.
const MOST_DATA: usize = 99;
/// UTF-16 units of all names and values together.
const MOST_TEXT: usize = 20_000;
const MOST_NAME: usize = 250;
const KEYWORD_CLASSIC: u64 = 0x80_0000_0000_0000;
const KEYWORD_SYSTEM: u64 = 0x8000_0000_0000_0000;

pub(super) fn tree(event: &Event, channel: &str, computer: &str) -> Element {
    // Classic events have neither a GUID nor an opcode, and qualifiers beside their identifier.
    let classic = event.guid.is_none();
    let name = |text: &str| Value::Text(cut(text, MOST_NAME));

    let mut provider = Element::empty("Provider").with("Name", name(&event.provider));
    if let Some(guid) = &event.guid {
        provider = provider.with("Guid", Value::guid(&cut(guid, MOST_NAME)));
    }
    if let Some(source) = &event.event_source_name {
        provider = provider.with("EventSourceName", name(source));
    }
    let mut id = Element::value("EventID", Value::U16(event.event_id));
    if classic || event.event_source_name.is_some() {
        id = id.with("Qualifiers", Value::U16(qualifiers(event.level)));
    }
    let keywords = if classic { KEYWORD_CLASSIC } else { KEYWORD_SYSTEM };

    let system = Element::parent(
        "System",
        vec![
            provider,
            id,
            Element::value("Version", Value::U8(0)),
            Element::value("Level", Value::U8(event.level)),
            Element::value("Task", Value::U16(event.task)),
            Element::value("Opcode", Value::U8(0)),
            Element::value("Keywords", Value::Hex64(keywords)),
            Element::empty("TimeCreated").with("SystemTime", Value::FileTime(event.time)),
            Element::value("EventRecordID", Value::U64(event.record_id)),
            Element::empty("Correlation"),
            Element::empty("Execution").with("ProcessID", Value::U32(4)).with("ThreadID", Value::U32(8)),
            Element::value("Channel", name(channel)),
            Element::value("Computer", name(computer)),
            Element::empty("Security"),
        ],
    );
    let data = event.user_data.as_ref().map_or_else(|| event_data(event), |shape| user_data(event, shape));
    Element::parent("Event", vec![system, data]).with("xmlns", Value::Fixed(NAMESPACE.to_owned()))
}

/// The severity bits of a classic message identifier.
fn qualifiers(level: u8) -> u16 {
    match level {
        1 | 2 => 0xc000,
        3 => 0x8000,
        _ => 0x4000,
    }
}

/// The event's data in the provider's own shape.
fn user_data(event: &Event, shape: &UserData) -> Element {
    let values = event.event_data.iter().take(MOST_DATA);
    let mut room = MOST_TEXT;
    let values = values.map(|(name, value)| {
        let text = cut(value, room);
        room -= text.encode_utf16().count();
        Element::value(cut(name, MOST_NAME), Value::Text(text))
    });
    let own = Element::parent(cut(&shape.element, MOST_NAME), values.collect());
    let own = own.with("xmlns", Value::Fixed(cut(&shape.namespace, MOST_NAME)));
    Element::parent("UserData", vec![own])
}

fn event_data(event: &Event) -> Element {
    if event.event_data.is_empty() {
        return Element::empty("EventData");
    }
    let typed = event.provider.starts_with("Microsoft-Windows-Kernel-");
    let mut room = MOST_TEXT;
    let mut children = Vec::new();
    for (name, value) in event.event_data.iter().take(MOST_DATA) {
        let name = cut(name, MOST_NAME.min(room));
        room -= name.encode_utf16().count();
        let text = cut(value, room);
        room -= text.encode_utf16().count();
        children.push(match name.as_str() {
            BINARY => Element::value("Binary", bytes_of(&text)),
            _ if typed => data(name, typed_value(text)),
            _ => data(name, Value::Text(text)),
        });
    }
    Element::parent("EventData", children)
}

fn data(name: String, value: Value) -> Element {
    let element = Element::value("Data", value);
    if name.is_empty() { element } else { element.with("Name", Value::Fixed(name)) }
}

/// The type a value's text stands for; text unless the type's own text is the very same.
fn typed_value(text: String) -> Value {
    let candidates = [
        text.parse().ok().map(Value::U32),
        text.parse().ok().map(Value::U64),
        text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(Value::Hex64),
        text.parse().ok().map(Value::Bool),
        text.parse::<Timestamp>().ok().map(|moment| Value::FileTime(filetime::from_timestamp(moment))),
    ];
    let fitting = candidates.into_iter().flatten().find(|value| value.to_text() == text);
    fitting.unwrap_or(Value::Text(text))
}

/// Bytes from hexadecimal digits; text when they are none.
fn bytes_of(text: &str) -> Value {
    let pairs = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect();
    match bytes {
        Some(bytes) if text.len().is_multiple_of(2) => Value::Binary(bytes),
        _ => Value::Text(text.to_owned()),
    }
}

/// The text cut to this many UTF-16 units at a character's end. NUL ends text in every reader, so it is replaced.
fn cut(text: &str, most: usize) -> String {
    let mut room = most;
    text.chars()
        .map(|character| if character == '\0' { char::REPLACEMENT_CHARACTER } else { character })
        .take_while(|character| {
            let fits = character.len_utf16() <= room;
            room = if fits { room - character.len_utf16() } else { 0 };
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_values_have_types_when_their_text_allows() {
        let kind = |text: &str| match typed_value(text.to_owned()) {
            Value::U32(_) => "number",
            Value::U64(_) => "long number",
            Value::Hex64(_) => "hexadecimal",
            Value::Bool(_) => "boolean",
            Value::FileTime(_) => "time",
            _ => "text",
        };
        let table = [
            ("80", "number"),
            ("0", "number"),
            ("080", "text"),
            ("4294967296", "long number"),
            ("0x0", "hexadecimal"),
            ("0xffff840500000074", "hexadecimal"),
            ("0x00000050", "text"),
            ("0xFF", "text"),
            ("true", "boolean"),
            ("True", "text"),
            ("2026-11-23T08:00:00.1234567Z", "time"),
            ("2026-11-23T08:00:00Z", "text"),
            ("", "text"),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn text_is_cut_at_characters() {
        assert_eq!(cut("a\u{1f600}b", 2), "a");
        assert_eq!(cut("a\u{1f600}b", 3), "a\u{1f600}");
        assert_eq!(cut("a\0b", 3), "a\u{fffd}b");
    }
}
