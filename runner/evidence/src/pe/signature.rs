//! The embedded Authenticode signature, through crate `authenticode`: whose certificate it names. Neither the signature
//! nor the certificate is validated. Guarded, as `authenticode` 0.6.0 panics where a signature has no certificates.

use authenticode::{AttributeCertificate, AuthenticodeSignature};
use cms::signed_data::SignerIdentifier;

use crate::bytes::{Bytes, one_line};
use crate::guard::guarded;

/// Bytes of a signature that is read: those of large drivers have some ten thousand.
const MAX_LENGTH: u64 = 0x10_0000;
/// Characters of a subject that are kept: those of extended validation have some three hundred.
const SUBJECT: usize = 1024;
/// Attribute certificates that are looked at; files have one or two.
const MAX_CERTIFICATES: usize = 8;

/// Subject of the signing certificate in the first signature that can be read.
pub(super) fn signer(file: &[u8], at: u64, length: u64) -> Result<String, String> {
    let table = Bytes(file).slice(at, length).ok_or("it lies outside the file")?;
    if length > MAX_LENGTH {
        return Err(format!("{length} bytes are too many for a signature"));
    }
    let mut why = "no entry".to_owned();
    for entry in entries(Bytes(table)).take(MAX_CERTIFICATES) {
        match guarded(|| signer_of(&entry)) {
            Some(Ok(signer)) => return Ok(signer),
            Some(Err(error)) => why = error,
            None => "it has no certificates".clone_into(&mut why),
        }
    }
    Err(why)
}

/// `WIN_CERTIFICATE` entries: length with this header, revision, type, data; each begins at a multiple of eight.
fn entries(table: Bytes<'_>) -> impl Iterator<Item = AttributeCertificate<'_>> {
    const HEADER: u64 = 8;
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = u64::from(table.u32(at)?);
        let entry = AttributeCertificate {
            revision: table.u16(at + 4)?,
            certificate_type: table.u16(at + 6)?,
            data: table.slice(at + HEADER, length.checked_sub(HEADER)?)?,
        };
        at += length.next_multiple_of(8);
        Some(entry)
    })
}

fn signer_of(entry: &AttributeCertificate<'_>) -> Result<String, String> {
    let signature = entry.get_authenticode_signature().map_err(|error| one_line(&error.to_string(), SUBJECT))?;
    subject(&signature).ok_or_else(|| "the signer's certificate is not in it".to_owned())
}

fn subject(signature: &AuthenticodeSignature) -> Option<String> {
    let SignerIdentifier::IssuerAndSerialNumber(signer) = &signature.signer_info().sid else { return None };
    let certificate = signature
        .certificates()
        .map(|certificate| &certificate.tbs_certificate)
        .find(|certificate| certificate.serial_number == signer.serial_number && certificate.issuer == signer.issuer)?;
    Some(one_line(&certificate.subject.to_string(), SUBJECT)).filter(|subject| !subject.is_empty())
}

/// The organisation (`O`) in a subject written as RFC 4514 has it: attributes are parted by commas and plus signs, unless
/// these are escaped.
pub(crate) fn organisation(subject: &str) -> Option<String> {
    // What was cut off may have been more of its last attribute.
    let is_whole = subject.chars().count() < SUBJECT;
    let mut parts = split(subject);
    if !is_whole {
        parts.pop();
    }
    parts.into_iter().find_map(|part| {
        let value = part.trim_start().strip_prefix("O=")?;
        // A value of another kind than text is written as the bytes of its encoding.
        (!value.starts_with('#')).then(|| unescaped(value)).filter(|value| !value.is_empty())
    })
}

fn split(subject: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in subject.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' | '+' => {
                parts.push(subject.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(subject.get(start..).unwrap_or_default());
    parts
}

/// An escaped character stands for itself; two hexadecimal digits stand for a byte of UTF-8.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\\' {
            let byte = rest.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            if let Some(byte) = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                bytes.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            } else if let Some(itself) = rest.chars().next() {
                bytes.extend(itself.encode_utf8(&mut [0; 4]).bytes());
                rest = rest.get(itself.len_utf8()..).unwrap_or_default();
            }
        } else {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations() {
        for (subject, expected) in [
            ("CN=Foo,O=Foo GmbH,C=DE", Some("Foo GmbH")),
            (r"CN=Foo,O=Foo\, Inc.,C=US", Some("Foo, Inc.")),
            (r"CN=Foo\,O=Microsoft Corporation,C=US", None),
            (r"CN=Foo\\,O=Foo\+Bar,C=US", Some("Foo+Bar")),
            (r"CN=Foo+O=\C3\84cme\2c Inc,C=US", Some("Äcme, Inc")),
            (r"O=\", None),
            (r"O=Foo\", Some("Foo")),
            ("O=#0c03466f6f,C=US", None),
            ("CN=Foo, O=Foo,OU=Bar", Some("Foo")),
            ("CN=Foo,OU=Bar", None),
            ("O=", None),
            ("", None),
        ] {
            assert_eq!(organisation(subject).as_deref(), expected, "{subject}");
        }
        let long = format!("CN={},O=Foo Incor", "x".repeat(SUBJECT));
        assert_eq!(organisation(&long[..SUBJECT]), None);
        let cut: String = format!("CN={},O=Foo Incor", "x".repeat(SUBJECT - 13)).chars().take(SUBJECT).collect();
        assert_eq!(organisation(&cut), None, "its last attribute may be cut");
    }
}
