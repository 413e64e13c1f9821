//! The whole lab on real machines: the program as its users run it, the stand-in guest, real resets, real disks.
//!
//! Vendors, drivers, stop codes and addresses are drawn anew for every run of the tests. What was drawn is looked at only
//! after the report was written; `COEXIST_SEED` repeats a draw.
//!
//! Each misfortune of a guest has a test that asserts what the boot led to, the rung that gave the evidence, the files of
//! it, and who is blamed:
//!
//! | misfortune | test | state | evidence by | blamed |
//! |---|---|---|---|---|
//! | crash at installation, with a dump | `crashes::a_stop_during_the_installation_and_one_at_a_boot` | bugcheck | sftp | driver |
//! | crash at one boot, with a dump | `crashes::a_stop_during_the_installation_and_one_at_a_boot` | bugcheck | sftp | driver |
//! | crash while the system runs | `crashes::a_stop_that_ends_with_the_power_and_one_in_the_dwell` | bugcheck | sftp or disk | driver |
//! | crash without a dump | `dumps::no_dump_and_a_large_one_that_stays_raw` | bugcheck | console: stop code | nobody |
//! | crash at content load | `crashes::a_stop_at_content_load` | loop | disk | driver |
//! | loop that never gets its good boot | `crashes::a_stop_at_every_boot` | loop | disk: page file | driver |
//! | the same with a dump of the kernel's memory | `dumps::no_dump_and_a_large_one_that_stays_raw` | loop | disk: page file | driver |
//! | recovery screen | `silences::the_recovery_screen_and_a_slow_boot` | recovery | disk: page file | driver |
//! | dump cut short by a power-off | `crashes::a_stop_that_ends_with_the_power_and_one_in_the_dwell` | bugcheck | disk: half a dump | nobody |
//! | dump cut short by a reset | `dumps::dumps_that_the_power_cut_short` | bugcheck | sftp: the log alone | nobody |
//! | dump cut short by a standstill | `dumps::dumps_that_the_power_cut_short` | bugcheck | disk: half a dump | nobody |
//! | full disk | `dumps::a_full_disk_and_cut_downloads` | bugcheck | disk: page file | driver |
//! | SSH cut in the middle of a transfer | `dumps::a_full_disk_and_cut_downloads` | bugcheck | sftp, resumed | driver |
//! | log that was cleared | `dumps::a_cleared_log_and_a_live_report` | bugcheck | sftp | driver |
//! | live report, network that comes up late | `dumps::a_cleared_log_and_a_live_report` | up | | nobody |
//! | hang at boot | `silences::boots_that_never_end` | hang | disk: dump of the interrupt | nobody |
//! | the same, deaf to the interrupt | `silences::boots_that_never_end` | hang | memory | nobody |
//! | hang later | `silences::hangs_in_the_dwell` | hang | nmi | nobody |
//! | the same, deaf to the interrupt | `silences::hangs_in_the_dwell` | hang | memory | nobody |
//! | network dead from the boot on | `silences::networks_that_are_dead_and_fall_silent` | unreachable | disk | nobody |
//! | network that falls silent | `silences::networks_that_are_dead_and_fall_silent` | unreachable | disk | nobody |
//! | slow boot | `silences::the_recovery_screen_and_a_slow_boot` | up | | nobody |
//! | service that stops or crashes | `services::services_that_stop_and_crash` | unhealthy | sftp | nobody |
//! | filter that vanishes, service that dies | `services::a_filter_that_vanishes_and_a_service_that_dies` | unhealthy | sftp | nobody |
//!
//! The dedicated dump file has no row: only a registry hive names it to whoever reads the disk, and the stand-in's registry
//! is none.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on should stop where it stands")]

mod all_cells;
mod crashes;
mod dumps;
mod faults;
mod halting;
mod installers;
mod lab;
mod links;
mod nightly;
mod pairs;
mod program;
mod sabotage;
mod services;
mod silences;
