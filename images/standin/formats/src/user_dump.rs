//! Writer of user-mode minidumps (`MDMP`), as Windows Error Reporting keeps one of a crashed process.
//!
//! ```text
//! header │ directory │ system │ process │ modules │ threads │ exception │ memory list │ contexts, names, stack
//! ```
//! Layout from the public documentation (minidumpapiset.h). One thread: the one that faulted.

use crate::bytes::{append, count, put, put_u16, put_u32, put_u64};

const HEADER: usize = 32;
const DIRECTORY_ENTRY: usize = 12;
const STREAMS: usize = 6;
const VERSION: u32 = 0xa793;
const THREAD_LIST: u32 = 3;
const MODULE_LIST: u32 = 4;
const MEMORY_LIST: u32 = 5;
const EXCEPTION: u32 = 6;
const SYSTEM_INFO: u32 = 7;
const MISC_INFO: u32 = 15;
const MODULE: usize = 108;
/// Size of the x64 CONTEXT structure.
const CONTEXT: usize = 1232;
const ARCHITECTURE_AMD64: u16 = 9;
const PLATFORM_NT: u32 = 2;
/// Misc info tells the process and its times.
const MISC_PROCESS: u32 = 3;
/// Most parameters that an exception record has.
const PARAMETERS: usize = 15;

/// What a dump of a process tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDump {
    /// Windows build.
    pub build: u32,
    /// A server rather than a client.
    pub server: bool,
    /// Moment of the crash, seconds since 1970.
    pub time: u32,
    /// Process id.
    pub process: u32,
    /// Id of the thread that faulted.
    pub thread: u32,
    /// Exception code, such as 0xC0000005.
    pub code: u32,
    /// Its parameters; at most fifteen are kept.
    pub parameters: Vec<u64>,
    /// Address of the instruction that faulted.
    pub instruction: u64,
    /// Stack pointer of the thread.
    pub stack_pointer: u64,
    /// Copy of the stack, from the stack pointer upwards.
    pub stack: Vec<u8>,
    /// Loaded modules; the program comes first.
    pub modules: Vec<UserModule>,
}

/// A module of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserModule {
    /// Full Windows path.
    pub path: String,
    /// Load address.
    pub base: u64,
    /// SizeOfImage, bytes.
    pub size: u32,
    /// TimeDateStamp of the PE header.
    pub timestamp: u32,
    /// CheckSum of the PE header.
    pub checksum: u32,
    /// File version.
    pub version: [u16; 4],
}

