//! Loads the kernel modules of the initramfs, in the order its builder worked out from their `depends=`.

use std::fs::{self, File};
use std::io;

use rustix::io::Errno;
use rustix::system::finit_module;

/// List of modules in the initramfs: `<group> <file name>` per line.
const ORDER: &str = "/modules/order";

/// What a module is for; groups are loaded at different moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Disk and file system: needed first.
    Disk,
    /// Network.
    Net,
    /// QEMU's random device, where there is one.
    Entropy,
    /// Nice to have once the system is up.
    Late,
}

impl Group {
    fn word(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Net => "net",
            Self::Entropy => "entropy",
            Self::Late => "late",
        }
    }
}

/// Loads one group.
pub(crate) fn load(group: Group) -> io::Result<()> {
    for name in in_group(&fs::read_to_string(ORDER)?, group) {
        let file = File::open(format!("/modules/{name}"))?;
        match finit_module(&file, c"", 0) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(io::Error::other(format!("{name}: {}", io::Error::from(errno)))),
        }
    }
    Ok(())
}

fn in_group(order: &str, group: Group) -> impl Iterator<Item = &str> {
    order
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(move |(word, name)| (word == group.word() && !name.contains('/')).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_their_order() {
        let order = "disk virtio_ring.ko\ndisk virtio.ko\nnet failover.ko\ndisk fuse.ko\nbad\ndisk ../x.ko\n";
        assert_eq!(in_group(order, Group::Disk).collect::<Vec<_>>(), ["virtio_ring.ko", "virtio.ko", "fuse.ko"]);
        assert_eq!(in_group(order, Group::Net).collect::<Vec<_>>(), ["failover.ko"]);
        assert_eq!(in_group(order, Group::Late).count(), 0);
    }
}
