//! The first boot of a new image: fills the Windows volume and powers off. The image build puts `/setup` into the
//! initramfs of this boot only.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use standin_face::{BootIdentity, System, first_boot};

use crate::boot::Parts;
use crate::hardware::Hardware;
use crate::nt::Machine as _;
use crate::personality::Role;
use crate::platform::serial::mark;
use crate::session::crash_settings::CrashSettings;
use crate::session::dump_file::DumpFile;

const FOLDER: &str = "/setup";

/// Files of `/setup` and their place on the volume (Windows OpenSSH's own).
const FILES: [(&str, &str); 3] = [
    ("host_key", r"C:\ProgramData\ssh\ssh_host_ed25519_key"),
    ("host_key.pub", r"C:\ProgramData\ssh\ssh_host_ed25519_key.pub"),
    ("authorized_keys", r"C:\ProgramData\ssh\administrators_authorized_keys"),
];

/// Whether this boot is the one that fills the volume.
pub(crate) fn is_due() -> bool {
    Path::new(FOLDER).is_dir()
}

/// Fills the volume and switches the machine off.
pub(crate) fn run(machine: &Arc<Hardware>) -> io::Result<()> {
    let role = Role::named("");
    let identity = BootIdentity { boot_id: 0, started: SystemTime::now() };
    let (system, _nt) = Parts::load()?.assemble(machine, identity, &role);
    fill(&system, &role, Path::new(FOLDER))?;
    mark!("setup complete");
    machine.end(false);
    Ok(())
}

fn fill(system: &System, role: &Role, from: &Path) -> io::Result<()> {
    first_boot(system, &role.windows)?;
    for (name, to) in FILES {
        system.volume.write_durably(system.volume.resolve(to), &fs::read(from.join(name))?)?;
    }
    if let Some(page_file) = CrashSettings::read(&system.registry).page_file {
        DumpFile::open(&system.volume, &page_file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nt::testing::lab;

    #[test]
    fn a_filled_volume_has_its_keys_and_its_page_file() {
        let lab = lab();
        let from = tempfile::tempdir().unwrap();
        for (name, _) in FILES {
            fs::write(from.path().join(name), name).unwrap();
        }
        fill(&lab.system, &Role::named(""), from.path()).unwrap();
        let volume = &lab.system.volume;
        let keys = fs::read(volume.resolve(r"C:\ProgramData\ssh\administrators_authorized_keys")).unwrap();
        assert_eq!(keys, b"authorized_keys");
        assert_eq!(fs::metadata(volume.resolve(r"C:\pagefile.sys")).unwrap().len(), 16 << 20);
        assert!(volume.resolve(r"C:\Windows\Minidump").is_dir());
    }
}
