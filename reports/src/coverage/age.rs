//! Ages, as short as a table needs them.

use jiff::Timestamp;

/// `42m`, `5h`, `12d`, `20w`, `3y`: whole units that have passed. A moment that has not come is `0m`: clocks differ.
pub(super) fn age(now: Timestamp, then: Timestamp) -> String {
    let minutes = now.as_second().saturating_sub(then.as_second()).max(0) / 60;
    let (hours, days) = (minutes / 60, minutes / (60 * 24));
    match (minutes, hours, days) {
        (..60, ..) => format!("{minutes}m"),
        (_, ..48, _) => format!("{hours}h"),
        (.., ..100) => format!("{days}d"),
        (.., ..730) => format!("{}w", days / 7),
        _ => format!("{}y", days / 365),
    }
}

/// Shades of a heat map, newest first: younger than a day, a week, a month, a quarter; older.
pub(super) const SHADES: [(&str, i64); 4] = [("a day", 1), ("a week", 7), ("a month", 30), ("a quarter", 91)];

/// Which of them, from 0; the last is one more.
pub(super) fn shade(now: Timestamp, then: Timestamp) -> usize {
    let days = now.as_second().saturating_sub(then.as_second()) / (60 * 60 * 24);
    SHADES.iter().position(|(_, most)| days < *most).unwrap_or(SHADES.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_never_negative() {
        let now = Timestamp::from_second(2_000_000_000).unwrap();
        let ago = |seconds: i64| Timestamp::from_second(2_000_000_000 - seconds).unwrap();
        let (minute, hour, day) = (60, 3600, 86400);
        let told = [
            (-5 * day, "0m"),
            (59 * minute, "59m"),
            (hour, "1h"),
            (47 * hour, "47h"),
            (48 * hour, "2d"),
            (99 * day, "99d"),
            (100 * day, "14w"),
            (730 * day, "2y"),
        ];
        for (seconds, expected) in told {
            assert_eq!(age(now, ago(seconds)), expected, "{seconds} s");
        }
        assert_eq!([0, day, 7 * day, 30 * day, 91 * day].map(|it| shade(now, ago(it))), [0, 1, 2, 3, 4]);
        assert_eq!(shade(now, ago(day - 1)), 0);
    }
}
