//! What the tools print. [K] The forms are those Windows is known for; none was compared with a real one here.

use crate::Event;
use crate::testing::Machine;
use crate::text::lock;

fn out(machine: &Machine, command: &str, expected: &str, code: u32) {
    let (actual, err, actual_code) = machine.run(command);
    assert_eq!(
        (actual.replace("\r\n", "\n") + &err.replace("\r\n", "\n"), actual_code),
        (expected.to_owned(), code),
        "{command}"
    );
}

const DONE: &str = "The operation completed successfully.\n";
const NOT_FOUND: &str = "ERROR: The system was unable to find the specified registry key or value.\n";

#[test]
fn reg() {
    let machine = Machine::new();
    let key = r"HKLM\SOFTWARE\Acme";
    out(&machine, &format!(r"reg query {key}"), NOT_FOUND, 1);
    out(&machine, &format!(r"reg add {key} /v Version /d 1.2.0 /f"), DONE, 0);
    out(&machine, &format!(r"reg add {key} /v Count /t REG_DWORD /d 0x10 /f"), DONE, 0);
    out(&machine, &format!("reg add \"{key}\\My Sub\" /ve /d \"a b\" /f"), DONE, 0);
    out(&machine, &format!(r"reg add {key} /v List /t REG_MULTI_SZ /d one\0two /f"), DONE, 0);
    out(&machine, &format!(r"reg add {key} /v Raw /t REG_BINARY /d 0102ff /f"), DONE, 0);
    let block = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\n    Count    REG_DWORD    0x10\n    List    REG_MULTI_SZ    one\\0two\n    \
                 Raw    REG_BINARY    0102FF\n    Version    REG_SZ    1.2.0\n";
    out(
        &machine,
        &format!("reg.exe query {key}"),
        &format!("{block}\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\\My Sub\n"),
        0,
    );
    let sub = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\\My Sub\n    (Default)    REG_SZ    a b\n";
    out(&machine, &format!("reg query {key} /s"), &format!("{block}{sub}"), 0);
    let value = "\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\n    Version    REG_SZ    1.2.0\n\n";
    out(&machine, r"C:\Windows\System32\reg.exe query hklm\software\acme /v version", value, 0);
    out(&machine, &format!("reg query {key} /v Nope"), NOT_FOUND, 1);
    out(&machine, &format!("reg delete {key} /v Version /f"), DONE, 0);
    out(&machine, &format!("reg delete {key} /v Version /f"), NOT_FOUND, 1);
    out(&machine, &format!("reg delete {key} /f"), DONE, 0);
    out(&machine, &format!("reg delete {key} /f"), NOT_FOUND, 1);
    out(&machine, "reg query HKXX\\a", "ERROR: Invalid key name.\n", 1);
}

const RUNNING: &str = "
SERVICE_NAME: sshd \n        TYPE               : 10  WIN32_OWN_PROCESS  \n        STATE              : 4  RUNNING 
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : 0  (0x0)
        SERVICE_EXIT_CODE  : 0  (0x0)
        CHECKPOINT         : 0x0
        WAIT_HINT          : 0x0
";

#[test]
fn sc() {
    let machine = Machine::new();
    out(&machine, "sc query sshd", RUNNING, 0);
    let missing = "[SC] EnumQueryServicesStatus:OpenService FAILED 1060:\n\nThe specified service does not exist as an installed service.\n\n";
    out(&machine, "sc.exe query nosuch", missing, 1060);
    let started = "[SC] StartService FAILED 1056:\n\nAn instance of the service is already running.\n\n";
    out(&machine, "sc start sshd", started, 1056);
    out(&machine, r"sc create Acme binPath= C:\Acme\agent.exe start= auto", "[SC] CreateService SUCCESS\n", 0);
    let (text, _, code) = machine.run("sc start Acme");
    assert!(text.contains("FAILED 2:"), "{text}");
    assert_eq!(code, 2);
    machine.write(r"C:\Acme\agent.exe", "no image");
    assert_eq!(machine.run("sc start Acme").2, 193);
    machine.write(r"C:\Acme\agent.exe", "MZ");
    assert_eq!(machine.run("sc start Acme").2, 0);
    assert_eq!(machine.run("sc control Acme paramchange").2, 0);
    assert_eq!(*lock(&machine.kernel.asked), ["content", "content"]);
    assert_eq!(
        machine.run("net stop acme").0,
        "The Acme service is stopping.\r\nThe Acme service was stopped successfully.\r\n\r\n"
    );
    assert_eq!(machine.run("net stop acme").2, 2);
    assert_eq!(machine.run("sc control Acme paramchange").2, 1062);
    assert_eq!(machine.run("sc config Acme start= disabled").2, 0);
    assert_eq!(machine.run("sc start Acme").2, 1058);
    let (text, ..) = machine.run("sc qc Acme");
    assert!(text.contains("        START_TYPE         : 4   DISABLED\r\n"), "{text}");
    assert!(text.contains("        BINARY_PATH_NAME   : C:\\Acme\\agent.exe\r\n"), "{text}");
    out(&machine, "sc delete Acme", "[SC] DeleteService SUCCESS\n", 0);
    assert_eq!(machine.run("sc delete Acme").2, 1060);
    let (text, ..) = machine.run("sc query state= all");
    assert!(text.contains("SERVICE_NAME: wuauserv") && !text.contains("FltMgr"), "{text}");
    let events = machine.system.logs.system.query(|it| it.event_id == 7045);
    assert_eq!(events.len(), 1);
}

