//! How long evidence takes to read, a module for each kind: `cargo bench -p coexist-evidence --bench evidence`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panic, and says on what it ran")]

#[path = "../../tests/evidence/dump_builder.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod dump_builder;
mod dumps;
#[path = "../../tests/evidence/memory_builder.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod memory_builder;

criterion::criterion_group!(evidence, dumps::small, dumps::sparse_bitmap);
criterion::criterion_main!(evidence);
