//! Installing packages.
//!
//! The installer runs from a command file whose exit code is the installer's. It is waited for: what sshd started is in a
//! job that is killed when the channel closes (\[R\], see [`crate::session::Session::run`]), so a bootstrapper that forks
//! and returns would lose its child. Recipes for such products need a scheduled task, which nothing here makes yet.

use std::path::Path;

use coexist_lab::{GuestError, InstallReport};
use coexist_model::{ExitMeaning, Install, Method, is_file_name};

use crate::files::{FileError, Source};
use crate::guest::WindowsGuest;
use crate::paths::{LAB, LOGS, PACKAGES, safe_component};
use crate::quote::{Place, Unquotable, argument, called_argument, msi_property, setup_argument};
use crate::session::{Output, QUERY, disagrees, exit_code};
use crate::text::{Keep, one_line};

/// What an installer may print into a report.
const PRINTED: Keep = Keep { head: 4 * 1024, tail: 4 * 1024 };

/// Where things of one installation lie in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// The package.
    pub(crate) package: String,
    /// The installer's log, where it writes one.
    pub(crate) log: Option<String>,
    /// Name of the command file.
    pub(crate) script: String,
}

impl Places {
    pub(crate) fn of(order: &Install) -> Self {
        let digest = safe_component(&order.package.as_str().chars().take(12).collect::<String>());
        let name = safe_component(&format!("{}-{}", order.agent, order.version));
        let log = matches!(order.method, Method::Msi { .. }).then(|| format!("{LOGS}\\install-{name}-{digest}.log"));
        Self {
            package: format!("{PACKAGES}\\{digest}\\{}", order.file_name),
            log,
            script: format!("install-{name}-{digest}"),
        }
    }
}

/// The command file's lines.
pub(crate) fn lines(order: &Install, places: &Places) -> Result<Vec<String>, Unquotable> {
    let package = argument(&places.package, Place::File)?;
    let all = |arguments: &[String], quote: fn(&str) -> Result<String, Unquotable>| {
        arguments.iter().map(|it| quote(it).map(|quoted| format!(" {quoted}"))).collect::<Result<String, _>>()
    };
    let leave = "exit /b %ERRORLEVEL%".to_owned();
    Ok(match &order.method {
        Method::Msi { arguments } => {
            // msiexec belongs to the GUI subsystem: cmd.exe waits for it only through `start /wait`.
            let log = argument(places.log.as_deref().unwrap_or("nul"), Place::File)?;
            let arguments = all(arguments, msi_property)?;
            vec![
                format!(
                    "start \"\" /wait msiexec.exe /i {package} /qn /norestart /l*v {log} REBOOT=ReallySuppress{arguments}"
                ),
                leave,
            ]
        }
        Method::Exe { arguments } => {
            vec![format!("start \"\" /wait {package}{}", all(arguments, setup_argument)?), leave]
        }
        Method::Script { arguments } => {
            let package = called_argument(&places.package)?;
            vec![format!("call {package}{}", all(arguments, called_argument)?), leave]
        }
        Method::Driver if order.file_name.to_ascii_lowercase().ends_with(".cab") => {
            let folder = format!("{}-files", places.package);
            let target = argument(&folder, Place::File)?;
            let inf = argument(&format!("{folder}\\*.inf"), Place::File)?;
            vec![
                format!("if not exist {target} mkdir {target}"),
                format!("expand.exe {package} -F:* {target}"),
                "if errorlevel 1 exit /b %ERRORLEVEL%".to_owned(),
                format!("pnputil.exe /add-driver {inf} /install"),
                leave,
            ]
        }
        Method::Driver => vec![format!("pnputil.exe /add-driver {package} /install"), leave],
        Method::Msu => vec![format!("start \"\" /wait wusa.exe {package} /quiet /norestart"), leave],
        Method::File { .. } => Vec::new(),
    })
}

