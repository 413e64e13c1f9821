//! Lines on standard output, whatever state a child left it in.

use std::fs::File;
use std::io::{ErrorKind, Write, stdout};
use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::Duration;

/// How long a full pipe is left to its reader before it is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Prints a line.
///
/// Children share our pipe. One that makes it non-blocking and is killed leaves it so: `println!` then fails as soon as the
/// pipe is full, and a whole run of tests is lost to it. Seen on 2026-11-23, at the end of a run of the live tests.
pub(crate) fn tell(line: &str) {
    // Nobody may be left to read it: the suites are run to their end all the same.
    let Ok(out) = stdout().as_fd().try_clone_to_owned() else { return };
    let _ = stdout().flush();
    write(&mut File::from(out), format!("{line}\n").as_bytes());
}

fn write(out: &mut impl Write, mut rest: &[u8]) {
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(0) => return,
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Takes three bytes at a time, and refuses every other call.
    struct Full {
        taken: Vec<u8>,
        calls: u32,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls % 2 == 1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let some = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..some]);
            Ok(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_pipe_is_waited_for() {
        let mut pipe = Full { taken: Vec::new(), calls: 0 };
        write(&mut pipe, b"all of it");
        assert_eq!(pipe.taken, b"all of it");
    }
}
