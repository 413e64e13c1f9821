//! What Windows' emergency management services say of a stop on the serial port: the blue screen's own line, which they
//! redirect there (Microsoft's page on the special administration console).

/// The line, with its line ends.
pub(crate) fn bugcheck(code: u32, parameters: [u64; 4]) -> String {
    let [one, two, three, four] = parameters;
    format!("\r\n*** STOP: 0x{code:08X} (0x{one:016X},0x{two:016X},0x{three:016X},0x{four:016X})\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_code_and_parameters() {
        assert_eq!(
            bugcheck(0x50, [0xffff_8405_0000_0074, 0, 1, 2]),
            "\r\n*** STOP: 0x00000050 (0xFFFF840500000074,0x0000000000000000,0x0000000000000001,0x0000000000000002)\r\n"
        );
    }
}
