//! What this host has: programs, versions, firmware, acceleration, room.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use coexist_model::{FaultKind, Host, LabFault, Pace};
use tokio::io::AsyncReadExt;

use crate::identity::{Starter, User, groups_for_device};
use crate::proof::{self, Acceleration, Accelerator, KVM};
use crate::spawner;

/// Why no machine can be made on this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// A program is missing.
    #[error("`{program}` is not installed (searched in {searched}); Debian has it in the package `{package}`")]
    Missing {
        /// Its name.
        program: &'static str,
        /// Where it was looked for.
        searched: String,
        /// The package that brings it.
        package: &'static str,
    },
    /// QEMU does not say which version it is.
    #[error("{program} does not tell its version: {found}")]
    NoVersion {
        /// The program.
        program: PathBuf,
        /// What it said.
        found: String,
    },
    /// QEMU is too old.
    #[error("QEMU {found} is too old: pictures of the screen need {LEAST_VERSION}")]
    TooOld {
        /// Its version.
        found: Version,
    },
    /// QEMU cannot run anything here.
    #[error("QEMU cannot run a test guest: {0}")]
    Unusable(String),
}

impl DiscoverError {
    /// The step that mends it.
    #[must_use]
    pub fn mend(&self) -> String {
        match self {
            Self::Missing { package, .. } => format!("apt-get install {package}"),
            Self::NoVersion { program, .. } => format!("{} --version", program.display()),
            Self::TooOld { .. } => "apt-get install qemu-system-x86, from Debian 12 or later".to_owned(),
            Self::Unusable(_) => "apt-get install --reinstall qemu-system-x86 seabios, then ask again".to_owned(),
        }
    }
}

impl From<DiscoverError> for LabFault {
    fn from(error: DiscoverError) -> Self {
        Self::new(FaultKind::QemuStart, format!("{error}; to mend it: {}", error.mend()))
    }
}

/// A version of QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub micro: u32,
}

/// `screendump` writes PNG since 7.0 (`qapi/ui.json`).
const LEAST_VERSION: Version = Version { major: 7, minor: 0, micro: 0 };

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// Reads the first line of `qemu-system-x86_64 --version` or `qemu-img --version`.
fn parse_version(text: &str) -> Option<Version> {
    let (_, rest) = text.lines().next()?.split_once("version ")?;
    let numbers = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut numbers = numbers.split('.').map(str::parse);
    let version = Version { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()?, micro: numbers.next()?.ok()? };
    Some(version)
}

/// Files of the UEFI firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmwareFiles {
    /// Its code, read-only for everybody.
    pub code: PathBuf,
    /// Variables as they are on a new machine.
    pub variables: PathBuf,
}

/// Where OVMF may lie: Debian and Ubuntu, then Fedora, then Arch.
const FIRMWARE: [(&str, &str); 4] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
];

fn firmware() -> Option<FirmwareFiles> {
    let files =
        FIRMWARE.iter().map(|(code, variables)| FirmwareFiles { code: code.into(), variables: variables.into() });
    let mut there = files.filter(|files| files.code.is_file() && files.variables.is_file());
    there.next()
}

/// What was found of QEMU on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// Host name.
    pub name: String,
    /// QEMU's program.
    pub qemu: PathBuf,
    /// QEMU's version.
    pub version: Version,
    /// The program that makes overlays.
    pub qemu_img: PathBuf,
    /// Its version, where it tells.
    pub qemu_img_version: Option<Version>,
    /// UEFI firmware, when it is installed; images with BIOS need none.
    pub firmware: Option<FirmwareFiles>,
    /// What runs guests, and why.
    pub acceleration: Acceleration,
    /// By how much deadlines are stretched here, measured now.
    pub pace: Pace,
    /// What of the usual confinement of QEMU this host does not allow.
    pub restrictions: Vec<String>,
}

/// What was found once, when the provider was made.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) qemu: PathBuf,
    pub(crate) qemu_img: PathBuf,
    pub(crate) version: Version,
    pub(crate) acceleration: Acceleration,
    pub(crate) pace: Pace,
    pub(crate) sandbox: bool,
    pub(crate) starter: Starter,
    pub(crate) restrictions: Vec<String>,
}

