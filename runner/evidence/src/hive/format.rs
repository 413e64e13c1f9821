//! The `regf` format: a header of 4 KiB, then cells that refer to each other by their offset behind it.
//!
//! Layout: Maxim Suhanov's "Windows registry file format specification" (public), compared with python-registry's
//! reading of real hives. Only what a walk by names needs; every list is bounded and no walk follows cells deeper than
//! from a key to its subkeys' lists, so that cells which refer to each other in a circle end it.

use crate::bytes::{Bytes, one_line};

const HEADER: u64 = 0x1000;
/// What a cell's offset is where there is none.
const NONE: u32 = u32::MAX;
/// Subkeys and values of one key: no key that is read here has more than some hundred.
const MAX_SUBKEYS: u32 = 0x4000;
const MAX_VALUES: u32 = 1024;
/// Characters of the longest key's name, and of a text that is kept.
const NAME: usize = 255;
const TEXT: usize = 320;

/// Why a part of a hive cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("a reference leads out of the hive ({0:#x})")]
    Outside(u32),
    #[error("no {expected} at {at:#x}")]
    Other { expected: &'static str, at: u32 },
    #[error("the cell at {0:#x} is too short for what it holds")]
    Short(u32),
    #[error("the key at {at:#x} states {count} {of}")]
    TooMany { of: &'static str, count: u32, at: u32 },
}

/// A hive's bytes.
#[derive(Clone, Copy)]
pub(super) struct Hive<'h>(Bytes<'h>);

impl<'h> Hive<'h> {
    pub(super) fn new(bytes: &'h [u8]) -> Option<Self> {
        let bytes = Bytes(bytes);
        (bytes.slice(0, 4)? == b"regf" && bytes.len() >= HEADER).then_some(Self(bytes))
    }

    /// The file that it is, as its header says: the end of its path.
    pub(super) fn name(self) -> Option<String> {
        super::own_name(&self.0.utf16(0x30, 32)?)
    }

    pub(super) fn written(self) -> Option<jiff::Timestamp> {
        /// 100 ns between 1601 and 1970.
        const UNIX_EPOCH: i128 = 116_444_736_000_000_000;
        let ticks = i128::from(self.0.u64(0x0c)?);
        jiff::Timestamp::from_nanosecond((ticks - UNIX_EPOCH) * 100).ok().filter(|_| ticks != 0)
    }

    /// Whether Windows would first replay its transaction logs: the two sequence numbers differ, or the check sum (all
    /// words before it, xor) is wrong. Sums of all zeros or ones are written as 1 and -2.
    pub(super) fn is_dirty(self) -> bool {
        let sum = (0..127).filter_map(|index| self.0.u32(4 * index)).fold(0, |sum, word| sum ^ word);
        let sum = match sum {
            0 => 1,
            u32::MAX => u32::MAX - 1,
            sum => sum,
        };
        self.0.u32(4) != self.0.u32(8) || self.0.u32(0x1fc) != Some(sum)
    }

    /// Whether it is a transaction log: its header is a copy of that of its hive but for the type of the file. Of the three
    /// types that logs have, current Windows writes 6.
    pub(super) fn is_log(self) -> bool {
        matches!(self.0.u32(0x1c), Some(1 | 2 | 6))
    }

    /// Bytes that the header states and the file does not have.
    pub(super) fn missing_bytes(self) -> Option<u64> {
        let stated = HEADER + u64::from(self.0.u32(0x28)?);
        stated.checked_sub(self.0.len()).filter(|&missing| missing > 0)
    }

    pub(super) fn root(self) -> Result<Key<'h>, Damage> {
        Key::at(self, self.0.u32(0x24).unwrap_or(NONE))
    }

    /// The contents of a cell, which begins with its size, negative while it is in use.
    fn cell(self, at: u32) -> Result<Bytes<'h>, Damage> {
        let start = HEADER + u64::from(at);
        let size = self.0.u32(start).filter(|_| at != NONE).ok_or(Damage::Outside(at))?;
        let size = u64::from(size.cast_signed().unsigned_abs());
        let contents = size.checked_sub(4).and_then(|length| self.0.slice(start + 4, length));
        contents.map(Bytes).ok_or(Damage::Outside(at))
    }

    /// A cell of a kind that its first two bytes tell.
    fn cell_of(self, at: u32, signature: [u8; 2], expected: &'static str) -> Result<Bytes<'h>, Damage> {
        let cell = self.cell(at)?;
        if cell.slice(0, 2) == Some(&signature) { Ok(cell) } else { Err(Damage::Other { expected, at }) }
    }
}

/// A key.
#[derive(Clone, Copy)]
pub(super) struct Key<'h> {
    hive: Hive<'h>,
    at: u32,
    cell: Bytes<'h>,
}

impl<'h> Key<'h> {
    fn at(hive: Hive<'h>, at: u32) -> Result<Self, Damage> {
        let cell = hive.cell_of(at, *b"nk", "key")?;
        // Length of its name is the last number that every key has.
        cell.u16(0x48).ok_or(Damage::Short(at))?;
        Ok(Self { hive, at, cell })
    }

