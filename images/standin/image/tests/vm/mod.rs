//! One virtual machine on a throw-away overlay of the built image, driven with QEMU's and OpenSSH's own tools.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use standin_image::BuiltImage;

/// How long a machine on a busy host may take for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);
const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARS: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// What the machine starts with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Firmware {
    Bios,
    Uefi,
}

pub(crate) struct Vm {
    folder: tempfile::TempDir,
    image: BuiltImage,
    child: Child,
    qmp: UnixStream,
    messages: Receiver<Value>,
    /// Names of the events seen so far.
    pub(crate) events: Vec<String>,
    port: u16,
}

impl Vm {
    pub(crate) fn start(image: &BuiltImage, firmware: Firmware, product: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let overlay = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"];
        run(Command::new("qemu-img").args(overlay).arg(&image.disk).arg(path("disk.qcow2")));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-accel", "tcg,thread=multi,tb-size=32", "-M", "q35", "-cpu", "Westmere", "-smp", "1", "-m", "256"])
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-action", "panic=none"])
            .args(["-device", "pvpanic-pci", "-device", "virtio-net-pci,netdev=n,romfile="])
            .args(["-netdev", &format!("user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22")])
            .args(["-drive", &format!("file={},if=virtio,cache=unsafe", path("disk.qcow2"))])
            .args(["-serial", &format!("file:{}", path("serial.log"))])
            .args(["-smbios", &format!("type=1,product={product}")])
            .args(["-qmp", &format!("unix:{},server=on,wait=off", path("qmp"))]);
        if firmware == Firmware::Uefi {
            fs::copy(OVMF_VARS, path("vars.fd")).unwrap();
            command
                .args(["-drive", &format!("if=pflash,format=raw,readonly=on,file={OVMF_CODE}")])
                .args(["-drive", &format!("if=pflash,format=raw,file={}", path("vars.fd"))]);
        }
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let qmp = connect(&folder.path().join("qmp"));
        let messages = listen(&qmp);
        let mut vm = Self { folder, image: image.clone(), child, qmp, messages, events: Vec::new(), port };
        vm.qmp("qmp_capabilities");
        vm
    }

    /// The overlay disk.
    pub(crate) fn disk(&self) -> PathBuf {
        self.folder.path().join("disk.qcow2")
    }

    /// Sends a command without arguments and waits for its answer.
    pub(crate) fn qmp(&mut self, command: &str) {
        writeln!(self.qmp, r#"{{"execute":"{command}"}}"#).unwrap();
        let answer = self.next(&format!("an answer to {command}"), |it| it.get("return").or(it.get("error")).is_some());
        assert!(answer.get("return").is_some(), "{answer}");
    }

    /// Waits for an event that has not been waited for yet.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        self.next(name, |it| it.get("event").is_some_and(|it| it == name))
    }

    fn next(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    if let Some(event) = message.get("event").and_then(Value::as_str) {
                        self.events.push(event.to_owned());
                    }
                    if wanted(&message) {
                        return message;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {what}; events {:?}; serial:\n{}", self.events, self.serial());
                }
            }
        }
    }

    /// Runs a command in the guest, trying until it answers at all, and returns its exit code and output.
    pub(crate) fn ssh(&self, command: &str) -> (i32, String) {
        let end = Instant::now() + DEADLINE;
        loop {
            let output = self.ssh_once(command);
            // 255 is OpenSSH's own failure
            if output.status.code() != Some(255) {
                return (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned());
            }
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(Instant::now() < end, "no SSH: {said}\nserial:\n{}", self.serial());
        }
    }

    fn ssh_once(&self, command: &str) -> Output {
        let mut ssh = self.client("ssh");
        ssh.args(["-p", &self.port.to_string(), "lab@127.0.0.1", command]).output().unwrap()
    }

    /// Puts a file into the guest, which must answer.
    pub(crate) fn put(&self, bytes: &[u8], to: &str) {
        let (file, batch) = (self.folder.path().join("upload"), self.folder.path().join("batch"));
        fs::write(&file, bytes).unwrap();
        fs::write(&batch, format!("put {} {to}\n", file.display())).unwrap();
        let mut sftp = self.client("sftp");
        run(sftp.args(["-P", &self.port.to_string(), "-b"]).arg(batch).arg("lab@127.0.0.1"));
    }

    /// OpenSSH's program with this machine's keys.
    fn client(&self, program: &str) -> Command {
        let known_hosts = self.folder.path().join("known_hosts");
        let key = fs::read_to_string(&self.image.host_key).unwrap();
        fs::write(&known_hosts, format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        let mut command = Command::new(program);
        command
            .args(["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"])
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
            .arg("-i")
            .arg(&self.image.client_key)
            .stdin(Stdio::null());
        command
    }

    /// Waits until the machine has switched itself off.
    pub(crate) fn wait_off(&mut self) {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(Instant::now() < end, "still on; serial:\n{}", self.serial());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the serial port has said this so many times.
    pub(crate) fn said(&self, words: &str, times: usize) {
        let end = Instant::now() + DEADLINE;
        while self.serial().matches(words).count() < times {
            assert!(Instant::now() < end, "not {words:?} {times} times on the serial port:\n{}", self.serial());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn serial(&self) -> String {
        let bytes = fs::read(self.folder.path().join("serial.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn connect(socket: &Path) -> UnixStream {
    let end = Instant::now() + DEADLINE;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn listen(qmp: &UnixStream) -> Receiver<Value> {
    let (sender, messages) = channel();
    let reader = BufReader::new(qmp.try_clone().unwrap());
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                return;
            }
        }
    });
    messages
}

/// Runs a tool that must succeed and returns what it wrote.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.env("LC_ALL", "C").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    output.stdout
}
