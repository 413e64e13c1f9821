//! Which of two versions is the later one.

use std::cmp::Ordering;

/// Compares versions field by field as numbers; a field that one of them lacks is 0, so that `7.1` is `7.1.0`. `None`
/// where a field of one of them is no number: nobody can say whether `7.2-rc1` comes before `7.2.1b`.
pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (fields(one)?, fields(other)?);
    let field = |fields: &[&str], at: usize| fields.get(at).copied().unwrap_or("").trim_start_matches('0').to_owned();
    let fields = (0..one.len().max(other.len())).map(|at| (field(&one, at), field(&other, at)));
    // Without leading zeros the longer number is the larger one, however many digits it has.
    Some(fields.map(|(a, b)| a.len().cmp(&b.len()).then(a.cmp(&b))).find(|it| it.is_ne()).unwrap_or(Ordering::Equal))
}

/// Whether every field is a number.
pub(super) fn is_numeric(version: &str) -> bool {
    fields(version).is_some()
}

fn fields(version: &str) -> Option<Vec<&str>> {
    let fields: Vec<&str> = version.split('.').collect();
    let numbers = fields.iter().all(|field| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_field_by_field() {
        for (one, other, expected) in [
            ("7.9", "7.10", Some(Ordering::Less)),
            ("7.1", "7.1.0", Some(Ordering::Equal)),
            ("10", "9.99", Some(Ordering::Greater)),
            ("007", "7", Some(Ordering::Equal)),
            ("99999999999999999999999", "99999999999999999999998", Some(Ordering::Greater)),
            ("7.2-rc1", "7.2", None),
            ("7..2", "7.2", None),
            ("v7", "7", None),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
            assert_eq!(compare(other, one), expected.map(Ordering::reverse), "{other} {one}");
        }
    }
}
