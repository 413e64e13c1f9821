//! Puts an Authenticode signature into a PE file, in the form that Microsoft's "Windows Authenticode Portable
//! Executable Signature Format" and RFC 5652 describe. The keys and the signature itself are made up.

/// A certificate's owner: country, organization, common name.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) country: &'static str,
    pub(crate) organization: &'static str,
    pub(crate) common_name: &'static str,
}

pub(crate) const ACME: Owner = Owner { country: "US", organization: "Acme, Inc.", common_name: "Acme Endpoint" };
pub(crate) const ISSUER: Owner = Owner { country: "US", organization: "Trust Co", common_name: "Code Signing CA" };

/// What the signature holds.
#[derive(Clone, Copy)]
pub(crate) enum Certificates {
    /// The issuer's own and the signer's.
    Both,
    /// The issuer's alone, so that the signer's is missing.
    Issuer,
    /// None at all.
    None,
}

/// The file with a signature at its end.
pub(crate) fn signed(pe: &[u8], certificates: Certificates) -> Vec<u8> {
    let mut file = pe.to_vec();
    file.resize(file.len().next_multiple_of(8), 0);
    let at = u32::try_from(file.len()).unwrap();
    let signature = signature(certificates);
    let length = u32::try_from(8 + signature.len()).unwrap();
    file.extend(length.to_le_bytes());
    file.extend([0x00, 0x02, 0x02, 0x00]);
    file.extend(signature);
    file.resize(file.len().next_multiple_of(8), 0);
    let directory = security_directory(&file);
    file[directory..directory + 4].copy_from_slice(&at.to_le_bytes());
    file[directory + 4..directory + 8].copy_from_slice(&length.next_multiple_of(8).to_le_bytes());
    file
}

/// Where a 64-bit file says where its signature is.
pub(crate) fn security_directory(file: &[u8]) -> usize {
    let headers = usize::try_from(u32::from_le_bytes(file[0x3c..0x40].try_into().unwrap())).unwrap();
    headers + 24 + 112 + 4 * 8
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const OBJECT: u8 = 6;
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const INDIRECT_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
const PE_IMAGE_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0f];
const SERIAL: &[u8] = &[0x12, 0x34, 0x56];

fn signature(certificates: Certificates) -> Vec<u8> {
    let image = der(SEQUENCE, &[&der(OBJECT, &[PE_IMAGE_DATA]), &der(SEQUENCE, &[])]);
    let digest = der(SEQUENCE, &[&algorithm(SHA256), &der(OCTETS, &[&[0xab; 32]])]);
    let content = der(0xa0, &[&der(SEQUENCE, &[&image, &digest])]);
    let included = match certificates {
        Certificates::Both => der(0xa0, &[&certificate(ISSUER, &[1]), &certificate(ACME, SERIAL)]),
        Certificates::Issuer => der(0xa0, &[&certificate(ISSUER, &[1])]),
        Certificates::None => Vec::new(),
    };
    let signer = der(
        SEQUENCE,
        &[
            &der(INTEGER, &[&[1]]),
            &der(SEQUENCE, &[&name(ISSUER), &der(INTEGER, &[SERIAL])]),
            &algorithm(SHA256),
            &algorithm(RSA),
            &der(OCTETS, &[&[0xcd; 64]]),
        ],
    );
    let signed_data = der(
        SEQUENCE,
        &[
            &der(INTEGER, &[&[1]]),
            &der(SET, &[&algorithm(SHA256)]),
            &der(SEQUENCE, &[&der(OBJECT, &[INDIRECT_DATA]), &content]),
            &included,
            &der(SET, &[&signer]),
        ],
    );
    der(SEQUENCE, &[&der(OBJECT, &[SIGNED_DATA]), &der(0xa0, &[&signed_data])])
}

fn certificate(owner: Owner, serial: &[u8]) -> Vec<u8> {
    let validity = der(SEQUENCE, &[&der(0x17, &[b"240101000000Z"]), &der(0x17, &[b"340101000000Z"])]);
    let key = der(SEQUENCE, &[&algorithm(RSA), &der(3, &[&[0], &[0xef; 32]])]);
    let body = der(
        SEQUENCE,
        &[
            &der(0xa0, &[&der(INTEGER, &[&[2]])]),
            &der(INTEGER, &[serial]),
            &algorithm(RSA),
            &name(ISSUER),
            &validity,
            &name(owner),
            &key,
        ],
    );
    der(SEQUENCE, &[&body, &algorithm(RSA), &der(3, &[&[0], &[0x11; 32]])])
}

fn name(owner: Owner) -> Vec<u8> {
    let part = |kind: u8, tag: u8, text: &str| {
        let kind = der(OBJECT, &[&[0x55, 0x04, kind]]);
        der(SET, &[&der(SEQUENCE, &[&kind, &der(tag, &[text.as_bytes()])])])
    };
    let parts = [part(6, 0x13, owner.country), part(10, 0x0c, owner.organization), part(3, 0x0c, owner.common_name)];
    der(SEQUENCE, &[&parts.concat()])
}

fn algorithm(kind: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(OBJECT, &[kind]), &[5, 0]])
}

/// One element: tag, length, contents.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len();
    let mut element = vec![tag];
    match length {
        0..=0x7f => element.push(u8::try_from(length).unwrap()),
        _ => {
            element.push(0x82);
            element.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    if (0x80..0x100).contains(&length) {
        element = vec![tag, 0x81, u8::try_from(length).unwrap()];
    }
    element.extend(contents);
    element
}
