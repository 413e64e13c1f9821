//! The packages under Wine's `msiexec`, which nobody here wrote.
//!
//! Without `wine` on PATH the suite says so on one line and passes; `COEXIST_REQUIRE_WINE=1` makes it fail instead.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use standin_forge::misbehaving::{Misbehaving, Trouble, harmless};
use standin_forge::{Agent, Quirks, nightly, vendors};
use tempfile::TempDir;

/// Longest that one command may take, seconds; a prefix takes ten to build when the machine is idle.
const DEADLINE_S: &str = "300";
/// Longest wait for the service controller.
const READY: Duration = Duration::from_secs(120);
/// Before a program, has the kernel lay out its memory the same way each time.
const SAME_ADDRESSES: [&str; 2] = ["setarch", "--addr-no-randomize"];
/// Where a filter stands whose package names no group.
const ACTIVITY_MONITOR: &str = "FSFilter Activity Monitor";
const NOT_INSTALLED: i32 = 1605;
const REBOOT_REQUIRED: i32 = 3010;

/// A Windows of its own in a temporary folder.
struct Wine {
    prefix: TempDir,
    /// A process that waits for input, so that the services are not stopped and started between the commands.
    session: Option<Child>,
    /// Whether processes start without randomised addresses. Of a thousand with them about one finds the page taken that
    /// Windows keeps at a fixed address, and ends before it did anything (seen with Wine 8.0: "failed to map the shared
    /// user data"). A container may forbid it.
    same_addresses: bool,
}

