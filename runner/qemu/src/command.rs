//! QEMU's command line. Pure: one golden file per profile in `tests/command-lines`.

use std::path::Path;

use coexist_model::{DiskBus, Image, NetworkCard};
use serde_json::json;

use crate::proof::Accelerator;

/// QEMU's own seccomp filter: no new processes, no other privileges, no odd system calls.
pub(crate) const SANDBOX: [&str; 2] =
    ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];

/// Hyper-V interfaces for Windows under KVM (QEMU's `docs/system/i386/hyperv.rst`). [K]: not tried on a real Windows
/// here. `hv_crash` tells stop code and parameters; it hinders no dump because a panic never stops the machine.
const HYPER_V: &str = "hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_vpindex,hv_runtime,hv_time,hv_synic,hv_stimer,\
                       hv_frequencies,hv_tlbflush,hv_ipi,hv_reset,hv_crash";

/// Name of the system disk in QEMU.
pub(crate) const DISK: &str = "disk0";

/// All that a command line follows from.
pub(crate) struct Hardware<'a> {
    /// Name of the process, for people who look for it.
    pub(crate) name: &'a str,
    pub(crate) image: &'a Image,
    pub(crate) accelerator: Accelerator,
    pub(crate) sandbox: bool,
    pub(crate) overlay: &'a str,
    pub(crate) firmware: Option<FirmwareDisks<'a>>,
    pub(crate) ssh_port: u16,
}

/// UEFI firmware: code for everybody, variables of this machine.
#[derive(Clone, Copy)]
pub(crate) struct FirmwareDisks<'a> {
    pub(crate) code: &'a str,
    pub(crate) variables: &'a str,
}

/// A value inside an option list: QEMU reads a doubled comma as one.
fn value(text: &str) -> String {
    text.replace(',', ",,")
}

/// The arguments, without the program. Standard input is the control socket, standard output the serial port.
pub(crate) fn arguments(hardware: &Hardware<'_>) -> Vec<String> {
    let image = hardware.image;
    let profile = &image.machine;
    let mut list = Vec::new();
    let mut add = |option: &str, argument: String| list.extend([option.to_owned(), argument]);

    add("-name", format!("guest={}", value(hardware.name)));
    add("-machine", "q35,vmport=off,dump-guest-core=off".to_owned());
    add("-accel", accelerator(hardware));
    add("-cpu", processor(hardware));
    // One socket: clients of Windows use at most two.
    add("-smp", format!("cpus={0},sockets=1,cores={0},threads=1", profile.cpus));
    add("-m", format!("size={}M", profile.memory_mib));
    // The guest decides what a panic leads to: with QEMU's default, a crash powers the machine off before its dump.
    add("-action", "panic=none,reboot=reset,shutdown=poweroff".to_owned());
    // Windows keeps local time in the hardware clock unless RealTimeIsUniversal is set; the stand-in keeps UTC.
    add("-rtc", format!("base={}", if image.stand_in { "utc" } else { "localtime" }));
    // A guest that sleeps would look like one that hangs.
    add("-global", "ICH9-LPC.disable_s3=1".to_owned());
    add("-global", "ICH9-LPC.disable_s4=1".to_owned());
    if let Some(product) = &profile.product_name {
        add("-smbios", format!("type=1,product={}", value(product)));
    }
    if let Some(firmware) = hardware.firmware {
        add("-drive", format!("if=pflash,unit=0,format=raw,readonly=on,file={}", value(firmware.code)));
        add("-drive", format!("if=pflash,unit=1,format=raw,file={}", value(firmware.variables)));
    }
    add("-display", "none".to_owned());
    add("-vga", "std".to_owned());

    // Every device has its own address: a golden disk remembers the hardware it was made on.
    add("-blockdev", overlay(hardware.overlay));
    add("-device", disk(profile.disk_bus).to_owned());
    // `restrict` shuts everything but the one forward: neither host nor world can be reached from inside.
    let forward = format!("hostfwd=tcp:127.0.0.1:{}-:22", hardware.ssh_port);
    add("-netdev", format!("user,id=net0,restrict=on,ipv6=off,{forward}"));
    let card = match profile.network {
        NetworkCard::E1000e => "e1000e",
        NetworkCard::VirtioNet => "virtio-net-pci",
    };
    add("-device", format!("{card},netdev=net0,mac=52:54:00:12:34:56,romfile=,addr=0x2"));
    add("-object", "rng-builtin,id=rng0".to_owned());
    add("-device", "virtio-rng-pci,rng=rng0,addr=0x4".to_owned());
    add("-device", "pvpanic-pci,addr=0x5".to_owned());
    if tells_of_its_memory(image) {
        // A file of fw_cfg in which a driver of the guest may leave a note. No address, no interrupt, no entry in a table
        // of the firmware: a guest without the driver does not see it (QEMU's `docs/specs/vmcoreinfo.rst`).
        add("-device", "vmcoreinfo".to_owned());
    }

    add("-chardev", "socket,id=serial,fd=1".to_owned());
    add("-serial", "chardev:serial".to_owned());
    add("-chardev", "socket,id=control,fd=0".to_owned());
    add("-mon", "chardev=control,mode=control".to_owned());
    if hardware.sandbox {
        let [option, argument] = SANDBOX;
        add(option, argument.to_owned());
    }
    // Nothing by default, nobody's configuration; paused until the control socket is listened to.
    list.extend(["-nodefaults", "-no-user-config", "-S"].map(str::to_owned));
    list
}