    fn word(&self, offset: u64) -> Result<u32, Damage> {
        self.cell.u32(offset).ok_or(Damage::Short(self.at))
    }

    pub(super) fn name(&self) -> String {
        self.text_of_name().decoded()
    }

    fn text_of_name(&self) -> Name<'h> {
        const LATIN: u16 = 0x20;
        let latin = self.cell.u16(2).unwrap_or_default() & LATIN != 0;
        Name::in_cell(self.cell, 0x4c, self.cell.u16(0x48).unwrap_or_default(), latin)
    }

    /// All subkeys, as far as their lists can be read.
    pub(super) fn subkeys(&self) -> impl Iterator<Item = Result<Key<'h>, Damage>> + use<'h> {
        let hive = self.hive;
        let offsets = self.subkey_lists().into_iter().flat_map(|list| match list {
            Ok((list, step)) => itself_or_damage(Some(entries(list, step)), None),
            Err(damage) => itself_or_damage(None, Some(damage)),
        });
        offsets.take(MAX_SUBKEYS as usize).map(move |offset| Key::at(hive, offset?))
    }

    /// The lists that name the subkeys, with the bytes of an entry: none, one, or those that a list of lists names.
    fn subkey_lists(&self) -> Vec<Result<(Bytes<'h>, u64), Damage>> {
        let place = self.word(0x14).and_then(|count| Ok((count, self.word(0x1c)?)));
        match place {
            Ok((0, _)) => Vec::new(),
            Ok((count, _)) if count > MAX_SUBKEYS => {
                vec![Err(Damage::TooMany { of: "subkeys", count, at: self.at })]
            }
            Ok((_, at)) => match self.hive.cell_of(at, *b"ri", "list of lists") {
                Ok(lists) => {
                    entries(lists, 4).take(MAX_SUBKEYS as usize).map(|at| subkey_list(self.hive, at)).collect()
                }
                Err(_) => vec![subkey_list(self.hive, at)],
            },
            Err(damage) => vec![Err(damage)],
        }
    }

    /// The subkey of this name, in any case. Damage elsewhere matters only where the name is not found.
    pub(super) fn subkey(&self, name: &str) -> Result<Option<Key<'h>>, Damage> {
        let mut lost = None;
        for key in self.subkeys() {
            match key {
                Ok(key) if key.text_of_name().is(name) => return Ok(Some(key)),
                Ok(_) => {}
                Err(damage) => lost = lost.or(Some(damage)),
            }
        }
        lost.map_or(Ok(None), Err)
    }

    pub(super) fn path(&self, names: &[&str]) -> Result<Option<Key<'h>>, Damage> {
        let mut key = *self;
        for name in names {
            match key.subkey(name)? {
                Some(next) => key = next,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// Where it lies: two references to one key have the same.
    pub(super) fn place(&self) -> u32 {
        self.at
    }

    /// The values of these names, in any case, each as it is found. A value that cannot be read costs itself alone.
    pub(super) fn values<const N: usize>(&self, names: [&str; N]) -> Result<Values<'h, N>, Damage> {
        let mut values = Values { found: [None; N], lost: None };
        let count = self.word(0x24)?;
        if count > MAX_VALUES {
            return Err(Damage::TooMany { of: "values", count, at: self.at });
        }
        let at = self.word(0x28)?;
        for index in 0..u64::from(count) {
            let Some(offset) = self.hive.cell(at)?.u32(4 * index) else {
                values.lost = values.lost.or(Some(Damage::Short(at)));
                break;
            };
            match Value::at(self.hive, offset) {
                Ok(value) => {
                    if let Some(place) = names.iter().position(|name| value.name().is(name)) {
                        values.found[place] = values.found[place].or(Some(value));
                    }
                }
                Err(damage) => values.lost = values.lost.or(Some(damage)),
            }
        }
        Ok(values)
    }
}

/// Values of a key that were looked for.
pub(super) struct Values<'h, const N: usize> {
    /// In the order of the names.
    pub(super) found: [Option<Value<'h>>; N],
    /// The first damage among all values of the key: what was not found may be what it cost.
    pub(super) lost: Option<Damage>,
}

impl<'h, const N: usize> Values<'h, N> {
    /// Whether damage cost none of those that were looked for.
    ///
    /// # Errors
    /// The first damage, where one of them was not found: it may be what the damage cost.
    pub(super) fn complete(&self) -> Result<(), Damage> {
        match self.lost {
            Some(damage) if self.found.iter().any(Option::is_none) => Err(damage),
            _ => Ok(()),
        }
    }
}

impl<'h> Values<'h, 1> {
    /// The only value that was looked for: damage elsewhere matters only where it is not found.
    pub(super) fn only(self) -> Result<Option<Value<'h>>, Damage> {
        self.complete()?;
        let [value] = self.found;
        Ok(value)
    }
}

/// A list of subkeys: plain, or with four bytes of each name or its hash.
fn subkey_list(hive: Hive<'_>, at: u32) -> Result<(Bytes<'_>, u64), Damage> {
    let cell = hive.cell(at)?;
    match cell.slice(0, 2) {
        Some(b"lf" | b"lh") => Ok((cell, 8)),
        Some(b"li") => Ok((cell, 4)),
        _ => Err(Damage::Other { expected: "list of subkeys", at }),
    }
}

