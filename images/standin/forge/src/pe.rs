//! Valid x64 PE files: kernel drivers that carry a [`Card`], and service programs.
//!
//! Every file has a version resource, base relocations and a correct checksum, and is the same bytes for the same
//! facts.

mod code;
mod image;
mod imports;
mod version;

use object::pe::{
    IMAGE_SCN_CNT_CODE, IMAGE_SCN_CNT_INITIALIZED_DATA, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE,
    IMAGE_SUBSYSTEM_NATIVE, IMAGE_SUBSYSTEM_WINDOWS_CUI,
};
use standin_behaviour::{Card, Parameter, SECTION};

use crate::ForgeError;
use image::{Image, Section};

/// What the version resource and the header tell of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// OriginalFilename, e.g. `acmeflt.sys`.
    pub file_name: String,
    /// CompanyName.
    pub company: String,
    /// ProductName.
    pub product: String,
    /// FileDescription.
    pub description: String,
    /// FileVersion and ProductVersion.
    pub version: [u16; 4],
    /// TimeDateStamp, seconds since 1970.
    pub timestamp: u32,
}

/// A kernel driver: an entry point that succeeds, an unload routine, and `card` in its own section.
///
/// # Errors
/// When `image_size` (SizeOfImage, bytes, rounded up to a page) cannot hold the file's parts or lies below an offset
/// that the card names.
pub fn driver(identity: &Identity, card: &Card, image_size: u32) -> Result<Vec<u8>, ForgeError> {
    let too_small = |needed| ForgeError::ImageTooSmall { file: identity.file_name.clone(), size: image_size, needed };
    let code = code::driver();
    let card_bytes = card.to_bytes();
    let resource = version::resource(identity, version::Kind::Driver);

    // The big section is code that a real driver would have; what is in it does not matter here, so it takes no room
    // in the file. It is as large as the image size asks for.
    let others = [code.bytes().len(), card_bytes.len(), resource.len(), 1].map(pages);
    let needed = image::FIRST_SECTION + others.iter().sum::<u32>() + image::PAGE;
    let pageable = pages(image_size as usize).checked_sub(needed - image::PAGE).filter(|&size| size > 0);
    let pageable = pageable.ok_or_else(|| too_small(needed))?;
    if let Some(offset) = highest_offset(card).filter(|&offset| offset >= image_size) {
        return Err(too_small(offset));
    }

    let readable = IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ;
    let executable = IMAGE_SCN_CNT_CODE | IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_READ;
    let sections = vec![
        Section::filled(".text", executable, code.bytes().len()),
        Section::zero("PAGE", executable, pageable),
        Section::filled(SECTION, readable, card_bytes.len()),
        Section::filled(".rsrc", readable, resource.len()),
    ];
    let mut image = Image::new(identity, IMAGE_SUBSYSTEM_NATIVE, sections);
    image.entry(".text", code.offset("entry"));
    let absolute = code.absolute();
    let bytes = code.resolve(image.address(".text"), image.base(), |_| None);
    image.fill(".text", bytes);
    image.relocate(".text", absolute);
    image.fill(SECTION, card_bytes);
    image.resource(".rsrc", &resource);
    image.write().map_err(|source| ForgeError::Pe { file: identity.file_name.clone(), source })
}

/// A service program: it runs until the service controller stops it, and ends at once when started by hand.
///
/// # Errors
/// When the PE writer refuses.
pub fn service(identity: &Identity, service_name: &str) -> Result<Vec<u8>, ForgeError> {
    let code = code::service();
    let data = code::service_data(service_name);
    let resource = version::resource(identity, version::Kind::Program);
    let imports = imports::Imports::of(code::SERVICE_IMPORTS);

    let readable = IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ;
    let writable = readable | IMAGE_SCN_MEM_WRITE;
    let executable = IMAGE_SCN_CNT_CODE | IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_READ;
    let sections = vec![
        Section::filled(".text", executable, code.bytes().len()),
        Section::filled(".data", writable, data.bytes().len()),
        Section::filled(".idata", writable, imports.len()),
        Section::filled(".rsrc", readable, resource.len()),
    ];
    let mut image = Image::new(identity, IMAGE_SUBSYSTEM_WINDOWS_CUI, sections);
    image.entry(".text", code.offset("entry"));

    let (text_at, data_at) = (image.address(".text"), image.address(".data"));
    let linked = imports.link(image.address(".idata"));
    let in_code = |name: &str| code.label(name).map(|offset| text_at + offset);
    let in_data = |name: &str| data.label(name).map(|offset| data_at + offset);
    let text = code.clone().resolve(text_at, image.base(), |name| in_data(name).or_else(|| linked.address(name)));
    let filled = data.clone().resolve(data_at, image.base(), in_code);
    image.fill(".text", text);
    image.fill(".data", filled);
    image.relocate(".data", data.absolute());
    image.import(".idata", &linked);
    image.resource(".rsrc", &resource);
    image.write().map_err(|source| ForgeError::Pe { file: identity.file_name.clone(), source })
}

fn highest_offset(card: &Card) -> Option<u32> {
    let parameters = card.misfortunes.iter().filter_map(|misfortune| misfortune.deed.parameters());
    let offsets = parameters.flatten().filter_map(|parameter| match parameter {
        Parameter::InDriver(offset) => Some(*offset),
        Parameter::Value(_) => None,
    });
    offsets.max()
}

/// Bytes rounded up to whole pages.
fn pages(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX / 2).next_multiple_of(image::PAGE)
}
