//! An image's catalogue entry as written.

use coexist_model::{DiskBus, Edition, Firmware, NetworkCard};

use crate::element::{Element, List, Reader, record};
use crate::node::Node;
use crate::scalars::{Build, Day, Deadline, Digest, HostKey, Name, Processors, Size, Text, YesNo};

record! {
    /// One golden image.
    Image, "an image", "image.md#the-file" {
        id: Required "id" Name,
        title: Optional "title" Text,
        stand_in: Optional "stand-in" YesNo,
        made_by: Optional "made-by" Text,
        disk: Required "disk" Disk,
        windows: Required "windows" Windows,
        machine: Required "machine" Machine,
        ssh: Required "ssh" Ssh,
        settings: Optional "settings" List<Name>,
        boot_deadline: Optional "boot-deadline" Deadline,
        expires: Optional "expires" Day,
    }
}

record! {
    /// Its disk.
    Disk, "a disk", "image.md#disk" {
        path: Required "path" Text,
        sha256: Optional "sha256" Digest,
        sha256_file: Optional "sha256-file" Text,
    }
}

record! {
    /// What the guest says of itself.
    Windows, "a Windows version", "image.md#windows" {
        build: Required "build" Build,
        edition: Required "edition" Edition,
    }
}

record! {
    /// The machine around the disk.
    Machine, "a machine", "image.md#machine" {
        firmware: Optional "firmware" Firmware,
        processor: Required "processor" Text,
        cpus: Optional "cpus" Processors,
        memory: Required "memory" Size,
        disk_bus: Optional "disk-bus" DiskBus,
        network: Optional "network" NetworkCard,
        product_name: Optional "product-name" Text,
        translation_cache: Optional "translation-cache" Size,
    }
}

record! {
    /// The way in.
    Ssh, "a way in by SSH", "image.md#ssh" {
        user: Required "user" Text,
        host_key: Optional "host-key" HostKey,
        host_key_file: Optional "host-key-file" Text,
        key_file: Required "key-file" Text,
    }
}

impl Element for Firmware {
    const WHAT: &'static str = "a firmware";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(node, Self::WHAT, &[("bios", Self::Bios), ("uefi", Self::Uefi)])
    }
}

impl Element for DiskBus {
    const WHAT: &'static str = "a disk bus";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(node, Self::WHAT, &[("sata", Self::Sata), ("virtio-blk", Self::VirtioBlk), ("nvme", Self::Nvme)])
    }
}

impl Element for NetworkCard {
    const WHAT: &'static str = "a network card";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(node, Self::WHAT, &[("e1000e", Self::E1000e), ("virtio-net", Self::VirtioNet)])
    }
}

impl Element for Edition {
    const WHAT: &'static str = "an edition";

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.word(node, Self::WHAT, &[("client", Self::Client), ("server", Self::Server)])
    }
}
