//! What a fresh volume gets: directories, registry, services.

use std::io;

use crate::{BootStore, RegValue, Registry, ServiceConfig, System, USER};

const CURRENT_VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const CONTROL: &str = r"HKLM\SYSTEM\CurrentControlSet\Control";

/// Which Windows the stand-in says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personality {
    /// Name of the computer, such as `STANDIN`.
    pub computer_name: String,
    /// Such as `Windows 11 Enterprise`.
    pub product_name: String,
    /// Such as 26100.
    pub build: u32,
    /// Update build revision: the number after the build.
    pub revision: u32,
    /// Such as `24H2`.
    pub display_version: String,
    /// Such as `Enterprise` or `ServerStandard`.
    pub edition: String,
    /// A server rather than a client.
    pub server: bool,
}

impl Default for Personality {
    fn default() -> Self {
        Self {
            computer_name: "STANDIN".to_owned(),
            product_name: "Windows 10 Enterprise".to_owned(),
            build: 26100,
            revision: 4946,
            display_version: "24H2".to_owned(),
            edition: "Enterprise".to_owned(),
            server: false,
        }
    }
}

/// `26100.4946`, as the registry has it.
pub(crate) fn current_build(registry: &Registry) -> String {
    let text = |name| registry.text(CURRENT_VERSION, name);
    let build = text("CurrentBuildNumber").unwrap_or_else(|| "0".to_owned());
    let revision = text("UBR").unwrap_or_else(|| "0".to_owned());
    format!("{build}.{revision}")
}

/// Populates a volume. What is there already is kept, except what the personality says: that is written each time.
///
/// # Errors
/// What the file system said.
pub fn first_boot(system: &System, personality: &Personality) -> io::Result<()> {
    let volume = &system.volume;
    for folder in [
        r"C:\Program Files\Common Files",
        r"C:\Program Files (x86)",
        r"C:\ProgramData\Microsoft\Windows\WER\ReportArchive",
        r"C:\ProgramData\Microsoft\Windows\WER\ReportQueue",
        r"C:\ProgramData\ssh\logs",
        r"C:\Windows\Temp",
        r"C:\Windows\Minidump",
        r"C:\Windows\LiveKernelReports",
        r"C:\Windows\Installer",
        r"C:\Windows\SoftwareDistribution",
        r"C:\Windows\System32\config",
        r"C:\Windows\System32\drivers",
        r"C:\Windows\System32\drivers\etc",
        r"C:\Windows\System32\LogFiles\Srt",
        r"C:\Windows\System32\OpenSSH",
        r"C:\Windows\System32\winevt\Logs",
        r"C:\Windows\System32\Wbem",
        r"C:\Windows\SysWOW64",
        r"C:\Users\Public",
    ] {
        std::fs::create_dir_all(volume.resolve(folder))?;
    }
    for folder in ["Desktop", r"AppData\Roaming", r"AppData\Local\Temp", ".ssh"] {
        std::fs::create_dir_all(volume.resolve(&format!("C:\\Users\\{USER}\\{folder}")))?;
    }
    let stub = stub_image();
    let images = crate::tools::names().map(|name| format!("C:\\Windows\\System32\\{name}.exe"));
    let others = ["svchost", "services", "OpenSSH\\sshd", "OpenSSH\\sftp-server", "ntoskrnl", "lsass"]
        .map(|name| format!("C:\\Windows\\System32\\{name}.exe"));
    let drivers = ["fltMgr", "ntfs", "tcpip"].map(|name| format!("C:\\Windows\\System32\\drivers\\{name}.sys"));
    for image in images.chain(others).chain(drivers) {
        let at = volume.resolve(&image);
        if !at.exists() {
            std::fs::write(at, &stub)?;
        }
    }
    let hosts = volume.resolve(r"C:\Windows\System32\drivers\etc\hosts");
    if !hosts.exists() {
        std::fs::write(hosts, "127.0.0.1 localhost\r\n")?;
    }
    let held = system.registry.hold();
    personality_values(&system.registry, personality)?;
    if !system.registry.has_key(&format!("{CONTROL}\\CrashControl")) {
        control_values(&system.registry)?;
        services(system)?;
    }
    held.release()?;
    system.name_computer(&personality.computer_name);
    Ok(())
}

fn personality_values(registry: &Registry, personality: &Personality) -> io::Result<()> {
    let text = |text: &str| RegValue::Sz(text.to_owned());
    let build = personality.build.to_string();
    for (name, value) in [
        ("ProductName", text(&personality.product_name)),
        ("CurrentBuild", text(&build)),
        ("CurrentBuildNumber", text(&build)),
        ("CurrentVersion", text("6.3")),
        ("CurrentMajorVersionNumber", RegValue::Dword(10)),
        ("CurrentMinorVersionNumber", RegValue::Dword(0)),
        ("UBR", RegValue::Dword(personality.revision)),
        ("DisplayVersion", text(&personality.display_version)),
        ("ReleaseId", text(if personality.server { "1809" } else { "2009" })),
        ("EditionID", text(&personality.edition)),
        ("InstallationType", text(if personality.server { "Server" } else { "Client" })),
        ("SystemRoot", text("C:\\Windows")),
        ("PathName", text("C:\\Windows")),
        ("BuildLabEx", text(&format!("{build}.1.standin.standin"))),
    ] {
        registry.set(CURRENT_VERSION, name, value)?;
    }
    let product_type = text(if personality.server { "ServerNT" } else { "WinNT" });
    registry.set(&format!("{CONTROL}\\ProductOptions"), "ProductType", product_type)?;
    for key in ["ActiveComputerName", "ComputerName"] {
        let key = format!("{CONTROL}\\ComputerName\\{key}");
        registry.set(&key, "ComputerName", text(&personality.computer_name))?;
    }
    Ok(())
}

