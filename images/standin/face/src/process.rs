//! What a running command has around it: handles, environment, directory, and the means to end it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use crate::System;
use crate::text::lock;

/// Exit code of a process ended by Ctrl-C or by the end of its job: STATUS_CONTROL_C_EXIT.
pub const CANCELLED: u32 = 0xC000_013A;

/// Most that a pipe between two commands holds, in bytes.
const PIPE_LIMIT: usize = 64 << 20;

/// Ends the work of a session; all of its processes share one, like a job object that kills on close.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<(Mutex<bool>, Condvar)>);

impl Cancel {
    /// Ends it.
    pub fn cancel(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *lock(&self.0.0)
    }

    /// Sleeps; false when it was ended meanwhile.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        let mut ended = lock(&self.0.0);
        while !*ended {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            ended = self.0.1.wait_timeout(ended, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        false
    }
}

/// Where output goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// The NUL device.
    Nul,
    /// A file.
    File(Arc<Mutex<File>>),
    /// A pipe to another command, or to a test.
    Buffer(Arc<Mutex<Vec<u8>>>),
    /// The client; the flag is true for its error stream.
    Client(Sender<(bool, Vec<u8>)>, bool),
}

impl Output {
    /// Writes bytes.
    ///
    /// # Errors
    /// A full disk, a full pipe, a client that is gone.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Nul => Ok(()),
            Self::File(file) => lock(file).write_all(bytes),
            Self::Buffer(buffer) => {
                let mut buffer = lock(buffer);
                if buffer.len() + bytes.len() > PIPE_LIMIT {
                    return Err(io::ErrorKind::OutOfMemory.into());
                }
                buffer.extend_from_slice(bytes);
                Ok(())
            }
            Self::Client(client, errors) => {
                for part in bytes.chunks(16 << 10) {
                    client.blocking_send((*errors, part.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe)?;
                }
                Ok(())
            }
        }
    }
}

/// Where input comes from.
#[derive(Debug, Clone)]
pub enum Input {
    /// The NUL device.
    Nul,
    /// A file or what a pipe held.
    Bytes(Arc<Mutex<io::Cursor<Vec<u8>>>>),
    /// The client; ends when it sends its end of file.
    Client(Arc<Mutex<ClientInput>>),
}

/// Input as it arrives from a client.
#[derive(Debug)]
pub struct ClientInput {
    /// Chunks in order; closed at the end of file.
    pub chunks: Receiver<Vec<u8>>,
    /// What is left of the last chunk.
    pub rest: Vec<u8>,
}

impl Input {
    /// Input made of these bytes.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(Arc::new(Mutex::new(io::Cursor::new(bytes))))
    }

    /// Everything up to the end.
    #[must_use]
    pub fn read_all(&self) -> Vec<u8> {
        let mut all = Vec::new();
        match self {
            Self::Nul => {}
            Self::Bytes(bytes) => {
                let _ = lock(bytes).read_to_end(&mut all);
            }
            Self::Client(input) => {
                let mut input = lock(input);
                all.append(&mut input.rest);
                while let Ok(mut chunk) = input.chunks.recv() {
                    if all.len() + chunk.len() > PIPE_LIMIT {
                        break;
                    }
                    all.append(&mut chunk);
                }
            }
        }
        all
    }

    /// One line without its end; none at the end of input.
    #[must_use]
    pub fn read_line(&self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let byte = match self {
                Self::Nul => None,
                Self::Bytes(bytes) => {
                    let mut byte = [0];
                    (lock(bytes).read(&mut byte).ok()? == 1).then_some(byte[0])
                }
                Self::Client(input) => {
                    let mut input = lock(input);
                    if input.rest.is_empty() {
                        input.rest = input.chunks.recv().unwrap_or_default();
                    }
                    if input.rest.is_empty() { None } else { Some(input.rest.remove(0)) }
                }
            };
            match byte {
                None if line.is_empty() => return None,
                None | Some(b'\n') => break,
                Some(byte) => line.push(byte),
            }
        }
        Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }
}

/// The three standard handles.
#[derive(Debug, Clone)]
pub struct Handles {
    /// Standard input.
    pub stdin: Input,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
}

/// Environment variables; names in any letters.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, (String, String)>);

