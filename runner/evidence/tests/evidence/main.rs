//! Tests of the evidence room on inputs that they build themselves, and on real samples where those are at hand.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests: helpers fail by panic, skipped samples are said")]

mod blame;
mod callers;
mod disk;
mod disk_files;
mod disk_images;
mod driver_file;
mod dump;
mod dump_builder;
mod event_log;
mod event_log_builder;
mod event_log_samples;
mod foreign_logs;
mod hive;
mod hive_builder;
mod hostile;
mod memory;
mod memory_builder;
mod names;
mod samples;
mod signature_builder;
mod user_dump;
mod user_dump_builder;
