//! Patterns of decimal numbers within bounds, leading zeros allowed as the reader allows them.

/// Numbers from `least` to `most`.
pub(super) fn between(least: u64, most: u64) -> String {
    match least.checked_sub(1) {
        None => up_to(most),
        Some(below) => format!("(?!{}(?![0-9])){}", up_to(below), up_to(most)),
    }
}

/// Numbers from 0 to `most`. What follows in a pattern must be no digit.
fn up_to(most: u64) -> String {
    let digits = most.to_string();
    let count = digits.len();
    let mut ways = Vec::new();
    if count > 1 {
        ways.push(many(1, count - 1));
    }
    for (at, digit) in digits.bytes().enumerate() {
        let least = if at == 0 && count > 1 { b'1' } else { b'0' };
        if digit > least {
            let (least, below) = (char::from(least), char::from(digit - 1));
            let one = if least == below { least.to_string() } else { format!("[{least}-{below}]") };
            let rest = count - at - 1;
            ways.push(format!("{}{one}{}", &digits[..at], many(rest, rest)));
        }
    }
    ways.push(digits.clone());
    format!("0*(?:{})", ways.join("|"))
}

fn many(least: usize, most: usize) -> String {
    match (least, most) {
        (0, 0) => String::new(),
        (1, 1) => "[0-9]".to_owned(),
        (least, most) if least == most => format!("[0-9]{{{least}}}"),
        (least, most) => format!("[0-9]{{{least},{most}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(up_to(0), "0*(?:0)");
        assert_eq!(up_to(9), "0*(?:[0-8]|9)");
        assert_eq!(up_to(24), "0*(?:[0-9]|1[0-9]|2[0-3]|24)");
        assert_eq!(up_to(86_400), "0*(?:[0-9]{1,4}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)");
        assert_eq!(between(1, 50), "(?!0*(?:0)(?![0-9]))0*(?:[0-9]|[1-4][0-9]|50)");
    }
}
