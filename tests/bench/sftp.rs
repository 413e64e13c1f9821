//! A gigabyte from a stock OpenSSH server on this machine: our own fetching against OpenSSH's `sftp`, paired in one run.
//!
//! `cargo xtask bench sftp [TIMES]`, always a release build. Each measurement begins before its connection is made and
//! ends when the whole file lies on the disk; after each, what was fetched is compared with the file, byte for byte.
//! Exits with 1 when the median of ours is slower than the limit allows.
#![allow(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use coexist_lab::Door;
use coexist_model::GuestAccess;
use coexist_windows::WindowsDoor;

/// What of OpenSSH's speed is enough.
const LIMIT: f64 = 0.7;

/// Bytes of the file: far more than every buffer on the way.
const SIZE: u64 = 1 << 30;

const PATIENCE: Duration = Duration::from_secs(20);

type Failure = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let times: usize = std::env::args().nth(1).map_or(Ok(5), |times| times.parse())?;
    if cfg!(debug_assertions) {
        return Err("this is a debug build, whose figures say nothing: use `cargo xtask bench sftp`".into());
    }
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let file = folder.path().join("file");
    std::io::copy(&mut File::open("/dev/urandom")?.take(SIZE), &mut File::create(&file)?)?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    println!("time   sftp MB/s   coexist MB/s");
    for time in 1..=times.max(1) {
        theirs.push(measured(&file, &server.fetch_with_sftp(&file)?)?);
        ours.push(measured(&file, &server.fetch_with_coexist(&file).await?)?);
        println!("{time:>4} {:>11.0} {:>14.0}", theirs[time - 1], ours[time - 1]);
    }
    let (theirs, ours) = (median(theirs), median(ours));
    let ratio = ours / theirs;
    println!("median {theirs:>9.0} {ours:>14.0}\nratio  {ratio:>9.2}   limit {LIMIT}");
    Ok(if ratio >= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file that was fetched, and how long that took.
struct Fetched {
    to: PathBuf,
    took: Duration,
}

/// Megabytes a second, once the copy is known to be the same.
fn measured(original: &Path, fetched: &Fetched) -> Result<f64, Failure> {
    let (mut left, mut right) = (BufReader::new(File::open(original)?), BufReader::new(File::open(&fetched.to)?));
    loop {
        let (one, other) = (left.fill_buf()?, right.fill_buf()?);
        let count = one.len().min(other.len());
        if one[..count] != other[..count] || one.is_empty() != other.is_empty() {
            return Err(format!("{} is not what lies on the server", fetched.to.display()).into());
        }
        if count == 0 {
            break;
        }
        left.consume(count);
        right.consume(count);
    }
    std::fs::remove_file(&fetched.to)?;
    Ok(SIZE as f64 / 1e6 / fetched.took.as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The distribution's server with keys and settings of its own, on the loopback interface.
struct Server {
    process: Child,
    folder: PathBuf,
    at: SocketAddr,
    user: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let sshd =
            program("sshd").ok_or("sshd is not there: install the package openssh-server, and end its service")?;
        program("sftp").ok_or("sftp is not there: install the package openssh-client")?;
        for key in ["host", "account"] {
            let mut keygen = Command::new("ssh-keygen");
            said(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(key)))?;
        }
        let at = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let known = format!("[{}]:{} {}", at.ip(), at.port(), std::fs::read_to_string(folder.join("host.pub"))?);
        std::fs::write(folder.join("known_hosts"), known)?;
        let user = said(Command::new("id").arg("-un"))?.trim().to_owned();
        if user == "root" {
            // sshd wants this folder; where its service never ran nobody has made it.
            std::fs::create_dir_all("/run/sshd")?;
        }
        std::fs::write(folder.join("sshd_config"), settings(folder, at))?;
        let log = File::create(folder.join("sshd.log"))?;
        let process = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Self { process, folder: folder.to_owned(), at, user };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        while TcpStream::connect(self.at).is_err() {
            if self.process.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(self.failed("sshd did not begin to listen"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// An error with what the server had to say.
    fn failed(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default();
        format!("{what}; the server's log:\n{log}").into()
    }

    fn fetch_with_sftp(&self, file: &Path) -> Result<Fetched, Failure> {
        let to = self.folder.join("theirs");
        let begun = Instant::now();
        let mut sftp = Command::new("sftp");
        sftp.args([
            "-q",
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-P",
            &self.at.port().to_string(),
        ]);
        sftp.arg("-o").arg(format!("UserKnownHostsFile={}", self.folder.join("known_hosts").display()));
        sftp.arg("-i").arg(self.folder.join("account"));
        sftp.arg(format!("{}@{}:{}", self.user, self.at.ip(), file.display())).arg(&to);
        said(&mut sftp).map_err(|error| self.failed(&error.to_string()))?;
        Ok(Fetched { to, took: begun.elapsed() })
    }

    async fn fetch_with_coexist(&self, file: &Path) -> Result<Fetched, Failure> {
        let to = self.folder.join("ours");
        let access = GuestAccess {
            user: self.user.clone(),
            host_key: std::fs::read_to_string(self.folder.join("host.pub"))?,
            key_file: self.folder.join("account"),
        };
        let begun = Instant::now();
        let guest = WindowsDoor::default().knock(self.at, &access, PATIENCE).await;
        let guest = guest.map_err(|error| self.failed(&error.to_string()))?;
        let mut copy = File::create(&to)?;
        guest.fetch(&file.to_string_lossy(), 0, u64::MAX, &mut copy).await?;
        copy.flush()?;
        Ok(Fetched { to, took: begun.elapsed() })
    }
}

/// Nothing but what makes a server of any account's with throw-away keys.
fn settings(folder: &Path, at: SocketAddr) -> String {
    let (folder, address, port) = (folder.display(), at.ip(), at.port());
    format!(
        "ListenAddress {address}\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/account.pub\n\
         PidFile none\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         Subsystem sftp internal-sftp\n"
    )
}

/// What a program says on its standard output.
fn said(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(said.into_owned()),
        false => Err(format!("{:?} ended with {}: {said}{errors}", command.get_program(), output.status).into()),
    }
}

/// A program by its full name, which sshd insists on; its folder is often not among an account's.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}
