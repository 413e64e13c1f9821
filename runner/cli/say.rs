//! The only place that prints. Standard output gets what was asked for, standard error everything else.

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use coexist_model::Exit;

/// Prints what was asked for. The exit code is `exit`, unless it could not be written.
pub(crate) fn say(text: &str, exit: Exit) -> Exit {
    match put(&mut io::stdout().lock(), text) {
        Ok(()) => exit,
        Err(error) => unwritten(&error),
    }
}

/// Prints one part of what was asked for, as soon as it is there. What stops the printing is the exit code of the
/// whole: `None` when the reader has gone, who has seen what it wanted.
pub(crate) fn say_part(text: &str) -> ControlFlow<Option<Exit>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ControlFlow::Break(None),
        Err(error) => ControlFlow::Break(Some(unwritten(&error))),
    }
}

fn unwritten(error: &io::Error) -> Exit {
    aside(&format!("error: standard output cannot be written\n  because: {error}"));
    Exit::ReportNotWritten
}

/// Says something on standard error. When nobody can hear it, there is nobody to tell.
pub(crate) fn aside(text: &str) {
    let mut stderr = io::stderr().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(stderr, "{text}{end}");
}

/// A reader that closes its end (`| head -1`) has seen what it wanted.
fn put(to: &mut impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        assert!(put(&mut Broken(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(put(&mut Broken(ErrorKind::StorageFull), "text").is_err());
        let mut there = Vec::new();
        assert!(put(&mut there, "text").is_ok());
        assert_eq!(there, b"text");
    }
}
