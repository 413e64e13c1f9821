//! How many machines run at once here: processors and memory, what a container leaves of them, what a machine takes.

use std::path::PathBuf;

use coexist_model::MachineProfile;

use crate::cgroup::{self, Bound};
use crate::proof::Accelerator;

const MIB: u64 = 1 << 20;

/// QEMU's own memory beside the guest's: 45 MiB measured with QEMU 7.2 (q35, VGA, one qcow2 disk) before its guest runs,
/// and 32 MiB at most for the tables of a large disk (QEMU's `docs/qcow2-cache.txt`), rounded up. \[K\]: newer versions
/// were not measured.
const QEMU_MIB: u64 = 96;
/// Under emulation QEMU keeps what it translated. Where the command line does not say how much, it is the eighth part of
/// the host's memory, at most this (QEMU's `tcg/region.c`, `size_code_gen_buffer`).
const MOST_TRANSLATED_MIB: u64 = 1024;
/// What the coordinator and the rest of the host need: dumps of up to 64 MiB are read whole.
const HOST_MIB: u64 = 256;

/// Memory in MiB, of the host or of what a control group leaves of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total_mib: u64,
    /// What can be had without swapping.
    pub available_mib: u64,
    /// Swap that the host has.
    pub swap_mib: u64,
    /// Memory that the host has, whatever a control group leaves.
    pub host_mib: u64,
    /// The file that sets the limit, where a control group is tighter than the host.
    pub limited_by: Option<PathBuf>,
}

impl Memory {
    /// What this process may use, where the host tells.
    #[must_use]
    pub fn of_this_host() -> Option<Self> {
        let host = parse_meminfo(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
        let bounds = cgroup::memory_groups().iter().filter_map(cgroup::MemoryGroup::bound).collect();
        Some(host.within(bounds))
    }

    /// The same inside of control groups.
    fn within(mut self, bounds: Vec<Bound>) -> Self {
        for bound in bounds {
            self.available_mib = self.available_mib.min(bound.available / MIB);
            if bound.limit / MIB < self.total_mib {
                self.total_mib = bound.limit / MIB;
                self.limited_by = Some(bound.file);
            }
        }
        self
    }
}

/// Reads `/proc/meminfo` (proc(5): kB means KiB).
fn parse_meminfo(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
    };
    let total_mib = field("MemTotal")?;
    Some(Memory {
        total_mib,
        available_mib: field("MemAvailable")?,
        swap_mib: field("SwapTotal").unwrap_or_default(),
        host_mib: total_mib,
        limited_by: None,
    })
}

/// Processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processors {
    /// Those that this process may use: affinity and a control group's `cpu.max` or quota count.
    pub usable: usize,
    /// Those that the host has, where it tells.
    pub online: Option<usize>,
}

impl Processors {
    /// What this process may use.
    #[must_use]
    pub fn of_this_host() -> Self {
        // Looks at sched_getaffinity(2) and at the quotas of both kinds of control groups.
        let usable = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { usable, online: std::fs::read_to_string("/proc/stat").ok().map(|text| parse_stat(&text)) }
    }
}

/// Reads `/proc/stat`: a line for all processors, then one for each that is online.
fn parse_stat(text: &str) -> usize {
    let numbers = text.lines().filter_map(|line| line.strip_prefix("cpu"));
    numbers.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).count()
}

/// What bounds the number of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarce {
    /// Every machine wants processors of its own.
    Processors,
    /// Memory.
    Memory,
}

impl Scarce {
    /// Its name in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processors => "processors",
            Self::Memory => "memory",
        }
    }
}

/// How many machines of one kind run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// How many.
    pub machines: u64,
    /// What bounds them.
    pub bound: Scarce,
    /// Memory that one of them takes.
    pub machine_mib: u64,
}

/// What this process may use of the host now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Memory, where the host tells.
    pub memory: Option<Memory>,
    /// Processors.
    pub processors: Processors,
}

impl Room {
    /// The room there is.
    #[must_use]
    pub fn of_this_host() -> Self {
        Self { memory: Memory::of_this_host(), processors: Processors::of_this_host() }
    }

    /// How many machines with this profile run at once. A machine that wants more processors than there are still runs,
    /// alone and slowly; one that wants more memory does not.
    #[must_use]
    pub fn fits(&self, profile: &MachineProfile, accelerator: Accelerator) -> Fit {
        let machine_mib = self.machine_mib(profile, accelerator);
        let usable = u64::try_from(self.processors.usable).unwrap_or(u64::MAX);
        let by_processors = (usable / u64::from(profile.cpus.max(1))).max(1);
        let by_memory = self.memory.as_ref().map(|it| it.available_mib.saturating_sub(HOST_MIB) / machine_mib);
        match by_memory {
            Some(machines) if machines < by_processors => Fit { machines, bound: Scarce::Memory, machine_mib },
            _ => Fit { machines: by_processors, bound: Scarce::Processors, machine_mib },
        }
    }

