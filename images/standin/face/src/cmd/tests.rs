//! Commands and what they answer. [K] The texts and codes are what Windows is known to answer; none was seen on a real
//! one here. `oracle` compares with Wine's cmd what both know.

use crate::testing::Machine;

/// A command, its output with `\n` for line ends, its errors, its code.
type Row = (&'static str, &'static str, &'static str, u32);

const UNKNOWN: &str =
    "'nosuchcmd' is not recognized as an internal or external command,\noperable program or batch file.\n";
const NO_FILE: &str = "The system cannot find the file specified.\n";
const NO_PATH: &str = "The system cannot find the path specified.\n";

const COMMANDS: &[Row] = &[
    ("echo hi", "hi\n", "", 0),
    ("echo hi & echo ho", "hi \nho\n", "", 0),
    ("exit 3", "", "", 3),
    ("exit /b 4", "", "", 4),
    ("exit /b 4 & echo no", "", "", 4),
    ("exit 3010", "", "", 3010),
    ("exit -1073741819", "", "", 0xC000_0005),
    ("exit 3221225477", "", "", 0xC000_0005),
    // `cmd /c` returns what the last command returned: 1 for an unknown one, though it sets 9009.
    ("nosuchcmd", "", UNKNOWN, 1),
    ("nosuchcmd & echo hi", "hi\n", UNKNOWN, 0),
    ("nosuchcmd || echo alt", "alt\n", UNKNOWN, 0),
    ("nosuchcmd & if errorlevel 9009 echo set", "set\n", UNKNOWN, 0),
    ("echo a && echo b", "a \nb\n", "", 0),
    ("cmd /c exit 5 || echo x", "x\n", "", 0),
    ("cmd /c exit 5 & if errorlevel 5 echo ge5", "ge5\n", "", 0),
    ("cmd /c exit 5 & if not errorlevel 6 echo lt6", "lt6\n", "", 0),
    ("cmd /c exit 5 && echo x", "", "", 5),
    ("echo a> f.txt & echo b>> f.txt & type f.txt", "a \nb \n", "", 0),
    ("echo a>f.txt&echo b>>f.txt&type f.txt", "a\nb\n", "", 0),
    ("(echo a & echo b) > f.txt & type f.txt", "a \nb\n", "", 0),
    ("echo a 2>nul", "a \n", "", 0),
    ("echo err 1>&2", "", "err \n", 0),
    ("echo err>&2", "", "err\n", 0),
    ("type nosuch.txt", "", NO_FILE, 1),
    ("type nosuch.txt 2>nul || echo missing", "missing\n", "", 0),
    ("type nosuch.txt >nul 2>&1", "", "", 1),
    ("echo \"a&b\"", "\"a&b\"\n", "", 0),
    ("echo a^&b", "a&b\n", "", 0),
    ("echo %FOO%", "%FOO%\n", "", 0),
    ("set FOO=bar", "", "", 0),
    ("set NOSUCHVAR", "", "Environment variable NOSUCHVAR not defined\n", 1),
    ("set \"FOO=bar baz\" & cmd /v:on /c \"echo !FOO!\"", "bar baz\n", "", 0),
    ("if \"a\"==\"b\" (echo 1) else (echo 2)", "2\n", "", 0),
    ("if \"a\"==\"a\" (echo 1) else (echo 2)", "1\n", "", 0),
    ("if /i \"A\"==\"a\" echo same", "same\n", "", 0),
    ("if not exist nosuch echo absent", "absent\n", "", 0),
    ("if exist c:\\windows echo present", "present\n", "", 0),
    ("if exist c:\\windows\\system32\\*.exe echo some", "some\n", "", 0),
    ("if 1==2 echo a & echo b", "", "", 0),
    ("for /L %i in (1,1,3) do @echo %i", "1\n2\n3\n", "", 0),
    ("for /L %i in (3,-2,0) do @echo %i", "3\n1\n", "", 0),
    ("for %i in (a b c) do @echo x%i", "xa\nxb\nxc\n", "", 0),
    ("for %i in (a,b;c) do @echo x%i", "xa\nxb\nxc\n", "", 0),
    (
        "for %i in (C:\\Windows\\System32\\whoami.exe) do @echo %~ni %~xi %~dpi",
        "whoami .exe C:\\Windows\\System32\\\n",
        "",
        0,
    ),
    ("for /f \"tokens=1,2\" %a in (\"x y z\") do @echo %b%a", "yx\n", "", 0),
    ("for /f %a in ('echo hello') do @echo got %a", "got hello\n", "", 0),
    ("for /f \"tokens=2 delims=:\" %a in ('echo k:v') do @echo %a", "v\n", "", 0),
    ("for /f \"tokens=1* delims= \" %a in (\"a b c\") do @echo %b", "b c\n", "", 0),
    ("echo abc| find \"b\"", "abc\n", "", 0),
    ("echo abc| find \"z\"", "", "", 1),
    ("echo abc| findstr /r /c:\"^a.c$\"", "abc\n", "", 0),
    ("echo abc| findstr /i \"X B\"", "abc\n", "", 0),
    ("echo.", "\n", "", 0),
    ("echo.hi", "hi\n", "", 0),
    ("echo(", "\n", "", 0),
    ("echo", "ECHO is on.\n", "", 0),
    ("rem nothing & echo x", "", "", 0),
    ("ver", "\nMicrosoft Windows [Version 10.0.26100.4946]\n", "", 0),
    ("cd", "C:\\Users\\lab\n", "", 0),
    ("cd nosuchdir", "", NO_PATH, 1),
    ("cd /d C:\\windows & cd", "C:\\Windows\n", "", 0),
    ("cd .. & cd", "C:\\Users\n", "", 0),
    ("md newdir && if exist newdir echo made", "made\n", "", 0),
    ("md newdir", "", "A subdirectory or file newdir already exists.\n", 1),
    ("rd newdir", "", "", 0),
    ("rd nosuchdir || echo failed", "failed\n", NO_FILE, 0),
    ("md a\\b\\c & rd /s /q a & if not exist a echo gone", "gone\n", "", 0),
    ("copy nosuch x", "", NO_FILE, 1),
    ("echo q>c1.txt & copy c1.txt c2.txt", "        1 file(s) copied.\n", "", 0),
    ("copy /y c1.txt c2.txt >nul", "", "", 0),
    ("del nosuch.txt", "", "Could Not Find C:\\Users\\lab\\nosuch.txt\n", 0),
    ("move /y c2.txt c3.txt", "        1 file(s) moved.\n", "", 0),
    ("ren c3.txt c4.txt", "", "", 0),
    ("dir /b c*.txt", "c1.txt\nc4.txt\n", "", 0),
    ("del c1.txt c4.txt", "", "", 0),
    ("dir /b c*.txt", "", "File Not Found\n", 1),
    ("call echo hi", "hi\n", "", 0),
    ("call nosuchcmd", "", UNKNOWN, 1),
    ("call exit /b 7", "", "", 7),
    ("start \"\" /wait cmd /c exit 9", "", "", 9),
    ("start /wait cmd /c exit 9", "", "", 9),
    ("cmd /c \"exit 6\"", "", "", 6),
    ("cmd /c \"echo a & exit 6\"", "a \n", "", 6),
    ("echo a & exit /b 2 & echo b", "a \n", "", 2),
    ("set /a X=1+2*3", "7", "", 0),
    ("set /a \"X=(1+2)*3 % 4\"", "1", "", 0),
    ("set X=hello& call echo %X%", "hello\n", "", 0),
    ("echo %ERRORLEVEL%", "0\n", "", 0),
    ("if defined PATH echo yes", "yes\n", "", 0),
    ("if not defined NOPE echo no", "no\n", "", 0),
    ("if 5 GTR 3 echo gt", "gt\n", "", 0),
    ("if 10 LSS 9 echo bad", "", "", 0),
    ("if abc LSS abd echo ok", "ok\n", "", 0),
    ("echo a>nul & echo b", "b\n", "", 0),
    ("pushd c:\\windows & cd & popd & cd", "C:\\Windows\nC:\\Users\\lab\n", "", 0),
    ("((echo deep))", "deep\n", "", 0),
    ("(echo a) & (echo b)", "a\nb\n", "", 0),
    ("echo hi >c:\\nosuchdir\\x.txt", "", NO_PATH, 1),
    ("echo hi >c:\\nosuchdir\\x.txt || echo failed", "failed\n", NO_PATH, 0),
    ("echo %OS% %os:~0,3% %OS:NT=xx%", "Windows_NT Win Windows_xx\n", "", 0),
    ("\"C:\\Windows\\System32\\hostname.exe\"", "STANDIN\n", "", 0),
    ("C:\\Windows\\System32\\hostname", "STANDIN\n", "", 0),
    ("C:/Windows/System32/hostname.exe", "STANDIN\n", "", 0),
    ("C:\\nosuch\\tool.exe", "", NO_PATH, 1),
    ("chcp 65001 >nul & whoami", "standin\\lab\n", "", 0),
    ("where hostname", "C:\\Windows\\System32\\hostname.exe\n", "", 0),
    ("powershell -c 1 2>nul", "", "", 1),
    ("echo one&&(echo two||echo three)&echo four", "one\ntwo\nfour\n", "", 0),
    ("echo a | (find \"a\" & echo b)", "a \nb\n", "", 0),
    ("hostname > out.txt & type OUT.TXT", "STANDIN\n", "", 0),
    ("type nul > empty.txt & for %f in (empty.txt) do @echo %~zf", "0\n", "", 0),
    ("sort < out.txt", "STANDIN\n", "", 0),
    ("& echo x", "", "& was unexpected at this time.\n", 255),
    ("certutil -hashfile out.txt SHA256 | find /c \"c\"", "2\n", "", 0),
];

#[test]
fn commands_answer_as_windows_does() {
    let machine = Machine::new();
    let mut wrong = Vec::new();
    for (command, out, err, code) in COMMANDS {
        let (actual_out, actual_err, actual_code) = machine.run(command);
        let expected = (out.replace('\n', "\r\n"), err.replace('\n', "\r\n"), *code);
        if (&actual_out, &actual_err, actual_code) != (&expected.0, &expected.1, expected.2) {
            wrong.push(format!(
                "{command}\n  expected {expected:?}\n  got      {:?}",
                (actual_out, actual_err, actual_code)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A batch file, called with `a1 "b 2" c3`; its output; its code.
const BATCHES: &[(&str, &str, u32)] = &[
    ("@echo off\necho %1 %2 %~2 %3\nexit /b 42", "a1 \"b 2\" b 2 c3\n", 42),
    ("@echo off\ncmd /c exit 5\necho after", "after\n", 5),
    ("@echo off\ncmd /c exit 5", "", 5),
    ("@echo off\nnosuchcmd 2>nul\necho %errorlevel%", "9009\n", 9009),
    ("@echo off\nnosuchcmd 2>nul", "", 9009),
    ("@echo off\ngoto end\necho skipped\n:end\necho done", "done\n", 0),
    (
        "@echo off\ncall :sub x\necho back %errorlevel%\nexit /b 0\n:sub\necho in sub %1\nexit /b 3",
        "in sub x\nback 3\n",
        0,
    ),
    ("@echo off\nif \"%1\"==\"a1\" (\necho yes\n) else (\necho no\n)", "yes\n", 0),
    ("@echo off\nif \"%1\"==\"zz\" (\necho yes\n) else (\necho no\n)", "no\n", 0),
    ("@echo off\nif 1==1 (\n  if 2==2 echo in\n  echo still\n)", "in\nstill\n", 0),
    ("@echo off\nfor %%i in (1 2) do (\necho %%i\necho -%%i\n)", "1\n-1\n2\n-2\n", 0),
    ("@echo off\nsetlocal\nset Q=1\nendlocal\necho [%Q%]", "[]\n", 0),
    ("@echo off\nsetlocal enabledelayedexpansion\nset Q=1\nif 1==1 (set Q=2\necho %Q% !Q!)", "1 2\n", 0),
    ("@echo off\nexit 8\necho no", "", 8),
    ("@echo off\ngoto :eof\necho no", "", 0),
    ("@echo off\ngoto nolabel 2>nul\necho no", "", 1),
    ("@echo off\necho 100%% %~dp0 %~nx0 %*", "100% C:\\t\\ s.cmd a1 \"b 2\" c3\n", 0),
    ("@echo off\ncmd /c exit 5 & echo %errorlevel%\necho %errorlevel%", "0\n5\n", 5),
    ("@echo off\n:: comment\nrem c\nshift\necho %1", "\"b 2\"\n", 0),
    ("@echo off\nset /a n=0\n:loop\nset /a n+=1\necho %n%\nif not %n%==3 goto loop", "1\n2\n3\n", 0),
    ("@exit /b", "", 0),
    ("@echo off\ncmd /c exit 5\nexit /b", "", 5),
    ("echo on1\n@echo quiet", "\nC:\\Users\\lab>echo on1\non1\nquiet\n", 0),
    ("@echo off\necho a ^\nb", "a b\n", 0),
    ("@echo off\nset V=x\nset V=%V%y\necho %V% %UNSET%end", "xy end\n", 0),
    ("@echo off\ncall C:\\t\\other.cmd 1\necho %errorlevel%", "other 1\n7\n", 7),
    ("@echo off\nC:\\t\\other.cmd 2\necho never", "other 2\n", 7),
    (
        "@echo off\nfor /f \"usebackq tokens=*\" %%l in (`type C:\\t\\lines.txt`) do echo [%%l]",
        "[one two]\n[three]\n",
        0,
    ),
];

#[test]
fn batch_files_run_as_windows_runs_them() {
    let machine = Machine::new();
    machine.write(r"C:\t\other.cmd", "@echo other %1\r\n@exit /b 7\r\n");
    machine.write(r"C:\t\lines.txt", "one two\r\n\r\nthree\r\n");
    let mut wrong = Vec::new();
    for (text, out, code) in BATCHES {
        machine.write(r"C:\t\s.cmd", text.replace('\n', "\r\n"));
        let (actual, err, actual_code) = machine.run("C:\\t\\s.cmd a1 \"b 2\" c3");
        let expected = out.replace('\n', "\r\n");
        if (actual.as_str(), actual_code) != (expected.as_str(), *code) {
            wrong.push(format!(
                "{text}\n  expected {:?}\n  got      {:?} {err}",
                (expected, code),
                (actual, actual_code)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cancelled_loop_ends() {
    use crate::process::{Cancel, Handles, Input, Output};
    let machine = Machine::new();
    let cancel = Cancel::default();
    let job = cancel.clone();
    let system = std::sync::Arc::clone(&machine.system);
    let handles = Handles { stdin: Input::Nul, stdout: Output::Nul, stderr: Output::Nul };
    let thread =
        std::thread::spawn(move || system.run_command("for /L %i in (1,0,2) do @ping -n 1000 127.0.0.1", handles, job));
    cancel.cancel();
    assert_eq!(thread.join().unwrap(), crate::CANCELLED);
}

proptest::proptest! {
    /// The stand-in's init runs all this; a panic there ends the machine.
    #[test]
    fn no_line_breaks_the_shell(line in "[a-z0-9 %!^&|<>()\"'=:~*@,;./\\\\\u{e9}-]{0,60}") {
        let _ = super::parse::parse(&line);
        let _ = super::options(&line);
        let _ = super::split_arguments(&line);
        let expanded = MACHINE.with(|machine| {
            let (err, out) = (crate::Output::Nul, crate::Output::Nul);
            let handles = crate::Handles { stdin: crate::Input::Nul, stdout: out, stderr: err };
            let process = crate::Process::of_session(&machine.system, handles, crate::Cancel::default());
            let mut shell = super::Shell::new(process);
            shell.loops.push(('i', r"C:\Users\lab\a b.txt".to_owned()));
            shell.delayed = true;
            shell.expand_late(&shell.expand_percent(&line))
        });
        proptest::prop_assert!(expanded.len() < 1 << 20);
    }

    #[test]
    fn no_keyword_soup_breaks_the_shell(words in proptest::collection::vec("(if|not|exist|for|/l|/f|%i|in|do|\\(|\\)|else|==|a|&|\\|\\||&&|\\||>|2>&1|<|echo|set|/a|\"|\\^|1|,|errorlevel|rem|\n)", 0..24)) {
        // Nothing here writes outside the volume of this thread, and nothing loops: `for /l` needs three numbers.
        let line = words.join(" ");
        let _ = super::parse::parse(&line);
    }
}

thread_local! {
    static MACHINE: Machine = Machine::new();
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    let machine = Machine::new();
    assert_eq!(machine.run(&format!("{}echo x{}", "(".repeat(3000), ")".repeat(3000))).2, 255);
    assert_eq!(machine.run(&"if 1==1 ".repeat(1000)).2, 255);
    assert_eq!(machine.run(&"cmd /c ".repeat(1000)).2, 1);
    assert_eq!(machine.run(&format!("echo {}", "x".repeat(9000))).2, 1);
    machine.write(r"C:\t\deep.cmd", format!("@{}cmd /c C:\\t\\deep.cmd", "if 1==1 ".repeat(90)));
    assert_eq!(machine.run(r"C:\t\deep.cmd").2, 1);
    machine.write(r"C:\t\again.cmd", "@call C:\\t\\again.cmd");
    assert_eq!(machine.run(r"C:\t\again.cmd").2, 1);
    machine.write(r"C:\t\shell.cmd", "@cmd /c C:\\t\\shell.cmd");
    assert_eq!(machine.run(r"C:\t\shell.cmd").2, 1);
    assert_eq!(machine.run(&format!("echo a{}", "&echo a".repeat(1000))).0.lines().count(), 1001);
}
