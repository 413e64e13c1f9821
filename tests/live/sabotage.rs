//! Hosts, images and keys that are not as they should be.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{ImageFiles, Lab};

/// Stands in QEMU's place and ends as QEMU: only a machine's start is changed, not the questions what QEMU can do.
const WRAPPER: &str = r#"#!/bin/sh
case "$*" in *hostfwd=*) ;; *) exec 'QEMU' "$@" ;; esac
SPARED
for argument do
  shift
  set -- "$@" "$(printf %s "$argument" | sed 'CHANGE')"
done
exec 'QEMU' "$@"
"#;

/// Changes each argument with which a machine is started by a command of sed's. `spared` is a command of the shell's that
/// may start one unchanged.
fn change_machines(lab: &mut Lab, change: &str, spared: &str) {
    let programs = lab.path("programs");
    std::fs::create_dir(&programs).unwrap();
    let qemu = program("qemu-system-x86_64").display().to_string();
    let text = WRAPPER.replace("CHANGE", change).replace("SPARED", spared).replace("QEMU", &qemu);
    let wrapper = programs.join("qemu-system-x86_64");
    std::fs::write(&wrapper, text).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    lab.programs = Some(programs);
}

/// Lets the host have taken every port that the candidate's machine asks for, and the first one that the baseline's asks
/// for.
pub(crate) fn take_ports(lab: &mut Lab, taken: u16) {
    let mark = lab.path("baseline-was-refused").display().to_string();
    let spared = format!(r#"case "$*" in */baseline*) mkdir '{mark}' 2>/dev/null || exec 'QEMU' "$@" ;; esac"#);
    change_machines(lab, &format!(r"s/\(hostfwd=tcp:127.0.0.1\):[0-9]*/\1:{taken}/"), &spared);
}

/// Gives machines a real-time clock that runs years ahead.
pub(crate) fn set_clocks_ahead(lab: &mut Lab) {
    change_machines(lab, "s/^base=utc$/base=2041-01-01T00:00:00/", "");
}

/// Where the host has this program.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists()).unwrap()
}

/// Changes one byte in the middle of a copy of the golden disk, which takes the disk's place.
pub(crate) fn alter_image(lab: &Lab) {
    let files = ImageFiles::default();
    let mut bytes = std::fs::read(&files.disk).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let disk = lab.path("altered.qcow2");
    std::fs::write(&disk, bytes).unwrap();
    lab.write_image(&ImageFiles { disk, ..files });
}

/// A new key pair; the public part lies beside it, with `.pub`.
pub(crate) fn new_key(at: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at).status();
    assert!(made.expect("ssh-keygen is installed by `cargo xtask test`").success());
}

/// Sends a signal to a process.
pub(crate) fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "kill {signal} {process}");
}
