//! Windows' ways to say when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// From 1601 to 1970, in steps of 100 ns.
const EPOCH: u64 = 116_444_736_000_000_000;

/// FILETIME of a moment.
pub(crate) fn filetime(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    EPOCH + u64::try_from(since.as_nanos() / 100).unwrap_or(u64::MAX - EPOCH)
}

/// The moment of a FILETIME.
pub(crate) fn moment(filetime: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(filetime.saturating_sub(EPOCH).saturating_mul(100))
}

/// `2026-01-31T23:59:59.1234567Z`.
pub(crate) fn iso(moment: SystemTime) -> String {
    Timestamp::try_from(moment).map_or_else(|_| String::new(), |it| format!("{it:.7}"))
}

/// `MMDDYY`, as in the name of a small dump.
pub(crate) fn short_date(moment: SystemTime) -> String {
    format_as(moment, "%m%d%y")
}

/// `YYYYMMDD-HHMM`, as in the name of a live report.
pub(crate) fn compact(moment: SystemTime) -> String {
    format_as(moment, "%Y%m%d-%H%M")
}

/// Time and date as the event log's service writes them, in US English.
pub(crate) fn time_and_date(moment: SystemTime) -> (String, String) {
    (format_as(moment, "%-I:%M:%S %p"), format_as(moment, "%-m/%-d/%Y"))
}

/// SYSTEMTIME as bytes: year, month, day of week, day, hour, minute, second, millisecond.
pub(crate) fn systemtime(moment: SystemTime) -> Vec<u8> {
    let Ok(stamp) = Timestamp::try_from(moment) else { return vec![0; 16] };
    let it = stamp.to_zoned(TimeZone::UTC);
    let fields = [
        it.year(),
        i16::from(it.month()),
        i16::from(it.weekday().to_sunday_zero_offset()),
        i16::from(it.day()),
        i16::from(it.hour()),
        i16::from(it.minute()),
        i16::from(it.second()),
        it.millisecond(),
    ];
    fields.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn format_as(moment: SystemTime, format: &str) -> String {
    Timestamp::try_from(moment)
        .map_or_else(|_| String::new(), |it| it.to_zoned(TimeZone::UTC).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-08-31T21:33:01Z, the moment in a dump that Windows wrote.
    const MOMENT: Duration = Duration::from_secs(1_756_675_981);

    #[test]
    fn forms() {
        let at = UNIX_EPOCH + MOMENT;
        assert_eq!(iso(at), "2025-08-31T21:33:01.0000000Z");
        assert_eq!(short_date(at), "083125");
        assert_eq!(compact(at), "20250831-2133");
        assert_eq!(time_and_date(at), ("9:33:01 PM".to_owned(), "8/31/2025".to_owned()));
        assert_eq!(filetime(at), 134_011_495_810_000_000);
        assert_eq!(moment(filetime(at)), at);
        // a Sunday
        assert_eq!(systemtime(at)[..8], [0xe9, 7, 8, 0, 0, 0, 31, 0]);
    }
}