impl Wine {
    /// `None`, with a line that says why, where Wine is missing.
    fn start() -> Option<Self> {
        if !Command::new("wine").arg("--version").output().is_ok_and(|it| it.status.success()) {
            assert!(std::env::var_os("COEXIST_REQUIRE_WINE").is_none(), "wine is not on PATH and was demanded");
            // Past the test harness, which would swallow what `println!` says in a test that passes.
            std::io::stdout().write_all(b"SKIPPED wine: wine is not on PATH\n").unwrap();
            return None;
        }
        let [setarch, flag] = SAME_ADDRESSES;
        let same_addresses = Command::new(setarch).args([flag, "true"]).output().is_ok_and(|it| it.status.success());
        let mut wine = Self { prefix: tempfile::tempdir().unwrap(), session: None, same_addresses };
        let status = wine.command("wineboot", &["--init"]).status().unwrap();
        assert!(status.success(), "wineboot: {status}");
        // Services started while the prefix is still being made fail with 1053 and 1055 (seen with Wine 8.0).
        wine.command("wineserver", &["--wait"]).status().unwrap();
        let session = wine.command("wine", &["cmd", "/k"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        wine.session = Some(session);
        wine.wait_for_drivers();
        Some(wine)
    }

    /// Waits until the service controller has started its own services and takes a driver.
    fn wait_for_drivers(&self) {
        let probe = harmless(0);
        std::fs::write(self.path(r"C:\windows\system32\drivers\probe.sys"), probe.driver_file().unwrap()).unwrap();
        let path = r"\SystemRoot\System32\drivers\probe.sys";
        assert_eq!(self.code(&format!("sc create probe type= kernel start= demand binPath= {path}")), 0);
        let begun = Instant::now();
        while self.code("sc start probe") != 0 {
            assert!(begun.elapsed() < READY, "Wine's service controller starts no driver");
        }
        self.code("sc stop probe");
        self.code("sc delete probe");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg(DEADLINE_S);
        if self.same_addresses {
            command.args(SAME_ADDRESSES);
        }
        command
            .arg(program)
            .args(arguments)
            .env("WINEPREFIX", self.prefix.path())
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A path on drive C, as this machine sees it.
    fn path(&self, windows: &str) -> PathBuf {
        self.prefix.path().join("drive_c").join(windows.trim_start_matches(r"C:\").replace('\\', "/"))
    }

    /// Runs a command line under `cmd` and returns its exit code and output.
    fn run(&self, line: &str) -> (i32, String) {
        let script = format!("@echo off\r\n{line}\r\necho code=%ERRORLEVEL%\r\n");
        std::fs::write(self.path(r"C:\run.cmd"), script).unwrap();
        // A file, as services that the command starts would keep a pipe open.
        let complaints = self.path(r"C:\complaints.txt");
        let mut command = self.command("wine", &["cmd", "/c", r"C:\run.cmd"]);
        command.env("WINEDEBUG", "fixme-all").stderr(File::create(&complaints).unwrap());
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = text.lines().rev().find_map(|it| it.trim().strip_prefix("code=")?.parse().ok());
        let Some(code) = code else {
            panic!("{line}: no exit code in {text:?}; {}", String::from_utf8_lossy(&std::fs::read(complaints).unwrap()))
        };
        (code, text)
    }

    fn code(&self, line: &str) -> i32 {
        self.run(line).0
    }

    fn install(&self, agent: &Agent, more: &str) -> i32 {
        let package = format!(r"C:\{}", agent.package_name());
        std::fs::write(self.path(&package), agent.package().unwrap()).unwrap();
        self.code(&format!("msiexec /i {package} /qn /norestart {more}"))
    }

    fn uninstall(&self, agent: &Agent) -> i32 {
        self.code(&format!("msiexec /x {} /qn /norestart", agent.product_code))
    }

    fn running(&self, service: &str) -> bool {
        self.run(&format!("sc query {service}")).1.contains("RUNNING")
    }

    fn registry(&self, key: &str, name: &str) -> Option<String> {
        let (code, text) = self.run(&format!(r#"reg query "HKLM\{key}" /v {name}"#));
        let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
        (code == 0).then(|| line.split("    ").last().unwrap_or_default().trim().to_owned())
    }

    /// Everything the agent installs is there.
    fn assert_installed(&self, agent: &Agent) {
        let folder = format!(r"C:\Program Files\{}\{}", agent.vendor, agent.product);
        let program = format!(r"{folder}\{}.exe", agent.service.name);
        assert_eq!(std::fs::read(self.path(&program)).unwrap(), agent.service_file().unwrap());
        assert!(self.path(&format!(r"{folder}\readme.txt")).is_file());
        if let Some(content) = &agent.content {
            assert_eq!(std::fs::read_to_string(self.path(&content.path)).unwrap(), content.text);
        }
        assert!(self.running(&agent.service.name), "{} does not run", agent.service.name);
        let key = format!(r"SOFTWARE\{}\{}", agent.vendor, agent.product);
        assert_eq!(self.registry(&key, "Version").as_deref(), Some(agent.version.as_str()));
        if let Some(driver) = &agent.driver {
            let file = format!(r"C:\windows\system32\drivers\{}", driver.file_name);
            assert_eq!(std::fs::read(self.path(&file)).unwrap(), agent.driver_file().unwrap());
            let service = &driver.service;
            assert!(self.running(service), "{service} does not run");
            let key = format!(r"SYSTEM\CurrentControlSet\Services\{service}");
            let instance = format!(r"{key}\Instances\{service} Instance");
            assert_eq!(self.registry(&instance, "Altitude"), driver.card.altitude);
            let expected = driver.card.altitude.as_ref().map(|_| driver.group.as_deref().unwrap_or(ACTIVITY_MONITOR));
            assert_eq!(self.registry(&key, "Group").as_deref(), expected);
        }
        let listed = format!(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{}", agent.product_code);
        assert_eq!(self.registry(&listed, "DisplayName"), Some(agent.product_name()));
    }

    /// Nothing of the agent is left.
    fn assert_absent(&self, agent: &Agent) {
        assert!(!self.path(&format!(r"C:\Program Files\{}\{}", agent.vendor, agent.product)).exists());
        let mut services = vec![&agent.service.name];
        let mut keys = vec![
            format!(r"SOFTWARE\{}\{}", agent.vendor, agent.product),
            format!(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{}", agent.product_code),
        ];
        if let Some(driver) = &agent.driver {
            assert!(!self.path(&format!(r"C:\windows\system32\drivers\{}", driver.file_name)).exists());
            services.push(&driver.service);
            keys.push(format!(r"SYSTEM\CurrentControlSet\Services\{}", driver.service));
        }
        for service in services {
            assert_ne!(self.code(&format!("sc query {service}")), 0, "{service} is still registered");
        }
        for key in keys {
            assert_ne!(self.code(&format!(r#"reg query "HKLM\{key}""#)), 0, "{key} is still there");
        }
        assert_eq!(self.uninstall(agent), NOT_INSTALLED);
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let session = self.session.take();
        // Ends this prefix's processes only, and waits for them.
        for flag in ["--kill", "--wait"] {
            let _ = self.command("wineserver", &[flag]).status();
        }
        if let Some(mut session) = session {
            let _ = session.wait();
        }
    }
}

#[test]
fn wine_installs_and_removes_the_packages() {
    let Some(wine) = Wine::start() else { return };
    let demo = vendors::demo();
    let [acme, globex, globex_next, initech] = &demo[..] else { panic!("four packages") };

    for agent in [acme, initech, &Misbehaving::random(11, Trouble::ContentLoad).agent] {
        assert_eq!(wine.install(agent, ""), 0, "{}", agent.id);
        wine.assert_installed(agent);
    }
    assert_eq!(wine.install(acme, ""), 0, "a second time");
    for agent in [acme, initech] {
        assert_eq!(wine.uninstall(agent), 0, "{}", agent.id);
        wine.assert_absent(agent);
    }

    for agent in
        nightly::nightly().iter().filter(|it| ["hooli-insight", "tyrell-lock", "vandelay-vault"].contains(&&*it.id))
    {
        assert_eq!(
            wine.install(agent, ""),
            if agent.quirks.wants_reboot { REBOOT_REQUIRED } else { 0 },
            "{}",
            agent.id
        );
        wine.assert_installed(agent);
        assert_eq!(wine.uninstall(agent), 0, "{}", agent.id);
        wine.assert_absent(agent);
    }
    upgrades(&wine, globex, globex_next);
    quirks(&wine);
}

fn upgrades(wine: &Wine, old: &Agent, new: &Agent) {
    assert_eq!(wine.install(old, ""), 0);
    wine.assert_installed(old);
    assert_eq!(wine.install(new, ""), 0);
    wine.assert_installed(new);
    assert_eq!(wine.uninstall(old), NOT_INSTALLED, "the upgrade removed the old version");
    assert_ne!(wine.install(old, ""), 0, "an older version must be refused");
    wine.assert_installed(new);
    assert_eq!(wine.uninstall(new), 0);
    wine.assert_absent(new);
}

fn quirks(wine: &Wine) {
    let quirky = |seed, quirks| Agent { quirks, ..harmless(seed) };

    let demanding = quirky(1, Quirks { requires_property: Some("CUSTOMERTOKEN".to_owned()), ..Quirks::default() });
    assert_ne!(wine.install(&demanding, ""), 0);
    wine.assert_absent(&demanding);
    assert_eq!(wine.install(&demanding, "CUSTOMERTOKEN=t-0815"), 0);
    wine.assert_installed(&demanding);
    let key = format!(r"SOFTWARE\{}\{}", demanding.vendor, demanding.product);
    assert_eq!(wine.registry(&key, "Token").as_deref(), Some("t-0815"));
    assert_eq!(wine.uninstall(&demanding), 0);

    // Wine says 1627 where Windows documents 1603.
    let failing = quirky(2, Quirks { fails_with: Some(5), ..Quirks::default() });
    assert_ne!(wine.install(&failing, ""), 0);
    wine.assert_absent(&failing);

    let rebooting = quirky(3, Quirks { wants_reboot: true, ..Quirks::default() });
    assert_eq!(wine.install(&rebooting, ""), REBOOT_REQUIRED);
    wine.assert_installed(&rebooting);
}
