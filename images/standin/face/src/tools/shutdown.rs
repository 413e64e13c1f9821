//! `shutdown`

use std::time::Duration;

use super::Arguments;
use crate::process::Process;

/// Seconds before a shutdown when none are given.
const USUAL_DELAY: u64 = 30;
const MOST_DELAY: u64 = 315_360_000;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let mut restart = None;
    let mut delay = None;
    let mut comment = String::new();
    let mut words = arguments.words.iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().replacen('-', "/", 1).as_str() {
            "/r" | "/g" => restart = Some(true),
            "/s" | "/sg" => restart = Some(false),
            "/p" => (restart, delay) = (Some(false), Some(0)),
            "/a" => return abort(process),
            "/t" => match words.next().and_then(|it| it.parse().ok()).filter(|it| *it <= MOST_DELAY) {
                Some(seconds) => delay = Some(seconds),
                None => return usage(process),
            },
            "/c" => comment = words.next().cloned().unwrap_or_default(),
            "/d" => {
                words.next();
            }
            "/f" | "/hybrid" | "/soft" | "/fw" => {}
            _ => return usage(process),
        }
    }
    let Some(restart) = restart else { return usage(process) };
    // The kernel writes event 1074 itself.
    process.system.kernel.shutdown(restart, Duration::from_secs(delay.unwrap_or(USUAL_DELAY)), &comment);
    0
}

fn abort(process: &Process) -> u32 {
    if process.system.kernel.abort_shutdown() {
        return 0;
    }
    process.err("Unable to abort the system shutdown because no shutdown was in progress.(1116)");
    1116
}

fn usage(process: &Process) -> u32 {
    process.err("Usage: shutdown [/s | /r | /a | /p] [/f] [/t xxx] [/c \"comment\"] [/d [p|u:]xx:yy]");
    1
}
