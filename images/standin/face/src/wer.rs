//! Windows Error Reporting: what a crashed program leaves behind.
//!
//! A report is a folder below `ReportQueue` with `Report.wer` and a dump of the process; the Application log tells of the
//! crash (1000, Application Error) and of the report (1001, Windows Error Reporting). Where the registry asks for local
//! dumps, another copy goes there (win32 `wer/collecting-user-mode-dumps.md`). Fields as in published logs of Windows 10;
//! [K] where those differ.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use standin_formats::evtx::Event;
use standin_formats::user_dump::{UserDump, UserModule};

use crate::services::errors;
use crate::text::filetime;
use crate::{RegValue, System};

const QUEUE: &str = r"C:\ProgramData\Microsoft\Windows\WER\ReportQueue";
const LOCAL_DUMPS: &str = r"HKLM\SOFTWARE\Microsoft\Windows\Windows Error Reporting\LocalDumps";
/// Where local dumps of services go by default: the profile of LocalSystem.
const SYSTEM_DUMPS: &str = r"C:\Windows\System32\config\systemprofile\AppData\Local\CrashDumps";
const ACCESS_VIOLATION: u32 = 0xc000_0005;
/// Offset of the faulting instruction in the program's image, invented.
const FAULT: u64 = 0x14ed;
/// Words of the copied stack.
const STACK: u64 = 256;
/// Parameters of a report's bucket; fewer are filled up with nothing.
const BUCKET: usize = 10;

/// What the Application log tells of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// `APPCRASH`, `LiveKernelEvent`.
    pub kind: String,
    /// What puts reports into one bucket, at most ten texts.
    pub bucket: Vec<String>,
    /// Windows paths of the files that belong to it.
    pub files: Vec<String>,
    /// Folder of the report.
    pub folder: String,
    /// Its name, a GUID.
    pub id: String,
}

impl Report {
    /// Event 1001 of Windows Error Reporting.
    fn event(&self) -> Event {
        let none = String::new;
        let mut data = vec![none(), "0".to_owned(), self.kind.clone(), "Not available".to_owned(), "0".to_owned()];
        data.extend((0..BUCKET).map(|at| self.bucket.get(at).cloned().unwrap_or_default()));
        data.extend([self.files.join("\r\n"), self.folder.clone(), none(), "0".to_owned(), self.id.clone()]);
        data.extend(["4".to_owned(), none(), "0".to_owned()]);
        classic("Windows Error Reporting", 1001, 4, 0, data)
    }
}

fn classic(provider: &str, event_id: u16, level: u8, task: u16, data: Vec<String>) -> Event {
    let event_data = data.into_iter().map(|value| (String::new(), value)).collect();
    Event { provider: provider.to_owned(), event_id, level, task, event_data, ..Event::default() }
}

/// The program that crashed.
struct Program {
    name: String,
    path: String,
    module: UserModule,
    process: u32,
}

impl System {
    /// A service's program crashes: its process ends, and what Windows keeps of that is kept.
    ///
    /// # Errors
    /// 1060, 1062, 1052 for a driver, 29 when the disk takes no more.
    pub fn crash_service(&self, name: &str) -> Result<(), u32> {
        let config = self.services.config(name).ok_or(errors::SERVICE_DOES_NOT_EXIST)?;
        let process = self.services.status(name)?.pid;
        let image = self.services.image(&config).ok_or(errors::FILE_NOT_FOUND)?;
        self.end_service(name)?;
        let path = self.volume.windows_path(&image);
        let name = path.rsplit('\\').next().unwrap_or(&path).to_owned();
        let module = module(&image, &path, process);
        let program = Program { name, path, module, process };
        self.report_crash(&program).map_err(|error| {
            tracing::warn!(%error, program = program.name, "its crash could not be reported");
            errors::WRITE_FAULT
        })
    }

    /// Tells of a report in the Application log.
    ///
    /// # Errors
    /// What the file system said.
    pub fn report(&self, report: &Report) -> io::Result<()> {
        self.logs.application.append(report.event()).map(drop)
    }