/// Sends the package, runs its installer, then the commands that follow; they wait for the new boot where the installer
/// restarts the guest.
pub(crate) async fn install(guest: &WindowsGuest, order: &Install, file: &Path) -> Result<InstallReport, GuestError> {
    let during = format!("installing {} {}", order.agent, order.version);
    if !is_file_name(&order.file_name) {
        return Err(disagrees(&during, "a package with a Windows file name", &order.file_name));
    }
    let places = Places::of(order);
    if let Method::File { destination } = &order.method {
        return put_in_place(guest, order, file, destination, &during).await;
    }
    let lines =
        lines(order, &places).map_err(|error| disagrees(&during, "arguments for cmd.exe", &error.to_string()))?;
    guest.files.make_folders_for(&guest.session, &places.package).await?;
    if let Some(log) = &places.log {
        guest.files.make_folders_for(&guest.session, log).await?;
    }
    guest.files.put(&guest.session, Source::Package(file, &order.package), &places.package).await?;
    let output = guest.run_script(&during, &places.script, &lines, PRINTED, order.deadline.to_duration()).await?;
    let goes_on = match order.exit_codes.get(&output.code) {
        Some(ExitMeaning::Success | ExitMeaning::RestartNeeded) => true,
        Some(ExitMeaning::RestartBegun | ExitMeaning::Busy) | None => false,
    };
    let then_failed = if goes_on { then(guest, order).await? } else { None };
    Ok(InstallReport { exit_code: Some(output.code), then_failed, output: output.text(), log: places.log })
}

/// \[R\] `ERROR_ACCESS_DENIED` (winerror.h).
const ACCESS_DENIED: u32 = 5;

/// Puts a file in its place. A product that defends the place makes this fail: then the report has the exit code of
/// `move`, or [`ACCESS_DENIED`] where it did not come to that.
async fn put_in_place(
    guest: &WindowsGuest,
    order: &Install,
    file: &Path,
    destination: &str,
    during: &str,
) -> Result<InstallReport, GuestError> {
    let refuse = |found: &str| disagrees(during, "a full Windows path as destination", found);
    let quoted = |text: &str| argument(text, Place::Line).map_err(|error| refuse(&error.to_string()));
    let drive = drive_of(destination).ok_or_else(|| refuse(destination))?;
    let target = quoted(destination)?;
    let staged = match stage(guest, order, file, destination, drive).await {
        Ok(staged) => staged,
        Err(FileError::Guest(error)) => return Err(error),
        Err(FileError::Denied { during, found }) => {
            let output = one_line(&format!("{during}: {found}"));
            return Ok(InstallReport { exit_code: Some(ACCESS_DENIED), then_failed: None, output, log: None });
        }
    };
    let command = format!("move /y {} {target}", quoted(&staged)?);
    let output = guest.session.run_product(during, &command, PRINTED, order.deadline.to_duration()).await?;
    if output.code != 0 {
        return Ok(report(output));
    }
    match guest.files.stat(&guest.session, destination, guest.session.paced(QUERY)).await {
        Ok(Some(there)) if !there.is_dir() => {}
        // A place that nobody may look at: what `move` said counts.
        Err(FileError::Denied { .. }) => {}
        Ok(_) => return Err(disagrees(during, &format!("{destination} as a file"), "none after it was moved there")),
        Err(FileError::Guest(error)) => return Err(error),
    }
    let then_failed = then(guest, order).await?;
    Ok(InstallReport { exit_code: None, then_failed, output: output.text(), log: None })
}

/// Sends the file to a place from where it can be moved, so that a product that watches its destination never sees half
/// a file; returns that place. A move within a drive is one step, across drives it is a copy: so the place is on the
/// destination's drive, unless no other file may lie beside the destination.
async fn stage(
    guest: &WindowsGuest,
    order: &Install,
    file: &Path,
    destination: &str,
    drive: &str,
) -> Result<String, FileError> {
    guest.files.make_folders_for(&guest.session, destination).await?;
    if !LAB.to_ascii_uppercase().starts_with(&drive.to_ascii_uppercase()) {
        let beside = format!("{destination}.coexist");
        match guest.files.put(&guest.session, Source::Package(file, &order.package), &beside).await {
            Err(FileError::Denied { found, .. }) => tracing::debug!(%beside, %found, "nothing may lie there"),
            sent => return sent.map(|_| beside),
        }
    }
    let own = Places::of(order).package;
    guest.files.make_folders_for(&guest.session, &own).await?;
    guest.files.put(&guest.session, Source::Package(file, &order.package), &own).await?;
    Ok(own)
}

fn report(output: Output) -> InstallReport {
    InstallReport { exit_code: Some(output.code), then_failed: None, output: output.text(), log: None }
}

/// `C:` of a full path.
fn drive_of(path: &str) -> Option<&str> {
    let drive = path.get(..2)?;
    let absolute = drive.ends_with(':') && drive.starts_with(|c: char| c.is_ascii_alphabetic());
    let parts_are_names = path.get(2..)?.split(['\\', '/']).skip(1).all(is_file_name);
    (absolute && path.get(2..3).is_some_and(|c| c == "\\" || c == "/") && parts_are_names).then_some(drive)
}

