//! Non-maskable interrupts, seen in the kernel's counters.

use std::fs;
use std::time::Duration;

/// How often the counters are read.
const EVERY: Duration = Duration::from_millis(250);

/// Runs `injected` once the processor has taken a non-maskable interrupt. The kernel runs with `nmi_watchdog=0`, so any
/// such interrupt comes from outside.
pub(crate) fn watch_nmi(injected: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let before = taken();
        while taken() <= before {
            std::thread::sleep(EVERY);
        }
        injected();
    });
}

fn taken() -> u64 {
    fs::read_to_string("/proc/interrupts").map_or(0, |text| nmi_count(&text))
}

/// Sum over all processors in the line `NMI:`.
fn nmi_count(interrupts: &str) -> u64 {
    let Some(line) = interrupts.lines().find_map(|line| line.trim_start().strip_prefix("NMI:")) else {
        return 0;
    };
    line.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_over_all_processors() {
        let text = "           CPU0       CPU1\n  0:         44          0   IO-APIC    2-edge      timer\n\
                    NMI:          1          2   Non-maskable interrupts\nLOC:      12345      0   Local\n";
        assert_eq!(nmi_count(text), 3);
        assert_eq!(nmi_count("CPU0\n"), 0);
    }
}
