//! What tells two crashes of one code at one place apart, from Microsoft's bug check reference.

use super::{base_code, parameters::access};

/// Larger numbers than subcodes have; addresses of a kernel, 32-bit ones too, lie above.
const MAX_NUMBER: u64 = 0x1000_0000;
/// Places in a file system's source are numbers of file and line, in up to five bytes.
const MAX_SOURCE: u64 = 1 << 40;

/// What tells two crashes of one code at one place apart: the exception or status, the kind of access, or the subcode.
/// Never an address.
#[must_use]
pub fn subcode(code: u32, parameters: &[u64; 4]) -> Option<String> {
    let [first, second, third, fourth] = *parameters;
    let code = base_code(code);
    let kind = |value| access(code, value).map(str::to_owned).or_else(|| number(value));
    match code {
        0x1e | 0x32 | 0x3b | 0x6b | 0x7e | 0x8e | 0x135 => status(first),
        0x7a | 0xed | 0xc000_021a => status(second),
        0x116 | 0x117 => status(third),
        0x77 if first > 2 => status(first),
        0x50 | 0xcc..=0xcf | 0xd5 | 0xd6 => kind(second),
        0x0a | 0xc5 | 0xd0 | 0xd1 | 0xd3 | 0xd4 | 0xdb => kind(third),
        0x22..=0x27 | 0x34 | 0x12c => below(MAX_SOURCE, first),
        // A wrong request, whose kind is the second parameter.
        0x10d if first == 6 => Some(format!("6-{}", number(second)?)),
        0x19 | 0x1a | 0x4e | 0x77 | 0x7f | 0x9f | 0xa0 | 0xa5 | 0xc2 | 0xc4 | 0xc7 | 0xc9 | 0xca | 0xda | 0xde
        | 0xe6 | 0xf4 | 0xf5 | 0xfe | 0x10c | 0x10d | 0x10e | 0x113 | 0x119 | 0x121 | 0x122 | 0x124 | 0x133 | 0x139
        | 0x13a | 0x144 | 0x164 | 0x1c4 | 0x1c6 => number(first),
        0xef => number(second),
        0xc1 | 0x109 => number(fourth),
        _ => None,
    }
}

/// An NTSTATUS or the code of an exception, sign-extended to 64 bits or not.
fn status(value: u64) -> Option<String> {
    let [high, low] = [value >> 32, value & 0xffff_ffff];
    (high == 0 || high == 0xffff_ffff && low >= 0x8000_0000).then(|| format!("{low:x}"))
}

fn number(value: u64) -> Option<String> {
    below(MAX_NUMBER, value)
}

fn below(limit: u64, value: u64) -> Option<String> {
    (value < limit).then(|| format!("{value:x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcodes() {
        for (code, parameters, expected) in [
            (0x1000_007e, [0xffff_ffff_c000_0005, 1, 2, 3], Some("c0000005")),
            (0x3b, [0xc000_0094, 1, 2, 3], Some("c0000094")),
            (0x135, [0xffff_ffff_c000_0005, 1, 2, 3], Some("c0000005")),
            (0xc000_021a, [0xffff_9000_0000_0000, 0xc000_0005, 0, 0], Some("c0000005")),
            (0xc000_021a, [0xffff_9000_0000_0000, 0xffff_ffff_c000_0428, 0, 0], Some("c0000428")),
            (0x7a, [0xffff_f800_0000_0000, 0xffff_ffff_c000_009d, 1, 2], Some("c000009d")),
            (0x77, [1, 0xffff_f800_0000_0000, 0, 0], Some("1")),
            (0x77, [0xc000_0185, 0xc000_0185, 0, 0], Some("c0000185")),
            (0x50, [u64::MAX, 0, 0, 2], Some("read")),
            (0x50, [u64::MAX, 0x10, 0, 2], Some("execute")),
            (0xcc, [u64::MAX, 1, 0, 0], Some("write")),
            (0xd1, [0, 2, 1, 0], Some("write")),
            (0xd1, [0, 2, 2, 0], Some("execute")),
            (0xd3, [0, 2, 0, 0], Some("read")),
            (0x139, [3, 0, 0, 0], Some("3")),
            (0x1a, [0x4_1790, 0, 0, 0], Some("41790")),
            (0xf5, [0x66, 0xffff_9000_0000_0000, 0, 0], Some("66")),
            (0x24, [0xb5_0019_061f, 0, 0, 0], Some("b50019061f")),
            (0x10d, [6, 2, 0, 0], Some("6-2")),
            (0x10d, [5, 0xffff_9000_0000_0000, 0, 0], Some("5")),
            (0xc1, [0xffff_9000_0000_0000, 0, 0, 0x23], Some("23")),
            (0x109, [0, 0, 0, 0x19], Some("19")),
            (0xef, [0xffff_9000_0000_0000, 0, 0, 0], Some("0")),
            (0x154, [0xffff_9000_0000_0000, 0xffff_9000_0000_1000, 1, 0], None),
            (0x4a, [1, 2, 3, 4], None),
        ] {
            assert_eq!(subcode(code, &parameters).as_deref(), expected, "{code:#x} {parameters:x?}");
        }
    }

    /// An address in the place of a subcode would split the bucket of one crash at two load addresses.
    #[test]
    fn no_address_is_a_subcode() {
        for code in (0..0x300).chain([0xc000_021a, 0xdead_dead]) {
            for address in [0xffff_f800_1234_5678, 0xffff_ffff_7fe0_0300, 0x7ffe_1234_5678, 0x8123_4567] {
                // Of 32 bits a status looks like an address.
                let known = status(address).filter(|_| address <= u64::from(u32::MAX));
                let found = subcode(code, &[address; 4]);
                assert!(found.is_none() || found == known, "{code:#x} {address:#x}: {found:?}");
            }
        }
    }
}
