//! Our cmd beside Wine's cmd 8.0, whose answers were recorded in `golden/wine-cmd-8.0.jsonl` (each case run by `cmd /c` in
//! `C:\t`, one after the other; batch files as `s.cmd a1 "b 2" c3`). Blanks at line ends and letters' case are not
//! compared: Wine adds the former to every redirected `echo`. Where the two differ on purpose the table says why.

use std::sync::{Arc, Mutex};

use serde::Deserialize;

use crate::process::{Cancel, Handles, Input, Output, Process};
use crate::testing::Machine;
use crate::text::lock;

#[derive(Deserialize)]
struct Recorded {
    kind: String,
    text: String,
    out: String,
    code: u32,
}

/// Why Windows, as documented, and Wine 8.0 differ.
const DIFFERENCES: &[(&str, &str)] = &[
    ("nosuchcmd", LAST),
    ("nosuchcmd & echo hi", LAST),
    ("nosuchcmd || echo alt", LAST),
    ("cmd /c exit 5 & echo x", LAST),
    ("cmd /c exit 5 || echo x", LAST),
    ("cmd /c exit 5 & if errorlevel 5 echo ge5", LAST),
    ("cmd /c exit 5 & if not errorlevel 6 echo lt6", LAST),
    ("cmd /c exit 5 & rem hello", LAST),
    ("cmd /c exit 5 & if 1==2 echo no", LAST),
    ("type nosuch.txt 2>nul || echo missing", LAST),
    ("cmd /c exit 5 && echo x", "Windows runs it after success only; Wine looks at something else than the code"),
    ("(echo a & echo b) > f.txt & type f.txt", "Wine keeps the group's file open"),
    ("dir nosuch 2>nul", "Wine shows the heading of a listing that it then does not make; the serial number is ours"),
    ("set FOO=bar& echo %FOO%", "Windows replaces %FOO% before anything on the line runs"),
    ("echo abc | findstr /c:\"b\"", "Wine 8.0 has no working findstr"),
    ("echo(", "Windows prints an empty line"),
    ("echo", "Windows: ECHO is on."),
    ("echo ^", "Windows: ECHO is on."),
    ("ver", "other Windows"),
    ("rd nosuchdir", "Windows tells || of it and keeps %ERRORLEVEL% [K]"),
    ("echo q>c1.txt & copy c1.txt c2.txt", "Windows counts the files"),
    ("move c2.txt c3.txt", "Windows counts the files"),
    ("set X=abcdef& cmd /v:on /c echo !X:~1,3!", "Wine 8.0 does not cut between exclamation marks"),
    ("(echo a", "Windows: a syntax error [K]"),
    ("echo hi >c:\\nosuchdir\\x.txt", "Windows: 1, as the command did not run"),
    ("@echo off\ngoto nolabel\necho no", "Windows ends the batch file in 1"),
    ("@echo off\ncmd /c exit 5\nexit /b", "Windows documents that %ERRORLEVEL% is kept"),
];

/// \[K\] On Windows `cmd /c` returns what its last command returned, in Wine 8.0 the value of `%ERRORLEVEL%`.
const LAST: &str = "cmd /c returns the last command's code";

fn plain(text: &str) -> String {
    text.lines().map(|line| line.trim_end().to_lowercase()).collect::<Vec<_>>().join("\n")
}

#[test]
fn as_wine_except_where_windows_differs() {
    let machine = Machine::new();
    std::fs::create_dir(machine.folder.path().join("t")).unwrap();
    let mut unexpected = Vec::new();
    let mut seen = Vec::new();
    for line in include_str!("golden/wine-cmd-8.0.jsonl").lines() {
        let case: Recorded = serde_json::from_str(line).unwrap();
        let command = if case.kind == "batch" {
            machine.write(r"C:\t\s.cmd", case.text.replace('\n', "\r\n"));
            "s.cmd a1 \"b 2\" c3".to_owned()
        } else {
            case.text.clone()
        };
        let out = Arc::new(Mutex::new(Vec::new()));
        let handles = Handles { stdin: Input::Nul, stdout: Output::Buffer(Arc::clone(&out)), stderr: Output::Nul };
        let mut process = Process::of_session(&machine.system, handles, Cancel::default());
        "C:\\t".clone_into(&mut process.directory);
        let thread = std::thread::Builder::new()
            .stack_size(crate::ssh::STACK)
            .spawn(move || super::Shell::main(process, &format!("/c \"{command}\"")));
        let code = thread.unwrap().join().unwrap();
        let ours = (plain(&String::from_utf8_lossy(&lock(&out))), code);
        let wines = (plain(&case.out), case.code);
        let known = DIFFERENCES.iter().any(|(text, _)| *text == case.text);
        if known {
            seen.push(case.text.clone());
        }
        if (ours == wines) == known {
            unexpected.push(format!("{}\n  ours {ours:?}\n  Wine {wines:?}", case.text));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(seen.len(), DIFFERENCES.len(), "a difference is listed for a case that is not recorded");
}
