//! Builds user-mode minidumps by the public structures of `minidumpapiset.h`; shares nothing with the reader.

/// A module of the dump.
#[derive(Clone, Copy)]
pub(crate) struct ModuleSpec<'a> {
    pub(crate) path: &'a str,
    pub(crate) base: u64,
    pub(crate) size: u32,
}

/// The exception of the dump.
#[derive(Clone)]
pub(crate) struct Raised {
    pub(crate) code: u32,
    pub(crate) address: u64,
    pub(crate) information: Vec<u64>,
}

impl Default for Raised {
    fn default() -> Self {
        Self { code: 0xc000_0005, address: 0x1_8000_1234, information: vec![8, 0x10] }
    }
}

/// What the dump says.
#[derive(Clone)]
pub(crate) struct MinidumpSpec<'a> {
    pub(crate) platform: u32,
    /// 9: AMD64, 0: Intel.
    pub(crate) architecture: u16,
    pub(crate) modules: Vec<ModuleSpec<'a>>,
    pub(crate) unloaded: Vec<ModuleSpec<'a>>,
    pub(crate) raised: Option<Raised>,
    /// Whether every module points to the first one's name.
    pub(crate) share_names: bool,
}

impl Default for MinidumpSpec<'_> {
    fn default() -> Self {
        Self {
            platform: 2,
            architecture: 9,
            modules: vec![
                ModuleSpec { path: r"C:\Program Files\Acme\Agent.EXE", base: 0x1_4000_0000, size: 0x1_0000 },
                ModuleSpec { path: r"C:\Windows\System32\AcmeHook.dll", base: 0x1_8000_0000, size: 0x8000 },
            ],
            unloaded: Vec::new(),
            raised: Some(Raised::default()),
            share_names: false,
        }
    }
}

const STAMP: u32 = 0x5f1a_2b3c;

impl MinidumpSpec<'_> {
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut file = vec![0; 32 + 12 * 4];
        let system = append(&mut file, &self.system_info());
        let modules = self.module_list(&mut file);
        let unloaded = self.unloaded_list(&mut file);
        let exception = self.raised.as_ref().map_or((0, 0), |raised| append(&mut file, &exception(raised)));
        let streams = [(7, system), (4, modules), (14, unloaded), (if exception.0 == 0 { 0 } else { 6 }, exception)];

        file[..4].copy_from_slice(b"MDMP");
        put(&mut file, 4, 0xa793);
        put(&mut file, 8, 4);
        put(&mut file, 12, 32);
        // 2026-01-02T03:04:05Z
        put(&mut file, 20, 1_767_323_045);
        for (index, (kind, (length, at))) in streams.into_iter().enumerate() {
            let entry = 32 + 12 * index;
            put(&mut file, entry, kind);
            put(&mut file, entry + 4, length);
            put(&mut file, entry + 8, at);
        }
        file
    }

    fn system_info(&self) -> Vec<u8> {
        let mut info = vec![0; 56];
        info[..2].copy_from_slice(&self.architecture.to_le_bytes());
        put(&mut info, 8, 10);
        put(&mut info, 16, 22631);
        put(&mut info, 20, self.platform);
        info
    }

    fn module_list(&self, file: &mut Vec<u8>) -> (u32, u32) {
        let mut list = u32::try_from(self.modules.len()).unwrap().to_le_bytes().to_vec();
        let mut first = None;
        for module in &self.modules {
            let name = first.filter(|_| self.share_names).unwrap_or_else(|| string(file, module.path));
            first = first.or(Some(name));
            let mut entry = vec![0; 108];
            describe(&mut entry, module, name);
            list.extend(entry);
        }
        append(file, &list)
    }

    fn unloaded_list(&self, file: &mut Vec<u8>) -> (u32, u32) {
        let mut list: Vec<u8> = [12, 24, u32::try_from(self.unloaded.len()).unwrap()].map(u32::to_le_bytes).concat();
        for module in &self.unloaded {
            let name = string(file, module.path);
            let mut entry = vec![0; 24];
            describe(&mut entry, module, name);
            list.extend(entry);
        }
        append(file, &list)
    }
}

/// The fields that both lists begin with: base, size, check sum, time stamp, place of the name.
fn describe(entry: &mut [u8], module: &ModuleSpec<'_>, name: u32) {
    entry[..8].copy_from_slice(&module.base.to_le_bytes());
    put(entry, 8, module.size);
    put(entry, 16, STAMP);
    put(entry, 20, name);
}

fn exception(raised: &Raised) -> Vec<u8> {
    let mut stream = vec![0; 168];
    put(&mut stream, 0, 4711);
    put(&mut stream, 8, raised.code);
    stream[24..32].copy_from_slice(&raised.address.to_le_bytes());
    put(&mut stream, 32, u32::try_from(raised.information.len()).unwrap());
    for (index, value) in raised.information.iter().enumerate() {
        stream[40 + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
    }
    stream
}

fn string(file: &mut Vec<u8>, text: &str) -> u32 {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u32::try_from(units.len()).unwrap().to_le_bytes();
    append(file, &[&length[..], &units, &[0, 0]].concat()).1
}

/// Length and place of what was appended.
fn append(file: &mut Vec<u8>, bytes: &[u8]) -> (u32, u32) {
    file.resize(file.len().next_multiple_of(8), 0);
    let at = u32::try_from(file.len()).unwrap();
    file.extend(bytes);
    (u32::try_from(bytes.len()).unwrap(), at)
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
