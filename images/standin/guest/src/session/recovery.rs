//! The recovery environment: what failed boots lead to while `recoveryenabled` is on.
//!
//! Windows loads another, small Windows for it. What the lab sees of that is a screen that stands still, no network, and
//! the log of the attempted repair on the system's volume.

use std::io;
use std::time::SystemTime;

use standin_face::Volume;

use crate::clock;

/// Log of Startup Repair (windows-boot-issues-troubleshooting).
const TRAIL: &str = r"C:\Windows\System32\LogFiles\Srt\SrtTrail.txt";

/// What the screen says. Words of Windows 10's screen after failed boots. [K]
pub(crate) const SCREEN: [&str; 8] = [
    "Recovery",
    "",
    "It looks like Windows didn't load correctly",
    "",
    "If you'd like to restart and try again, choose \"Restart my PC\" below.",
    "Otherwise, choose \"See advanced repair options\" for troubleshooting tools",
    "and advanced options.",
    "       [ See advanced repair options ]      [ Restart my PC ]",
];

/// Writes the log of the repair that found nothing to repair.
pub(crate) fn write_trail(volume: &Volume, last_good: Option<SystemTime>, now: SystemTime) -> io::Result<()> {
    let text = trail(last_good, now);
    let bytes: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    volume.write_durably(volume.resolve(TRAIL), &bytes)
}

/// Head lines as logs published by users have them; encoding and the lines of the tests vary. [K]
fn trail(last_good: Option<SystemTime>, now: SystemTime) -> String {
    let moment = |it: SystemTime| {
        let (time, date) = clock::time_and_date(it);
        format!("{date} {time} (GMT)")
    };
    let rule = "---------------------------";
    let lines = [
        "Startup Repair diagnosis and repair log".to_owned(),
        rule.to_owned(),
        format!("Last successful boot time: {}", last_good.map_or_else(|| "unknown".to_owned(), moment)),
        "Number of repair attempts: 1".to_owned(),
        String::new(),
        "Session details".to_owned(),
        rule.to_owned(),
        r"System Disk = \Device\Harddisk0".to_owned(),
        r"Windows directory = C:\Windows".to_owned(),
        "AutoChk Run = 0".to_owned(),
        "Number of root causes = 1".to_owned(),
        String::new(),
        "Root cause found: ".to_owned(),
        rule.to_owned(),
        "Unspecified changes to system configuration might have caused the problem.".to_owned(),
        String::new(),
        format!("Repair action: none, {}", moment(now)),
        rule.to_owned(),
    ];
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_trail_is_utf16_and_names_the_last_good_boot() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path().to_owned());
        let good = UNIX_EPOCH + Duration::from_secs(1_756_675_981);
        write_trail(&volume, Some(good), good).unwrap();
        let bytes = std::fs::read(volume.resolve(TRAIL)).unwrap();
        assert_eq!(bytes[..2], [0xff, 0xfe]);
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]])).collect();
        let text = String::from_utf16(&units).unwrap();
        assert!(text.starts_with("Startup Repair diagnosis and repair log\r\n"), "{text}");
        assert!(text.contains("Last successful boot time: 8/31/2025 9:33:01 PM (GMT)\r\n"), "{text}");
        assert!(trail(None, good).contains("Last successful boot time: unknown"));
    }
}