fn control_values(registry: &Registry) -> io::Result<()> {
    let number = RegValue::Dword;
    let expand = |text: &str| RegValue::ExpandSz(text.to_owned());
    let crash = format!("{CONTROL}\\CrashControl");
    for (name, value) in [
        ("AutoReboot", number(1)),
        // A small dump, so that a machine that crashes is soon back; Windows' own default is 7. [R] KB254649
        ("CrashDumpEnabled", number(3)),
        ("DumpFile", expand(r"%SystemRoot%\MEMORY.DMP")),
        ("LogEvent", number(1)),
        ("MinidumpDir", expand(r"%SystemRoot%\Minidump")),
        ("MinidumpsCount", number(50)),
        ("Overwrite", number(1)),
        ("AlwaysKeepMemoryDump", number(0)),
    ] {
        registry.set(&crash, name, value)?;
    }
    for (key, name, value) in [
        (r"Session Manager\Memory Management\PrefetchParameters", "BootId", number(0)),
        (r"Session Manager\Memory Management", "PagingFiles", RegValue::MultiSz(vec![r"?:\pagefile.sys".to_owned()])),
        ("DeviceGuard", "EnableVirtualizationBasedSecurity", number(0)),
        (r"DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity", "Enabled", number(0)),
        (r"SecureBoot\State", "UEFISecureBootEnabled", number(0)),
        ("EarlyLaunch", "BackupPath", expand(r"%SystemRoot%\ELAMBKUP")),
        (r"Session Manager\Environment", "OS", RegValue::Sz("Windows_NT".to_owned())),
        ("Windows", "NoInteractiveServices", number(1)),
    ] {
        registry.set(&format!("{CONTROL}\\{key}"), name, value)?;
    }
    // As a lab sets up a golden image: a machine whose boots fail goes on trying. `bcdedit` changes it.
    BootStore::new(registry).set_recovery_enabled(false)?;
    registry.create_key(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall")?;
    registry.create_key(r"HKLM\SOFTWARE\Policies\Microsoft")?;
    registry.create_key(r"HKLM\SOFTWARE\OpenSSH")?;
    Ok(())
}

fn services(system: &System) -> io::Result<()> {
    let host = r"C:\Windows\System32\svchost.exe -k netsvcs -p";
    let service = |name: &str, display: &str, image: &str, service_type, start| ServiceConfig {
        display_name: display.to_owned(),
        service_type,
        start,
        ..ServiceConfig::new(name, image)
    };
    for config in [
        service("EventLog", "Windows Event Log", host, 0x20, 2),
        service("sshd", "OpenSSH SSH Server", r"C:\Windows\System32\OpenSSH\sshd.exe", 0x10, 2),
        service("Schedule", "Task Scheduler", host, 0x20, 2),
        service("Winmgmt", "Windows Management Instrumentation", host, 0x20, 2),
        service("mpssvc", "Windows Defender Firewall", host, 0x20, 2),
        service("BFE", "Base Filtering Engine", host, 0x20, 2),
        service("msiserver", "Windows Installer", r"C:\Windows\System32\msiexec.exe /V", 0x10, 3),
        service("wuauserv", "Windows Update", host, 0x20, 3),
    ] {
        system.services.write(&config).map_err(|code| io::Error::other(format!("service {}: {code}", config.name)))?;
    }
    // FltMgr is in every Windows; it is an entry only, for the stand-in's kernel has no image of it to load.
    let filter_manager = ServiceConfig {
        display_name: "FltMgr".to_owned(),
        service_type: 2,
        start: 3,
        error_control: 3,
        group: "FSFilter Infrastructure".to_owned(),
        account: String::new(),
        ..ServiceConfig::new("FltMgr", r"system32\drivers\fltmgr.sys")
    };
    system.services.write(&filter_manager).map_err(|code| io::Error::other(format!("service FltMgr: {code}")))
}

/// The least that is a valid PE32+ image: headers, no sections.
fn stub_image() -> Vec<u8> {
    let mut image = vec![0; 1024];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    put(0x44, &0x8664_u16.to_le_bytes()); // machine
    put(0x54, &0xf0_u16.to_le_bytes()); // size of the optional header
    put(0x56, &0x22_u16.to_le_bytes()); // executable, large addresses
    put(0x58, &0x20b_u16.to_le_bytes()); // PE32+
    put(0x70, &0x1_4000_0000_u64.to_le_bytes()); // image base
    put(0x78, &0x1000_u32.to_le_bytes()); // section alignment
    put(0x7c, &0x200_u32.to_le_bytes()); // file alignment
    put(0x80, &10_u16.to_le_bytes()); // operating system 10.0
    put(0x88, &10_u16.to_le_bytes()); // subsystem 10.0
    put(0x90, &0x1000_u32.to_le_bytes()); // size of image
    put(0x94, &0x200_u32.to_le_bytes()); // size of headers
    put(0x9c, &3_u16.to_le_bytes()); // console
    put(0xc4, &16_u32.to_le_bytes()); // data directories
    image
}