#[test]
fn a_service_that_crashed_says_so() {
    let machine = Machine::new();
    machine.write(r"C:\Acme\agent.exe", "MZ");
    assert_eq!(machine.run(r"sc create Acme binPath= C:\Acme\agent.exe DisplayName= Agent").2, 0);
    assert_eq!(machine.system.end_service("Acme"), Err(1062));
    assert_eq!(machine.run("sc start Acme").2, 0);
    machine.system.end_service("acme").unwrap();
    let (text, ..) = machine.run("sc query Acme");
    assert!(text.contains(": 1  STOPPED ") && text.contains("WIN32_EXIT_CODE    : 1067  (0x42b)"), "{text}");
    let told = machine.system.logs.system.query(|it| it.event_id == 7034);
    assert_eq!(told[0].event_data[0], ("param1".to_owned(), "Agent".to_owned()));
}

#[test]
fn drivers_go_through_the_kernel() {
    let machine = Machine::new();
    machine.write(r"C:\Windows\System32\drivers\acmeflt.sys", "MZ");
    let create = r"sc create acmeflt type= filesys start= system binPath= \SystemRoot\System32\drivers\acmeflt.sys";
    assert_eq!(machine.run(create).2, 0);
    assert_eq!(machine.run("fltmc load acmeflt").2, 0);
    let table = "\nFilter Name                     Num Instances    Altitude    Frame\n------------------------------  -------------  \
                 ------------  -----\nacmeflt                                     1        321410      0\n\n";
    out(&machine, "fltmc filters", table, 0);
    assert!(machine.run("sc query type= driver state= all").0.contains("SERVICE_NAME: acmeflt"));
    assert!(machine.run("driverquery /fo csv /nh").0.contains("\"acmeflt\",\"acmeflt\",\"File System \",\"\""));
    assert_eq!(machine.run("fltmc unload acmeflt").2, 0);
    *lock(&machine.kernel.refuse) = Some(1275);
    let (text, _, code) = machine.run("sc start acmeflt");
    assert_eq!((text.contains("FAILED 1275"), code), (true, 1275));
    assert_eq!(*lock(&machine.kernel.asked), ["load acmeflt true", "unload acmeflt", "load acmeflt true"]);
    *lock(&machine.kernel.refuse) = None;
    lock(&machine.kernel.asked).clear();
    assert_eq!(machine.system.services.start_automatic(), []);
    assert_eq!(*lock(&machine.kernel.asked), ["load acmeflt false"]);
}