fn accelerator(hardware: &Hardware<'_>) -> String {
    match (hardware.accelerator, hardware.image.machine.translation_cache_mib) {
        (Accelerator::Kvm, _) => "kvm".to_owned(),
        (Accelerator::Tcg, None) => "tcg,thread=multi".to_owned(),
        (Accelerator::Tcg, Some(mib)) => format!("tcg,thread=multi,tb-size={mib}"),
    }
}

fn processor(hardware: &Hardware<'_>) -> String {
    let model = &hardware.image.machine.processor;
    match hardware.accelerator {
        Accelerator::Kvm if hardware.image.stand_in => "host".to_owned(),
        Accelerator::Kvm => format!("host,{HYPER_V}"),
        // `host` needs KVM; its like under emulation is `max`.
        Accelerator::Tcg if model == "host" => "max".to_owned(),
        Accelerator::Tcg => model.clone(),
    }
}

fn overlay(file: &str) -> String {
    // The overlay is thrown away: what the guest flushes need not reach the host's platter, only its page cache.
    let cache = json!({ "direct": false, "no-flush": true });
    json!({
        "driver": "qcow2",
        "node-name": DISK,
        "cache": cache,
        "file": { "driver": "file", "filename": file, "cache": cache },
    })
    .to_string()
}

/// The disk. An I/O error of the host stops the machine, so that it never looks like a fault of the product. The nvme
/// device of QEMU 7.2 has no such options: there the guest sees the error.
fn disk(bus: DiskBus) -> &'static str {
    match bus {
        DiskBus::Sata => "ide-hd,drive=disk0,bus=ide.0,bootindex=0,werror=stop,rerror=stop",
        DiskBus::VirtioBlk => "virtio-blk-pci,drive=disk0,bootindex=0,werror=stop,rerror=stop,addr=0x3",
        DiskBus::Nvme => "nvme,drive=disk0,serial=coexist0,bootindex=0,addr=0x3",
    }
}

/// Whether the guest may say how its memory becomes a Windows crash dump: virtio-win's `fwcfg` driver does. \[K\]: not
/// tried on a real Windows here.
pub(crate) fn tells_of_its_memory(image: &Image) -> bool {
    !image.stand_in
}

/// Whether a path can be named on a command line.
pub(crate) fn speakable(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| !text.contains('\n'))
}

#[cfg(test)]
mod tests {
    use coexist_model::{Disk, Edition, Firmware, GuestAccess, MachineProfile, Seconds, WindowsFacts};

    use super::*;

