//! The port [`Guest`], put together from commands and files.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coexist_lab::{BootRecord, Guest, GuestError, InstallReport, Reading, RemoteFile};
use coexist_model::{Apply, BootIdentity, Edition, EvidencePlaces, Exercise, Install, Probe, WindowsFacts};
use tokio::sync::OnceCell;

use crate::files::{Files, Source};
use crate::parse::registry;
use crate::paths::SCRIPTS;
use crate::session::{Output, QUERY, Session, disagrees};
use crate::text::Keep;
use crate::{boot, evidence, exercise, install, probe};

/// A session with one boot of a Windows guest.
pub(crate) struct WindowsGuest {
    pub(crate) session: Session,
    pub(crate) files: Files,
    /// Where evidence lies, once it was asked for.
    pub(crate) places: OnceCell<EvidencePlaces>,
}

/// \[R\] `ERROR_SHUTDOWN_IN_PROGRESS` and `ERROR_SHUTDOWN_IS_SCHEDULED` (winerror.h): somebody else was faster.
const RESTARTS_ALREADY: [u32; 2] = [1115, 1190];

impl WindowsGuest {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, files: Files::default(), places: OnceCell::new() }
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
        install::Places::of(order).log
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
        evidence::files(self).await
    }

    async fn fetch(&self, remote: &str, from: u64, limit: u64, to: &mut (dyn Write + Send)) -> Result<u64, GuestError> {
        self.files.get(&self.session, remote, from, limit, to).await
    }

    async fn export_log(&self, channel: &str) -> Result<RemoteFile, GuestError> {
        evidence::export_log(self, channel).await
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
