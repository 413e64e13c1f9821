//! Sections, headers and checksum around the contents.

use object::pe::{
    IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_DIRECTORY_ENTRY_RESOURCE, IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
    IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA, IMAGE_DLLCHARACTERISTICS_NX_COMPAT, IMAGE_FILE_EXECUTABLE_IMAGE,
    IMAGE_FILE_LARGE_ADDRESS_AWARE, IMAGE_FILE_MACHINE_AMD64, IMAGE_NUMBEROF_DIRECTORY_ENTRIES, IMAGE_REL_BASED_DIR64,
    SectionFlags, Subsystem,
};
use object::write::pe::{NtHeaders, Writer};

use super::Identity;
use super::imports::Linked;

/// Section alignment.
pub(super) const PAGE: u32 = 0x1000;
/// Address of the first section: the headers fit into one page.
pub(super) const FIRST_SECTION: u32 = PAGE;
const FILE_ALIGNMENT: u32 = 0x200;
const BASE: u64 = 0x1_4000_0000;
/// Where CheckSum lies from the NT headers' start.
const CHECKSUM: usize = 4 + 20 + 64;

/// A section before its contents are known.
pub(super) struct Section {
    name: &'static str,
    flags: SectionFlags,
    virtual_size: u32,
    address: u32,
    bytes: Vec<u8>,
}

impl Section {
    /// A section with contents of this length.
    pub(super) fn filled(name: &'static str, flags: SectionFlags, length: usize) -> Self {
        let virtual_size = u32::try_from(length).unwrap_or(u32::MAX);
        Self { name, flags, virtual_size, address: 0, bytes: vec![0; length] }
    }

    /// A section of zeros that takes no room in the file.
    pub(super) fn zero(name: &'static str, flags: SectionFlags, virtual_size: u32) -> Self {
        Self { name, flags, virtual_size, address: 0, bytes: Vec::new() }
    }
}

/// An image with fixed addresses whose sections are filled one after another.
pub(super) struct Image<'a> {
    identity: &'a Identity,
    subsystem: Subsystem,
    entry: u32,
    sections: Vec<Section>,
    relocations: Vec<u32>,
    directories: Vec<(usize, u32, u32)>,
}

impl<'a> Image<'a> {
    pub(super) fn new(identity: &'a Identity, subsystem: Subsystem, mut sections: Vec<Section>) -> Self {
        let mut address = FIRST_SECTION;
        for section in &mut sections {
            section.address = address;
            address += section.virtual_size.next_multiple_of(PAGE);
        }
        Self { identity, subsystem, entry: 0, sections, relocations: Vec::new(), directories: Vec::new() }
    }

    pub(super) fn base(&self) -> u64 {
        BASE
    }

    /// Address of a section; zero when there is none of that name.
    pub(super) fn address(&self, name: &str) -> u32 {
        self.sections.iter().find(|section| section.name == name).map_or(0, |section| section.address)
    }

    pub(super) fn entry(&mut self, section: &str, offset: u32) {
        self.entry = self.address(section) + offset;
    }

    pub(super) fn fill(&mut self, name: &str, bytes: Vec<u8>) {
        if let Some(section) = self.sections.iter_mut().find(|section| section.name == name) {
            debug_assert_eq!(section.bytes.len(), bytes.len());
            section.bytes = bytes;
        }
    }

    /// Offsets in a section at which it holds addresses.
    pub(super) fn relocate(&mut self, section: &str, offsets: Vec<u32>) {
        let address = self.address(section);
        self.relocations.extend(offsets.into_iter().map(|offset| address + offset));
    }

    pub(super) fn resource(&mut self, section: &str, resource: &super::version::Resource) {
        let address = self.address(section);
        let bytes = resource.at(address);
        self.directory(IMAGE_DIRECTORY_ENTRY_RESOURCE, address, bytes.len());
        self.fill(section, bytes);
    }

    pub(super) fn import(&mut self, section: &str, linked: &Linked) {
        self.directory(IMAGE_DIRECTORY_ENTRY_IMPORT, self.address(section), linked.descriptors as usize);
        self.fill(section, linked.bytes.clone());
    }

    fn directory(&mut self, index: usize, address: u32, length: usize) {
        self.directories.push((index, address, u32::try_from(length).unwrap_or(0)));
    }

    pub(super) fn write(self) -> object::write::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(true, PAGE, FILE_ALIGNMENT, &mut bytes);
        writer.reserve_dos_header_and_stub();
        writer.reserve_nt_headers(IMAGE_NUMBEROF_DIRECTORY_ENTRIES);
        writer.reserve_section_headers(u16::try_from(self.sections.len() + 1).unwrap_or(u16::MAX));
        let mut offsets = Vec::new();
        for section in &self.sections {
            let mut name = [0; 8];
            name[..section.name.len()].copy_from_slice(section.name.as_bytes());
            let length = u32::try_from(section.bytes.len()).unwrap_or(u32::MAX);
            let range = writer.reserve_section(name, section.flags, section.virtual_size, length);
            debug_assert_eq!(range.virtual_address, section.address);
            offsets.push(range.file_offset);
        }
        for address in &self.relocations {
            writer.add_reloc(*address, IMAGE_REL_BASED_DIR64);
        }
        writer.reserve_reloc_section();
        for (index, address, length) in &self.directories {
            writer.set_data_directory(*index, *address, *length);
        }

        writer.write_dos_header_and_stub()?;
        let nt_headers = writer.nt_headers_offset() as usize;
        writer.write_nt_headers(self.headers());
        writer.write_section_headers();
        for (section, offset) in self.sections.iter().zip(offsets) {
            writer.write_section(offset, &section.bytes);
        }
        writer.write_reloc_section();

        let checksum = checksum(&bytes, nt_headers + CHECKSUM);
        bytes[nt_headers + CHECKSUM..][..4].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    fn headers(&self) -> NtHeaders {
        let [major, minor, ..] = self.identity.version;
        NtHeaders {
            machine: IMAGE_FILE_MACHINE_AMD64,
            time_date_stamp: self.identity.timestamp,
            characteristics: IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_LARGE_ADDRESS_AWARE,
            major_linker_version: 14,
            minor_linker_version: 0,
            address_of_entry_point: self.entry,
            image_base: BASE,
            major_operating_system_version: 10,
            minor_operating_system_version: 0,
            major_image_version: major,
            minor_image_version: minor,
            major_subsystem_version: 6,
            minor_subsystem_version: 1,
            subsystem: self.subsystem,
            dll_characteristics: IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA
                | IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE
                | IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
            size_of_stack_reserve: 0x10_0000,
            size_of_stack_commit: 0x1000,
            size_of_heap_reserve: 0x10_0000,
            size_of_heap_commit: 0x1000,
        }
    }
}

/// The sum of all 16-bit words but the checksum's own, carries folded in, plus the length.
fn checksum(bytes: &[u8], own: usize) -> u32 {
    let words = bytes.chunks(2).enumerate().filter(|(index, _)| !(own..own + 4).contains(&(2 * index)));
    let sum = words.fold(0u32, |sum, (_, word)| {
        let word = word.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    sum.wrapping_add(u32::try_from(bytes.len()).unwrap_or(0))
}
