//! Event logs.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use coexist_evidence::read_event_log;
use criterion::{Criterion, Throughput};
use standin_formats::evtx::{Event, EventLog};

use crate::limits::Limit;

/// A System log of 1 MB, from its bytes to boots.
pub(crate) fn event_log(bench: &mut Criterion) -> Vec<Limit> {
    const GROUP: &str = "event log of 1 MB";
    let real = crate::sample("evtx/python-evtx_system.evtx");
    let mut group = bench.benchmark_group(GROUP);
    let mut limits = Vec::new();
    for (name, bytes) in [("built", Some(built())), ("real", real)] {
        let Some(bytes) = bytes else { continue };
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| read_event_log(&mut Cursor::new(black_box(&bytes))).unwrap());
        });
        limits.push(Limit::new(GROUP, name, Duration::from_millis(50)));
    }
    limits
}

/// Boots of a hundred records, as many as fill a log.
fn built() -> Vec<u8> {
    let mut log = EventLog::new("System", "LAB-1");
    let mut push = |number: u64, provider: &str, event_id: u16, data: &[(&str, &str)]| {
        log.push(Event {
            provider: provider.to_owned(),
            guid: provider.starts_with("Microsoft").then(|| "{a68ca8b7-004f-d7b6-a698-07e2de0f1f5d}".to_owned()),
            event_id,
            level: 4,
            time: 134_398_944_000_000_000 + number * 10_000_000,
            record_id: number,
            event_data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Event::default()
        });
    };
    for number in 1..=2600 {
        match number % 100 {
            1 => push(number, "Microsoft-Windows-Kernel-General", 12, &[("StartTime", "2026-11-23T08:00:00.0000000Z")]),
            2 => push(number, "EventLog", 6005, &[]),
            99 => push(number, "EventLog", 6006, &[]),
            0 => push(number, "Microsoft-Windows-Kernel-General", 13, &[("StopTime", "2026-11-23T09:00:00.0000000Z")]),
            _ => push(number, "Service Control Manager", 7036, &[("param1", "Windows Update"), ("param2", "running")]),
        }
    }
    log.to_bytes()
}
