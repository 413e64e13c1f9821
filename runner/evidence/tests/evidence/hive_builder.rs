//! Builds registry hives by the public description of the `regf` format; shares nothing with the reader.

/// How a key's subkeys are listed.
#[derive(Clone, Copy)]
pub(crate) enum Listed {
    /// With four bytes of each name.
    Fast,
    /// With a hash of each name.
    Hashed,
    /// Offsets alone.
    Plain,
    /// Two plain lists and a list of them.
    InTwo,
}

/// A value's data.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    Number(u32),
    Text(&'a str),
    Expanding(&'a str),
    Binary(&'a [u8]),
    List(&'a [&'a str]),
}

/// A key with all below it.
#[derive(Clone)]
pub(crate) struct KeySpec<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Vec<(&'a str, Data<'a>)>,
    pub(crate) subkeys: Vec<KeySpec<'a>>,
    pub(crate) listed: Listed,
}

pub(crate) fn key<'a>(name: &'a str, values: &[(&'a str, Data<'a>)], subkeys: Vec<KeySpec<'a>>) -> KeySpec<'a> {
    KeySpec { name, values: values.to_vec(), subkeys, listed: Listed::Hashed }
}

/// A small `SYSTEM` hive: crash settings, one service, two drivers of a kind each.
pub(crate) fn system(listed: Listed) -> KeySpec<'static> {
    let crash_control = key(
        "CrashControl",
        &[
            ("CrashDumpEnabled", Data::Number(7)),
            ("AutoReboot", Data::Number(1)),
            ("Overwrite", Data::Number(0)),
            ("AlwaysKeepMemoryDump", Data::Number(1)),
            ("DumpFile", Data::Expanding(r"%SystemRoot%\MEMORY.DMP")),
            ("MinidumpDir", Data::Expanding(r"%SystemRoot%\Minidump")),
            ("DedicatedDumpFile", Data::Text(r"D:\dedicated.sys")),
            ("Odd", Data::Binary(&[1, 2, 3])),
        ],
        Vec::new(),
    );
    let service = |name, kind, start, path| {
        let values =
            [("Type", Data::Number(kind)), ("Start", Data::Number(start)), ("ImagePath", Data::Expanding(path))];
        key(name, &values, Vec::new())
    };
    let mut filter = service("acmeflt", 2, 0, r"system32\drivers\acmeflt.sys");
    filter.values.push(("Group", Data::Text("FSFilter Anti-Virus")));
    let mut services = key(
        "Services",
        &[],
        vec![
            filter,
            key("disk", &[("Type", Data::Number(1)), ("Start", Data::Number(0))], Vec::new()),
            service("Überwachung", 0x10, 2, r"C:\Acme\agent.exe"),
            key("Shared", &[], Vec::new()),
        ],
    );
    services.listed = listed;
    let set = key("ControlSet003", &[], vec![key("Control", &[], vec![crash_control]), services]);
    let select = key("Select", &[("Current", Data::Number(3)), ("Default", Data::Number(1))], Vec::new());
    key("ROOT", &[], vec![key("ControlSet001", &[], Vec::new()), set, select])
}

/// A small `SOFTWARE` hive.
pub(crate) fn software() -> KeySpec<'static> {
    let values = [("CurrentBuildNumber", Data::Text("22631")), ("UBR", Data::Number(4317))];
    let windows = key("Windows NT", &[], vec![key("CurrentVersion", &values, Vec::new())]);
    key("ROOT", &[], vec![key("Microsoft", &[], vec![windows])])
}

const HEADER: usize = 0x1000;

/// The hive's bytes; `file` is the path in its header.
pub(crate) fn hive(root: &KeySpec<'_>, file: &str) -> Vec<u8> {
    let mut cells = Cells(vec![0; 32]);
    cells.0[..4].copy_from_slice(b"hbin");
    let root = cells.key(root, true);
    let length = cells.0.len().next_multiple_of(0x1000);
    cells.0.resize(length, 0);

    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(b"regf");
    put(&mut bytes, 4, 7);
    put(&mut bytes, 8, 7);
    // 2026-01-02T03:04:05Z in 100 ns since 1601.
    bytes[0x0c..0x14].copy_from_slice(&134_117_966_450_000_000_u64.to_le_bytes());
    put(&mut bytes, 0x14, 1);
    put(&mut bytes, 0x18, 5);
    put(&mut bytes, 0x20, 1);
    put(&mut bytes, 0x24, root);
    put(&mut bytes, 0x28, u32::try_from(length).unwrap());
    for (at, unit) in file.encode_utf16().take(32).enumerate() {
        bytes[0x30 + 2 * at..][..2].copy_from_slice(&unit.to_le_bytes());
    }
    let sum = bytes[..508].chunks_exact(4).fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().unwrap()));
    put(&mut bytes, 508, sum);
    bytes.extend(cells.0);
    bytes
}

