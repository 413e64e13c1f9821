//! Builds 64-bit small dumps. Shares nothing with the reader: every offset is written out here a second time, from
//! the public layout.

/// In what order the parts lie: no reader may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Stack, drivers, names, blocks, unloaded drivers.
    Windows,
    /// Unloaded drivers first, drivers last.
    Debugger,
}

#[derive(Debug, Clone)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) base: u64,
    pub(crate) size: u32,
    pub(crate) stamp: u32,
}

pub(crate) fn module(name: &'static str, base: u64, size: u32, stamp: u32) -> Module {
    Module { name, base, size, stamp }
}

#[derive(Debug, Clone)]
pub(crate) struct DumpSpec {
    pub(crate) code: u32,
    pub(crate) parameters: [u64; 4],
    pub(crate) machine: u32,
    pub(crate) build: u32,
    pub(crate) processors: u32,
    pub(crate) filetime: u64,
    pub(crate) uptime: u64,
    pub(crate) rip: u64,
    pub(crate) rsp: u64,
    /// The register that holds a return address, of ARM64.
    pub(crate) link: u64,
    pub(crate) modules: Vec<Module>,
    pub(crate) unloaded: Vec<(&'static str, u64, u64)>,
    pub(crate) stack_at: u64,
    pub(crate) stack: Vec<u64>,
    pub(crate) blocks: Vec<(u64, Vec<u8>)>,
    pub(crate) order: Order,
    /// Image name of the process, and where in its block Windows' build has the field.
    pub(crate) process: (&'static str, usize),
}

pub(crate) const KERNEL: u64 = 0xffff_f802_1000_0000;
pub(crate) const ACME: u64 = 0xffff_f802_2000_0000;
pub(crate) const GLOBEX: u64 = 0xffff_f802_3000_0000;
pub(crate) const STACK: u64 = 0xffff_8405_0000_1000;

/// A crash in which nothing points at anybody: the instruction is in the kernel, the stack holds zeros.
pub(crate) fn quiet() -> DumpSpec {
    DumpSpec {
        code: 0x139,
        parameters: [3, 0, 0, 0],
        machine: 0x8664,
        build: 19041,
        processors: 4,
        // 2024-07-19T04:09:00Z
        filetime: 133_658_357_400_000_000,
        uptime: 37_470_000,
        rip: KERNEL + 0x3f_d6f0,
        rsp: STACK,
        link: 0,
        modules: vec![
            module("ntoskrnl.exe", KERNEL, 0x104_6000, 0x5dee_2b07),
            module("hal.dll", 0xffff_f802_1200_0000, 0x6000, 0x1a7b_e8e9),
            module(r"\SystemRoot\system32\drivers\AcmeFlt.SYS", ACME, 0x4_0000, 0x5f1a_2b3c),
            module("globex.sys", GLOBEX, 0x8000, 0x6000_0001),
        ],
        unloaded: vec![("dump_storahci", 0xffff_f802_4000_0000, 0xffff_f802_4003_3000)],
        stack_at: STACK,
        stack: vec![0; 0x300],
        blocks: vec![],
        order: Order::Windows,
        process: ("MsMpEng.exe", 0x5a8),
    }
}

impl DumpSpec {
    /// The same crash as a small dump of a 32-bit system: addresses lose their upper half, names follow the drivers.
    pub(crate) fn build_narrow(&self) -> Vec<u8> {
        let narrow = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap();
        let mut out: Vec<u8> = b"PAGE".iter().copied().cycle().take(0x1000).collect();
        out[4..8].copy_from_slice(b"DUMP");
        for (at, value) in [(0x0c, self.build), (0x20, 0x14c), (0x24, self.processors), (0x28, self.code)] {
            put32(&mut out, at, value);
        }
        for (index, parameter) in self.parameters.iter().enumerate() {
            put32(&mut out, 0x2c + 4 * index, narrow(*parameter));
        }
        put32(&mut out, 0x320, 0x1_0007);
        put32(&mut out, 0x320 + 0xb8, narrow(self.rip));
        put32(&mut out, 0x320 + 0xc4, narrow(self.rsp));
        put32(&mut out, 0xf88, 4);
        put64(&mut out, 0xfb8, self.uptime);
        put64(&mut out, 0xfc0, self.filetime);
        out.resize(0x1068, 0);
        let list = out.len();
        put_place(&mut out, 0x1000 + 0x30);
        put32(&mut out, 0x1000 + 0x34, u32::try_from(self.modules.len()).unwrap());
        out.resize(list + 0x4c * self.modules.len(), 0);
        put_place(&mut out, 0x1000 + 0x38);
        for (index, module) in self.modules.iter().enumerate() {
            let entry = list + 0x4c * index;
            put_place(&mut out, entry);
            put32(&mut out, entry + 0x1c, narrow(module.base));
            put32(&mut out, entry + 0x24, module.size);
            put32(&mut out, entry + 0x48, module.stamp);
            put_name(&mut out, module.name);
        }
        let valid = len(&out);
        out.extend(b"TRGD");
        put32(&mut out, 0x1000 + 0x04, valid + 4);
        put32(&mut out, 0x1000 + 0x08, valid);
        out
    }

    /// Puts a value on the stack, `distance` bytes above the stack pointer.
    pub(crate) fn with_slot(mut self, distance: u64, value: u64) -> Self {
        let index = (self.rsp + distance - self.stack_at) / 8;
        self.stack[usize::try_from(index).unwrap()] = value;
        self
    }

    /// The same crash with every module and the stack loaded elsewhere.
    pub(crate) fn rebased(&self, by: impl Fn(usize) -> u64) -> Self {
        let moved = |address: u64| {
            let in_module =
                self.modules.iter().position(|m| (m.base..m.base + u64::from(m.size)).contains(&address)).map(&by);
            let stack_end = self.stack_at + 8 * self.stack.len() as u64;
            let in_stack = (self.stack_at..stack_end).contains(&address).then(|| by(self.modules.len()));
            let in_unloaded = self
                .unloaded
                .iter()
                .any(|(_, start, end)| (*start..*end).contains(&address))
                .then(|| by(self.modules.len() + 1));
            address + in_module.or(in_stack).or(in_unloaded).unwrap_or(0)
        };
        let mut spec = self.clone();
        spec.parameters = self.parameters.map(moved);
        spec.rip = moved(self.rip);
        spec.rsp = moved(self.rsp);
        spec.link = moved(self.link);
        spec.stack_at = moved(self.stack_at);
        spec.stack = self.stack.iter().copied().map(moved).collect();
        for (address, _) in &mut spec.blocks {
            *address = moved(*address);
        }
        for module in &mut spec.modules {
            module.base = moved(module.base);
        }
        for (_, start, end) in &mut spec.unloaded {
            let size = *end - *start;
            *start = moved(*start);
            *end = *start + size;
        }
        spec
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut out: Vec<u8> = b"PAGE".iter().copied().cycle().take(0x2000).collect();
        out[4..8].copy_from_slice(b"DU64");
        put32(&mut out, 0x08, 0xf);
        put32(&mut out, 0x0c, self.build);
        put64(&mut out, 0x10, 0x1a_d000);
        put32(&mut out, 0x30, self.machine);
        put32(&mut out, 0x34, self.processors);
        put32(&mut out, 0x38, self.code);
        for (index, parameter) in self.parameters.iter().enumerate() {
            put64(&mut out, 0x40 + 8 * index, *parameter);
        }
        if self.machine == 0xaa64 {
            put32(&mut out, 0x348, 0x40_000f);
            put64(&mut out, 0x348 + 0xf8, self.link);
            put64(&mut out, 0x348 + 0x100, self.rsp);
            put64(&mut out, 0x348 + 0x108, self.rip);
        } else {
            put32(&mut out, 0x348 + 0x30, 0x10_000f);
            put64(&mut out, 0x348 + 0x98, self.rsp);
            put64(&mut out, 0x348 + 0xf8, self.rip);
        }
        put32(&mut out, 0xf00, 0x8000_0003);
        put32(&mut out, 0xf98, 4);
        put64(&mut out, 0xfa8, self.filetime);
        put64(&mut out, 0x1030, self.uptime);
        put32(&mut out, 0x1050, 8);
        out
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut out = self.header();
        out.resize(0x2080, 0);
        match self.order {
            Order::Windows => {
                self.put_stack(&mut out);
                self.put_drivers(&mut out);
                self.put_process(&mut out);
                self.put_blocks(&mut out);
                self.put_unloaded(&mut out);
            }
            Order::Debugger => {
                self.put_process(&mut out);
                self.put_unloaded(&mut out);
                self.put_blocks(&mut out);
                self.put_stack(&mut out);
                self.put_drivers(&mut out);
            }
        }
        put32(&mut out, 0x2000 + 0x0c, 0x348);
        put32(&mut out, 0x2000 + 0x10, 0xf00);
        align(&mut out, 4);
        let valid = len(&out);
        out.extend(b"TRGD");
        put32(&mut out, 0x2000 + 0x04, valid + 4);
        put32(&mut out, 0x2000 + 0x08, valid);
        // Secondary data behind the triage part.
        out.extend(b"DumpBlob");
        out.resize(out.len() + 0x30, 0x5a);
        let total = out.len() as u64;
        put64(&mut out, 0xfa0, total);
        out
    }

    fn put_stack(&self, out: &mut Vec<u8>) {
        align(out, 8);
        put_place(out, 0x2000 + 0x28);
        put32(out, 0x2000 + 0x2c, u32::try_from(self.stack.len() * 8).unwrap());
        put64(out, 0x2000 + 0x48, self.stack_at);
        out.extend(self.stack.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn put_drivers(&self, out: &mut Vec<u8>) {
        align(out, 8);
        let list = out.len();
        put_place(out, 0x2000 + 0x30);
        put32(out, 0x2000 + 0x34, u32::try_from(self.modules.len()).unwrap());
        out.resize(list + 0x90 * self.modules.len(), 0);
        put_place(out, 0x2000 + 0x38);
        for (index, module) in self.modules.iter().enumerate() {
            let entry = list + 0x90 * index;
            put_place(out, entry);
            put64(out, entry + 0x38, module.base);
            put32(out, entry + 0x48, module.size);
            put32(out, entry + 0x88, module.stamp);
            put_name(out, module.name);
        }
    }

    /// A block of kernel pointers with the name among them.
    fn put_process(&self, out: &mut Vec<u8>) {
        align(out, 8);
        put_place(out, 0x2000 + 0x20);
        let (name, at) = self.process;
        let block = out.len();
        out.extend([0xffff_8405_0123_4567_u64; 0xa40 / 8].iter().flat_map(|pointer| pointer.to_le_bytes()));
        out[block + at..block + at + 15].fill(0);
        out[block + at..block + at + name.len()].copy_from_slice(name.as_bytes());
    }

    fn put_unloaded(&self, out: &mut Vec<u8>) {
        align(out, 8);
        put_place(out, 0x2000 + 0x18);
        out.extend(u32::try_from(self.unloaded.len()).unwrap().to_le_bytes());
        out.extend([0; 4]);
        for (name, start, end) in &self.unloaded {
            let units: Vec<u16> = name.encode_utf16().collect();
            let entry = out.len();
            out.resize(entry + 0x38, 0);
            // The length is the whole name's; only 12 characters of it are there.
            out[entry..entry + 2].copy_from_slice(&u16::try_from(units.len() * 2).unwrap().to_le_bytes());
            for (index, unit) in units.iter().take(12).enumerate() {
                out[entry + 0x10 + 2 * index..][..2].copy_from_slice(&unit.to_le_bytes());
            }
            put64(out, entry + 0x28, *start);
            put64(out, entry + 0x30, *end);
        }
    }

    fn put_blocks(&self, out: &mut Vec<u8>) {
        align(out, 8);
        let list = out.len();
        put_place(out, 0x2000 + 0x78);
        put32(out, 0x2000 + 0x7c, u32::try_from(self.blocks.len()).unwrap());
        out.resize(list + 0x10 * self.blocks.len(), 0);
        for (index, (address, bytes)) in self.blocks.iter().enumerate() {
            put64(out, list + 0x10 * index, *address);
            put_place(out, list + 0x10 * index + 8);
            put32(out, list + 0x10 * index + 12, u32::try_from(bytes.len()).unwrap());
            out.extend(bytes);
        }
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    let units: Vec<u16> = name.encode_utf16().collect();
    out.extend(u32::try_from(units.len()).unwrap().to_le_bytes());
    out.extend(units.iter().chain(&[0]).flat_map(|unit| unit.to_le_bytes()));
    align(out, 8);
}

fn len(out: &[u8]) -> u32 {
    u32::try_from(out.len()).unwrap()
}

/// Writes where the next byte will lie.
fn put_place(out: &mut [u8], at: usize) {
    let place = len(out);
    put32(out, at, place);
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

pub(crate) fn put32(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn put64(out: &mut [u8], at: usize, value: u64) {
    out[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
