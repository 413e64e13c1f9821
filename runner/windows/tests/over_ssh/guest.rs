//! A session: commands, files, and how they break.

use std::time::{Duration, Instant};

use crate::server::{Answer, Reads, Server, WriteFault};
use coexist_lab::{BootRecord, Door, Guest, GuestError, Reading, UnexpectedEnd, Whose};
use coexist_model::{
    Apply, BootIdentity, Edition, Exercise, ExitMeaning, Hex, Install, Method, Probe, RegistryData, Seconds,
    WindowsFacts,
};
use coexist_windows::WindowsDoor;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn open(server: &Server) -> Box<dyn Guest> {
    WindowsDoor::default().knock(server.at, &server.access, PATIENCE).await.unwrap()
}

/// A guest of which every command leads to this.
pub(crate) async fn always(answer: Answer) -> (Server, Box<dyn Guest>) {
    let server = Server::start(move |_| answer.clone()).await;
    let guest = open(&server).await;
    (server, guest)
}

fn command(run: &str) -> Probe {
    Probe::Command { run: run.to_owned(), prints: None }
}

#[tokio::test]
async fn exit_codes_arrive_untruncated() {
    for (code, shown) in [(3010, "exit code 3010"), (0xc000_0005, "exit code 0xc0000005")] {
        let (_server, guest) = always(Answer::exit(code, "")).await;
        let reading = guest.look(&command("x"), PATIENCE).await.unwrap();
        assert_eq!(reading, Reading { holds: false, found: shown.to_owned(), exit_code: Some(code) });
    }
}

#[tokio::test]
async fn output_that_comes_after_the_code_counts() {
    let answer = Answer::Exit { stdout: b"out\r\n\x1b[2J".to_vec(), stderr: b"err \xff".to_vec(), code: 0 };
    let (server, guest) = always(answer).await;
    let probe = Probe::Command { run: "scp.exe".to_owned(), prints: Some("ERR".to_owned()) };
    let reading = guest.look(&probe, PATIENCE).await.unwrap();
    assert!(reading.holds);
    assert_eq!(reading.found, "exit code 0: out; \\u{1b}[2J; err \u{fffd}");
    // sshd would rewrite a command that begins with `scp`.
    assert_eq!(server.commands(), [" scp.exe"]);
}

#[tokio::test]
async fn a_flood_is_bounded() {
    let (_server, guest) = always(Answer::Flood(64 << 20)).await;
    let reading = guest.look(&command("x"), PATIENCE).await.unwrap();
    assert!(reading.holds && reading.found.chars().count() <= 301, "{}", reading.found.len());
    let error = guest.look(&Probe::Filter { name: "a".to_owned(), altitude: None }, PATIENCE).await.unwrap_err();
    assert!(matches!(error, GuestError::Disagrees { .. }), "{error}");
}

