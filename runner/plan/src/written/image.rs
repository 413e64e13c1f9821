//! An image's catalogue entry as written.

use coexist_model::{DiskBus, Edition, Firmware, NetworkCard};

use crate::element::{List, record};
use crate::scalars::{Build, Day, Deadline, Digest, HostKey, Name, Processors, Size, Text, YesNo, words};

record! {
    /// One golden image.
    Image, "an image", "image.md#the-file" {
        /// Its name in matrices, and the name of its folder.
        id: Required "id" Name,
        /// What people call it.
        title: Optional "title" Text,
        /// `true` for the stand-in guest, which is no Windows: every report says so.
        stand_in: Optional "stand-in" YesNo,
        /// What makes the files named here where they are missing.
        made_by: Optional "made-by" Text,
        /// The qcow2 file and its digest.
        disk: Required "disk" Disk,
        /// What the guest must say of itself.
        windows: Required "windows" Windows,
        /// The machine around the disk.
        machine: Required "machine" Machine,
        /// The account, the one host key that is accepted, and the private key.
        ssh: Required "ssh" Ssh,
        /// Settings of a matrix that this image takes; a matrix with any other cannot use the image.
        settings: Optional "settings" List<Name>,
        /// Longest time from power-on until the guest answers; 15m where it is left out.
        boot_deadline: Optional "boot-deadline" Deadline,
        /// The first day, in UTC, on which it is not used any more.
        expires: Optional "expires" Day,
    }
}

record! {
    /// Its disk.
    Disk, "a disk", "image.md#disk" {
        /// The qcow2 file, never written to.
        path: Required "path" Text,
        /// Its digest; or `sha256-file`.
        sha256: Optional "sha256" Digest,
        /// A file that holds its digest as `sha256sum` writes it; or `sha256`.
        sha256_file: Optional "sha256-file" Text,
    }
}

record! {
    /// What the guest says of itself.
    Windows, "a Windows version", "image.md#windows" {
        /// The build number.
        build: Required "build" Build,
        /// Client or server.
        edition: Required "edition" Edition,
    }
}

record! {
    /// The machine around the disk.
    Machine, "a machine", "image.md#machine" {
        /// How it starts; `uefi` where it is left out.
        firmware: Optional "firmware" Firmware,
        /// A model that QEMU knows.
        processor: Required "processor" Text,
        /// How many processors; 2 where it is left out.
        cpus: Optional "cpus" Processors,
        /// Memory of the guest.
        memory: Required "memory" Size,
        /// How the disk is attached; `sata` where it is left out, to which Windows can always write a crash dump.
        disk_bus: Optional "disk-bus" DiskBus,
        /// The network card; `e1000e` where it is left out.
        network: Optional "network" NetworkCard,
        /// The SMBIOS product name.
        product_name: Optional "product-name" Text,
        /// Bounds QEMU's memory for translated code under emulation.
        translation_cache: Optional "translation-cache" Size,
    }
}

record! {
    /// The way in.
    Ssh, "a way in by SSH", "image.md#ssh" {
        /// The account.
        user: Required "user" Text,
        /// The one host key that is accepted; or `host-key-file`.
        host_key: Optional "host-key" HostKey,
        /// A file that holds the one host key that is accepted; or `host-key`.
        host_key_file: Optional "host-key-file" Text,
        /// The file with the private key.
        key_file: Required "key-file" Text,
    }
}

words! { Firmware, "a firmware" { Bios = "bios", Uefi = "uefi" } }
words! { DiskBus, "a disk bus" { Sata = "sata", VirtioBlk = "virtio-blk", Nvme = "nvme" } }
words! { NetworkCard, "a network card" { E1000e = "e1000e", VirtioNet = "virtio-net" } }
words! { Edition, "an edition" { Client = "client", Server = "server" } }
