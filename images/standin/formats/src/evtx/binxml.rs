//! Binary XML: templates and the values put into them.

use super::chunk::Chunk;
use super::tree::{Content, Element, Value};

const FRAGMENT: [u8; 4] = [0x0f, 0x01, 0x01, 0x00];
const END_OF_FRAGMENT: u8 = 0x00;
const ELEMENT: u8 = 0x01;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const END_ELEMENT: u8 = 0x04;
const VALUE: u8 = 0x05;
const ATTRIBUTE: u8 = 0x06;
const TEMPLATE_INSTANCE: u8 = 0x0c;
const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
/// Set on an element that has attributes and on an attribute that is not the last.
const MORE: u8 = 0x40;
const TYPE_NULL: u8 = 0x00;
const TYPE_STRING: u8 = 0x01;
const NO_DEPENDENCY: u16 = 0xffff;

/// Appends the binary XML of a record to the chunk: a template instance, with the template itself where the chunk does
/// not have it yet, and the values.
pub(super) fn write(root: &Element, chunk: &mut Chunk) {
    let mut shape = String::new();
    describe(root, &mut shape);
    let identity = template_identity(&shape);
    let id: [u8; 4] = [identity[0], identity[1], identity[2], identity[3]];

    chunk.bytes.extend_from_slice(&FRAGMENT);
    chunk.bytes.extend_from_slice(&[TEMPLATE_INSTANCE, 0x01]);
    chunk.bytes.extend_from_slice(&id);
    if let Some(offset) = chunk.template(&shape) {
        chunk.bytes.extend_from_slice(&offset.to_le_bytes());
    } else {
        let offset = chunk.position() + 4;
        chunk.bytes.extend_from_slice(&offset.to_le_bytes());
        let next = chunk.add_template(shape, offset, u32::from_le_bytes(id));
        chunk.bytes.extend_from_slice(&next.to_le_bytes());
        chunk.bytes.extend_from_slice(&identity);
        let size_at = reserve_size(chunk);
        chunk.bytes.extend_from_slice(&FRAGMENT);
        let mut substitution = 0;
        write_element(root, chunk, &mut substitution);
        chunk.bytes.push(END_OF_FRAGMENT);
        fill_size(chunk, size_at);
    }

    let mut values = Vec::new();
    collect(root, &mut values);
    write_values(&values, chunk);
    chunk.bytes.push(END_OF_FRAGMENT);
}

/// All that makes a template what it is, as text.
fn describe(element: &Element, shape: &mut String) {
    shape.push_str(&format!("<{} ", element.name));
    for (name, value) in &element.attributes {
        describe_value(name, value, shape);
    }
    match &element.content {
        Content::Nothing => shape.push('/'),
        Content::Value(value) => describe_value("", value, shape),
        Content::Children(children) => children.iter().for_each(|child| describe(child, shape)),
    }
    shape.push('>');
}

fn describe_value(name: &str, value: &Value, shape: &mut String) {
    shape.push_str(&format!("{name:?}={}", value_type(value)));
    if let Value::Fixed(text) = value {
        shape.push_str(&format!(":{text:?}"));
    }
    shape.push(' ');
}

/// Templates are known by a GUID; readers keep them by it across chunks, so it must follow the shape.
fn template_identity(shape: &str) -> [u8; 16] {
    let hash =
        |seed: u64| shape.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&hash(0xcbf2_9ce4_8422_2325).to_le_bytes());
    identity[8..].copy_from_slice(&hash(0x6c62_272e_07bb_0142).to_le_bytes());
    identity
}

fn write_element(element: &Element, chunk: &mut Chunk, substitution: &mut u16) {
    let flag = if element.attributes.is_empty() { 0 } else { MORE };
    chunk.bytes.push(ELEMENT | flag);
    chunk.bytes.extend_from_slice(&NO_DEPENDENCY.to_le_bytes());
    let size_at = reserve_size(chunk);
    write_name(&element.name, chunk);
    if let Some((last, others)) = element.attributes.split_last() {
        let list_at = reserve_size(chunk);
        for (name, value) in others {
            write_attribute(ATTRIBUTE | MORE, name, value, chunk, substitution);
        }
        write_attribute(ATTRIBUTE, last.0, &last.1, chunk, substitution);
        fill_size(chunk, list_at);
    }
    match &element.content {
        Content::Nothing => chunk.bytes.push(CLOSE_EMPTY),
        Content::Value(value) => {
            chunk.bytes.push(CLOSE_START);
            write_value(value, chunk, substitution);
            chunk.bytes.push(END_ELEMENT);
        }
        Content::Children(children) => {
            chunk.bytes.push(CLOSE_START);
            for child in children {
                write_element(child, chunk, substitution);
            }
            chunk.bytes.push(END_ELEMENT);
        }
    }
    fill_size(chunk, size_at);
}