/// Where programs are looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) qemu: Option<PathBuf>,
    pub(crate) qemu_img: Option<PathBuf>,
    pub(crate) allow_kvm: bool,
}

/// What has to be installed, and Debian's package of it.
const PROGRAMS: [(&str, &str); 2] = [("qemu-system-x86_64", "qemu-system-x86"), ("qemu-img", "qemu-utils")];

pub(crate) async fn discover(wishes: &Wishes) -> Result<Found, DiscoverError> {
    let [(qemu, of_qemu), (img, of_img)] = PROGRAMS;
    let qemu = program(wishes.qemu.as_deref(), qemu, of_qemu)?;
    let qemu_img = program(wishes.qemu_img.as_deref(), img, of_img)?;
    let mut restrictions = Vec::new();
    let (mut starter, version) = choose_starter(&qemu, &mut restrictions).await?;
    if version < LEAST_VERSION {
        return Err(DiscoverError::TooOld { found: version });
    }
    // The proof's disk lies in a folder that is only ours, so it runs as us.
    let own = starter.as_user(User::Own);
    let proved = proof::prove(&qemu, &own, wishes.allow_kvm).await.map_err(DiscoverError::Unusable)?;
    if !proved.sandbox {
        restrictions.push("QEMU runs without its seccomp filter, which this host does not allow".to_owned());
    }
    if proved.acceleration.accelerator == Accelerator::Kvm && starter.user != User::Own {
        starter = for_kvm(&starter, &mut restrictions);
    }
    Ok(Found {
        name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        qemu,
        qemu_img,
        version,
        acceleration: proved.acceleration,
        pace: proved.pace,
        sandbox: proved.sandbox,
        starter,
        restrictions,
    })
}

impl Found {
    pub(crate) async fn report(&self) -> HostReport {
        let own = self.starter.as_user(User::Own);
        HostReport {
            name: self.name.clone(),
            qemu: self.qemu.clone(),
            version: self.version,
            qemu_img: self.qemu_img.clone(),
            qemu_img_version: parse_version(&first_output(&own, &self.qemu_img).await),
            firmware: firmware(),
            acceleration: self.acceleration.clone(),
            pace: self.pace,
            restrictions: self.restrictions.clone(),
        }
    }

    /// What the record of a run says of this host, with the restrictions known so far.
    pub(crate) fn described(&self, restrictions: &[String]) -> Host {
        let Acceleration { accelerator, reason, .. } = &self.acceleration;
        let why = format!("acceleration is {accelerator}: {reason}");
        let slow = (self.pace > Pace::AS_PLANNED)
            .then(|| format!("every deadline is {} times as long as planned: this host is slow or busy", self.pace));
        Host {
            name: self.name.clone(),
            acceleration: accelerator.to_string(),
            qemu: self.version.to_string(),
            pace: self.pace,
            notes: std::iter::once(why).chain(slow).chain(restrictions.iter().cloned()).collect(),
        }
    }

    pub(crate) fn firmware(&self) -> Option<FirmwareFiles> {
        firmware()
    }
}

/// Every program that is missing, looked for in `PATH`.
#[must_use]
pub fn missing_programs() -> Vec<DiscoverError> {
    PROGRAMS.iter().filter_map(|(name, package)| program(None, name, package).err()).collect()
}

