//! The boot that fills the Windows volume: the guest finds `/setup` in its initramfs, creates the tree, the registry, the
//! page file and the keys, and powers off.
//!
//! Only this boot is given its kernel directly; the finished disk starts through its firmware.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::disk::COMMAND_LINE;
use crate::error::{BuildError, at};
use crate::run::{command, tail};

/// What the guest writes to its serial port when the volume is complete.
const DONE: &str = "setup complete";

/// Boots the raw disk once.
pub(crate) fn boot(
    scratch: &Path,
    disk: &Path,
    kernel: &Path,
    initrd: &Path,
    deadline: Duration,
) -> Result<(), BuildError> {
    let serial = scratch.join("serial.log");
    let errors = scratch.join("qemu.log");
    let error_file = File::create(&errors).map_err(at(&errors))?;
    let mut command = command("qemu-system-x86_64");
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .args(["-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "Westmere", "-smp", "1", "-m", "256"])
        .args(["-nodefaults", "-display", "none", "-no-reboot", "-no-user-config"])
        .arg("-serial")
        .arg(format!("file:{}", escaped(&serial)))
        .arg("-drive")
        .arg(format!("file={},format=raw,if=virtio,cache=unsafe", escaped(disk)))
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", COMMAND_LINE])
        .stdout(Stdio::null())
        .stderr(error_file)
        .spawn()
        .map_err(|source| BuildError::Start { program, source })?;
    let status = wait(&mut child, deadline);
    let log = fs::read(&serial).unwrap_or_default();
    let failed = |what: String| {
        let said = fs::read(&errors).unwrap_or_default();
        Err(BuildError::Setup { what, serial: format!("{}\n{}", tail(&log), tail(&said)).trim().to_owned() })
    };
    match status.map_err(at(&errors))? {
        None => failed(format!("was not over after {} s", deadline.as_secs())),
        Some(status) if !status.success() => failed(format!("ended with {status}")),
        Some(_) if !String::from_utf8_lossy(&log).contains(DONE) => failed("did not complete the volume".to_owned()),
        Some(_) => Ok(()),
    }
}

/// Commas separate options in QEMU's arguments; a doubled one stands for itself.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

fn wait(child: &mut Child, deadline: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn waiting_ends_at_the_deadline() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(wait(&mut child, Duration::from_millis(30)).unwrap().is_none());
        let mut child = Command::new("true").spawn().unwrap();
        assert!(wait(&mut child, Duration::from_secs(30)).unwrap().unwrap().success());
    }

    #[test]
    fn commas_are_doubled() {
        assert_eq!(escaped(Path::new("/a,b/c")), "/a,,b/c");
    }
}
