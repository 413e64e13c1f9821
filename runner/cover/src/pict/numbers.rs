//! Numbers as PICT reads them: by C's `strtod` (its source, `cli/strings.cpp`), so hexadecimal ones, `inf` and `nan` too.

/// The number that a whole text is.
pub(super) fn number(text: &str) -> Option<f64> {
    starts(text).filter(|&(_, length)| length == text.len()).map(|(number, _)| number)
}

/// The number at the start of a text, and how many bytes it has there. One that is too large or too small is none.
pub(super) fn starts(text: &str) -> Option<(f64, usize)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = text.len() - unsigned.len();
    let (size, length) = word(unsigned).or_else(|| hexadecimal(unsigned)).or_else(|| decimal(unsigned))?;
    Some((if text.starts_with('-') { -size } else { size }, sign + length))
}

fn word(text: &str) -> Option<(f64, usize)> {
    let words = [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)];
    let starts = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    words.into_iter().find(|(word, _)| starts(word)).map(|(word, number)| (number, word.len()))
}

fn hexadecimal(text: &str) -> Option<(f64, usize)> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let length = count(digits, 16);
    let number = digits[..length].chars().filter_map(|digit| digit.to_digit(16));
    let number = number.fold(0.0, |number, digit| number * 16.0 + f64::from(digit));
    (length > 0 && number.is_finite()).then_some((number, 2 + length))
}

fn decimal(text: &str) -> Option<(f64, usize)> {
    let whole = count(text, 10);
    let fraction = text[whole..].strip_prefix('.').map(|rest| count(rest, 10));
    if whole + fraction.unwrap_or(0) == 0 {
        return None;
    }
    let mantissa = whole + fraction.map_or(0, |digits| digits + 1);
    let exponent = text[mantissa..].strip_prefix(['e', 'E']).and_then(|rest| {
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let length = count(digits, 10);
        (length > 0).then_some(1 + rest.len() - digits.len() + length)
    });
    let length = mantissa + exponent.unwrap_or(0);
    let number: f64 = text[..length].parse().ok()?;
    number.is_finite().then_some((number, length))
}

/// Digits at the start of a text.
fn count(text: &str, base: u32) -> usize {
    text.find(|sign: char| !sign.is_digit(base)).unwrap_or(text.len())
}
