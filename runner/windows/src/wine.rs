//! What we say to cmd.exe, said to Wine's: an independent reader of quoting and of command files.
//!
//! Wine 8.0 is no Windows; where it is known to differ the tables say so. One test, as making a prefix takes seconds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coexist_model::{Exercise, Method};

use crate::guest::script;
use crate::install;
use crate::parse::registry;
use crate::quote::{Place, argument, tests::TABLE};

struct Wine {
    prefix: tempfile::TempDir,
    /// Whether processes start without randomised addresses: about one of a thousand with them finds the page taken that
    /// Windows keeps at a fixed address, and ends before it did anything. A container may forbid it.
    same_addresses: bool,
}

/// Before a program, has the kernel lay out its memory the same way each time.
const SAME_ADDRESSES: [&str; 2] = ["setarch", "--addr-no-randomize"];

impl Wine {
    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let is_there = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
        ["wine", "wineboot", "wineserver"].into_iter().all(is_there).then(Self::started)
    }

    /// With a prefix that is whole before the first program, and a server that stays: by itself it leaves a few seconds
    /// after its last program, while the next may just begin.
    fn started() -> Self {
        let [setarch, flag] = SAME_ADDRESSES;
        let same_addresses = Command::new(setarch).args([flag, "true"]).output().is_ok_and(|it| it.status.success());
        let wine = Self { prefix: tempfile::tempdir().unwrap(), same_addresses };
        std::fs::create_dir(wine.prefix.path().join("prefix")).unwrap();
        let steps: [(&str, &[&str]); 4] = [
            ("wineboot", &["--init"]),
            // Ends when nothing works on the prefix any more.
            ("wineserver", &["-w"]),
            ("wineserver", &["-p"]),
            // Starts the services, which stay as well: they would hold the pipes of the program that starts them open.
            ("wine", &["cmd", "/d", "/c", "exit 0"]),
        ];
        for (program, arguments) in steps {
            let status = wine.command(program).args(arguments).stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{program} {arguments:?}: {status}");
        }
        wine
    }

    fn command(&self, program: &str) -> Command {
        let [setarch, flag] = SAME_ADDRESSES;
        let mut command = Command::new(if self.same_addresses { setarch } else { program });
        if self.same_addresses {
            command.args([flag, program]);
        }
        command
            .env("WINEPREFIX", self.prefix.path().join("prefix"))
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree=;mshtml=")
            .env_remove("DISPLAY")
            .current_dir(self.prefix.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs a command file and returns what it printed.
    fn run(&self, file: &Path) -> String {
        printed(self.command("wine").args(["cmd", "/d", "/c"]).arg(file.file_name().unwrap()))
    }

    fn write(&self, name: &str, lines: &[String]) -> PathBuf {
        let file = self.prefix.path().join(name);
        std::fs::write(&file, script(lines)).unwrap();
        file
    }

    /// The exit code of a command file, as the command that started it sees it.
    fn exit_code(&self, name: &str, lines: &[String]) -> i64 {
        self.write(name, lines);
        let caller = [format!("cmd /d /c {name}"), "echo code=%ERRORLEVEL%".to_owned()];
        let printed = self.run(&self.write("caller.cmd", &caller));
        let code = printed.lines().find_map(|line| line.strip_prefix("code=")).map(|code| code.trim().parse().unwrap());
        code.unwrap_or_else(|| panic!("{name} printed {printed}"))
    }

    /// Feeds lines to an interactive cmd.exe, which reads them as it reads what follows `/c`.
    fn feed(&self, lines: &[String]) -> String {
        let file = self.prefix.path().join("lines");
        std::fs::write(&file, lines.join("\r\n") + "\r\nexit\r\n").unwrap();
        printed(self.command("wine").args(["cmd", "/d", "/q"]).stdin(std::fs::File::open(file).unwrap()))
    }
}

/// What a program printed.
fn printed(command: &mut Command) -> String {
    String::from_utf8_lossy(&command.output().unwrap().stdout).replace("\r\n", "\n")
}

impl Drop for Wine {
    fn drop(&mut self) {
        let _ = self.command("wineserver").arg("-k").status();
        let _ = self.command("wineserver").arg("-w").status();
    }
}

#[test]
fn cmd_reads_what_was_meant() {
    let Some(wine) = Wine::find() else {
        assert!(std::env::var_os("COEXIST_REQUIRE_WINE").is_none_or(|it| it != "1"), "wine is not on PATH");
        println!("SKIPPED wine: not on PATH, so cmd.exe's reading of our quoting was not tried");
        return;
    };
    arguments_arrive(&wine);
    installers_exit_codes_pass(&wine);
    exercises_run(&wine);
}

/// Every text of the table goes through cmd.exe and reg.exe into the registry, and comes back.
fn arguments_arrive(wine: &Wine) {
    let key = r"HKCU\Software\Coexist";
    let add = |(number, text): (usize, &str), place| {
        let quoted = argument(text, place).unwrap();
        let letter = if place == Place::Line { "L" } else { "F" };
        format!("reg.exe add {key} /v {letter}{number} /t REG_SZ /d {quoted} /f")
    };
    let texts = || TABLE.iter().map(|(text, _, _)| *text).enumerate();
    let in_file: Vec<_> = texts().map(|it| add(it, Place::File)).collect();
    wine.run(&wine.write("arguments.cmd", &in_file));
    wine.feed(&texts().map(|it| add(it, Place::Line)).collect::<Vec<_>>());
    let stored = wine.run(&wine.write("query.cmd", &[format!("reg.exe query {key}")]));
    for (number, text) in texts() {
        for letter in ["L", "F"] {
            // Wine 8.0 drops `^` before it looks for `%NAME%`, Windows after: the form for command lines protects there.
            if letter == "L" && text.matches('%').count() > 1 {
                continue;
            }
            let value = registry::value(&stored, &format!("{letter}{number}"));
            assert_eq!(value.map(|value| value.data).as_deref(), Some(text), "{letter}{number} in {stored}");
        }
    }
}

fn installers_exit_codes_pass(wine: &Wine) {
    let leave = |code: &str| vec![format!("exit /b {code}")];
    assert_eq!(wine.exit_code("plain.cmd", &leave("3010")), 3010);
    assert_eq!(wine.exit_code("crash.cmd", &leave("-1073741819")), -1_073_741_819);
    // A setup program that waits is cmd.exe itself here: Wine's folder holds one.
    for code in ["0", "3010", "1603", "-1073741819"] {
        let mut order = install::tests::order(
            Method::Exe { arguments: ["/d", "/c", "exit", code].map(str::to_owned).to_vec() },
            "cmd.exe",
        );
        order.agent = "setup".into();
        let mut places = install::Places::of(&order);
        places.package = r"C:\windows\system32\cmd.exe".to_owned();
        let lines = install::lines(&order, &places).unwrap();
        assert_eq!(wine.exit_code("setup.cmd", &lines).to_string(), code, "{lines:?}");
    }
    let order = install::tests::order(Method::Script { arguments: vec!["a b".to_owned(), "A=1".to_owned()] }, "s.cmd");
    let mut places = install::Places::of(&order);
    places.package = r"inner script.cmd".to_owned();
    // Wine 8.0 makes 1 of every exit code that comes through `call`, so only the arguments are looked at.
    wine.write("inner script.cmd", &["echo [%~1] [%~2]".to_owned(), "exit /b 0".to_owned()]);
    let outer = wine.write("outer.cmd", &install::lines(&order, &places).unwrap());
    assert_eq!(wine.run(&outer).trim(), "[a b] [A=1]");
}

fn exercises_run(wine: &Wine) {
    let storm = crate::exercise::lines(&Exercise::FileStorm { files: 20 });
    assert_eq!(wine.exit_code("storm.cmd", &storm), 0);
    let starts = crate::exercise::lines(&Exercise::ProcessStarts { processes: 3 });
    assert_eq!(wine.exit_code("starts.cmd", &starts), 0);
}