#[tokio::test]
async fn a_command_that_hangs_is_timed_out() {
    let (server, guest) = always(Answer::Hang).await;
    let begun = Instant::now();
    let error = guest.look(&command("x"), Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, GuestError::TimedOut { of: Whose::Lab, .. }), "{error}");
    let work = [Exercise::Loopback, Exercise::Run { command: "x".to_owned() }];
    for work in work {
        let error = guest.exercise(&work, Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(error, GuestError::TimedOut { of: Whose::Product, .. }), "{error}");
    }
    let (file, _) = package(&server);
    for method in [Method::Driver, Method::File { destination: r"C:\x".to_owned() }] {
        let mut order = order(method);
        order.deadline = Seconds::from_millis(300);
        let error = guest.install(&order, &file).await.unwrap_err();
        assert!(matches!(error, GuestError::TimedOut { of: Whose::Product, .. }), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The session is still good.
    assert_eq!(guest.look(&Probe::File { path: r"C:\x".to_owned() }, PATIENCE).await.unwrap().found, "not there");
    drop(server);
}

#[tokio::test]
async fn a_connection_that_breaks_is_lost() {
    for answer in [Answer::Cut, Answer::NoCode] {
        let (_server, guest) = always(answer).await;
        let error = guest.look(&command("x"), PATIENCE).await.unwrap_err();
        assert!(matches!(error, GuestError::Lost { transfer: false, .. }), "{error}");
    }
    let (_server, guest) = always(Answer::Cut).await;
    guest.look(&command("x"), PATIENCE).await.unwrap_err();
    let error = guest.look(&command("y"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, GuestError::Lost { transfer: false, .. }), "{error}");
}

#[tokio::test]
async fn a_guest_that_falls_silent_is_noticed_before_the_deadline() {
    let server = Server::start(|_| Answer::Freeze).await;
    let door = WindowsDoor::new(Duration::from_millis(100), 2);
    let guest = door.knock(server.at, &server.access, PATIENCE).await.unwrap();
    let begun = Instant::now();
    let error = guest.look(&command("x"), Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(&error, GuestError::Lost { detail, .. } if detail.contains("eepalive")), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_refused_request_is_no_answer_of_windows() {
    let (_server, guest) = always(Answer::Refuse).await;
    let error = guest.look(&command("x"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, GuestError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_guest_that_offers_no_sftp_refuses() {
    let (server, guest) = always(Answer::ok("")).await;
    server.refuse_sftp();
    let (file, _) = package(&server);
    for error in [
        guest.install(&order(Method::Driver), &file).await.unwrap_err(),
        guest.install(&order(Method::File { destination: r"C:\x.sys".to_owned() }), &file).await.unwrap_err(),
        guest.evidence_files().await.unwrap_err(),
    ] {
        assert!(matches!(&error, GuestError::Refused { found, .. } if found.contains("SFTP")), "{error}");
    }
    assert!(server.commands().is_empty(), "nothing was started");
}

#[tokio::test]
async fn a_restart_is_accepted_even_when_it_cuts_the_answer_off() {
    for (answer, accepted) in [
        (Answer::ok(""), true),
        (Answer::exit(1190, "already"), true),
        (Answer::Cut, true),
        (Answer::exit(5, "Access is denied.(5)"), false),
        (Answer::Refuse, false),
    ] {
        let (server, guest) = always(answer).await;
        assert_eq!(guest.restart().await.is_ok(), accepted);
        assert_eq!(server.commands(), ["shutdown.exe /r /t 1 /d p:4:1"]);
    }
}

#[tokio::test]
async fn windows_says_what_it_is() {
    let value = |name: &str, data: &str| {
        Answer::ok(&format!("\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X\r\n    {name}    REG_SZ    {data}\r\n\r\n"))
    };
    let server = Server::start(move |command| match command.rsplit(' ').next() {
        Some("CurrentBuildNumber") => value("CurrentBuildNumber", "26100"),
        _ => value("InstallationType", "Server Core"),
    })
    .await;
    let facts = open(&server).await.identify().await.unwrap();
    assert_eq!(facts, WindowsFacts { build: 26100, edition: Edition::Server });
    let (_server, guest) = always(Answer::exit(1, "ERROR: no")).await;
    assert!(matches!(guest.identify().await, Err(GuestError::Disagrees { .. })));
}

fn event(provider: &str, id: u32, record: u32, time: &str, data: &[(&str, &str)]) -> String {
    let data: String = data.iter().map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/>\
         <EventID>{id}</EventID><TimeCreated SystemTime='{time}'/><EventRecordID>{record}</EventRecordID></System>\
         <EventData>{data}</EventData></Event>\r\n"
    )
}

#[tokio::test]
async fn boots_are_read_from_the_log() {
    let general = "Microsoft-Windows-Kernel-General";
    let first = ("StartTime", "2026-03-01T10:00:00.5000000Z");
    let second = ("StartTime", "2026-03-01T10:05:00.5000000Z");
    let newest = event(general, 12, 90, "2026-03-01T10:05:00.6Z", &[second]);
    let boot = event("Microsoft-Windows-Kernel-Boot", 20, 92, "2026-03-01T10:05:00.601Z", &[("LastBootId", "17")]);
    let stop = [
        ("BugcheckCode", "80"),
        ("BugcheckParameter1", "0xffff840000000000"),
        ("BugcheckParameter2", "0x0"),
        ("BugcheckParameter3", "0xfffff80412345678"),
        ("BugcheckParameter4", "0x2"),
    ];
    let all = [
        event("Microsoft-Windows-Kernel-Power", 41, 95, "2026-03-01T10:05:09Z", &stop),
        event("EventLog", 6008, 93, "2026-03-01T10:05:08Z", &[]),
        newest.clone(),
        event(general, 12, 50, "2026-03-01T10:00:00.6Z", &[first]),
    ];
    let server = Server::start(move |command| {
        Answer::ok(&match command {
            _ if command.contains("EventID=6008") => all.concat(),
            _ if command.contains("Kernel-Boot") => boot.clone(),
            _ => newest.clone(),
        })
    })
    .await;
    let guest = open(&server).await;
    let now = guest.boot_identity().await.unwrap();
    assert_eq!(now, BootIdentity { boot_id: 17, start_time: Some(second.1.to_owned()) });
    let before = BootIdentity { boot_id: 16, start_time: Some(first.1.to_owned()) };
    let stop = [Hex(0x50), Hex(0xffff_8400_0000_0000), Hex(0), Hex(0xffff_f804_1234_5678), Hex(2)];
    let record = BootRecord { boots: 1, unexpected: vec![UnexpectedEnd { stop: Some(stop) }] };
    assert_eq!(guest.boot_record(Some(&before)).await.unwrap(), record);
    assert_eq!(guest.boot_record(Some(&now)).await.unwrap(), BootRecord::default());
    assert_eq!(guest.boot_record(None).await.unwrap().boots, 2);
}

#[tokio::test]
async fn a_guest_that_starts_is_asked_again_which_boot_it_is_in() {
    let general = "Microsoft-Windows-Kernel-General";
    let kernel_boot = |id, time| event("Microsoft-Windows-Kernel-Boot", 20, 92, time, &[("LastBootId", id)]);
    let start = ("StartTime", "2026-03-01T10:05:00.5000000Z");
    let newest = event(general, 12, 90, "2026-03-01T10:05:00.6Z", &[start]);
    let (old, new) = (kernel_boot("16", "2026-03-01T10:00:00.6Z"), kernel_boot("17", "2026-03-01T10:05:00.6Z"));
    let asked = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |command| {
        match (asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst), command.contains("Kernel-Boot")) {
            (0, _) => Answer::exit(0xc000_0142, ""),
            (1, _) => Answer::Refuse,
            (2, _) => Answer::ok("no XML <"),
            (..=4, true) => Answer::ok(&old),
            (_, true) => Answer::ok(&new),
            (_, false) => Answer::ok(&newest),
        }
    })
    .await;
    let identity = open(&server).await.boot_identity().await.unwrap();
    assert_eq!(identity, BootIdentity { boot_id: 17, start_time: Some(start.1.to_owned()) });
    assert_eq!(server.commands().len(), 7);
}

#[tokio::test]
async fn settings_are_written_as_reg_reads_them() {
    let (server, guest) = always(Answer::ok("The operation completed successfully.\r\n")).await;
    let data = [RegistryData::Dword(1), RegistryData::Qword(1 << 40), RegistryData::Text("50% \"x\"".to_owned())];
    for data in data {
        let change = Apply::Registry { key: r"HKLM\SOFTWARE\A B".to_owned(), name: "On".to_owned(), data };
        assert!(guest.apply(&change, PATIENCE).await.unwrap().holds);
    }
    let two_lines = guest.apply(&Apply::Command("a\nb".to_owned()), PATIENCE).await.unwrap();
    assert!(!two_lines.holds && two_lines.found.contains("several lines"));
    assert_eq!(
        server.commands(),
        [
            r#"reg.exe add "HKLM\SOFTWARE\A B" /v "On" /t REG_DWORD /d 1 /f"#,
            r#"reg.exe add "HKLM\SOFTWARE\A B" /v "On" /t REG_QWORD /d 1099511627776 /f"#,
            r#"reg.exe add "HKLM\SOFTWARE\A B" /v "On" /t REG_SZ /d ^"50^% \^"x\^"^" /f"#,
        ]
    );
}

fn order(method: Method) -> Install {
    Install {
        agent: "acme".into(),
        version: "4.1".to_owned(),
        package: "44aa619c9d2425219510f9e97278b0e716f785cbe949437dbb26834852966419".into(),
        file_name: "acme.bin".to_owned(),
        method,
        exit_codes: [(0, ExitMeaning::Success), (3010, ExitMeaning::RestartNeeded)].into(),
        then: vec!["first".to_owned(), "second".to_owned(), "third".to_owned()],
        deadline: Seconds::from_secs(20),
        restart: Seconds::from_secs(20),
        look: Seconds::from_secs(20),
    }
}

/// A package of a size that is no round number, on the host; [`order`] has its digest.
fn package(server: &Server) -> (std::path::PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..3_000_017_u32).map(|n| (n / 7) as u8).collect();
    let file = server.host_folder().join("package");
    std::fs::write(&file, &bytes).unwrap();
    (file, bytes)
}

#[tokio::test]
async fn a_package_is_sent_and_installed() {
    let server = Server::start(|command| match command {
        "second" => Answer::exit(7, "it is broken\r\n"),
        "first" => Answer::ok(""),
        _ => Answer::exit(3010, "restart, please\r\n"),
    })
    .await;
    let (file, bytes) = package(&server);
    let guest = open(&server).await;
    let order = order(Method::Msi { arguments: vec!["A=1".to_owned()] });
    let report = guest.install(&order, &file).await.unwrap();
    assert_eq!(guest.setup_log(&order), report.log);
    assert_eq!(report.exit_code, Some(3010));
    assert_eq!(report.then_failed.as_deref(), Some("`second` ended with 7: it is broken"));
    assert_eq!(report.output, "restart, please\n");
    assert_eq!(report.log.as_deref(), Some(r"C:\coexist\logs\install-acme-4.1-44aa619c9d24.log"));
    assert_eq!(server.commands(), [r"C:\coexist\scripts\install-acme-4.1-44aa619c9d24.cmd", "first", "second"]);
    assert!(std::fs::read(server.disk().join("coexist/packages/44aa619c9d24/acme.bin")).unwrap() == bytes);
    let script = std::fs::read(server.disk().join("coexist/scripts/install-acme-4.1-44aa619c9d24.cmd")).unwrap();
    assert!(script.starts_with(b"@echo off\r\nstart \"\" /wait msiexec.exe /i \"C:\\coexist\\packages\\"));
    assert!(script.ends_with(b" A=1\r\nexit /b %ERRORLEVEL%\r\n"));
}

/// What is started after such an installer would be cut off: the commands that follow have a call of their own for it.
#[tokio::test]
async fn the_commands_that_follow_wait_for_a_restart_that_the_installer_began() {
    let server = Server::start(|command| match command {
        "second" => Answer::exit(7, "it is broken\r\n"),
        "first" => Answer::ok(""),
        _ => Answer::exit(1641, ""),
    })
    .await;
    let (file, _) = package(&server);
    let guest = open(&server).await;
    let mut order = order(Method::Exe { arguments: Vec::new() });
    order.exit_codes.insert(1641, ExitMeaning::RestartBegun);
    let report = guest.install(&order, &file).await.unwrap();
    assert_eq!((report.exit_code, report.then_failed), (Some(1641), None));
    assert_eq!(server.commands().len(), 1, "only the installer was started");

    let failed = guest.then(&order).await.unwrap();
    assert_eq!(failed.as_deref(), Some("`second` ended with 7: it is broken"));
    assert_eq!(server.commands()[1..], ["first", "second"]);
    order.then.truncate(1);
    assert_eq!(guest.then(&order).await.unwrap(), None);
}

/// Somebody builds the package anew while the run goes on.
#[tokio::test]
async fn a_package_that_changed_since_it_was_verified_is_not_installed() {
    let (server, guest) = always(Answer::ok("")).await;
    let (file, mut bytes) = package(&server);
    bytes[1_000_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = guest.install(&order(Method::Exe { arguments: Vec::new() }), &file).await.unwrap_err();
    assert!(matches!(&error, GuestError::Host { error, .. } if error.contains("changed during the run")), "{error}");
    assert!(server.commands().is_empty(), "nothing was started");
}

#[tokio::test]
async fn an_installer_that_fails_runs_nothing_more() {
    let (server, guest) = always(Answer::exit(1603, "")).await;
    let (file, _) = package(&server);
    let report = guest.install(&order(Method::Exe { arguments: Vec::new() }), &file).await.unwrap();
    assert_eq!((report.exit_code, report.then_failed), (Some(1603), None));
    assert_eq!(server.commands().len(), 1);
    let mut bad = order(Method::Driver);
    bad.file_name = r"..\acme.inf".to_owned();
    assert!(matches!(guest.install(&bad, &file).await, Err(GuestError::Disagrees { .. })));
}

#[tokio::test]
async fn a_file_is_moved_into_place_when_it_is_whole() {
    let destination = r"C:\ProgramData\Acme\C-291.sys";
    let server = Server::start(|_| Answer::exit(1, "Access is denied.\r\n")).await;
    let (file, bytes) = package(&server);
    let guest = open(&server).await;
    let order = order(Method::File { destination: destination.to_owned() });
    let report = guest.install(&order, &file).await.unwrap();
    assert_eq!((report.exit_code, report.output.as_str()), (Some(1), "Access is denied.\n"));
    let stage = server.disk().join("coexist/packages/44aa619c9d24/acme.bin");
    assert!(std::fs::read(&stage).unwrap() == bytes);
    let moved = format!(r#"move /y "C:\coexist\packages\44aa619c9d24\acme.bin" "{destination}""#);
    assert_eq!(server.commands(), [moved]);

    let (server, guest) = always(Answer::ok("")).await;
    let (file, _) = package(&server);
    // The server does not really move: the guest must notice.
    assert!(matches!(guest.install(&order, &file).await, Err(GuestError::Disagrees { .. })));
    std::fs::write(server.disk().join("ProgramData/Acme/C-291.sys"), "x").unwrap();
    let report = guest.install(&order, &file).await.unwrap();
    assert_eq!((report.exit_code, report.then_failed), (None, None));
}

#[tokio::test]
async fn a_place_that_is_defended_is_told_as_an_exit_code() {
    let (server, guest) = always(Answer::ok("")).await;
    let (file, bytes) = package(&server);
    let to = |destination: &str| order(Method::File { destination: destination.to_owned() });
    server.deny("/C:/ProgramData");
    // The folder may not be looked at, but the move goes well.
    let report = guest.install(&to(r"C:\ProgramData\Acme\C-291.sys"), &file).await.unwrap();
    assert_eq!(report.exit_code, None, "{report:?}");
    assert!(std::fs::read(server.disk().join("coexist/packages/44aa619c9d24/acme.bin")).unwrap() == bytes);
    let hidden =
        guest.look(&Probe::File { path: r"C:\ProgramData\Acme\C-291.sys".to_owned() }, PATIENCE).await.unwrap();
    assert_eq!(hidden, Reading { holds: false, found: "access denied".to_owned(), exit_code: None });

    server.deny("/C:/coexist/packages/44aa619c9d24/acme.bin");
    let report = guest.install(&to(r"C:\x.sys"), &file).await.unwrap();
    assert_eq!((report.exit_code, report.then_failed), (Some(5), None));
    assert!(report.output.contains("ermission denied"), "{}", report.output);
    // Of a package it is still the lab that is kept out.
    assert!(matches!(guest.install(&order(Method::Driver), &file).await, Err(GuestError::Disagrees { .. })));
}

#[tokio::test]
async fn a_file_for_another_drive_goes_through_the_labs_folder_when_nothing_may_lie_beside_it() {
    let (server, guest) = always(Answer::exit(1, "Access is denied.\r\n")).await;
    let (file, _) = package(&server);
    server.deny("/D:/Acme");
    let report = guest.install(&order(Method::File { destination: r"D:\Acme\a.dat".to_owned() }), &file).await.unwrap();
    assert_eq!(report.exit_code, Some(1));
    assert_eq!(server.commands(), [r#"move /y "C:\coexist\packages\44aa619c9d24\acme.bin" "D:\Acme\a.dat""#]);
}

#[tokio::test]
async fn a_transfer_that_breaks_is_lost_and_a_full_disk_is_said() {
    for (fault, full) in [(WriteFault::Cut, false), (WriteFault::Full, true)] {
        let server = Server::start_with(|_| Answer::ok(""), Some((1_000_000, fault))).await;
        let (file, _) = package(&server);
        let error = open(&server).await.install(&order(Method::Driver), &file).await.unwrap_err();
        match error {
            GuestError::DiskFull { .. } => assert!(full),
            GuestError::Lost { transfer: true, .. } => assert!(!full),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn files_are_fetched_as_far_as_was_asked() {
    let (server, guest) = always(Answer::ok("")).await;
    std::fs::create_dir(server.disk().join("Windows")).unwrap();
    let (_, bytes) = package(&server);
    std::fs::write(server.disk().join("Windows/MEMORY.DMP"), &bytes).unwrap();
    let found = guest.evidence_files().await.unwrap();
    assert!(fetched(&*guest, &found[0].path, 0, u64::MAX).await.unwrap() == bytes);
    assert!(fetched(&*guest, r"C:\Windows\MEMORY.DMP", 0, 70_000).await.unwrap() == bytes[..70_000]);
    assert!(fetched(&*guest, r"C:\Windows\MEMORY.DMP", 1_000_000, u64::MAX).await.unwrap() == bytes[1_000_000..]);
    assert!(matches!(fetched(&*guest, "/C:/absent", 0, 1).await, Err(GuestError::Disagrees { .. })));
    let mut full = std::fs::File::create("/dev/full").unwrap();
    let unstored = guest.fetch(&found[0].path, 0, 1, &mut full).await;
    assert!(matches!(unstored, Err(GuestError::Host { full: true, .. })));
}

#[tokio::test]
async fn a_file_arrives_in_order_however_reads_are_answered() {
    for reads in [Reads::Plain, Reads::Short, Reads::OutOfOrder] {
        let (server, guest) = always(Answer::ok("")).await;
        server.answer_reads(reads);
        let (_, bytes) = package(&server);
        std::fs::write(server.disk().join("x.dmp"), &bytes).unwrap();
        for (from, limit) in
            [(0, u64::MAX), (1, 2_500_001), (2_999_999, u64::MAX), (5, 5), (9, 3), (4_000_000, u64::MAX)]
        {
            let end = usize::try_from(limit).unwrap().min(bytes.len());
            let part = bytes.get(usize::try_from(from).unwrap()..end).unwrap_or_default();
            assert!(fetched(&*guest, "/C:/x.dmp", from, limit).await.unwrap() == part, "{from} to {limit}");
        }
    }
}

#[tokio::test]
async fn a_transfer_that_broke_goes_on_where_it_broke() {
    let (server, guest) = always(Answer::ok("")).await;
    let (_, bytes) = package(&server);
    std::fs::write(server.disk().join("x.dmp"), &bytes).unwrap();
    let mut there = Vec::new();
    server.answer_reads(Reads::CutAt(1_000_000));
    let error = guest.fetch("/C:/x.dmp", 0, u64::MAX, &mut there).await.unwrap_err();
    assert!(matches!(error, GuestError::Lost { transfer: true, .. }), "{error}");
    assert!(there.len() < bytes.len() && there == bytes[..there.len()]);
    server.answer_reads(Reads::CutAt(2_000_000));
    let guest = open(&server).await;
    guest.fetch("/C:/x.dmp", there.len() as u64, u64::MAX, &mut there).await.unwrap_err();
    assert!(there.len() < bytes.len() && there == bytes[..there.len()]);
    server.answer_reads(Reads::Plain);
    let guest = open(&server).await;
    let rest = guest.fetch("/C:/x.dmp", there.len() as u64, u64::MAX, &mut there).await.unwrap();
    assert!(rest >= 1_000_000 && there == bytes);
}

pub(crate) async fn fetched(guest: &dyn Guest, path: &str, from: u64, limit: u64) -> Result<Vec<u8>, GuestError> {
    let mut bytes = Vec::new();
    let count = guest.fetch(path, from, limit, &mut bytes).await?;
    assert_eq!(count, bytes.len() as u64);
    Ok(bytes)
}
