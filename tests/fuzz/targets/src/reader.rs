//! Readers that are pure functions of bytes.

use coexist_evidence::{
    DriverOwners, bucket, crash_from, read_driver_file, read_hive, read_kernel_dump, read_user_dump,
};
use coexist_model::Strength;

use crate::promise::published;

/// The readers of that room as they stand there. The room itself would bring its SSH, and with it the most of an hour
/// of building with coverage.
#[path = "../../../../runner/windows/src/parse/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only what reads text is run")]
mod tools;

pub(crate) fn kernel_dump(bytes: &[u8]) {
    let Ok(dump) = read_kernel_dump(bytes) else { return };
    let crash = crash_from(&dump, &DriverOwners::from_iter([("acmeflt.sys", "Acme")]));
    assert_eq!(crash.bucket, bucket(&dump));
    assert_eq!(crash.blame.strength == Strength::None, crash.blame.module.is_none());
    published(&crash, &crash.notes, bytes);
}

pub(crate) fn user_dump(bytes: &[u8]) {
    let Ok(crash) = read_user_dump(bytes) else { return };
    if let Some(exception) = &crash.exception {
        assert!(exception.offset.is_some() || exception.module.is_none());
    }
    published(&crash, &crash.notes, bytes);
}

pub(crate) fn pe_file(bytes: &[u8]) {
    let Ok(file) = read_driver_file(bytes) else { return };
    published(&file, &file.notes, bytes);
}

pub(crate) fn hive(bytes: &[u8]) {
    let Ok(facts) = read_hive(bytes) else { return };
    assert!(facts.drivers.len() <= usize::try_from(facts.services.unwrap_or_default()).unwrap_or_default());
    published(&facts, &facts.notes, bytes);
}

/// What `sc`, `reg`, `fltmc` and `wevtutil` print in a guest.
pub(crate) fn guest_text(bytes: &[u8]) {
    let output = &String::from_utf8_lossy(bytes);
    let _ = tools::events::events(output).map(|events| {
        events.iter().for_each(|event| {
            let _ = (event.is("EventLog", 6008), event.value("param1"), event.record, event.time);
        })
    });
    let _ = tools::filters::filters(output);
    let _ = tools::registry::value(output, "");
    let _ = tools::registry::value(output, "Version");
    let _ = tools::service::state(output);
}
