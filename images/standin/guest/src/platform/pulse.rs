//! The pulse of a system that runs: a little work of its disk every few seconds, although nobody asks for anything.
//!
//! An idle Windows is never still for long: it writes back its registry and its logs [K]. The stand-in reads where Windows
//! writes: that counts as work of the disk all the same, and a power cut can hurt nothing.

use std::io;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};

use super::mounts;

/// Between two beats.
const EVERY: Duration = Duration::from_secs(3);
/// Read past every cache, which needs a buffer that lies as blocks do.
#[repr(align(4096))]
struct Block([u8; 4096]);

/// Beats for as long as the system is alive; one that hangs or stopped is still.
pub(crate) fn beat_while(alive: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    let partition = mounts::partition().ok_or(io::ErrorKind::NotFound)?;
    let disk = open(partition, OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC, Mode::empty())?;
    std::thread::spawn(move || {
        let mut block = Block([0; 4096]);
        while alive() {
            // a disk that reads nothing any more is told by whoever needs what lies on it
            rustix::io::pread(&disk, &mut block.0, 0).ok();
            std::thread::sleep(EVERY);
        }
    });
    Ok(())
}