    fn report_crash(&self, program: &Program) -> io::Result<()> {
        let now = SystemTime::now();
        let dump = self.dump_of(program, now).to_bytes();
        let moment = filetime(now);
        let id = report_id(moment);
        let folder = format!("{QUEUE}\\AppCrash_{}_{:016x}_{:08x}", program.name, moment, program.module.timestamp);
        let file = format!("{folder}\\WER{:04X}.tmp.mdmp", moment & 0xffff);
        let report = Report {
            kind: "APPCRASH".to_owned(),
            bucket: bucket(program),
            files: vec![file.clone()],
            folder: folder.clone(),
            id: id.clone(),
        };
        // the log tells of a crash even where the disk takes no dump
        self.logs.application.append(error_event(program, moment, &id))?;
        self.volume.write_durably(self.volume.resolve(&file), &dump)?;
        let text = crate::text::utf16_with_mark(&report_text(&report, program));
        self.volume.write_durably(self.volume.resolve(&format!("{folder}\\Report.wer")), &text)?;
        if let Some(folder) = self.local_dumps(&program.name) {
            let local = format!("{folder}\\{}.{}.dmp", program.name, program.process);
            self.volume.write_durably(self.volume.resolve(&local), &dump)?;
        }
        self.report(&report)
    }

    fn dump_of(&self, program: &Program, now: SystemTime) -> UserDump {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        let build = crate::first_boot::current_build(&self.registry);
        let stack_pointer = 0x5a_b7c0_0000 + u64::from(program.process) * 0x1_0000;
        let runtime = UserModule {
            path: r"C:\Windows\System32\ntdll.dll".to_owned(),
            base: 0x7ffa_0000_0000 + u64::from(program.process) * 0x1_0000,
            size: 0x21_7000,
            ..program.module.clone()
        };
        let base = program.module.base;
        // the caller within the program, then the start of every thread
        let frames = [base + FAULT + 0x2c3, 0, runtime.base + 0x4_cc91];
        let stack = (0..STACK).map(|word| frames.get(usize::try_from(word / 16).unwrap_or(9)).copied().unwrap_or(0));
        UserDump {
            build: build.split('.').next().and_then(|it| it.parse().ok()).unwrap_or(0),
            server: self
                .registry
                .text(r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions", "ProductType")
                .as_deref()
                == Some("ServerNT"),
            time: u32::try_from(seconds).unwrap_or(u32::MAX),
            process: program.process,
            thread: program.process + 4,
            code: ACCESS_VIOLATION,
            parameters: vec![0, 0x10],
            instruction: base + FAULT,
            stack_pointer,
            stack: stack.flat_map(u64::to_le_bytes).collect(),
            modules: vec![program.module.clone(), runtime],
        }
    }

    /// Folder of local dumps of a program, where they are asked for.
    fn local_dumps(&self, program: &str) -> Option<String> {
        let own = format!("{LOCAL_DUMPS}\\{program}");
        let key = [own.as_str(), LOCAL_DUMPS].into_iter().find(|it| self.registry.has_key(it))?;
        let folder = match self.registry.get(key, "DumpFolder") {
            Some(RegValue::Sz(text) | RegValue::ExpandSz(text)) => crate::services::expand_system(&text),
            _ => SYSTEM_DUMPS.to_owned(),
        };
        Some(folder)
    }
}

/// The module of a program's file, at an address of this process's own.
fn module(image: &Path, path: &str, process: u32) -> UserModule {
    let bytes = std::fs::read(image).unwrap_or_default();
    let word = |at: usize| bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes);
    let pe = usize::try_from(word(0x3c)).unwrap_or(0).min(bytes.len());
    UserModule {
        path: path.to_owned(),
        base: 0x7ff6_0000_0000 + u64::from(process) * 0x10_0000,
        size: word(pe + 80).max(0x2000),
        timestamp: word(pe + 8),
        checksum: word(pe + 88),
        version: [0; 4],
    }
}