/// Runs the commands that follow; the first that fails ends it.
pub(crate) async fn then(guest: &WindowsGuest, order: &Install) -> Result<Option<String>, GuestError> {
    for command in &order.then {
        if let Err(error) = crate::quote::command_line(command) {
            return Ok(Some(one_line(&format!("`{command}`: {error}"))));
        }
        let during = one_line(&format!("`{}` after installing {}", command.trim(), order.agent));
        let output = guest.session.run_product(&during, command, PRINTED, order.look.to_duration()).await?;
        if output.code != 0 {
            let code = exit_code(output.code);
            return Ok(Some(one_line(&format!("`{command}` ended with {code}: {}", output.text()))));
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) mod tests {
    use coexist_model::Seconds;

    use super::*;

    pub(crate) fn order(method: Method, file_name: &str) -> Install {
        Install {
            agent: "acme-endpoint".into(),
            version: "4.1".to_owned(),
            package: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".into(),
            file_name: file_name.to_owned(),
            method,
            exit_codes: [(0, ExitMeaning::Success), (3010, ExitMeaning::RestartNeeded)].into(),
            then: Vec::new(),
            deadline: Seconds::from_secs(60),
            restart: Seconds::from_secs(60),
            look: Seconds::from_secs(60),
        }
    }

    fn text(method: Method, file_name: &str) -> Result<String, Unquotable> {
        let order = order(method, file_name);
        lines(&order, &Places::of(&order)).map(|lines| lines.join("\n"))
    }

    fn some(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn command_files() {
        const P: &str = r"C:\coexist\packages\0123456789ab";
        let table = [
            (
                text(Method::Msi { arguments: some(&["CID=1", "SITE=New York", "/quiet"]) }, "a b.msi"),
                format!(
                    "start \"\" /wait msiexec.exe /i \"{P}\\a b.msi\" /qn /norestart /l*v \
                     \"C:\\coexist\\logs\\install-acme-endpoint-4.1-0123456789ab.log\" REBOOT=ReallySuppress CID=1 \
                     SITE=\"New York\" /quiet\nexit /b %ERRORLEVEL%"
                ),
            ),
            (
                text(Method::Exe { arguments: some(&["/quiet", "50%"]) }, "setup&1.exe"),
                format!("start \"\" /wait \"{P}\\setup&1.exe\" /quiet \"50%%\"\nexit /b %ERRORLEVEL%"),
            ),
            (
                text(Method::Script { arguments: some(&["a b"]) }, "s.cmd"),
                format!("call {P}\\s.cmd \"a b\"\nexit /b %ERRORLEVEL%"),
            ),
            (
                text(Method::Driver, "d.INF"),
                format!("pnputil.exe /add-driver \"{P}\\d.INF\" /install\nexit /b %ERRORLEVEL%"),
            ),
            (
                text(Method::Driver, "d.CAB"),
                format!(
                    "if not exist \"{P}\\d.CAB-files\" mkdir \"{P}\\d.CAB-files\"\nexpand.exe \"{P}\\d.CAB\" -F:* \
                     \"{P}\\d.CAB-files\"\nif errorlevel 1 exit /b %ERRORLEVEL%\npnputil.exe /add-driver \
                     \"{P}\\d.CAB-files\\*.inf\" /install\nexit /b %ERRORLEVEL%"
                ),
            ),
            (
                text(Method::Msu, "kb.msu"),
                format!("start \"\" /wait wusa.exe \"{P}\\kb.msu\" /quiet /norestart\nexit /b %ERRORLEVEL%"),
            ),
        ];
        for (found, expected) in table {
            assert_eq!(found.unwrap(), expected);
        }
        assert!(text(Method::Script { arguments: some(&["50%"]) }, "s.cmd").is_err());
        assert!(text(Method::Exe { arguments: some(&["a\nb"]) }, "s.exe").is_err());
    }

    #[test]
    fn destinations() {
        for good in [r"C:\Windows\System32\drivers\acme\C-1.sys", "d:/content/a b.dat"] {
            assert_eq!(drive_of(good), Some(&good[..2]), "{good}");
        }
        for bad in
            ["", "C:", r"C:a", r"\\server\share\a", r"%ProgramData%\a", r"C:\a\..\b", r"C:\a\", r"C:\a\nul", "Ä:\\a"]
        {
            assert_eq!(drive_of(bad), None, "{bad}");
        }
    }
}
