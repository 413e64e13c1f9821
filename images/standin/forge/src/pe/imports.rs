//! The import table of a program.

use std::collections::BTreeMap;

const DESCRIPTOR: usize = 20;
const THUNK: usize = 8;

/// Libraries and the functions wanted from them.
pub(super) struct Imports {
    libraries: &'static [(&'static str, &'static [&'static str])],
}

/// An import table for a section at a known address.
pub(super) struct Linked {
    pub(super) bytes: Vec<u8>,
    /// Length of the descriptors, which the data directory wants.
    pub(super) descriptors: u32,
    functions: BTreeMap<&'static str, u32>,
}

impl Linked {
    /// Address of the pointer through which a function is called.
    pub(super) fn address(&self, function: &str) -> Option<u32> {
        self.functions.get(function).copied()
    }
}

impl Imports {
    pub(super) fn of(libraries: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { libraries }
    }

    pub(super) fn len(&self) -> usize {
        self.link(0).bytes.len()
    }

    /// Descriptors, then per library its lookup table and its address table, then all names.
    pub(super) fn link(&self, section: u32) -> Linked {
        let descriptors = DESCRIPTOR * (self.libraries.len() + 1);
        let tables: usize = self.libraries.iter().map(|(_, functions)| 2 * THUNK * (functions.len() + 1)).sum();
        let mut bytes = vec![0; (descriptors + tables).next_multiple_of(8)];
        let mut table = descriptors.next_multiple_of(8);
        bytes.resize(bytes.len() + 8, 0);
        let mut found = BTreeMap::new();
        let address = |offset: usize| section + u32::try_from(offset).unwrap_or(0);

        for (index, (library, functions)) in self.libraries.iter().enumerate() {
            let (lookup, addresses) = (table, table + THUNK * (functions.len() + 1));
            table = addresses + THUNK * (functions.len() + 1);
            for (position, function) in functions.iter().enumerate() {
                let name = bytes.len();
                bytes.extend_from_slice(&[0; 2]); // no hint
                bytes.extend_from_slice(function.as_bytes());
                bytes.resize((bytes.len() + 1).next_multiple_of(2), 0);
                for thunks in [lookup, addresses] {
                    put(&mut bytes, thunks + THUNK * position, address(name));
                }
                found.insert(*function, address(addresses + THUNK * position));
            }
            let library_name = bytes.len();
            bytes.extend_from_slice(library.as_bytes());
            bytes.resize((bytes.len() + 1).next_multiple_of(2), 0);
            put(&mut bytes, DESCRIPTOR * index, address(lookup));
            put(&mut bytes, DESCRIPTOR * index + 12, address(library_name));
            put(&mut bytes, DESCRIPTOR * index + 16, address(addresses));
        }
        Linked { bytes, descriptors: u32::try_from(descriptors).unwrap_or(0), functions: found }
    }
}

fn put(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}