    /// What a machine takes at most.
    fn machine_mib(&self, profile: &MachineProfile, accelerator: Accelerator) -> u64 {
        let host_mib = self.memory.as_ref().map(|memory| memory.host_mib);
        let by_default = host_mib.map_or(MOST_TRANSLATED_MIB, |host| (host / 8).min(MOST_TRANSLATED_MIB));
        let translated = match accelerator {
            Accelerator::Kvm => 0,
            Accelerator::Tcg => profile.translation_cache_mib.map_or(by_default, u64::from),
        };
        u64::from(profile.memory_mib) + translated + QEMU_MIB
    }
}

#[cfg(test)]
mod tests {
    use coexist_model::{DiskBus, Firmware, NetworkCard};

    use super::*;

    fn memory(total_mib: u64, available_mib: u64) -> Memory {
        Memory { total_mib, available_mib, swap_mib: 0, host_mib: total_mib, limited_by: None }
    }

    #[test]
    fn memory_is_read_in_mebibytes() {
        let text = "MemTotal:       49360200 kB\nMemFree:  1 kB\nMemAvailable:   2097152 kB\nSwapTotal:  1048576 kB\n";
        assert_eq!(parse_meminfo(text), Some(Memory { swap_mib: 1024, ..memory(48203, 2048) }));
        assert_eq!(parse_meminfo("MemTotal: many kB\n"), None);
    }

    #[test]
    fn the_tightest_control_group_counts() {
        let bound = |limit: u64, available: u64, file: &str| Bound {
            limit: limit * MIB,
            available: available * MIB,
            file: file.into(),
        };
        let host = || memory(8000, 6000);
        assert_eq!(host().within(vec![]), host());
        let inner = host().within(vec![bound(2000, 1500, "/job"), bound(4000, 900, "/")]);
        assert_eq!((inner.total_mib, inner.available_mib, inner.host_mib), (2000, 900, 8000));
        assert_eq!(inner.limited_by, Some("/job".into()));
        assert_eq!(host().within(vec![bound(9000, 9000, "/")]), host(), "wider than the host");
    }

    #[test]
    fn processors_are_counted() {
        assert_eq!(parse_stat("cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\ncpufreq 1\n"), 2);
        let here = Processors::of_this_host();
        assert!(here.online.unwrap() >= here.usable && here.usable > 0);
    }

    fn profile(cpus: u32, memory_mib: u32, translation_cache_mib: Option<u32>) -> MachineProfile {
        MachineProfile {
            firmware: Firmware::Bios,
            processor: "Westmere".to_owned(),
            cpus,
            memory_mib,
            disk_bus: DiskBus::VirtioBlk,
            network: NetworkCard::VirtioNet,
            product_name: None,
            translation_cache_mib,
        }
    }

    #[test]
    fn machines_fit_as_far_as_the_scarcest_thing_goes() {
        let room = |usable, memory| Room { memory, processors: Processors { usable, online: None } };
        let fits = |room: Room, profile, accelerator| {
            let Fit { machines, bound, machine_mib } = room.fits(&profile, accelerator);
            (machines, bound.as_str(), machine_mib)
        };
        let small = || profile(1, 256, Some(32));
        let large = || profile(4, 4096, None);
        let gib = |gib: u64| Some(memory(gib * 1024, gib * 1024));
        use Accelerator::{Kvm, Tcg};
        assert_eq!(fits(room(2, gib(16)), small(), Tcg), (2, "processors", 384));
        assert_eq!(fits(room(64, gib(2)), small(), Tcg), (4, "memory", 384));
        assert_eq!(fits(room(64, gib(32)), large(), Tcg), (6, "memory", 5216), "the cache is not bounded");
        assert_eq!(fits(room(64, gib(32)), large(), Kvm), (7, "memory", 4192), "nothing is translated");
        assert_eq!(fits(room(4, gib(6)), large(), Tcg), (1, "processors", 4960), "an eighth of a small host");
        assert_eq!(fits(room(2, gib(32)), large(), Kvm), (1, "processors", 4192), "slow, but it runs");
        assert_eq!(fits(room(8, gib(4)), large(), Kvm), (0, "memory", 4192));
        assert_eq!(fits(room(8, None), large(), Kvm), (2, "processors", 4192), "unknown does not bound");
    }
}
