//! One function for every reader of outside bytes: what the fuzzer runs on its inputs, and what an ordinary test runs on
//! the inputs kept in `tests/fuzz/corpus`.
//!
//! ```text
//! tests/fuzz/fuzz_targets/NAME.rs ─┐
//! tests/replay.rs ─────────────────┴─► run(NAME, bytes) ─► the reader ─► promises that hold for any bytes
//! ```
//! A target fails by panic: when the reader panics, or when what it makes of the bytes breaks a promise ([`promise`]).

mod disk;
#[path = "../../../../runner/evidence/tests/evidence/disk_images.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "shared with the readers' own tests")]
mod disk_images;
mod file;
mod matrix;
mod pict;
mod promise;
mod reader;
pub mod zeros;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// What one target runs.
pub struct Target {
    /// Its name, and its folder's in the corpus.
    pub name: &'static str,
    /// Runs a reader on one input.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "kernel_dump", run: reader::kernel_dump },
    Target { name: "user_dump", run: reader::user_dump },
    Target { name: "pe_file", run: reader::pe_file },
    Target { name: "hive", run: reader::hive },
    Target { name: "disk", run: disk::disk },
    Target { name: "guest_text", run: reader::guest_text },
    Target { name: "matrix", run: matrix::matrix },
    Target { name: "big_dump", run: file::big_dump },
    Target { name: "event_log", run: file::event_log },
    Target { name: "triage", run: file::triage_file },
    Target { name: "packed", run: file::packed },
    Target { name: "console", run: reader::console },
    Target { name: "machine_events", run: reader::machine_events },
    Target { name: "pict_model", run: pict::pict_model },
    Target { name: "pict_rows", run: pict::pict_rows },
];

/// Runs a target by its name.
///
/// # Panics
/// When there is no such target, or the input breaks it.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("no target {name}")).run)(bytes);
}

/// What the last panic said.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Lets panics that the readers catch pass in silence. The fuzzer's own hook would end the process on them.
pub fn quiet_caught_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = format!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
        }
    }));
}

/// Runs a target for the fuzzer, which takes an abort for a crash: it has no caller that a panic could unwind to.
#[allow(clippy::print_stderr, reason = "the fuzzer shows standard error")]
pub fn run_or_abort(name: &str, bytes: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(name, bytes))).is_err() {
        eprintln!("{}", LAST_PANIC.lock().map(|last| last.clone()).unwrap_or_default());
        std::process::abort();
    }
}
