//! The stand-in guest: one static program as PID 1 that behaves, from the outside, like a Windows guest.
//!
//! ```text
//! boot ─► platform (Linux: mounts, modules, network, panic device, power)
//!   ├───► session  (boot record, crash settings, page file, dumps, events, recovery)
//!   ├───► nt       (drivers, their misfortunes, bugchecks) ─► hardware
//!   └───► face     (SSH, SFTP, cmd and its tools: the crate standin-face)
//! ```
//! It loads nothing but what its own volume says, and writes nothing but that volume, its serial port and its screen.

mod boot;
mod clock;
mod hardware;
mod nt;
mod personality;
mod platform;
mod session;
mod setup;

use std::process::ExitCode;

use platform::serial::mark;

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("standin {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    if std::process::id() != 1 {
        eprintln!("standin: this is the init of a virtual machine; it does nothing as an ordinary process");
        return ExitCode::from(2);
    }
    std::panic::set_hook(Box::new(|panic| mark!("panic: {panic}")));
    boot::run()
}
