//! Little-endian writing at given places of a byte vector.

/// Writes bytes at an offset that already exists; what would not fit is left out.
pub(crate) fn put(bytes: &mut [u8], offset: usize, data: &[u8]) {
    if let Some(target) = bytes.get_mut(offset..offset + data.len()) {
        target.copy_from_slice(data);
    }
}

pub(crate) fn put_u16(bytes: &mut [u8], offset: usize, value: u16) {
    put(bytes, offset, &value.to_le_bytes());
}

pub(crate) fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    put(bytes, offset, &value.to_le_bytes());
}

pub(crate) fn put_u64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_le_bytes());
}

/// Appends a block and returns the offset at which it begins.
pub(crate) fn append(bytes: &mut Vec<u8>, block: &[u8]) -> usize {
    let offset = bytes.len();
    bytes.extend_from_slice(block);
    offset
}

/// Zero bytes up to the next multiple of `alignment`.
pub(crate) fn align(bytes: &mut Vec<u8>, alignment: usize) {
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
}

/// The length of a dump or of a part of it as the format counts it; dumps stay far below 4 GiB.
pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
