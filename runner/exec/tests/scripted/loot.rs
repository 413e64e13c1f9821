//! What the world's guests and machines have to give as evidence.

use std::sync::Arc;

use coexist_lab::{DiskFiles, MemoryForm, RemoteFile};
use coexist_model::{EvidenceKind, Hex};

/// What a hung guest does at an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AtInterrupt {
    /// The machine cannot interrupt it.
    #[default]
    Unable,
    /// Nothing.
    Nothing,
    /// It stops and stays so.
    Stop,
    /// It stops, writes a dump, and comes back.
    ComeBack,
    /// It stops, writes a dump, restarts, and hangs again.
    HangAgain,
    /// It powers the machine off.
    PowerOff,
    /// It stops, writes a dump, restarts, crashes by itself, and comes back.
    CrashAgain,
}

/// How a machine gives no picture of its screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPicture {
    /// It hangs from then on.
    Hangs,
    /// It has none, and says so.
    Refused,
}

/// A file of a guest.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) file: RemoteFile,
    pub(crate) content: Arc<[u8]>,
}

pub(crate) fn item(path: &str, kind: EvidenceKind, content: impl Into<Arc<[u8]>>) -> Item {
    let content = content.into();
    let size = content.len() as u64;
    Item { file: RemoteFile { path: path.to_owned(), kind, size, modified: 7, live: false }, content }
}

/// What there is to be had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loot {
    /// What the machine tells of each stop.
    pub(crate) told: Option<[Hex; 5]>,
    /// Content of the guest's dumps, where they are worth reading.
    pub(crate) dump: Option<Arc<[u8]>>,
    /// Content of all dumps but the first, where it is another.
    pub(crate) later_dumps: Option<Arc<[u8]>>,
    /// Whether the guest writes no dump as it stops, and tells so.
    pub(crate) tells_of_no_dump: bool,
    /// Whether the guest makes no file of its dumps.
    pub(crate) no_dump_file: bool,
    /// Files that the image brought along.
    pub(crate) before: Vec<Item>,
    /// Files that are there once the candidate is.
    pub(crate) after: Vec<Item>,
    /// A file that is there only once the guest was asked for its files this often after it stopped.
    pub(crate) late: Option<(u32, Item)>,
    /// How many transfers break half way.
    pub(crate) cuts: u32,
    /// Whether the guest is gone when one does.
    pub(crate) gone_when_cut: bool,
    /// Whether a transfer never ends.
    pub(crate) drips: bool,
    pub(crate) at_interrupt: AtInterrupt,
    /// The form in which the machine writes the guest's memory.
    pub(crate) memory: Option<MemoryForm>,
    /// What is in it, where it is worth reading.
    pub(crate) remembers: Option<Arc<[u8]>>,
    pub(crate) no_picture: Option<NoPicture>,
    /// What the guest wrote to its serial port.
    pub(crate) serial: Option<&'static str>,
    /// The machine's disk, where it has one that can be read.
    pub(crate) disk: Option<DiskFiles>,
}

impl Loot {
    pub(crate) fn dump(&self) -> Arc<[u8]> {
        self.dump.clone().unwrap_or_else(|| b"bytes".as_slice().into())
    }

    /// The files there are, with this many dumps.
    pub(crate) fn files(&self, dumps: u32, candidate: bool) -> Vec<Item> {
        let dumps = if self.no_dump_file { 0 } else { dumps };
        let dump = |number: u32| {
            let path = format!("/C:/Windows/Minidump/{number}.dmp");
            let later = self.later_dumps.clone().filter(|_| number > 0);
            let content = later.unwrap_or_else(|| self.dump());
            let mut item = item(&path, EvidenceKind::KernelDump, content);
            item.file.modified = number.into();
            item
        };
        let after = self.after.iter().filter(|_| candidate).cloned();
        (0..dumps).map(dump).chain(self.before.iter().cloned()).chain(after).collect()
    }

    /// A file by its path.
    pub(crate) fn content(&self, path: &str) -> Arc<[u8]> {
        let late = self.late.iter().map(|(_, item)| item.clone());
        match self.files(9, true).into_iter().chain(late).find(|item| item.file.path == path) {
            Some(item) => item.content,
            None => path.as_bytes().into(),
        }
    }
}