    fn windows() -> Image {
        Image {
            id: "win11".into(),
            title: "Windows 11".to_owned(),
            stand_in: false,
            disk: Disk { path: "golden.qcow2".into(), sha256: "0".repeat(64).into() },
            windows: WindowsFacts { build: 26100, edition: Edition::Client },
            machine: MachineProfile {
                firmware: Firmware::Uefi,
                processor: "Skylake-Client-v4".to_owned(),
                cpus: 4,
                memory_mib: 4096,
                disk_bus: DiskBus::Sata,
                network: NetworkCard::E1000e,
                product_name: None,
                translation_cache_mib: None,
            },
            access: GuestAccess { user: "lab".to_owned(), host_key: String::new(), key_file: "key".into() },
            boot_deadline: Seconds::from(std::time::Duration::from_secs(60)),
            expires: None,
        }
    }

    fn stand_in() -> Image {
        let mut image = windows();
        image.stand_in = true;
        image.machine = MachineProfile {
            firmware: Firmware::Bios,
            processor: "Westmere".to_owned(),
            cpus: 1,
            memory_mib: 256,
            disk_bus: DiskBus::VirtioBlk,
            network: NetworkCard::VirtioNet,
            product_name: Some("Stand-in, client".to_owned()),
            translation_cache_mib: Some(32),
        };
        image
    }

    fn line(image: &Image, accelerator: Accelerator) -> String {
        let uefi = image.machine.firmware == Firmware::Uefi;
        let firmware =
            uefi.then_some(FirmwareDisks { code: "/firmware/CODE.fd", variables: "/arm/a,b/vm/variables.fd" });
        let hardware = Hardware {
            name: "coexist run1 cell/baseline",
            image,
            accelerator,
            sandbox: true,
            overlay: "/arm/a,b/vm/overlay.qcow2",
            firmware,
            ssh_port: 40022,
        };
        let mut text = String::new();
        for argument in arguments(&hardware) {
            // Every option of ours has an argument, except the last three: one option a line.
            let separator = if argument.starts_with('-') { '\n' } else { ' ' };
            text.push(separator);
            text.push_str(&argument);
        }
        text.trim_start().to_owned() + "\n"
    }

    fn with(mut image: Image, change: impl FnOnce(&mut MachineProfile)) -> Image {
        change(&mut image.machine);
        image
    }

    #[test]
    fn one_golden_command_line_per_profile() {
        let nvme = with(stand_in(), |machine| {
            machine.disk_bus = DiskBus::Nvme;
            machine.network = NetworkCard::E1000e;
            machine.product_name = None;
            machine.translation_cache_mib = None;
            machine.processor = "host".to_owned();
        });
        let uefi = with(stand_in(), |machine| machine.firmware = Firmware::Uefi);
        let golden = [
            (line(&stand_in(), Accelerator::Tcg), "stand-in-bios-virtio"),
            (line(&uefi, Accelerator::Tcg), "stand-in-uefi-virtio"),
            (line(&nvme, Accelerator::Tcg), "stand-in-bios-nvme"),
            (line(&stand_in(), Accelerator::Kvm), "stand-in-kvm"),
            (line(&windows(), Accelerator::Tcg), "windows-uefi-sata"),
            (line(&windows(), Accelerator::Kvm), "windows-kvm"),
        ];
        for (found, name) in golden {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command-lines").join(name).with_extension("txt");
            if std::env::var_os("COEXIST_ACCEPT").is_some() {
                std::fs::write(&path, &found).unwrap();
            }
            let expected = std::fs::read_to_string(&path).unwrap();
            let accept = "COEXIST_ACCEPT=1 cargo test -p coexist-qemu golden";
            assert_eq!(found, expected, "{name} differs; to accept: {accept}");
        }
    }

    #[test]
    fn commas_do_not_end_a_value_and_newlines_are_not_spoken() {
        assert_eq!(value("a,b,,c"), "a,,b,,,,c");
        assert_eq!(speakable(Path::new("/a b")), Some("/a b"));
        assert_eq!(speakable(Path::new("/a\nb")), None);
    }
}