/// The offsets in a list: signature, number, then entries that begin with an offset.
fn entries(list: Bytes<'_>, step: u64) -> impl Iterator<Item = u32> {
    let count = u64::from(list.u16(2).unwrap_or_default());
    (0..count).map_while(move |index| list.u32(4 + step * index))
}

/// What an unreadable list leaves in place of its offsets.
fn itself_or_damage(
    list: Option<impl Iterator<Item = u32>>,
    damage: Option<Damage>,
) -> impl Iterator<Item = Result<u32, Damage>> {
    list.into_iter().flatten().map(Ok).chain(damage.map(Err))
}

/// A value of a key.
#[derive(Clone, Copy)]
pub(super) struct Value<'h> {
    hive: Hive<'h>,
    at: u32,
    cell: Bytes<'h>,
}

impl<'h> Value<'h> {
    const SZ: u32 = 1;
    const EXPAND_SZ: u32 = 2;
    const DWORD: u32 = 4;
    const MULTI_SZ: u32 = 7;

    fn at(hive: Hive<'h>, at: u32) -> Result<Self, Damage> {
        let cell = hive.cell_of(at, *b"vk", "value")?;
        cell.u16(0x12).ok_or(Damage::Short(at))?;
        Ok(Self { hive, at, cell })
    }

    fn name(&self) -> Name<'h> {
        const LATIN: u16 = 1;
        let latin = self.cell.u16(0x10).unwrap_or_default() & LATIN != 0;
        Name::in_cell(self.cell, 0x14, self.cell.u16(2).unwrap_or_default(), latin)
    }

    fn word(&self, offset: u64) -> Result<u32, Damage> {
        self.cell.u32(offset).ok_or(Damage::Short(self.at))
    }

    /// Its data: up to four bytes lie in the place of their offset. Long data is spread over cells, and then this is
    /// their list; no number or path is that long.
    fn data(&self) -> Result<Bytes<'h>, Damage> {
        const LIES_HERE: u32 = 1 << 31;
        let size = self.word(4)?;
        let length = u64::from(size & !LIES_HERE);
        if size & LIES_HERE != 0 {
            return self.cell.slice(8, length.min(4)).map(Bytes).ok_or(Damage::Short(self.at));
        }
        let at = self.word(8)?;
        self.hive.cell(at)?.slice(0, length).map(Bytes).ok_or(Damage::Short(at))
    }

    /// A `REG_DWORD`; another type is none.
    pub(super) fn number(&self) -> Result<Option<u32>, Damage> {
        if self.word(0x0c)? != Self::DWORD {
            return Ok(None);
        }
        self.data()?.u32(0).map(Some).ok_or(Damage::Short(self.at))
    }

    /// A `REG_SZ` or `REG_EXPAND_SZ`; another type is none.
    pub(super) fn text(&self) -> Result<Option<String>, Damage> {
        if !matches!(self.word(0x0c)?, Self::SZ | Self::EXPAND_SZ) {
            return Ok(None);
        }
        let data = self.data()?;
        let units = (data.len() / 2).min(TEXT as u64);
        Ok(data.utf16(0, units).map(|text| one_line(&text, TEXT)))
    }
}

impl Value<'_> {
    /// The texts of a `REG_MULTI_SZ`; another type has none.
    pub(super) fn texts(&self) -> Result<Vec<String>, Damage> {
        /// More than any list that is read here has.
        const MOST: usize = 64;
        if self.word(0x0c)? != Self::MULTI_SZ {
            return Ok(Vec::new());
        }
        let data = self.data()?;
        let units = (0..data.len() / 2).take(MOST * TEXT).filter_map(|index| data.u16(2 * index));
        let units: Vec<u16> = units.collect();
        let texts = units.split(|&unit| unit == 0).filter(|text| !text.is_empty()).take(MOST);
        Ok(texts.map(|text| one_line(&String::from_utf16_lossy(text), TEXT)).collect())
    }
}

/// The name of a key or a value, which most have in Latin 1, one byte a character.
struct Name<'h> {
    bytes: &'h [u8],
    latin: bool,
}

impl<'h> Name<'h> {
    fn in_cell(cell: Bytes<'h>, at: u64, length: u16, latin: bool) -> Self {
        let most = if latin { NAME } else { 2 * NAME } as u64;
        Self { bytes: cell.slice_up_to(at, u64::from(length).min(most)), latin }
    }

    fn decoded(&self) -> String {
        let text = match self.latin {
            true => self.bytes.iter().copied().map(char::from).collect(),
            false => Bytes(self.bytes).utf16(0, Bytes(self.bytes).len() / 2).unwrap_or_default(),
        };
        one_line(&text, NAME)
    }

    /// Whether it is this name of ASCII letters, in any case.
    fn is(&self, name: &str) -> bool {
        let units = if self.latin { self.bytes.len() } else { self.bytes.len() / 2 };
        units == name.len() && self.decoded().eq_ignore_ascii_case(name)
    }
}
