//! `ping`, which scripts use to wait. Only the loopback address answers; nothing is sent.

use std::time::Duration;

use super::Arguments;
use crate::process::{CANCELLED, Process};

const MOST_WAIT_MS: u64 = 86_400_000;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    let count = arguments.after("n").and_then(|it| it.parse::<u32>().ok()).unwrap_or(4);
    let count = if arguments.has("t") { u32::MAX } else { count };
    let wait = arguments.after("w").and_then(|it| it.parse::<u64>().ok()).unwrap_or(4000).min(MOST_WAIT_MS);
    let target = arguments.words.last().map_or("", String::as_str).to_ascii_lowercase();
    let known = matches!(target.as_str(), "127.0.0.1" | "localhost" | "::1")
        || target.eq_ignore_ascii_case(&process.system.computer_name());
    process.out("");
    if !known && target.parse::<std::net::IpAddr>().is_err() {
        process.out(format!("Ping request could not find host {target}. Please check the name and try again."));
        return 1;
    }
    process.out(format!("Pinging {target} with 32 bytes of data:"));
    for number in 0..count {
        let pause = if known { Duration::from_secs(1) } else { Duration::from_millis(wait) };
        if (number > 0 || !known) && !process.cancel.sleep(pause) {
            return CANCELLED;
        }
        if known {
            process.out(format!("Reply from {target}: bytes=32 time<1ms TTL=128"));
        } else {
            process.out("Request timed out.");
        }
    }
    process.out("");
    process.out(format!("Ping statistics for {target}:"));
    let (received, lost, share) = if known { (count, 0, 0) } else { (0, count, 100) };
    process.out(format!("    Packets: Sent = {count}, Received = {received}, Lost = {lost} ({share}% loss),"));
    if known {
        process.out("Approximate round trip times in milli-seconds:");
        process.out("    Minimum = 0ms, Maximum = 0ms, Average = 0ms");
    }
    u32::from(!known)
}