struct Cells(Vec<u8>);

impl Cells {
    fn add(&mut self, contents: &[u8]) -> u32 {
        let at = self.0.len();
        let size = (4 + contents.len()).next_multiple_of(8);
        self.0.extend((-i32::try_from(size).unwrap()).to_le_bytes());
        self.0.extend(contents);
        self.0.resize(at + size, 0);
        u32::try_from(at).unwrap()
    }

    fn key(&mut self, spec: &KeySpec<'_>, is_root: bool) -> u32 {
        let subkeys: Vec<u32> = spec.subkeys.iter().map(|subkey| self.key(subkey, false)).collect();
        let values: Vec<u32> = spec.values.iter().map(|(name, data)| self.value(name, *data)).collect();
        let (name, latin) = encoded(spec.name);
        let mut cell = vec![0; 0x4c];
        cell[..2].copy_from_slice(b"nk");
        cell[2] = if latin { 0x20 } else { 0 } | if is_root { 0x0c } else { 0 };
        put(&mut cell, 0x14, u32::try_from(subkeys.len()).unwrap());
        put(&mut cell, 0x1c, if subkeys.is_empty() { u32::MAX } else { self.list(&subkeys, spec.listed) });
        put(&mut cell, 0x24, u32::try_from(values.len()).unwrap());
        let value_list: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        put(&mut cell, 0x28, if values.is_empty() { u32::MAX } else { self.add(&value_list) });
        cell[0x48..0x4a].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        cell.extend(name);
        self.add(&cell)
    }

    fn list(&mut self, subkeys: &[u32], listed: Listed) -> u32 {
        let one = |signature: &[u8], entries: &[u32], with: &[u8]| {
            let count = u16::try_from(entries.len()).unwrap();
            let entries = entries.iter().flat_map(|entry| [&entry.to_le_bytes()[..], with].concat());
            signature.iter().copied().chain(count.to_le_bytes()).chain(entries).collect::<Vec<u8>>()
        };
        match listed {
            Listed::Fast => self.add(&one(b"lf", subkeys, b"name")),
            Listed::Hashed => self.add(&one(b"lh", subkeys, &[9, 9, 9, 9])),
            Listed::Plain => self.add(&one(b"li", subkeys, &[])),
            Listed::InTwo => {
                let (first, second) = subkeys.split_at(subkeys.len() / 2);
                let lists = [first, second].map(|half| self.add(&one(b"li", half, &[])));
                self.add(&one(b"ri", &lists, &[]))
            }
        }
    }

    fn value(&mut self, name: &str, data: Data<'_>) -> u32 {
        let text = |text: &str| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (kind, data) = match data {
            Data::Text(data) => (1, text(data)),
            Data::Expanding(data) => (2, text(data)),
            Data::Binary(data) => (3, data.to_vec()),
            Data::List(texts) => (7, [texts.iter().flat_map(|it| text(it)).collect(), text("")].concat()),
            Data::Number(number) => (4, number.to_le_bytes().to_vec()),
        };
        let length = u32::try_from(data.len()).unwrap();
        let (name, latin) = encoded(name);
        let mut cell = vec![0; 0x14];
        cell[..2].copy_from_slice(b"vk");
        cell[2..4].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        if data.len() <= 4 {
            put(&mut cell, 4, length | 1 << 31);
            cell[8..8 + data.len()].copy_from_slice(&data);
        } else {
            put(&mut cell, 4, length);
            let at = self.add(&data);
            put(&mut cell, 8, at);
        }
        put(&mut cell, 0x0c, kind);
        cell[0x10] = latin.into();
        cell.extend(name);
        self.add(&cell)
    }
}

/// A name's bytes, and whether they are Latin 1; names of other letters are UTF-16.
fn encoded(name: &str) -> (Vec<u8>, bool) {
    if name.is_ascii() {
        (name.as_bytes().to_vec(), true)
    } else {
        (name.encode_utf16().flat_map(u16::to_le_bytes).collect(), false)
    }
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
