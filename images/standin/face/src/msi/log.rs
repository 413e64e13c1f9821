//! The log of an installation, in UTF-16LE with its mark, as Windows Installer writes it.

use std::fs::File;
use std::io::{self, Write};

use crate::process::Process;
use crate::text::utf16_with_mark;

/// A log; without a file it swallows what it is told.
pub(super) struct Log {
    file: Option<File>,
    begun: bool,
}

fn now(format: &str) -> String {
    jiff::Timestamp::now().strftime(format).to_string()
}

impl Log {
    pub(super) fn open(process: &Process, path: Option<&str>) -> io::Result<Self> {
        let file = path.map(|path| File::create(process.resolve(path))).transpose()?;
        let mut log = Self { file, begun: false };
        log.raw(&format!(
            "=== Verbose logging started: {}  Build type: SHIP UNICODE 5.00.10011.00  Calling process: \
             C:\\Windows\\system32\\msiexec.exe ===",
            now("%-m/%-d/%Y  %-H:%M:%S")
        ));
        Ok(log)
    }

    fn raw(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let bytes = utf16_with_mark(&format!("{text}\r\n"));
        let bytes = if self.begun { &bytes[2..] } else { &bytes };
        self.begun = true;
        // A log that cannot be written does not end the installation.
        let _ = file.write_all(bytes);
    }

    /// A line of the engine.
    pub(super) fn line(&mut self, text: &str) {
        self.raw(&format!("MSI (s) (54:4C) [{}]: {text}", now("%H:%M:%S:%3f")));
    }

    /// An action began.
    pub(super) fn begin(&mut self, action: &str) {
        self.raw(&format!("Action start {}: {action}.", now("%-H:%M:%S")));
    }

    /// An action ended: 1 success, 3 failure.
    pub(super) fn end(&mut self, action: &str, value: u32) {
        self.raw(&format!("Action ended {}: {action}. Return value {value}.", now("%-H:%M:%S")));
    }

    /// An error as it is shown to people.
    pub(super) fn error(&mut self, number: u32, text: &str) {
        self.raw(&format!("Error {number}. {text}"));
    }

    pub(super) fn close(&mut self) {
        self.raw(&format!("=== Verbose logging stopped: {} ===", now("%-m/%-d/%Y  %-H:%M:%S")));
        if let Some(file) = &self.file {
            let _ = file.sync_all();
        }
    }
}
