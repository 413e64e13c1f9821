//! Kernel dumps.

use std::hint::black_box;
use std::time::Duration;

use coexist_evidence::{DriverOwners, crash_from, read_dump_file, read_kernel_dump};
use criterion::{Criterion, Throughput};

use crate::dump_builder::{ACME, DumpSpec, GLOBEX, module, quiet};
use crate::limits::Limit;
use crate::memory_builder::{BITMAP, Machine};

/// A small dump of 1.4 MB, from its bytes to blame and bucket.
pub(crate) fn small(bench: &mut Criterion) -> Vec<Limit> {
    const GROUP: &str = "small dump of 1.4 MB";
    let owners = DriverOwners::default();
    let real = crate::sample("kernel-dumps/rizin_triage_x64.dmp");
    let mut group = bench.benchmark_group(GROUP);
    let mut limits = Vec::new();
    for (name, bytes) in [("built", Some(built())), ("real", real)] {
        let Some(bytes) = bytes else { continue };
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| crash_from(&read_kernel_dump(black_box(&bytes)).unwrap(), &owners));
        });
        limits.push(Limit::new(GROUP, name, Duration::from_millis(5)));
    }
    limits
}

/// One with as many drivers and blocks as the real one, and of its size.
fn built() -> Vec<u8> {
    let names: Vec<&'static str> = (0..151).map(|n| &*format!("driver{n}.sys").leak()).collect();
    let more = (1_u32..).zip(names).map(|(n, name)| module(name, GLOBEX + 0x100_0000 * u64::from(n), 0x8000, n));
    let mut spec = spec();
    spec.modules.extend(more);
    spec.blocks = (0..1831).map(|n| (0xffff_8405_2000_0000 + 0x1000 * n, vec![0x5a; 720])).collect();
    spec.build()
}

/// A dump of 8 GB with nearly all of it a hole in the file: what takes long is to count its pages.
pub(crate) fn sparse_bitmap(bench: &mut Criterion) -> Vec<Limit> {
    const GROUP: &str = "sparse bitmap dump of 8 GB";
    const NAME: &str = "every page present";
    let spec = spec();
    let machine = Machine::of(&spec, 0x2000);
    let everything = machine.dump(&spec, BITMAP, Some(8 << 18)).sparse();
    let mut group = bench.benchmark_group(GROUP);
    group.sample_size(10);
    group.bench_function(NAME, |bench| {
        bench.iter(|| read_dump_file(black_box(everything.try_clone().unwrap())).unwrap());
    });
    vec![Limit::new(GROUP, NAME, Duration::from_millis(500))]
}

fn spec() -> DumpSpec {
    DumpSpec { code: 0xd1, parameters: [0, 2, 0, ACME + 0x1100], ..quiet() }
}
