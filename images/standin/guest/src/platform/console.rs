//! The screen, where the machine has one: what a person sees on a screenshot.

use std::fs::OpenOptions;
use std::io::Write as _;

/// White on blue, everything cleared, cursor hidden.
const BLUE: &str = "\x1b[0;37;44m\x1b[2J\x1b[H\x1b[?25l";

/// Shows the blue screen with these lines.
pub(crate) fn blue_screen(lines: &[String]) {
    let mut all = vec![":(".to_owned(), String::new()];
    all.extend_from_slice(lines);
    screen(&all);
}

/// Shows nothing but these lines, and from then on nothing changes.
pub(crate) fn screen(lines: &[String]) {
    let mut text = String::from(BLUE);
    text.push_str("\r\n\r\n");
    for line in lines {
        text.push_str("   ");
        text.push_str(line);
        text.push_str("\r\n");
    }
    write(&text);
}

/// Shows one line in the ordinary colours.
pub(crate) fn say(line: &str) {
    write(&format!("{line}\r\n"));
}

fn write(text: &str) {
    if let Ok(mut console) = OpenOptions::new().write(true).open("/dev/tty0") {
        console.write_all(text.as_bytes()).ok();
    }
}
