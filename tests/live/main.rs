//! The whole lab on real machines: the program as its users run it, the stand-in guest, real resets, real disks.
//!
//! Vendors, drivers, stop codes and addresses are drawn anew for every run of the tests. What was drawn is looked at only
//! after the report was written; `COEXIST_SEED` repeats a draw.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on should stop where it stands")]

mod all_cells;
mod crashes;
mod dumps;
mod faults;
mod halting;
mod installers;
mod lab;
mod links;
mod pairs;
mod program;
mod sabotage;
mod services;
mod silences;
