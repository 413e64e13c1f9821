//! The ACPI power button, as the kernel's input layer reports it.

use std::fs::{self, File};
use std::io::{self, Read as _};

/// `struct input_event` on a 64-bit kernel: two longs of time, then type, code and value (linux/input.h).
const EVENT: usize = 24;
const KEY: u16 = 1;
const POWER: u16 = 116;

/// Runs `pressed` each time the button is pressed.
pub(crate) fn watch(pressed: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut device = find()?;
    std::thread::spawn(move || {
        let mut event = [0; EVENT];
        while device.read_exact(&mut event).is_ok() {
            if is_press(&event) {
                pressed();
            }
        }
    });
    Ok(())
}

fn find() -> io::Result<File> {
    for entry in fs::read_dir("/sys/class/input")? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|it| it.starts_with("event")) else {
            continue;
        };
        if fs::read_to_string(entry.path().join("device/name")).is_ok_and(|it| it.trim() == "Power Button") {
            return File::open(format!("/dev/input/{name}"));
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no power button"))
}

fn is_press(event: &[u8; EVENT]) -> bool {
    event[16..18] == KEY.to_ne_bytes() && event[18..20] == POWER.to_ne_bytes() && event[20..] == 1_i32.to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_press_counts() {
        let event = |kind: u16, code: u16, value: i32| {
            let mut event = [0; EVENT];
            event[16..18].copy_from_slice(&kind.to_ne_bytes());
            event[18..20].copy_from_slice(&code.to_ne_bytes());
            event[20..].copy_from_slice(&value.to_ne_bytes());
            event
        };
        assert!(is_press(&event(KEY, POWER, 1)));
        assert!(!is_press(&event(KEY, POWER, 0)), "release");
        assert!(!is_press(&event(KEY, 30, 1)), "other key");
        assert!(!is_press(&event(0, 0, 0)), "sync");
    }
}
