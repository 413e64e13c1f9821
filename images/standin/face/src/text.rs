//! Small things every file here needs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Locks; a thread that panicked while it held the lock leaves data that is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 100-nanosecond steps since 1601, as Windows counts time.
pub(crate) fn filetime(time: SystemTime) -> u64 {
    const EPOCHS_APART: u64 = 116_444_736_000_000_000;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    EPOCHS_APART + since.as_secs() * 10_000_000 + u64::from(since.subsec_nanos() / 100)
}

/// UTF-16LE with a byte-order mark, as Windows Installer writes its log.
pub(crate) fn utf16_with_mark(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Text of a file in UTF-8, or in UTF-16 when it has that mark.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Whether a name fits a pattern with `*` and `?`, in any letters. `*.*` fits everything, as in DOS.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    fn go(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => go(rest, name) || name.split_first().is_some_and(|(_, tail)| go(pattern, tail)),
            (Some(('?', rest)), Some((_, tail))) => go(rest, tail),
            (Some((a, rest)), Some((b, tail))) => a == b && go(rest, tail),
            _ => false,
        }
    }
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let pattern = if pattern == "*.*" { "*" } else { pattern };
    go(&lower(pattern), &lower(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, yes) in [
            ("*.sys", "Acme.SYS", true),
            ("*.*", "noext", true),
            ("a?c*", "abcd", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), yes, "{pattern} {name}");
        }
    }

    #[test]
    fn time_starts_in_1601() {
        assert_eq!(filetime(UNIX_EPOCH), 116_444_736_000_000_000);
    }
}