impl UserDump {
    /// The dump as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + STREAMS * DIRECTORY_ENTRY];
        let context = append(&mut bytes, &self.context());
        let stack = append(&mut bytes, &self.stack);
        let names: Vec<usize> = self.modules.iter().map(|it| append_string(&mut bytes, &it.path)).collect();
        let service_pack = append_string(&mut bytes, "");
        let streams = [
            (SYSTEM_INFO, self.system_info(service_pack)),
            (MISC_INFO, self.misc_info()),
            (MODULE_LIST, self.module_list(&names)),
            (THREAD_LIST, self.thread_list(context, stack)),
            (EXCEPTION, self.exception(context)),
            (MEMORY_LIST, self.memory_list(stack)),
        ];
        for (number, (kind, stream)) in streams.iter().enumerate() {
            let at = append(&mut bytes, stream);
            let entry = HEADER + number * DIRECTORY_ENTRY;
            put_u32(&mut bytes, entry, *kind);
            put_u32(&mut bytes, entry + 4, count(stream.len()));
            put_u32(&mut bytes, entry + 8, count(at));
        }
        put(&mut bytes, 0, b"MDMP");
        put_u32(&mut bytes, 4, VERSION);
        put_u32(&mut bytes, 8, count(STREAMS));
        put_u32(&mut bytes, 12, count(HEADER));
        put_u32(&mut bytes, 20, self.time);
        bytes
    }

    fn context(&self) -> Vec<u8> {
        let mut context = vec![0; CONTEXT];
        put_u32(&mut context, 0x30, 0x0010_000f); // AMD64, all but debug registers
        put_u32(&mut context, 0x34, 0x1f80); // MxCsr
        put_u16(&mut context, 0x38, 0x33); // user code segment
        put_u16(&mut context, 0x42, 0x2b); // user stack segment
        put_u32(&mut context, 0x44, 0x0001_0246); // flags
        put_u64(&mut context, 0x98, self.stack_pointer);
        put_u64(&mut context, 0xf8, self.instruction);
        context
    }

    fn system_info(&self, service_pack: usize) -> Vec<u8> {
        let mut info = vec![0; 56];
        put_u16(&mut info, 0, ARCHITECTURE_AMD64);
        put_u16(&mut info, 2, 6); // family of the processor
        info[6] = 1; // processors
        info[7] = if self.server { 3 } else { 1 };
        put_u32(&mut info, 8, 10);
        put_u32(&mut info, 16, self.build);
        put_u32(&mut info, 20, PLATFORM_NT);
        put_u32(&mut info, 24, count(service_pack));
        info
    }

    fn misc_info(&self) -> Vec<u8> {
        let mut info = vec![0; 24];
        put_u32(&mut info, 0, 24);
        put_u32(&mut info, 4, MISC_PROCESS);
        put_u32(&mut info, 8, self.process);
        put_u32(&mut info, 12, self.time.saturating_sub(60));
        info
    }

    fn module_list(&self, names: &[usize]) -> Vec<u8> {
        let mut list = count(self.modules.len()).to_le_bytes().to_vec();
        for (module, name) in self.modules.iter().zip(names) {
            let mut entry = vec![0; MODULE];
            put_u64(&mut entry, 0, module.base);
            put_u32(&mut entry, 8, module.size);
            put_u32(&mut entry, 12, module.checksum);
            put_u32(&mut entry, 16, module.timestamp);
            put_u32(&mut entry, 20, count(*name));
            let [major, minor, build, revision] = module.version.map(u32::from);
            // VS_FIXEDFILEINFO: signature, structure version, file version, product version
            let version = [0xfeef_04bd, 0x1_0000, (major << 16) | minor, (build << 16) | revision];
            for (number, word) in version.into_iter().enumerate() {
                put_u32(&mut entry, 24 + 4 * number, word);
            }
            list.extend(entry);
        }
        list
    }

    fn thread_list(&self, context: usize, stack: usize) -> Vec<u8> {
        let mut list = vec![0; 4 + 48];
        put_u32(&mut list, 0, 1);
        put_u32(&mut list, 4, self.thread);
        put_u64(&mut list, 20, 0x7f_f600_0000); // thread environment block
        put(&mut list, 28, &self.stack_descriptor(stack));
        put_u32(&mut list, 44, count(CONTEXT));
        put_u32(&mut list, 48, count(context));
        list
    }

    fn exception(&self, context: usize) -> Vec<u8> {
        let mut stream = vec![0; 168];
        put_u32(&mut stream, 0, self.thread);
        put_u32(&mut stream, 8, self.code);
        put_u64(&mut stream, 24, self.instruction);
        put_u32(&mut stream, 32, count(self.parameters.len().min(PARAMETERS)));
        for (number, parameter) in self.parameters.iter().take(PARAMETERS).enumerate() {
            put_u64(&mut stream, 40 + 8 * number, *parameter);
        }
        put_u32(&mut stream, 160, count(CONTEXT));
        put_u32(&mut stream, 164, count(context));
        stream
    }

    fn memory_list(&self, stack: usize) -> Vec<u8> {
        let mut list = 1_u32.to_le_bytes().to_vec();
        list.extend(self.stack_descriptor(stack));
        list
    }

    /// MINIDUMP_MEMORY_DESCRIPTOR of the stack copy.
    fn stack_descriptor(&self, at: usize) -> [u8; 16] {
        let mut descriptor = [0; 16];
        put_u64(&mut descriptor, 0, self.stack_pointer);
        put_u32(&mut descriptor, 8, count(self.stack.len()));
        put_u32(&mut descriptor, 12, count(at));
        descriptor
    }
}

/// MINIDUMP_STRING: length in bytes, UTF-16, NUL.
fn append_string(bytes: &mut Vec<u8>, text: &str) -> usize {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = append(bytes, &count(units.len()).to_le_bytes());
    append(bytes, &units);
    append(bytes, &[0; 2]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    at
}
