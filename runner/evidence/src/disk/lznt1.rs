//! LZNT1, the compression of NTFS: \[R\] Microsoft's MS-XCA, section 2.5.

use crate::bytes::Bytes;

/// Bytes that a chunk holds once it is unpacked.
const CHUNK: usize = 0x1000;

/// Unpacks at most `most` bytes. What follows a damaged part is not had: then there are fewer bytes, and it is an error.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut at = 0;
    // Two zeros end it, where the room does not.
    while let Some(header) = Bytes(packed).u16(at).filter(|&header| header != 0) {
        if unpacked.len() >= most {
            break;
        }
        let length = u64::from(header & 0xfff) + 1;
        let Some(chunk) = Bytes(packed).slice(at + 2, length) else { return Err(unpacked) };
        let start = unpacked.len();
        let is_sound = if header & 0x8000 == 0 {
            unpacked.extend_from_slice(chunk);
            true
        } else {
            unpack_chunk(chunk, &mut unpacked).is_some()
        };
        unpacked.truncate(most.min(start + CHUNK));
        if !is_sound {
            return Err(unpacked);
        }
        at += 2 + length;
        // A chunk that is not the last is whole.
        let is_last = Bytes(packed).u16(at).is_none_or(|header| header == 0);
        if !is_last && unpacked.len() < most.min(start + CHUNK) {
            unpacked.resize(most.min(start + CHUNK), 0);
        }
    }
    Ok(unpacked)
}

/// Eight items follow each byte of flags: a byte as it is, or what stands so far back, so long.
fn unpack_chunk(chunk: &[u8], unpacked: &mut Vec<u8>) -> Option<()> {
    let start = unpacked.len();
    let mut items = chunk.iter().copied();
    while let Some(flags) = items.next() {
        for bit in 0..8 {
            let Some(low) = items.next() else { return Some(()) };
            let done = unpacked.len() - start;
            if done >= CHUNK {
                return Some(());
            }
            if flags & 1 << bit == 0 {
                unpacked.push(low);
                continue;
            }
            let pair = u16::from_le_bytes([low, items.next()?]);
            // The further on in the chunk, the more bits are for the distance.
            let distance_bits = (usize::BITS - done.checked_sub(1)?.leading_zeros()).max(4);
            let length_bits = 16 - distance_bits.min(12);
            let distance = usize::from(pair >> length_bits) + 1;
            let length = usize::from(pair & ((1 << length_bits) - 1)) + 3;
            let from = unpacked.len().checked_sub(distance).filter(|&from| from >= start)?;
            // It may reach into what it writes itself.
            for index in from..from + length.min(CHUNK - done) {
                let byte = *unpacked.get(index)?;
                unpacked.push(byte);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of MS-XCA, section 3.3.
    #[test]
    fn the_specification_s_example() {
        let packed: &[u8] = &[
            0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45,
            0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
            0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00,
            0x04, 0x01, 0x18, 0x90, 0x00,
        ];
        let text = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# \
                    E D E A F# F# G A A G F# E D D E F# E D D\0";
        assert_eq!(String::from_utf8(unpack(packed, 1 << 16).unwrap()).unwrap(), text);
        assert_eq!(unpack(packed, 5).unwrap(), b"F# F#");
    }

    #[test]
    fn chunks_as_they_are_and_damaged_ones() {
        let whole = [&[0xff, 0x3f][..], &[7; 0x1000], &[0x01, 0x30], b"ab", &[0, 0], b"rest"].concat();
        assert_eq!(unpack(&whole, 1 << 16).unwrap(), [&[7; 0x1000][..], b"ab"].concat());
        for (packed, first) in [
            // Cut off; a distance before the chunk's beginning; a pair of one byte.
            (&[0x10, 0x30, 1, 2][..], &[][..]),
            (&[0x04, 0xb0, 0x02, b'a', 0x00, 0xf0, 0], b"a"),
            (&[0x02, 0xb0, 0x02, b'a', 0x00], b"a"),
        ] {
            assert_eq!(unpack(packed, 1 << 16).unwrap_err(), first, "{packed:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_to_no_more_than_there_is_room_for(packed: Vec<u8>, most in 0_usize..0x3000) {
            let unpacked = unpack(&packed, most).unwrap_or_else(|some| some);
            prop_assert!(unpacked.len() <= most);
        }
    }
}
