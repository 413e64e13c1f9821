//! What the two commands need from Debian, and how they get it: said first, then installed with the ordinary client.

use std::path::Path;

use crate::process;

/// What the machine is set up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build the stand-in and run the demo.
    Demo,
    /// All that, and the independent readers that the tests ask.
    Test,
}

struct Package {
    name: &'static str,
    why: &'static str,
    purpose: Purpose,
}

const fn demo(name: &'static str, why: &'static str) -> Package {
    Package { name, why, purpose: Purpose::Demo }
}

const fn test(name: &'static str, why: &'static str) -> Package {
    Package { name, why, purpose: Purpose::Test }
}

/// Debian 12 and 13 know all of these names.
const PACKAGES: &[Package] = &[
    demo("qemu-system-x86", "the machines"),
    demo("qemu-utils", "their throw-away disks"),
    demo("ovmf", "UEFI firmware"),
    demo("gcc", "the C part of the cryptography crate, and linking"),
    demo("libc6-dev", "linking"),
    demo("systemd-boot-efi", "the stand-in's UEFI boot stub"),
    demo("syslinux", "the stand-in's BIOS boot loader"),
    demo("syslinux-common", "the stand-in's BIOS boot loader"),
    demo("fdisk", "the stand-in's partitions"),
    demo("dosfstools", "the stand-in's boot volume"),
    demo("mtools", "the stand-in's boot volume"),
    demo("ntfs-3g", "the stand-in's system volume"),
    demo("lz4", "the stand-in's initial file system"),
    demo("xz-utils", "the modules of Debian's kernel"),
    demo("openssh-client", "the stand-in's keys; stock ssh and sftp as its clients"),
    test("cpio", "an independent reader of the stand-in's initial file system"),
    test("libxml2-utils", "xmllint against our JUnit"),
    test("msitools", "msiinfo against the stand-in's packages"),
    test("zstd", "an independent reader of packed evidence"),
    test("procps", "ending machines from outside"),
    test("mount", "a small disk to fill"),
    test("python3", "independent readers of what we write"),
    test("python3-venv", "independent readers of what we write"),
];

/// Wine is large: it is installed where nothing may be skipped, and used where it is there.
const WINE: Package = test("wine", "Windows Installer and cmd.exe against the stand-in's packages");

/// Sees to it that everything is installed; says first what is missing and why.
///
/// # Errors
/// On a distribution that is not Debian, and when the package client fails.
pub(crate) fn ensure(purpose: Purpose) -> Result<(), String> {
    let wanted = PACKAGES.iter().chain(in_ci().then_some(&WINE));
    let wanted: Vec<&Package> =
        wanted.filter(|package| package.purpose == Purpose::Demo || purpose == Purpose::Test).collect();
    let release = Release::of(&std::fs::read_to_string("/etc/os-release").unwrap_or_default());
    if let Release::Other(name) = release {
        return Err(format!(
            "this is {name}; the set-up knows Debian 12 and 13 only, whose kernel the stand-in guest runs; its packages \
             are: {}",
            wanted.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
        ));
    }
    let missing: Vec<&Package> = wanted.into_iter().filter(|package| !installed(package.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if release == Release::Testing {
        println!(
            "This is Debian testing or unstable: its packages may have other names than those of Debian 12 and 13."
        );
    }
    println!("These Debian packages are missing and will be installed:");
    for package in &missing {
        println!("  {:<18} {}", package.name, package.why);
    }
    let root = process::output("id", &["-u"]).is_some_and(|id| id == "0");
    let apt = |arguments: &[&str]| {
        let mut all = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"];
        all.extend_from_slice(arguments);
        let (program, rest) = if root { (all[0], &all[1..]) } else { ("sudo", &all[..]) };
        process::run(process::command(Path::new("/"), program, rest))
    };
    apt(&["update"])?;
    let pinned = matching_qemu_utils(&missing);
    let mut install = vec!["install", "--yes", "--no-install-recommends", "-o=Dpkg::Use-Pty=0"];
    install.extend(missing.iter().map(|package| package.name));
    if let Some(pinned) = &pinned {
        println!("  {pinned}  in place of the installed one, which this Debian's QEMU does not go with");
        install.push("--allow-downgrades");
        install.push(pinned);
    }
    apt(&install).map_err(|error| format!("{error}; the package client's own message stands above"))
}

/// A qemu-utils from backports does not go with a qemu-system of the release: the two must be of one version.
fn matching_qemu_utils(missing: &[&Package]) -> Option<String> {
    let machine = missing.iter().any(|package| package.name == "qemu-system-x86");
    if !machine || !installed("qemu-utils") {
        return None;
    }
    let version = process::output("dpkg-query", &["-W", "-f", "${Version}", "qemu-utils"])?;
    let policy = process::output("apt-cache", &["policy", "qemu-system-x86"])?;
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != candidate).then(|| format!("qemu-utils={candidate}"))
}

/// Whether a package is installed, as dpkg says.
pub(crate) fn installed(name: &str) -> bool {
    process::output("dpkg-query", &["-W", "-f", "${db:Status-Status}", name]).is_some_and(|it| it == "installed")
}

/// Whether this is a CI system's machine, where nothing is skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// What this machine runs, as far as the set-up cares.
#[derive(Debug, PartialEq, Eq)]
enum Release {
    /// Debian 12 or 13.
    Known,
    /// Debian without a number: testing or unstable.
    Testing,
    /// Anything else, by its name.
    Other(String),
}

impl Release {
    /// Reads `/etc/os-release` (os-release(5): values may be quoted).
    fn of(text: &str) -> Self {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            Some(line.trim().trim_matches(['"', '\'']))
        };
        match (field("ID"), field("VERSION_ID")) {
            (Some("debian"), Some("12" | "13")) => Self::Known,
            (Some("debian"), None) => Self::Testing,
            (id, version) => {
                let named = [id.unwrap_or("a distribution without a name"), version.unwrap_or_default()].join(" ");
                Self::Other(field("PRETTY_NAME").unwrap_or(named.trim()).to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_12_and_13_are_known_and_others_named() {
        let other = |name: &str| Release::Other(name.to_owned());
        for (text, release) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n", Release::Known),
            ("ID=debian\nVERSION_ID=13\n", Release::Known),
            ("PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\n", Release::Testing),
            ("ID=debian\nVERSION_ID=\"11\"\n", other("debian 11")),
            ("PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nID=ubuntu\nVERSION_ID=\"24.04\"", other("Ubuntu 24.04 LTS")),
            ("ID_LIKE=debian\n", other("a distribution without a name")),
        ] {
            assert_eq!(Release::of(text), release, "{text}");
        }
    }
}
