//! Readers that are pure functions of bytes.

use coexist_evidence::{console_stop, read_driver_file, read_hive, read_kernel_dump, read_user_dump};

use crate::promise::{concluded, published};

/// The readers of that room as they stand there. The room itself would bring its SSH, and with it the most of an hour
/// of building with coverage.
#[path = "../../../../runner/windows/src/parse/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only what reads text is run")]
mod tools;

/// Likewise: that room would bring QMP and tokio.
#[path = "../../../../runner/qemu/src/events.rs"]
#[allow(dead_code, unreachable_pub, reason = "only what reads an event is run")]
mod events;

pub(crate) fn kernel_dump(bytes: &[u8]) {
    let Ok(dump) = read_kernel_dump(bytes) else { return };
    concluded(&dump, bytes);
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

/// A serial log; what was written before the last stop changes nothing.
pub(crate) fn console(bytes: &[u8]) {
    let stop = console_stop(bytes);
    assert_eq!(console_stop(&[b"booting\r\n", bytes].concat()), stop);
}

/// Events of QEMU, a line each; some of their fields are the guest's.
pub(crate) fn machine_events(bytes: &[u8]) {
    let mut reader = events::Reader::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        let _ = serde_json::from_slice(line).map(|event| reader.read(&event));
    }
}