impl Environment {
    /// What `sshd` gives the session of an administrator.
    #[must_use]
    pub fn of_session(computer: &str) -> Self {
        let mut this = Self::default();
        let user = crate::USER;
        for (name, value) in [
            ("ALLUSERSPROFILE", "C:\\ProgramData".to_owned()),
            ("APPDATA", format!("C:\\Users\\{user}\\AppData\\Roaming")),
            ("CommonProgramFiles", "C:\\Program Files\\Common Files".to_owned()),
            ("COMPUTERNAME", computer.to_owned()),
            ("ComSpec", "C:\\Windows\\system32\\cmd.exe".to_owned()),
            ("HOME", format!("C:\\Users\\{user}")),
            ("HOMEDRIVE", "C:".to_owned()),
            ("HOMEPATH", format!("\\Users\\{user}")),
            ("LOCALAPPDATA", format!("C:\\Users\\{user}\\AppData\\Local")),
            ("NUMBER_OF_PROCESSORS", "1".to_owned()),
            ("OS", "Windows_NT".to_owned()),
            (
                "Path",
                "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;C:\\Windows\\System32\\OpenSSH\\"
                    .to_owned(),
            ),
            ("PATHEXT", ".COM;.EXE;.BAT;.CMD".to_owned()),
            ("PROCESSOR_ARCHITECTURE", "AMD64".to_owned()),
            ("ProgramData", "C:\\ProgramData".to_owned()),
            ("ProgramFiles", "C:\\Program Files".to_owned()),
            ("ProgramFiles(x86)", "C:\\Program Files (x86)".to_owned()),
            ("ProgramW6432", "C:\\Program Files".to_owned()),
            ("PROMPT", format!("{user}@{computer} $P$G")),
            ("PUBLIC", "C:\\Users\\Public".to_owned()),
            ("SystemDrive", "C:".to_owned()),
            ("SystemRoot", "C:\\Windows".to_owned()),
            ("TEMP", format!("C:\\Users\\{user}\\AppData\\Local\\Temp")),
            ("TMP", format!("C:\\Users\\{user}\\AppData\\Local\\Temp")),
            ("USERDOMAIN", "WORKGROUP".to_owned()),
            ("USERNAME", user.to_owned()),
            ("USERPROFILE", format!("C:\\Users\\{user}")),
            ("windir", "C:\\Windows".to_owned()),
        ] {
            this.set(name, &value);
        }
        this
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(|(_, value)| value.as_str())
    }

    /// Sets a variable; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        let key = name.to_lowercase();
        if value.is_empty() {
            self.0.remove(&key);
        } else {
            let spelled = self.0.get(&key).map_or_else(|| name.to_owned(), |(spelled, _)| spelled.clone());
            self.0.insert(key, (spelled, value.to_owned()));
        }
    }

    /// All variables whose names begin so, sorted.
    pub fn starting<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = prefix.to_lowercase();
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(&prefix))
            .map(|(_, (name, value))| (name.as_str(), value.as_str()))
    }

    /// Replaces each `%NAME%` that is set; others stay as they are.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            match after.split_once('%').and_then(|(name, tail)| Some((self.get(name)?, tail))) {
                Some((value, tail)) => {
                    out.push_str(value);
                    rest = tail;
                }
                None => {
                    out.push('%');
                    rest = after;
                }
            }
        }
        out + rest
    }
}

/// A process: what a tool or a shell runs with.
#[derive(Clone)]
pub struct Process {
    /// The machine it runs on.
    pub system: Arc<System>,
    /// Its handles.
    pub handles: Handles,
    /// Its environment.
    pub environment: Environment,
    /// Its current directory, `C:\…` without a backslash at the end except for the root.
    pub directory: String,
    /// Ends it.
    pub cancel: Cancel,
    /// Shells it runs in. They are no processes here but calls, and the stack is finite.
    pub(crate) depth: u32,
}

impl Process {
    /// A session's first process, in the home of [`crate::USER`].
    #[must_use]
    pub fn of_session(system: &Arc<System>, handles: Handles, cancel: Cancel) -> Self {
        let computer = system.computer_name();
        Self {
            system: Arc::clone(system),
            handles,
            environment: Environment::of_session(&computer),
            directory: format!("C:\\Users\\{}", crate::USER),
            cancel,
            depth: 0,
        }
    }

    /// Writes a line to standard output. A client that is gone ends the process elsewhere, so failures are not told here.
    pub fn out(&self, line: impl AsRef<str>) {
        let _ = self.handles.stdout.write(format!("{}\r\n", line.as_ref()).as_bytes());
    }

    /// Writes a line to standard error.
    pub fn err(&self, line: impl AsRef<str>) {
        let _ = self.handles.stderr.write(format!("{}\r\n", line.as_ref()).as_bytes());
    }

    /// Full Windows path of one given relative to the current directory.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        let path = path.replace('"', "").replace('/', "\\");
        let bytes = path.as_bytes();
        let full = if path.starts_with("\\\\") || path.starts_with("\\??\\") {
            path
        } else if bytes.get(1) == Some(&b':') {
            if bytes.get(2) == Some(&b'\\') || !bytes[0].eq_ignore_ascii_case(&b'C') {
                path
            } else {
                format!("{}\\{}", self.directory, &path[2..])
            }
        } else if path.starts_with('\\') {
            format!("C:{path}")
        } else {
            format!("{}\\{path}", self.directory)
        };
        let (drive, names) = crate::volume::split(&full);
        format!("{}:\\{}", drive.unwrap_or('C'), names.join("\\"))
    }

    /// Where a path lies on the volume.
    #[must_use]
    pub fn resolve(&self, path: &str) -> std::path::PathBuf {
        self.system.volume.resolve(&self.absolute(path))
    }
}
