//! A live report: the kernel writes a dump of itself for a component that asks, and the system lives on.

use std::time::SystemTime;

use standin_face::{Report, System};
use standin_formats::dump::SmallDump;

use crate::clock;
use crate::platform::serial::mark;

/// Default folder (CrashControl, `LiveKernelReports`).
const FOLDER: &str = r"C:\Windows\LiveKernelReports";

/// Writes the report and tells the Application log of it.
pub(super) fn write(system: &System, component: &str, dump: &SmallDump, now: SystemTime) {
    let path = format!("{FOLDER}\\{component}\\{component}-{}.dmp", clock::compact(now));
    let written = system.volume.write_durably(system.volume.resolve(&path), &dump.to_bytes());
    let told = written.and_then(|()| system.report(&report(&path, dump)));
    match told {
        Ok(()) => mark!("live report {path}"),
        Err(error) => mark!("live report {path}: {error}"),
    }
}

/// As published logs have it: the code and its parameters in hexadecimal make the bucket. [K]
fn report(path: &str, dump: &SmallDump) -> Report {
    let numbers = std::iter::once(u64::from(dump.stop_code)).chain(dump.parameters);
    Report {
        kind: "LiveKernelEvent".to_owned(),
        bucket: numbers.map(|it| format!("{it:x}")).collect(),
        files: vec![format!(r"\\?\{path}")],
        ..Report::default()
    }
}
