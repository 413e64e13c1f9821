//! FILETIME: 100 ns steps since 1601-01-01 UTC, the time of dumps and event logs.

use jiff::Timestamp;

/// Seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH_S: i128 = 11_644_473_600;
const STEP_NS: i128 = 100;

/// The FILETIME of a moment; a moment before 1601 becomes zero.
#[must_use]
pub fn from_timestamp(moment: Timestamp) -> u64 {
    let steps = moment.as_nanosecond() / STEP_NS + UNIX_EPOCH_S * 10_000_000;
    u64::try_from(steps).unwrap_or(0)
}

/// The moment of a FILETIME; what lies beyond the calendar becomes its last day.
#[must_use]
pub fn to_timestamp(filetime: u64) -> Timestamp {
    let nanoseconds = (i128::from(filetime) - UNIX_EPOCH_S * 10_000_000) * STEP_NS;
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::MAX)
}

/// A FILETIME as `wevtutil` prints it: UTC with seven decimals (`2026-11-23T08:00:00.1234567Z`).
#[must_use]
pub fn to_text(filetime: u64) -> String {
    to_timestamp(filetime).strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        // Values of a public dump (2025-08-31T21:33:01Z) and of the Unix epoch.
        assert_eq!(to_text(0x01dc_1abe_d41f_d543), "2025-08-31T21:33:01.9236675Z");
        assert_eq!(to_text(116_444_736_000_000_000), "1970-01-01T00:00:00.0000000Z");
        assert_eq!(to_text(0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(from_timestamp(Timestamp::UNIX_EPOCH), 116_444_736_000_000_000);
        assert_eq!(to_timestamp(u64::MAX), Timestamp::MAX);
    }

    #[test]
    fn there_and_back() {
        for filetime in [1, 132_223_104_000_000_001, 0x01dc_1abe_d41f_d543] {
            assert_eq!(from_timestamp(to_timestamp(filetime)), filetime);
        }
    }
}
