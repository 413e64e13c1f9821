//! The port [`Guest`], put together from commands and files.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{BootRecord, Guest, GuestError, InstallReport, Reading, RemoteFile};
use coexist_model::{Apply, BootIdentity, Edition, EvidenceKind, Exercise, Install, Probe, WindowsFacts};
use tokio::time::Instant;

use crate::files::{Entry, Files, Source};
use crate::install::Places;
use crate::parse::registry;
use crate::paths::{LOGS, SCRIPTS};
use crate::session::{Output, QUERY, Session, disagrees};
use crate::text::Keep;
use crate::{boot, exercise, install, probe};

/// A session with one boot of a Windows guest.
pub(crate) struct WindowsGuest {
    pub(crate) session: Session,
    pub(crate) files: Files,
}

/// \[R\] `ERROR_SHUTDOWN_IN_PROGRESS` and `ERROR_SHUTDOWN_IS_SCHEDULED` (winerror.h): somebody else was faster.
const RESTARTS_ALREADY: [u32; 2] = [1115, 1190];

/// Deepest folder below `LiveKernelReports` that is looked into: reports lie in it and in one folder per component.
const REPORT_DEPTH: usize = 3;

/// Most crash files reported.
const CRASH_FILES: usize = 200;

/// Most folders looked into for crash files.
const CRASH_FOLDERS: usize = 50;

/// Longest search for crash files, whatever the guest answers.
const CRASH_SEARCH: Duration = Duration::from_secs(30);

