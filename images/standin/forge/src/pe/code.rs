//! The machine code of the files, written by hand: too little to be worth a compiler for Windows.

use std::collections::BTreeMap;

/// Bytes with named places and references that wait for addresses.
#[derive(Clone, Default)]
pub(super) struct Code {
    bytes: Vec<u8>,
    labels: BTreeMap<&'static str, u32>,
    /// Four bytes, counted from their own end, as x64 instructions address memory.
    relative: Vec<(u32, &'static str)>,
    /// Eight bytes, an address in memory.
    absolute: Vec<(u32, &'static str)>,
}

impl Code {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn at(mut self, label: &'static str) -> Self {
        self.labels.insert(label, self.position());
        self
    }

    fn put(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// An instruction whose last four bytes point to `target`.
    fn to(mut self, instruction: &[u8], target: &'static str) -> Self {
        self.bytes.extend_from_slice(instruction);
        self.relative.push((self.position(), target));
        self.put(&[0; 4])
    }

    /// The address of `target`, eight bytes.
    fn address_of(mut self, target: &'static str) -> Self {
        self.absolute.push((self.position(), target));
        self.put(&[0; 8])
    }

    fn align(mut self, alignment: usize) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
        self
    }

    pub(super) fn label(&self, name: &str) -> Option<u32> {
        self.labels.get(name).copied()
    }

    /// Offset of a label; the start when there is no such label.
    pub(super) fn offset(&self, name: &str) -> u32 {
        self.label(name).unwrap_or(0)
    }

    /// Offsets of the absolute addresses, which the loader relocates.
    pub(super) fn absolute(&self) -> Vec<u32> {
        self.absolute.iter().map(|(offset, _)| *offset).collect()
    }

    /// The bytes with all references filled in, for a section at `address` of an image at `base`. Names that are not
    /// labels of this code are asked for outside.
    pub(super) fn resolve(self, address: u32, base: u64, outside: impl Fn(&str) -> Option<u32>) -> Vec<u8> {
        let find = |name: &str| self.label(name).map(|offset| address + offset).or_else(|| outside(name)).unwrap_or(0);
        let mut bytes = self.bytes.clone();
        for (at, name) in &self.relative {
            let distance = find(name).wrapping_sub(address + at + 4);
            bytes[*at as usize..*at as usize + 4].copy_from_slice(&distance.to_le_bytes());
        }
        for (at, name) in &self.absolute {
            let target = base + u64::from(find(name));
            bytes[*at as usize..*at as usize + 8].copy_from_slice(&target.to_le_bytes());
        }
        bytes
    }
}

/// `DriverEntry` sets DRIVER_OBJECT.DriverUnload (+0x68 on x64) and succeeds.
pub(super) fn driver() -> Code {
    Code::default()
        .at("entry")
        .to(&[0x48, 0x8b, 0x05], "unload pointer") // mov rax, [unload pointer]
        .put(&[0x48, 0x89, 0x41, 0x68]) // mov [rcx+68h], rax
        .put(&[0x33, 0xc0]) // xor eax, eax
        .put(&[0xc3]) // ret
        .at("unload")
        .put(&[0xc3]) // ret
        .align(8)
        .at("unload pointer")
        .address_of("unload")
}

/// What [`service`] calls.
pub(super) const SERVICE_IMPORTS: &[(&str, &[&str])] = &[
    ("ADVAPI32.dll", &["StartServiceCtrlDispatcherW", "RegisterServiceCtrlHandlerW", "SetServiceStatus"]),
    ("KERNEL32.dll", &["CreateEventW", "SetEvent", "WaitForSingleObject", "ExitProcess"]),
];

const CALL: &[u8] = &[0xff, 0x15]; // call [import]
const LEA_RCX: &[u8] = &[0x48, 0x8d, 0x0d];
const LEA_RDX: &[u8] = &[0x48, 0x8d, 0x15];
const LOAD_RCX: &[u8] = &[0x48, 0x8b, 0x0d];
const STORE_RAX: &[u8] = &[0x48, 0x89, 0x05];
const CALL_NEAR: &[u8] = &[0xe8];
const ENTER: &[u8] = &[0x48, 0x83, 0xec, 0x28]; // sub rsp, 28h: shadow space, alignment
const LEAVE: &[u8] = &[0x48, 0x83, 0xc4, 0x28];
const RET: &[u8] = &[0xc3];
const XOR_ECX: &[u8] = &[0x33, 0xc9];

/// mov ecx, value
fn mov_ecx(value: u32) -> [u8; 5] {
    let [a, b, c, d] = value.to_le_bytes();
    [0xb9, a, b, c, d]
}

/// A service that waits for an event which its control handler sets on stop and shutdown.
pub(super) fn service() -> Code {
    const STOPPED: u32 = 1;
    const STOP_PENDING: u32 = 3;
    const RUNNING: u32 = 4;
    Code::default()
        .at("entry")
        .put(ENTER)
        .to(LEA_RCX, "table")
        .to(CALL, "StartServiceCtrlDispatcherW")
        .put(XOR_ECX)
        .to(CALL, "ExitProcess")
        .put(&[0xcc])
        // void ServiceMain(argc, argv)
        .at("main")
        .put(ENTER)
        .put(XOR_ECX) // no security attributes
        .put(&[0x8d, 0x51, 0x01]) // lea edx, [rcx+1]: manual reset
        .put(&[0x45, 0x33, 0xc0]) // xor r8d, r8d: not set
        .put(&[0x45, 0x33, 0xc9]) // xor r9d, r9d: no name
        .to(CALL, "CreateEventW")
        .to(STORE_RAX, "event")
        .to(LEA_RCX, "name")
        .to(LEA_RDX, "handler")
        .to(CALL, "RegisterServiceCtrlHandlerW")
        .to(STORE_RAX, "status handle")
        .put(&mov_ecx(RUNNING))
        .to(CALL_NEAR, "report")
        .to(LOAD_RCX, "event")
        .put(&[0x83, 0xca, 0xff]) // or edx, -1: wait for ever
        .to(CALL, "WaitForSingleObject")
        .put(&mov_ecx(STOPPED))
        .to(CALL_NEAR, "report")
        .put(LEAVE)
        .put(RET)
        // void Handler(control)
        .at("handler")
        .put(ENTER)
        .put(&[0x83, 0xf9, 0x01, 0x74, 0x05]) // cmp ecx, 1 (stop); je over the next test
        .put(&[0x83, 0xf9, 0x05, 0x75, 0x17]) // cmp ecx, 5 (shutdown); jne to the end
        .put(&mov_ecx(STOP_PENDING))
        .to(CALL_NEAR, "report")
        .to(LOAD_RCX, "event")
        .to(CALL, "SetEvent")
        .put(LEAVE)
        .put(RET)
        // report(state)
        .at("report")
        .put(ENTER)
        .to(LEA_RDX, "status")
        .put(&[0x89, 0x4a, 0x04]) // mov [rdx+4], ecx: current state
        .to(LOAD_RCX, "status handle")
        .to(CALL, "SetServiceStatus")
        .put(LEAVE)
        .put(RET)
}

/// The variables of [`service`].
pub(super) fn service_data(service_name: &str) -> Code {
    const OWN_PROCESS: u32 = 0x10;
    const ACCEPT_STOP_AND_SHUTDOWN: u32 = 5;
    let mut status = [0; 7 * 4];
    status[..4].copy_from_slice(&OWN_PROCESS.to_le_bytes());
    status[8..12].copy_from_slice(&ACCEPT_STOP_AND_SHUTDOWN.to_le_bytes());
    let name: Vec<u8> = service_name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    Code::default()
        .at("table")
        .address_of("name")
        .address_of("main")
        .put(&[0; 16]) // end of the table
        .at("status handle")
        .put(&[0; 8])
        .at("event")
        .put(&[0; 8])
        .at("status")
        .put(&status)
        .align(8)
        .at("name")
        .put(&name)
}
