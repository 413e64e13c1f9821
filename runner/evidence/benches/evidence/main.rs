//! How long evidence takes to read, each against its limit: `cargo xtask bench evidence`.
//!
//! A module for each kind. Ends with 1 when a median is above its limit. `COEXIST_SAMPLES` names a folder of real dumps
//! and logs, which are measured beside the built ones where it is set.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panic, and tells its figures")]

#[path = "../../tests/evidence/dump_builder.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod dump_builder;
mod dumps;
mod limits;
mod logs;
#[path = "../../tests/evidence/memory_builder.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod memory_builder;

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use criterion::Criterion;

fn main() -> ExitCode {
    let begun = SystemTime::now();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion");
    let mut bench = Criterion::default().output_directory(&home).configure_from_args();
    let limits = [dumps::small(&mut bench), dumps::sparse_bitmap(&mut bench), logs::event_log(&mut bench)].concat();
    bench.final_summary();
    limits::compare(&limits, &home, begun)
}

/// A real file, where the samples are at hand.
fn sample(path: &str) -> Option<Vec<u8>> {
    let samples = std::env::var_os("COEXIST_SAMPLES")?;
    Some(std::fs::read(Path::new(&samples).join(path)).unwrap())
}
