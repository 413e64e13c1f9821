//! The version resource: what Explorer, driver lists and crash tools show of a file.

use super::Identity;

const RT_VERSION: u32 = 16;
const ENGLISH: u32 = 0x409;
/// Three directories with one entry each and one data entry stand before the data.
const DATA: u32 = 0x58;
const SUBDIRECTORY: u32 = 0x8000_0000;

/// What kind of file it is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Driver,
    Program,
}

/// A resource section that only lacks its address.
pub(super) struct Resource {
    data: Vec<u8>,
}

impl Resource {
    pub(super) fn len(&self) -> usize {
        DATA as usize + self.data.len()
    }

    /// The section's bytes for a section at this address.
    pub(super) fn at(&self, section: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        for (id, target) in [(RT_VERSION, SUBDIRECTORY | 0x18), (1, SUBDIRECTORY | 0x30), (ENGLISH, 0x48)] {
            // Characteristics, time, version, no named entry, one numbered entry.
            for number in [0, 0, 0, 1 << 16, id, target] {
                bytes.extend_from_slice(&u32::to_le_bytes(number));
            }
        }
        let length = u32::try_from(self.data.len()).unwrap_or(0);
        for number in [section + DATA, length, 0, 0] {
            bytes.extend_from_slice(&u32::to_le_bytes(number));
        }
        debug_assert_eq!(bytes.len(), DATA as usize);
        bytes.extend_from_slice(&self.data);
        bytes
    }
}

pub(super) fn resource(identity: &Identity, kind: Kind) -> Resource {
    let version = identity.version.map(|part| part.to_string()).join(".");
    let stem = identity.file_name.split('.').next().unwrap_or_default();
    let copyright = format!("Copyright {}. An invented product of a test guest.", identity.company);
    let strings = [
        ("CompanyName", identity.company.as_str()),
        ("FileDescription", &identity.description),
        ("FileVersion", &version),
        ("InternalName", stem),
        ("LegalCopyright", &copyright),
        ("OriginalFilename", &identity.file_name),
        ("ProductName", &identity.product),
        ("ProductVersion", &version),
    ]
    .map(|(key, text)| {
        let units: Vec<u8> = utf16(text);
        node(key, true, &units, units.len() / 2, &[])
    });
    let table = node("040904b0", true, &[], 0, &strings);
    let languages = node("Translation", false, &[0x09, 0x04, 0xb0, 0x04], 4, &[]);
    let children = [node("StringFileInfo", true, &[], 0, &[table]), node("VarFileInfo", true, &[], 0, &[languages])];
    let fixed = fixed_info(identity.version, kind);
    Resource { data: node("VS_VERSION_INFO", false, &fixed, fixed.len(), &children) }
}

/// VS_FIXEDFILEINFO.
fn fixed_info(version: [u16; 4], kind: Kind) -> Vec<u8> {
    let [a, b, c, d] = version.map(u32::from);
    let (file_type, subtype) = match kind {
        Kind::Driver => (3, 7),
        Kind::Program => (1, 0),
    };
    let (high, low) = (a << 16 | b, c << 16 | d);
    let numbers = [0xfeef_04bd, 0x1_0000, high, low, high, low, 0x3f, 0, 0x4_0004, file_type, subtype, 0, 0];
    numbers.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// One node: lengths, kind, key, value, children, each part at a multiple of four. Lengths of text count characters.
fn node(key: &str, text: bool, value: &[u8], value_length: usize, children: &[Vec<u8>]) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = vec![0; 2];
    bytes.extend_from_slice(&short(value_length));
    bytes.extend_from_slice(&u16::from(text).to_le_bytes());
    bytes.extend_from_slice(&utf16(key));
    for part in std::iter::once(value).chain(children.iter().map(Vec::as_slice)).filter(|part| !part.is_empty()) {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend_from_slice(part);
    }
    let length = short(bytes.len());
    bytes[..2].copy_from_slice(&length);
    bytes
}

/// UTF-16 with its NUL.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}
