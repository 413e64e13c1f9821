//! An event as a tree of elements, and its text form.

use std::borrow::Cow;

use crate::filetime;

/// An element; its shape (names, which values there are and their types) decides the template.
pub(super) struct Element {
    pub(super) name: Cow<'static, str>,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) content: Content,
}

pub(super) enum Content {
    Nothing,
    Value(Value),
    Children(Vec<Element>),
}

/// A value with the type binary XML gives it.
pub(super) enum Value {
    /// Part of the template itself.
    Fixed(String),
    Text(String),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Hex64(u64),
    FileTime(u64),
    Bool(bool),
    /// Sixteen bytes as binary XML stores them.
    Guid([u8; 16]),
    Binary(Vec<u8>),
}

impl Element {
    pub(super) fn empty(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), content: Content::Nothing }
    }

    pub(super) fn value(name: impl Into<Cow<'static, str>>, value: Value) -> Self {
        Self { name: name.into(), attributes: Vec::new(), content: Content::Value(value) }
    }

    pub(super) fn parent(name: impl Into<Cow<'static, str>>, children: Vec<Self>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), content: Content::Children(children) }
    }

    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.attributes.push((name, value));
        self
    }

    pub(super) fn to_xml(&self) -> String {
        let mut text = String::new();
        self.write_xml(&mut text);
        text
    }

    fn write_xml(&self, text: &mut String) {
        text.push('<');
        text.push_str(&self.name);
        for (name, value) in &self.attributes {
            text.push(' ');
            text.push_str(name);
            text.push_str("='");
            escape(&value.to_text(), text);
            text.push('\'');
        }
        match &self.content {
            Content::Nothing => {
                text.push_str("/>");
                return;
            }
            Content::Value(value) => {
                text.push('>');
                escape(&value.to_text(), text);
            }
            Content::Children(children) => {
                text.push('>');
                for child in children {
                    child.write_xml(text);
                }
            }
        }
        text.push_str("</");
        text.push_str(&self.name);
        text.push('>');
    }
}

impl Value {
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Fixed(text) | Self::Text(text) => text.clone(),
            Self::U8(number) => number.to_string(),
            Self::U16(number) => number.to_string(),
            Self::U32(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::Hex64(number) => format!("{number:#x}"),
            Self::FileTime(time) => filetime::to_text(*time),
            Self::Bool(flag) => flag.to_string(),
            Self::Guid(bytes) => guid_text(bytes),
            Self::Binary(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }

    /// A GUID written with or without braces; text when it is none.
    pub(super) fn guid(text: &str) -> Self {
        match parse_guid(text) {
            Some(bytes) => Self::Guid(bytes),
            None => Self::Text(text.to_owned()),
        }
    }
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let groups: Vec<&str> = inner.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    swap_guid(&mut bytes);
    Some(bytes)
}

/// The first three groups are little-endian numbers when stored, big-endian when written.
fn swap_guid(bytes: &mut [u8; 16]) {
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
}

fn guid_text(stored: &[u8; 16]) -> String {
    let mut bytes = *stored;
    swap_guid(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{{}-{}-{}-{}-{}}}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// XML has no way to say most control characters: they become the replacement character.
fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\'' => text.push_str("&apos;"),
            '"' => text.push_str("&quot;"),
            '\t' | '\n' | '\r' => text.push(character),
            '\u{fffe}' | '\u{ffff}' => text.push(char::REPLACEMENT_CHARACTER),
            _ if character.is_control() => text.push(char::REPLACEMENT_CHARACTER),
            _ => text.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids() {
        let text = "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}";
        assert_eq!(Value::guid(text).to_text(), text);
        assert_eq!(Value::guid("A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D").to_text(), text);
        for wrong in ["", "{}", "a68ca8b7-004f-d7b6-a698-07e2de0f1f5", "a68ca8b7-004f-d7b6-a698-07e2de0f1fxx"] {
            assert!(matches!(Value::guid(wrong), Value::Text(_)), "{wrong}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let element = Element::value("Data", Value::Text("a<b>&'\"\u{1}\n".to_owned()));
        assert_eq!(element.to_xml(), "<Data>a&lt;b&gt;&amp;&apos;&quot;\u{fffd}\n</Data>");
    }
}
