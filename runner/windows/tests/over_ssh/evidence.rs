//! What a guest offers as evidence, and event logs.

use std::collections::BTreeSet;

use coexist_lab::{GuestError, RemoteFile};
use coexist_model::EvidenceKind::{EventLog, KernelDump, SetupLog, UserDump};
use coexist_model::{EvidenceFolder, EvidenceKind, EvidencePlaces, EvidenceSettings, Holds};

use crate::guest::{always, fetched, open};
use crate::server::{Answer, Server};

/// Puts a file on the guest's disk, last changed so many seconds after the others.
fn put(server: &Server, path: &str, age: u64) {
    let path = server.disk().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + age);
    file.set_modified(time).unwrap();
}

fn paths(files: &[RemoteFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

/// A file of every place of the list that a running guest can give, as far down as folders are looked into.
fn in_every_place(places: &EvidencePlaces) -> BTreeSet<(String, EvidenceKind, bool)> {
    let mut files = BTreeSet::new();
    let mut add =
        |path: &str, kind, holds: Holds| files.insert((format!("/{}", path.replace('\\', "/")), kind, holds.live()));
    for (path, holds) in places.files.iter().filter(|(_, holds)| !holds.is_kept_open()) {
        add(path, holds.kind(), *holds);
    }
    for EvidenceFolder { path, levels, holds } in places.folders.iter().chain(&places.of_account("Ann Bé")) {
        let deepest = format!(r"{path}{}", r"\below".repeat(levels - 1));
        let named: &[_] = match holds {
            Holds::KernelDumps { .. } => &[("030126-1-01.DMP", KernelDump)],
            Holds::ProgramDumps => &[("agent.exe.9.dmp", UserDump)],
            Holds::Reports => &[("Report.wer", SetupLog), ("memory.hdmp", UserDump), ("x.tmp.mdmp", UserDump)],
            Holds::Logs => &[("agent.log", SetupLog)],
            Holds::EventLog | Holds::Hive => &[],
        };
        for (name, kind) in named {
            add(&format!(r"{deepest}\{name}"), *kind, *holds);
        }
    }
    files
}

#[tokio::test]
async fn every_place_of_the_list_is_looked_into() {
    let (server, guest) = always(Answer::exit(1, "")).await;
    let expected = in_every_place(&EvidencePlaces::of(&EvidenceSettings::default(), &|_| None));
    assert!(expected.len() > 40, "{}", expected.len());
    for (path, ..) in &expected {
        put(&server, path.trim_start_matches("/C:/"), 7);
    }
    for no_evidence in [
        "Windows/Minidump/note.txt",
        "Windows/Minidump/below/deep.dmp",
        "Windows/System32/config/SYSTEM",
        "Windows/System32/winevt/Logs/System.evtx",
        "coexist/logs/System.evtx",
        "Users/Ann Bé/x.dmp",
        "Windows/Logs/CBS/old.cab",
    ] {
        put(&server, no_evidence, 9);
    }
    let found = guest.evidence_files().await.unwrap();
    let told: BTreeSet<_> = found.iter().map(|file| (file.path.clone(), file.kind, file.live)).collect();
    assert_eq!(told, expected);
    assert_eq!(found.len(), expected.len(), "each is told once");
    let last_dump = found.iter().rposition(|file| file.kind == KernelDump).unwrap();
    let first_other = found.iter().position(|file| file.kind != KernelDump).unwrap();
    assert!(last_dump < first_other, "kernel dumps come first");
    assert!(found.iter().all(|file| file.modified == 1_700_000_007 && file.size == 0));
    let asked = server.commands().len();
    assert_eq!(
        (guest.evidence_files().await.unwrap().len(), server.commands().len()),
        (found.len(), asked),
        "once only"
    );
}

#[tokio::test]
async fn dumps_lie_where_the_guest_says() {
    let server = Server::start(|command| match command {
        "set" => Answer::ok("Path=C:\\x\r\nPUBLIC=C:\\Leute\\Public\r\nProgramData=C:\\Daten\r\nSystemRoot=C:\\Win\r\n"),
        control if control.contains("CrashControl") => Answer::ok(
            "\r\nHKEY_LOCAL_MACHINE\\X\\CrashControl\r\n    DumpFile    REG_EXPAND_SZ    C:\\dumps\\all.memory\r\n    \
             MinidumpDir    REG_EXPAND_SZ    %SystemRoot%\\small\r\n    DedicatedDumpFile    REG_SZ    c:\\win\\small\\kept.dmp\r\n",
        ),
        local if local.contains("LocalDumps") => {
            Answer::ok("\r\nHKEY_X\r\n    DumpFolder    REG_EXPAND_SZ    C:\\user dumps\r\n")
        }
        _ => Answer::Refuse,
    })
    .await;
    let expected = [
        "/C:/dumps/all.memory",
        "/C:/Win/small/1.dmp",
        "/C:/Daten/Microsoft/Windows/WER/ReportQueue/x/y.mdmp",
        "/C:/user dumps/a.exe.1.dmp",
        "/C:/Leute/anna/AppData/Local/CrashDumps/b.dmp",
    ];
    for path in expected.iter().chain(&["/C:/Win/small/kept.dmp", "/C:/Windows/Minidump/elsewhere.dmp"]) {
        put(&server, path.trim_start_matches("/C:/"), 0);
    }
    assert_eq!(paths(&open(&server).await.evidence_files().await.unwrap()), expected);
}

#[tokio::test]
async fn of_many_files_the_newest_are_told() {
    let (server, guest) = always(Answer::ok("")).await;
    for number in 0..100 {
        put(&server, &format!("Windows/Minidump/{number}.dmp"), number);
        put(&server, &format!("Windows/LiveKernelReports/{number}/a.dmp"), 0);
    }
    let found = guest.evidence_files().await.unwrap();
    let (live, crashes): (Vec<_>, Vec<_>) = found.into_iter().partition(|file| file.live);
    let newest: Vec<_> = (50..100).rev().map(|number| format!("/C:/Windows/Minidump/{number}.dmp")).collect();
    assert_eq!(paths(&crashes), newest);
    assert!((10..100).contains(&live.len()), "{}: a guest cannot have every folder looked into", live.len());
}

#[tokio::test]
async fn a_folder_without_end_ends() {
    let (server, guest) = always(Answer::Refuse).await;
    put(&server, "Windows/Minidump/1.dmp", 0);
    put(&server, "Windows/LiveKernelReports/2.dmp", 0);
    server.list_without_end("/C:/Windows/Minidump");
    assert_eq!(paths(&guest.evidence_files().await.unwrap()), ["/C:/Windows/LiveKernelReports/2.dmp"]);
}

#[tokio::test]
async fn what_is_forbidden_is_left_out_unless_it_could_hide_a_crash() {
    let (server, guest) = always(Answer::Refuse).await;
    put(&server, "Windows/Minidump/1.dmp", 0);
    put(&server, "Windows/ntbtlog.txt", 0);
    server.deny("/C:/ProgramData");
    server.deny("/C:/Users");
    server.deny("/C:/Windows/INF");
    assert_eq!(
        paths(&guest.evidence_files().await.unwrap()),
        ["/C:/Windows/Minidump/1.dmp", "/C:/Windows/ntbtlog.txt"]
    );
    server.deny("/C:/Windows/Minidump");
    assert!(matches!(guest.evidence_files().await, Err(GuestError::Disagrees { .. })));
}

#[tokio::test]
async fn event_logs_are_exported_and_fetched() {
    for (channel, file, quoted) in [
        ("System", "System", "System"),
        ("Application", "Application", "Application"),
        (
            "Microsoft-Windows-Kernel-Boot/Operational",
            "Microsoft-Windows-Kernel-Boot-Operational",
            "\"Microsoft-Windows-Kernel-Boot/Operational\"",
        ),
        ("Windows PowerShell", "Windows-PowerShell", "\"Windows PowerShell\""),
        ("a\" & calc %PATH%", "a----calc--PATH", "^\"a\\^\" ^& calc ^%PATH^%^\""),
    ] {
        let (server, guest) = always(Answer::ok("")).await;
        let on_disk = server.disk().join(format!("coexist/logs/{file}.evtx"));
        std::fs::create_dir_all(on_disk.parent().unwrap()).unwrap();
        std::fs::write(on_disk, b"ElfFile\0").unwrap();
        let log = guest.export_log(channel).await.unwrap();
        assert_eq!((log.size, log.kind), (8, EventLog));
        assert_eq!(fetched(&*guest, &log.path, 0, 1 << 20).await.unwrap(), b"ElfFile\0");
        assert_eq!(server.commands(), [format!(r"wevtutil.exe epl {quoted} C:\coexist\logs\{file}.evtx /ow:true")]);
    }
    let (server, guest) = always(Answer::exit(15007, "no such channel")).await;
    assert!(matches!(guest.export_log("Absent").await, Err(GuestError::Disagrees { .. })));
    assert!(matches!(guest.export_log("two\nlines").await, Err(GuestError::Disagrees { .. })));
    assert_eq!(server.commands().len(), 1);
}
