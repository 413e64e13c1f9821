//! Addresses and codes in published JSON: lower-case `0x…` strings without padding.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A number that people read in base 16: a stop code, an address, a parameter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hex(pub u64);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl std::fmt::Debug for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl From<u64> for Hex {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<u32> for Hex {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl std::str::FromStr for Hex {
    type Err = std::num::ParseIntError;

    /// Reads `0x…`, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or("not hex");
        u64::from_str_radix(digits, 16).map(Self)
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no `0x…` number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for number in [0, 0x50, u64::MAX] {
            assert_eq!(Hex(number).to_string().parse(), Ok(Hex(number)));
        }
        assert!("50".parse::<Hex>().is_err());
        assert!("0x".parse::<Hex>().is_err());
    }
}
