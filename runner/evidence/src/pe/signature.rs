//! The embedded Authenticode signature, through crate `authenticode`: whose certificate it names. Neither the signature
//! nor the certificate is validated. Guarded, as `authenticode` 0.6.0 panics where a signature has no certificates.

use authenticode::{AttributeCertificate, AuthenticodeSignature};
use cms::signed_data::SignerIdentifier;

use super::NAME;
use crate::bytes::{Bytes, one_line};
use crate::guard::guarded;

/// Bytes of a signature that is read: those of large drivers have some ten thousand.
const MAX_LENGTH: u64 = 0x10_0000;
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
    let signature = entry.get_authenticode_signature().map_err(|error| one_line(&error.to_string(), NAME))?;
    subject(&signature).ok_or_else(|| "the signer's certificate is not in it".to_owned())
}

fn subject(signature: &AuthenticodeSignature) -> Option<String> {
    let SignerIdentifier::IssuerAndSerialNumber(signer) = &signature.signer_info().sid else { return None };
    let certificate = signature
        .certificates()
        .map(|certificate| &certificate.tbs_certificate)
        .find(|certificate| certificate.serial_number == signer.serial_number && certificate.issuer == signer.issuer)?;
    Some(one_line(&certificate.subject.to_string(), NAME)).filter(|subject| !subject.is_empty())
}
