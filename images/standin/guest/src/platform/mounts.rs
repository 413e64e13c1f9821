//! The kernel's own file systems, and the Windows volume through ntfs-3g.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::mkdir;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// Where the Windows volume is.
pub(crate) const VOLUME: &str = "/c";
/// The volume's partition, by the disk's bus.
const PARTITIONS: [&str; 3] = ["/dev/vda2", "/dev/nvme0n1p2", "/dev/sda2"];
/// A disk that has not shown up by then is not there.
const DISK_DEADLINE: Duration = Duration::from_secs(10);

/// Mounts /proc, /sys and /dev.
pub(crate) fn kernel_file_systems() -> io::Result<()> {
    for (kind, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        mkdir(target, 0o755.into()).ok();
        match mount(kind, target, kind, MountFlags::empty(), None) {
            // the kernel may have mounted devtmpfs itself
            Ok(()) | Err(rustix::io::Errno::BUSY) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Starts ntfs-3g for the Windows volume; wait for the child with [`mounted`].
pub(crate) fn start_volume() -> io::Result<(Child, PathBuf)> {
    mkdir(VOLUME, 0o755.into()).ok();
    let partition = wait_for_partition()?;
    let child = Command::new("/bin/ntfs-3g")
        // `recover` replays what a crash left behind; `noatime` spares a write per read
        .args(["-o", "recover,noatime,big_writes,umask=0"])
        .arg(&partition)
        .arg(VOLUME)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok((child, partition))
}

/// Waits until the volume is there.
pub(crate) fn mounted(child: Child) -> io::Result<()> {
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ntfs-3g: {}: {}", output.status, said.trim())))
}

/// Takes the volume down; returns when everything is on the disk.
pub(crate) fn unmount_volume() -> io::Result<()> {
    rustix::fs::sync();
    unmount(VOLUME, UnmountFlags::empty()).or_else(|_| unmount(VOLUME, UnmountFlags::DETACH))?;
    rustix::fs::sync();
    Ok(())
}

/// Makes the kernel write dirty data soon: a reset from outside then loses about a second.
pub(crate) fn write_back_soon() {
    std::fs::write("/proc/sys/vm/dirty_writeback_centisecs", "50").ok();
    std::fs::write("/proc/sys/vm/dirty_expire_centisecs", "50").ok();
}

/// The volume's partition, once its disk has shown up.
pub(crate) fn partition() -> Option<PathBuf> {
    PARTITIONS.iter().map(Path::new).find(|it| it.exists()).map(Path::to_owned)
}

fn wait_for_partition() -> io::Result<PathBuf> {
    let start = Instant::now();
    loop {
        if let Some(found) = partition() {
            return Ok(found);
        }
        if start.elapsed() > DISK_DEADLINE {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no disk with a second partition appeared"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
