//! Kernel dumps. Wanted: a small dump of 1.4 MB in at most 5 ms from its bytes, a sparse bitmap dump of 8 GB well under
//! a second.

use std::hint::black_box;
use std::path::Path;

use coexist_evidence::{DriverOwners, crash_from, read_dump_file, read_kernel_dump};
use criterion::{Criterion, Throughput};

use crate::dump_builder::{ACME, DumpSpec, GLOBEX, module, quiet};
use crate::memory_builder::{BITMAP, Machine};

pub(crate) fn small(bench: &mut Criterion) {
    let bytes = real().unwrap_or_else(built);
    let owners = DriverOwners::default();
    let mut group = bench.benchmark_group("small dump");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("facts, blame, bucket", |bench| {
        bench.iter(|| crash_from(&read_kernel_dump(black_box(&bytes)).unwrap(), &owners));
    });
}

/// The real dump of 1.4 MB, where it is at hand.
fn real() -> Option<Vec<u8>> {
    let samples = std::env::var_os("COEXIST_SAMPLES")?;
    let bytes = std::fs::read(Path::new(&samples).join("kernel-dumps/rizin_triage_x64.dmp")).ok()?;
    println!("small dump: the real one of {} bytes", bytes.len());
    Some(bytes)
}

/// One of the same size and as many drivers and blocks.
fn built() -> Vec<u8> {
    let names: Vec<&'static str> = (0..151).map(|n| &*format!("driver{n}.sys").leak()).collect();
    let more = (1_u32..).zip(names).map(|(n, name)| module(name, GLOBEX + 0x100_0000 * u64::from(n), 0x8000, n));
    let mut spec = DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() };
    spec.modules.extend(more);
    spec.blocks = (0..1831).map(|n| (0xffff_8405_2000_0000 + 0x1000 * n, vec![0x5a; 720])).collect();
    let bytes = spec.build();
    println!("small dump: a built one of {} bytes", bytes.len());
    bytes
}

pub(crate) fn sparse_bitmap(bench: &mut Criterion) {
    let spec = DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() };
    let mut group = bench.benchmark_group("sparse bitmap dump of 8 GB");
    group.sample_size(10);
    let machine = Machine::of(&spec, 0x2000);
    let everything = machine.dump(&spec, BITMAP, Some(8 << 18)).sparse();
    group.bench_function("every page present", |bench| {
        bench.iter(|| read_dump_file(black_box(everything.try_clone().unwrap())).unwrap());
    });
    group.finish();
}