fn program(wish: Option<&Path>, name: &'static str, package: &'static str) -> Result<PathBuf, DiscoverError> {
    if let Some(wish) = wish {
        let missing = || DiscoverError::Missing { program: name, searched: wish.display().to_string(), package };
        return if is_program(wish) { Ok(wish.to_owned()) } else { Err(missing()) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    find(name, &path).ok_or_else(|| DiscoverError::Missing {
        program: name,
        searched: path.to_string_lossy().into_owned(),
        package,
    })
}

fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_absolute() && is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Tries the ways to start QEMU, the most confined first, by asking for its version.
async fn choose_starter(qemu: &Path, restrictions: &mut Vec<String>) -> Result<(Starter, Version), DiscoverError> {
    let setpriv = find("setpriv", &std::env::var_os("PATH").unwrap_or_default());
    let root = rustix::process::geteuid().is_root();
    let mut ways = Vec::new();
    if root && setpriv.is_some() {
        ways.push(Starter { setpriv: setpriv.clone(), user: User::Nobody { groups: Vec::new() } });
    }
    if setpriv.is_some() {
        ways.push(Starter { setpriv, user: User::Own });
    }
    ways.push(Starter { setpriv: None, user: User::Own });
    let mut said = String::new();
    for starter in ways {
        said = first_output(&starter, qemu).await;
        let Some(version) = parse_version(&said) else { continue };
        if root && starter.user == User::Own {
            restrictions.push("QEMU runs as root: this host does not let us start it as another user".to_owned());
        }
        if starter.setpriv.is_none() {
            restrictions.push("QEMU outlives a coordinator that is killed: `setpriv` does not work here".to_owned());
        }
        return Ok((starter, version));
    }
    Err(DiscoverError::NoVersion { program: qemu.to_owned(), found: said })
}

async fn first_output(starter: &Starter, qemu: &Path) -> String {
    let mut command = starter.command(qemu);
    command.arg("--version").stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = async {
        let mut child = spawner::spawn(command).await?;
        let mut words = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(4096).read_to_end(&mut words).await?;
        }
        if let Some(stderr) = child.stderr.take() {
            stderr.take(4096).read_to_end(&mut words).await?;
        }
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&words).trim().to_owned())
    };
    match tokio::time::timeout(Duration::from_secs(20), run).await {
        Ok(Ok(words)) => words,
        Ok(Err(error)) => error.to_string(),
        Err(_late) => "no answer within 20 s".to_owned(),
    }
}

/// `nobody` needs the group of the device for KVM. Not tried here: this project's hosts had no working KVM.
fn for_kvm(starter: &Starter, restrictions: &mut Vec<String>) -> Starter {
    let groups = Path::new(KVM).metadata().ok().and_then(|meta| groups_for_device(meta.mode(), meta.gid()));
    if let Some(groups) = groups {
        return starter.as_user(User::Nobody { groups });
    }
    restrictions.push(format!("QEMU runs as root: no other user may use {KVM}"));
    starter.as_user(User::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_distributions_print_them() {
        let parsed = |text| parse_version(text).map(|version| version.to_string());
        for (text, version) in [
            ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022", "7.2.22"),
            ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", "10.0.2"),
            ("QEMU emulator version 9.2.0-rc1", "9.2.0"),
            ("QEMU emulator version 8.2.2", "8.2.2"),
            ("qemu-img version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022", "7.2.22"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(version), "{text}");
        }
        for text in ["", "version", "QEMU emulator version x", "QEMU emulator version 7.2", "setpriv: error"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert!(Version { major: 6, minor: 9, micro: 9 } < LEAST_VERSION);
        assert!(Version { major: 10, minor: 0, micro: 0 } > LEAST_VERSION);
    }

    #[test]
    fn a_host_tells_why_and_what_it_does_not_allow() {
        let found = Found {
            name: "lab-1".to_owned(),
            qemu: PathBuf::new(),
            qemu_img: PathBuf::new(),
            version: LEAST_VERSION,
            acceleration: Acceleration {
                accelerator: Accelerator::Tcg,
                reason: "this host has no /dev/kvm".to_owned(),
                mend: None,
            },
            pace: Pace::AS_PLANNED,
            sandbox: false,
            starter: Starter { setpriv: None, user: User::Own },
            restrictions: Vec::new(),
        };
        let host = found.described(&["QEMU runs as root".to_owned()]);
        assert_eq!((host.acceleration.as_str(), host.qemu.as_str()), ("tcg", "7.0.0"));
        assert_eq!(host.notes, ["acceleration is tcg: this host has no /dev/kvm", "QEMU runs as root"]);
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = program(Some(Path::new("/nonexistent/qemu")), "qemu-img", "qemu-utils").unwrap_err();
        let text =
            "`qemu-img` is not installed (searched in /nonexistent/qemu); Debian has it in the package `qemu-utils`";
        assert_eq!(error.to_string(), text);
        assert_eq!(LabFault::from(error).kind, FaultKind::QemuStart);
        assert!(find("sh", OsStr::new("/bin:/usr/bin")).is_some());
        assert!(find("sh", OsStr::new("bin:")).is_none(), "relative entries of PATH are not used");
    }
}