#[test]
fn wevtutil() {
    let machine = Machine::new();
    let event = |provider: &str, event_id, record: &str| Event {
        provider: provider.into(),
        event_id,
        level: 4,
        time: 133_000_000_000_000_000,
        event_data: vec![("LastBootId".into(), record.into())],
        ..Event::default()
    };
    machine
        .system
        .logs
        .system
        .append_all(vec![event("Kernel-Boot", 20, "1"), event("Kernel-Boot", 20, "2"), event("EventLog", 6005, "x")])
        .unwrap();
    let (text, _, code) = machine.run(
        "wevtutil qe System \"/q:*[System[Provider[@Name='Kernel-Boot'] and (EventID=20)]]\" /c:1 /rd:true /f:xml",
    );
    assert_eq!(code, 0);
    assert!(text.starts_with("<Event xmlns="), "{text}");
    assert!(text.contains("<Data Name='LastBootId'>2</Data>"), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(machine.run("wevtutil epl System C:\\out.evtx").2, 0);
    assert_eq!(machine.run("wevtutil epl System C:\\out.evtx").2, 80);
    assert_eq!(machine.run("wevtutil epl System C:\\out.evtx /ow:true").2, 0);
    assert_eq!(&machine.read(r"C:\out.evtx")[..8], b"ElfFile\0");
    assert_eq!(machine.run("wevtutil qe Nope").2, 15007);
    assert_eq!(machine.run("wevtutil qe System /q:nonsense").2, 15001);
    assert!(machine.run("wevtutil gl System").0.contains("enabled: true\r\n"));
    assert_eq!(machine.run("wevtutil epl Application C:\\programs.evtx").2, 0);
    assert_eq!(&machine.read(r"C:\programs.evtx")[..8], b"ElfFile\0");
    assert_eq!(machine.run("wevtutil cl System").2, 0);
    let (text, ..) = machine.run("wevtutil qe System /f:xml");
    assert!(
        text.contains("<EventID>104</EventID>") && text.contains("<Channel>System</Channel><BackupPath>"),
        "{text}"
    );
    assert!(!text.contains("LastBootId"), "what was there is gone: {text}");
    assert_eq!(machine.run("wevtutil cl Nope").2, 15007);
}

#[test]
fn bcdedit_sets_what_failed_boots_lead_to() {
    let machine = Machine::new();
    let store = crate::BootStore::new(&machine.system.registry);
    assert!(!store.recovery_enabled(), "a golden image goes on trying");
    let done = "The operation completed successfully.\n";
    out(&machine, "bcdedit /set {default} recoveryenabled yes", done, 0);
    assert!(store.recovery_enabled());
    out(&machine, "bcdedit /set bootstatuspolicy ignoreallfailures", done, 0);
    assert_eq!(store.policy(), crate::BootStatusPolicy::IgnoreAllFailures);
    let (text, ..) = machine.run("bcdedit /enum {current}");
    assert!(text.contains("recoveryenabled         Yes\r\n"), "{text}");
    assert!(text.contains("bootstatuspolicy        IgnoreAllFailures\r\n"), "{text}");
    for wrong in ["/set {default} recoveryenabled perhaps", "/set {other} recoveryenabled no", "/set nonsense 1", "/x"]
    {
        assert_eq!(machine.run(&format!("bcdedit {wrong}")).2, 1, "{wrong}");
    }
    assert!(store.recovery_enabled());
}

#[test]
fn bcdedit_lists_test_signing_once_it_is_set() {
    let machine = Machine::new();
    let listed = || machine.run("bcdedit /enum {current}").0;
    assert!(!listed().contains("testsigning"));
    for (word, shown) in [("on", "Yes"), ("off", "No")] {
        assert_eq!(machine.run(&format!("bcdedit /set testsigning {word}")).2, 0);
        assert!(listed().contains(&format!("testsigning             {shown}\r\n")), "{}", listed());
    }
    assert_eq!(machine.run("bcdedit /set testsigning maybe").2, 1);
}

#[test]
fn verifier_says_what_it_wants_by_its_exit_code() {
    let machine = Machine::new();
    let key = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management";
    let value = |name| machine.system.registry.text(key, name);
    let shown =
        |flags: &str| machine.run("verifier /querysettings").0.contains(&format!("Verifier Flags: {flags}\r\n"));
    assert!(shown("0x00000000"));
    assert_eq!(machine.run("verifier /reset").2, 0, "there was nothing to forget");
    assert_eq!(machine.run("verifier /standard /driver acmeflt.sys Globexflt.sys").2, 2);
    assert_eq!(value("VerifyDriverLevel").as_deref(), Some("133563"));
    assert_eq!(value("VerifyDrivers").as_deref(), Some("acmeflt.sys Globexflt.sys"));
    assert!(shown("0x000209bb"));
    assert_eq!(machine.run("verifier /flags 0x209BF /all").2, 2);
    assert_eq!((value("VerifyDriverLevel").as_deref(), value("VerifyDrivers").as_deref()), (Some("133567"), Some("*")));
    for wrong in ["", "/standard", "/standard /driver", "/standard /driver *.sys", "/flags many /all", "/driver a.sys"]
    {
        assert_eq!(machine.run(&format!("verifier {wrong}")).2, 1, "{wrong}");
    }
    assert_eq!(machine.run("verifier /reset").2, 2);
    assert_eq!((value("VerifyDriverLevel"), value("VerifyDrivers")), (None, None));
    // what a matrix writes where only 0 will do
    let line = r#"cmd /c "verifier /flags 0x209bb /driver a.sys & if errorlevel 2 (exit 0) else (exit 1)""#;
    assert_eq!(machine.run(line).2, 0);
    assert_eq!(machine.run(&line.replace("a.sys", "a")).2, 1, "no driver's file");
    assert_eq!(machine.run(r#"verifier /querysettings | findstr /c:"Verifier Flags: 0x000209bb""#).2, 0);
    assert_eq!(machine.run(r#"verifier /querysettings | findstr /c:"Verifier Flags: 0x00000000""#).2, 1);
}

#[test]
fn shutdown() {
    let machine = Machine::new();
    assert_eq!(machine.run("shutdown /r /t 0 /f /d p:4:1 /c \"lab reboot\"").2, 0);
    assert_eq!(machine.run("shutdown -s -t 5").2, 0);
    assert_eq!(machine.run("shutdown /a").2, 1116);
    assert_eq!(machine.run("shutdown /zap").2, 1);
    assert_eq!(*lock(&machine.kernel.asked), ["shutdown true 0 lab reboot", "shutdown false 5 "]);
}

#[test]
fn tar_reads_what_it_wrote_and_nothing_escapes() {
    let machine = Machine::new();
    machine.write(r"C:\a\one.txt", "1");
    machine.write(r"C:\a\sub\two.txt", vec![7; 1000]);
    assert_eq!(machine.run(r"tar -cf C:\a.tar -C C:\ a").2, 0);
    out(&machine, r"tar -tf C:\a.tar", "a/\na/one.txt\na/sub/\na/sub/two.txt\n", 0);
    assert_eq!(machine.run(r"md C:\b & tar -xf C:\a.tar -C C:\b").2, 0);
    assert_eq!(machine.read(r"C:\b\a\sub\two.txt"), vec![7; 1000]);
    let listed =
        std::process::Command::new("tar").arg("-tf").arg(machine.folder.path().join("a.tar")).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "a/\na/one.txt\na/sub/\na/sub/two.txt\n");
}

#[test]
fn fsutil_takes_room() {
    let machine = Machine::new();
    let command = r"fsutil file createnew C:\full.bin 100000";
    out(&machine, command, "File C:\\full.bin is created\n", 0);
    assert_eq!(machine.read(r"C:\full.bin").len(), 100_000);
    out(&machine, command, "Error 80: The file exists.\n", 1);
    out(
        &machine,
        r"fsutil file createnew C:\nosuch\full.bin 1",
        "Error 3: The system cannot find the path specified.\n",
        1,
    );
    assert_eq!(machine.run(r"fsutil file createnew C:\other.bin").2, 1);
    assert_eq!(machine.run("fsutil volume diskfree C:").2, 1);
}

#[test]
fn small_ones() {
    let machine = Machine::new();
    assert_eq!(machine.run("timeout /t 5").2, 1);
    machine.write(r"C:\same.txt", "abc");
    machine.write(r"C:\other.txt", "abd");
    machine.write(r"C:\abc.txt", "abc");
    for (other, code) in [("same", 0), ("other", 1), ("none", 2)] {
        assert_eq!(machine.run(&format!(r"fc.exe /b C:\abc.txt C:\{other}.txt")).2, code);
    }
    assert_eq!(machine.run("ping -n 1 127.0.0.1").2, 0);
    assert!(machine.run("tasklist /fo csv /nh").0.contains("\"sshd.exe\","));
    assert!(machine.run("systeminfo").0.contains("OS Version:                10.0.26100 N/A Build 26100"));
    let hash = "SHA256 hash of C:\\abc.txt:\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nCertUtil: -hashfile command completed successfully.\n";
    out(&machine, r"certutil -hashfile C:\abc.txt SHA256", hash, 0);
}
