//! `systeminfo`, the lines somebody may look for.

use super::Arguments;
use crate::process::Process;

pub(super) fn run(process: &mut Process, _: &Arguments) -> u32 {
    let system = &process.system;
    let text = |name| {
        system
            .registry
            .text(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", name)
            .unwrap_or_else(|| "N/A".to_owned())
    };
    let build = text("CurrentBuildNumber");
    let started = jiff::Timestamp::try_from(system.kernel.boot().started)
        .unwrap_or_default()
        .strftime("%-m/%-d/%Y, %-I:%M:%S %p")
        .to_string();
    let server = text("InstallationType") == "Server";
    process.out("");
    for (name, value) in [
        ("Host Name", system.computer_name()),
        ("OS Name", format!("Microsoft {}", text("ProductName"))),
        ("OS Version", format!("10.0.{build} N/A Build {build}")),
        ("OS Manufacturer", "Microsoft Corporation".to_owned()),
        ("OS Configuration", if server { "Standalone Server" } else { "Standalone Workstation" }.to_owned()),
        ("System Boot Time", started),
        ("System Manufacturer", "Coexist stand-in, not Windows".to_owned()),
        ("System Type", "x64-based PC".to_owned()),
        ("Windows Directory", "C:\\Windows".to_owned()),
    ] {
        process.out(format!("{:<26} {value}", format!("{name}:")));
    }
    0
}
