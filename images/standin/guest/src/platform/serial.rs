//! Marks on the first serial port: what the guest does, one short line each, bounded per boot.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Bytes that one boot may write; a guest that talks without end must not fill its host's disk.
const BUDGET: usize = 64 * 1024;
/// Longest line, without the time.
const LINE: usize = 240;

static PORT: OnceLock<Option<File>> = OnceLock::new();
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Milliseconds since the kernel started.
pub(crate) fn uptime_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Writes one line. Failures are swallowed: there is nowhere else to report them.
pub(crate) fn write_line(text: &str) {
    write(&line(uptime_ms(), text));
}

/// Writes text as it is.
pub(crate) fn write(line: &str) {
    if WRITTEN.fetch_add(line.len(), Ordering::Relaxed) + line.len() > BUDGET {
        return;
    }
    // tests run on a machine whose serial port is not theirs
    let open = || if cfg!(test) { None } else { OpenOptions::new().write(true).open("/dev/ttyS0").ok() };
    let port = PORT.get_or_init(open);
    if let Some(mut port) = port.as_ref() {
        port.write_all(line.as_bytes()).ok();
    }
}

fn line(uptime_ms: u64, text: &str) -> String {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(LINE).collect();
    format!("standin {}.{:03} {text}\n", uptime_ms / 1000, uptime_ms % 1000)
}

/// Writes one mark, with format arguments.
macro_rules! mark {
    ($($arguments:tt)*) => { $crate::platform::serial::write_line(&format!($($arguments)*)) };
}
pub(crate) use mark;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(line(1_234, "up"), "standin 1.234 up\n");
        let long = line(0, &format!("a\nb{}", "x".repeat(1000)));
        assert_eq!(long.matches('\n').count(), 1);
        assert!(long.len() < 300);
    }
}