impl WindowsGuest {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, files: Files::default() }
    }

    /// Puts a command file into the guest and runs it in a product's time. Lines must be fit for a command file; the last
    /// one must leave with the exit code that counts.
    pub(crate) async fn run_script(
        &self,
        during: &str,
        name: &str,
        lines: &[String],
        keep: Keep,
        deadline: Duration,
    ) -> Result<Output, GuestError> {
        let path = format!("{SCRIPTS}\\{name}.cmd");
        self.files.make_folders_for(&self.session, &path).await?;
        self.files.put(&self.session, Source::Text(&script(lines)), &path).await?;
        self.session.run_product(during, &path, keep, deadline).await
    }

    async fn current_version(&self, name: &str) -> Result<String, GuestError> {
        let during = "asking for the version of Windows";
        let command = format!(r#"reg.exe query "HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion" /v {name}"#);
        let output = self.session.run(during, &command, Keep::TEXT, self.session.paced(QUERY)).await?;
        match registry::value(&output.stdout.to_text(), name) {
            Some(value) if output.code == 0 => Ok(value.data),
            _ => Err(disagrees(during, &format!("the value {name}"), &output.summary())),
        }
    }

    /// Dumps in a folder and, to a depth, in those below; what was found until then when the time is over.
    async fn dumps_below(
        &self,
        root: &'static Dumps,
        until: Instant,
        found: &mut Vec<RemoteFile>,
    ) -> Result<(), GuestError> {
        let mut folders = vec![(root.folder.to_owned(), root.depth)];
        let mut visited = 0;
        while let Some((folder, depth)) = folders.pop() {
            let left = until.saturating_duration_since(Instant::now());
            let entries = match self.files.list(&self.session, &folder, left).await {
                Ok(entries) => entries,
                Err(GuestError::TimedOut { .. }) => {
                    tracing::warn!(%folder, "no time is left for the search for crash files");
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            visited += 1;
            for Entry { name, metadata } in entries {
                if found.len() >= CRASH_FILES {
                    return Ok(());
                }
                let path = format!("{folder}/{name}");
                if metadata.is_dir() {
                    if depth > 1 && visited + folders.len() < CRASH_FOLDERS {
                        folders.push((path, depth - 1));
                    }
                } else if name.to_ascii_lowercase().ends_with(".dmp") {
                    found.push(remote_file(path, metadata.size, metadata.mtime, root.live));
                }
            }
        }
        Ok(())
    }
}

/// A folder in which Windows makes files of dumps.
struct Dumps {
    folder: &'static str,
    /// How many levels of folders are looked into.
    depth: usize,
    /// Whether the guest lives on when it writes there.
    live: bool,
}

const DUMPS: [Dumps; 2] = [
    Dumps { folder: "/C:/Windows/Minidump", depth: 1, live: false },
    Dumps { folder: "/C:/Windows/LiveKernelReports", depth: REPORT_DEPTH, live: true },
];

fn remote_file(path: String, size: Option<u64>, modified: Option<u32>, live: bool) -> RemoteFile {
    let kind = EvidenceKind::KernelDump;
    RemoteFile { path, kind, size: size.unwrap_or(0), modified: modified.unwrap_or(0).into(), live }
}

/// The text of a command file: CRLF, and UTF-8 announced where there is more than ASCII.
pub(crate) fn script(lines: &[String]) -> String {
    let mut text = String::from("@echo off\r\n");
    if !lines.iter().all(|line| line.is_ascii()) {
        // Command files are read in the console's code page.
        text.push_str("chcp 65001 >nul\r\n");
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

#[async_trait]
impl Guest for WindowsGuest {
    async fn identify(&self) -> Result<WindowsFacts, GuestError> {
        let build = self.current_version("CurrentBuildNumber").await?;
        let kind = self.current_version("InstallationType").await?;
        let during = "asking for the version of Windows";
        let build = build.trim().parse().map_err(|_| disagrees(during, "a build number", &build))?;
        let edition = match kind.trim() {
            "Client" => Edition::Client,
            // `Server Core`, `Nano Server`.
            kind if kind.split(' ').any(|word| word == "Server") => Edition::Server,
            kind => return Err(disagrees(during, "InstallationType `Client` or `Server…`", kind)),
        };
        Ok(WindowsFacts { build, edition })
    }

    async fn boot_identity(&self) -> Result<BootIdentity, GuestError> {
        boot::identity(&self.session).await
    }

    async fn boot_record(&self, since: Option<&BootIdentity>) -> Result<BootRecord, GuestError> {
        boot::record(&self.session, since).await
    }

    async fn restart(&self) -> Result<(), GuestError> {
        let during = "asking for a restart";
        // One second, so that the answer is on its way before the connection is cut. p:4:1 is "application: maintenance,
        // planned": the guest's log shows who asked.
        let answer =
            self.session.run_into_the_dark(during, "shutdown.exe /r /t 1 /d p:4:1", self.session.paced(QUERY)).await?;
        match answer {
            None => Ok(()),
            Some(output) if output.code == 0 || RESTARTS_ALREADY.contains(&output.code) => Ok(()),
            Some(output) => Err(disagrees(during, "exit code 0 from shutdown", &output.summary())),
        }
    }

    fn setup_log(&self, order: &Install) -> Option<String> {
        Places::of(order).log
    }

    async fn install(&self, order: &Install, file: &Path) -> Result<InstallReport, GuestError> {
        install::install(self, order, file).await
    }

    async fn then(&self, order: &Install) -> Result<Option<String>, GuestError> {
        install::then(self, order).await
    }

    async fn apply(&self, change: &Apply, deadline: Duration) -> Result<Reading, GuestError> {
        probe::apply(self, change, deadline).await
    }

    async fn look(&self, probe: &Probe, deadline: Duration) -> Result<Reading, GuestError> {
        probe::look(self, probe, deadline).await
    }

    async fn exercise(&self, work: &Exercise, deadline: Duration) -> Result<Reading, GuestError> {
        exercise::exercise(self, work, deadline).await
    }

    async fn evidence_files(&self) -> Result<Vec<RemoteFile>, GuestError> {
        let search = self.session.paced(CRASH_SEARCH);
        let until = Instant::now() + search;
        let mut found = Vec::new();
        let memory = "/C:/Windows/MEMORY.DMP";
        if let Some(metadata) = self.files.stat(&self.session, memory, search).await? {
            found.push(remote_file(memory.to_owned(), metadata.size, metadata.mtime, false));
        }
        for root in &DUMPS {
            self.dumps_below(root, until, &mut found).await?;
        }
        Ok(found)
    }

    async fn fetch(&self, remote: &str, from: u64, limit: u64, to: &mut (dyn Write + Send)) -> Result<u64, GuestError> {
        self.files.get(&self.session, remote, from, limit, to).await
    }

    async fn export_log(&self, channel: &str) -> Result<RemoteFile, GuestError> {
        let during = &format!("exporting the {channel} event log");
        let path = format!("{LOGS}\\{channel}.evtx");
        self.files.make_folders_for(&self.session, &path).await?;
        let command = format!("wevtutil.exe epl {channel} {path} /ow:true");
        let output = self.session.run(during, &command, Keep::TEXT, self.session.paced(QUERY)).await?;
        if output.code != 0 {
            return Err(disagrees(during, "exit code 0 from wevtutil", &output.summary()));
        }
        let found = self.files.stat(&self.session, &path, self.session.paced(QUERY)).await?;
        let found = found.ok_or_else(|| disagrees(during, "the exported log", "no such file"))?;
        let log = remote_file(path, found.size, found.mtime, false);
        Ok(RemoteFile { kind: EvidenceKind::EventLog, ..log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_files_have_windows_line_ends() {
        assert_eq!(script(&["exit /b 0".to_owned()]), "@echo off\r\nexit /b 0\r\n");
        assert!(script(&["echo Grüße".to_owned()]).starts_with("@echo off\r\nchcp 65001 >nul\r\n"));
    }
}