fn write_attribute(token: u8, name: &str, value: &Value, chunk: &mut Chunk, substitution: &mut u16) {
    chunk.bytes.push(token);
    write_name(name, chunk);
    write_value(value, chunk, substitution);
}

/// A place in a template: its own text, or a numbered gap.
fn write_value(value: &Value, chunk: &mut Chunk, substitution: &mut u16) {
    if let Value::Fixed(text) = value {
        let units: Vec<u8> = utf16(text);
        let length = u16::try_from(units.len() / 2).unwrap_or(0);
        chunk.bytes.extend_from_slice(&[VALUE, TYPE_STRING]);
        chunk.bytes.extend_from_slice(&length.to_le_bytes());
        chunk.bytes.extend_from_slice(&units);
    } else {
        chunk.bytes.push(OPTIONAL_SUBSTITUTION);
        chunk.bytes.extend_from_slice(&substitution.to_le_bytes());
        chunk.bytes.push(value_type(value));
        *substitution += 1;
    }
}

/// A name is stored once per chunk, where it first occurs, and linked into one of 64 lists.
fn write_name(name: &str, chunk: &mut Chunk) {
    if let Some(offset) = chunk.name(name) {
        chunk.bytes.extend_from_slice(&offset.to_le_bytes());
        return;
    }
    let offset = chunk.position() + 4;
    chunk.bytes.extend_from_slice(&offset.to_le_bytes());
    let units = utf16(name);
    let hash = name.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(u32::from(unit)));
    let short_hash = (hash & 0xffff) as u16;
    let next = chunk.add_name(name, offset, short_hash);
    chunk.bytes.extend_from_slice(&next.to_le_bytes());
    chunk.bytes.extend_from_slice(&short_hash.to_le_bytes());
    let length = u16::try_from(units.len() / 2).unwrap_or(0);
    chunk.bytes.extend_from_slice(&length.to_le_bytes());
    chunk.bytes.extend_from_slice(&units);
    chunk.bytes.extend_from_slice(&[0, 0]);
}

/// The values in the order of the template's gaps.
fn collect<'a>(element: &'a Element, values: &mut Vec<&'a Value>) {
    let in_attributes = element.attributes.iter().map(|(_, value)| value);
    values.extend(in_attributes.filter(|value| !matches!(value, Value::Fixed(_))));
    match &element.content {
        Content::Nothing | Content::Value(Value::Fixed(_)) => {}
        Content::Value(value) => values.push(value),
        Content::Children(children) => children.iter().for_each(|child| collect(child, values)),
    }
}

fn write_values(values: &[&Value], chunk: &mut Chunk) {
    let count = u32::try_from(values.len()).unwrap_or(0);
    chunk.bytes.extend_from_slice(&count.to_le_bytes());
    let stored: Vec<Vec<u8>> = values.iter().map(|value| stored(value)).collect();
    for (value, bytes) in values.iter().zip(&stored) {
        let kind = if bytes.is_empty() { TYPE_NULL } else { value_type(value) };
        let size = u16::try_from(bytes.len()).unwrap_or(0);
        chunk.bytes.extend_from_slice(&size.to_le_bytes());
        chunk.bytes.extend_from_slice(&[kind, 0]);
    }
    for bytes in stored {
        chunk.bytes.extend_from_slice(&bytes);
    }
}

fn stored(value: &Value) -> Vec<u8> {
    match value {
        Value::Fixed(text) | Value::Text(text) => utf16(text),
        Value::U8(number) => vec![*number],
        Value::U16(number) => number.to_le_bytes().to_vec(),
        Value::U32(number) => number.to_le_bytes().to_vec(),
        Value::U64(number) | Value::Hex64(number) | Value::FileTime(number) => number.to_le_bytes().to_vec(),
        Value::Bool(flag) => u32::from(*flag).to_le_bytes().to_vec(),
        Value::Guid(bytes) => bytes.to_vec(),
        Value::Binary(bytes) => bytes.clone(),
    }
}

fn value_type(value: &Value) -> u8 {
    match value {
        Value::Fixed(_) | Value::Text(_) => TYPE_STRING,
        Value::U8(_) => 0x04,
        Value::U16(_) => 0x06,
        Value::U32(_) => 0x08,
        Value::U64(_) => 0x0a,
        Value::Bool(_) => 0x0d,
        Value::Binary(_) => 0x0e,
        Value::Guid(_) => 0x0f,
        Value::FileTime(_) => 0x11,
        Value::Hex64(_) => 0x15,
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn reserve_size(chunk: &mut Chunk) -> usize {
    let at = chunk.bytes.len();
    chunk.bytes.extend_from_slice(&[0; 4]);
    at
}

/// Writes how many bytes follow the reserved size field.
fn fill_size(chunk: &mut Chunk, at: usize) {
    let size = u32::try_from(chunk.bytes.len() - at - 4).unwrap_or(0);
    chunk.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
}
