//! Durations in published JSON: seconds with at most three decimals.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A duration, exact to the millisecond, so that records compare equal and render alike everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seconds {
    milliseconds: u64,
}

impl Seconds {
    /// From whole milliseconds.
    #[must_use]
    pub fn from_millis(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// From whole seconds.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Self {
        Self { milliseconds: seconds.saturating_mul(1000) }
    }

    /// In whole milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.milliseconds
    }

    /// As the standard library's duration.
    #[must_use]
    pub fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.milliseconds)
    }
}

impl From<std::time::Duration> for Seconds {
    fn from(duration: std::time::Duration) -> Self {
        Self { milliseconds: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl std::iter::Sum for Seconds {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self { milliseconds: all.map(Self::as_millis).fold(0, u64::saturating_add) }
    }
}

impl std::fmt::Display for Seconds {
    /// `3.100`: three decimals, as JUnit consumers expect.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.milliseconds / 1000, self.milliseconds % 1000)
    }
}

impl Serialize for Seconds {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.milliseconds as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a sane duration")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..1e15).contains(&seconds) {
            return Err(D::Error::custom(format!("{seconds} is no duration in seconds")));
        }
        Ok(Self { milliseconds: (seconds * 1000.0).round() as u64 })
    }
}