fn bucket(program: &Program) -> Vec<String> {
    let stamp = format!("{:08x}", program.module.timestamp);
    let version = "0.0.0.0".to_owned();
    let offset = format!("{FAULT:016x}");
    let name = &program.name;
    let code = format!("{ACCESS_VIOLATION:08x}");
    vec![name.clone(), version.clone(), stamp.clone(), name.clone(), version, stamp, code, offset]
}

/// Event 1000 of Application Error.
fn error_event(program: &Program, moment: u64, id: &str) -> Event {
    let mut data = bucket(program);
    data.extend([
        format!("0x{:x}", program.process),
        format!("0x{moment:016x}"),
        program.path.clone(),
        program.path.clone(),
        id.to_owned(),
        String::new(),
        String::new(),
    ]);
    classic("Application Error", 1000, 2, 100, data)
}

/// `Report.wer`, as far as anybody reads it.
fn report_text(report: &Report, program: &Program) -> String {
    let names = [
        "Application Name",
        "Application Version",
        "Application Timestamp",
        "Fault Module Name",
        "Fault Module Version",
        "Fault Module Timestamp",
        "Exception Code",
        "Exception Offset",
    ];
    let mut lines = vec!["Version=1".to_owned(), format!("EventType={}", report.kind)];
    lines.push(format!("ReportIdentifier={}", report.id));
    for (number, (name, value)) in names.iter().zip(&report.bucket).enumerate() {
        lines.push(format!("Sig[{number}].Name={name}"));
        lines.push(format!("Sig[{number}].Value={value}"));
    }
    lines.push(format!("AppPath={}", program.path));
    lines.join("\r\n") + "\r\n"
}

/// A GUID of this moment.
fn report_id(moment: u64) -> String {
    let (high, low) = (moment >> 32, moment & 0xffff_ffff);
    format!("{low:08x}-{:04x}-4{:03x}-8{:03x}-{moment:012x}", high & 0xffff, high & 0xfff, low & 0xfff)
        .chars()
        .take(36)
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Machine;
    use crate::{RegValue, ServiceConfig};

    use super::*;

    #[test]
    fn a_crash_leaves_events_and_a_dump() {
        let machine = Machine::new();
        machine.write(r"C:\Program Files\Acme\agent.exe", [b"MZ".to_vec(), vec![0; 200]].concat());
        let config = ServiceConfig::new("Acme", r#""C:\Program Files\Acme\agent.exe" -s"#);
        machine.system.services.create(&config).unwrap();
        assert_eq!(machine.system.crash_service("Acme"), Err(1062), "it does not run");
        machine.system.services.start("Acme").unwrap();
        let folder = RegValue::ExpandSz(r"%SystemRoot%\Dumps".to_owned());
        machine.system.registry.set(LOCAL_DUMPS, "DumpFolder", folder).unwrap();
        let process = machine.system.services.status("Acme").unwrap().pid;
        machine.system.crash_service("acme").unwrap();

        assert_eq!(machine.system.services.status("Acme").unwrap().exit_code, 1067);
        assert_eq!(machine.system.logs.system.query(|it| it.event_id == 7034).len(), 1);
        let told = machine.system.logs.application.query(|_| true);
        assert_eq!(told.iter().map(|it| it.event_id).collect::<Vec<_>>(), [1000, 1001]);
        assert_eq!(told[0].event_data[0].1, "agent.exe");
        assert_eq!(told[0].event_data[6].1, "c0000005");
        assert_eq!(told[1].event_data[2].1, "APPCRASH");
        let dump = machine.read(&told[1].event_data[15].1);
        assert_eq!(&dump[..4], b"MDMP");
        assert_eq!(machine.read(&format!(r"C:\Windows\Dumps\agent.exe.{process}.dmp")), dump);
        let (id, folder) = (&told[0].event_data[12].1, &told[1].event_data[16].1);
        assert_eq!((id.len(), id), (36, &told[1].event_data[19].1));
        let text = crate::text::decode(&machine.read(&format!("{folder}\\Report.wer")));
        assert!(text.contains("Sig[0].Value=agent.exe\r\n"), "{text}");
    }
}
