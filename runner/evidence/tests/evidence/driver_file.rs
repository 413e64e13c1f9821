//! Files of drivers: those that the stand-in's vendors ship, with and without a signature, and damaged ones.

use coexist_evidence::{DriverFileError, read_driver_file};
use proptest::prelude::*;
use standin_forge::vendors;

use crate::signature_builder::{Certificates, security_directory, signed};

fn driver() -> Vec<u8> {
    vendors::demo()[0].driver_file().unwrap()
}

/// What pelite, which shares no code with the reader, finds in the version resource.
fn as_pelite_says(bytes: &[u8], key: &str) -> Option<String> {
    let version = pelite::PeFile::from_bytes(bytes).unwrap().resources().unwrap().version_info().unwrap();
    version.value(version.translation()[0], key)
}

#[test]
fn who_made_a_driver() {
    for agent in vendors::demo() {
        let (bytes, driver) = (agent.driver_file().unwrap(), agent.driver.as_ref().unwrap());
        let file = read_driver_file(&bytes).unwrap();
        assert_eq!(file.company, as_pelite_says(&bytes, "CompanyName"));
        assert_eq!(file.product, as_pelite_says(&bytes, "ProductName"));
        assert_eq!(file.name.as_deref(), Some(driver.file_name.to_lowercase().as_str()));
        assert_eq!(file.company.as_deref(), Some(agent.vendor.as_str()));
        assert_eq!(file.product, Some(agent.product_name()));
        assert_eq!(file.version, Some(format!("{}.0.0", agent.version)));
        assert_eq!(file.architecture.as_deref(), Some("x64"));
        assert_eq!(file.size, Some(driver.image_size.into()));
        assert!(file.timestamp.is_some());
        assert_eq!((file.signer, file.damaged), (None, false));
        assert_eq!(file.notes, ["no embedded signature; a catalogue may sign it"]);
    }
}

#[test]
fn who_signed_it() {
    let file = read_driver_file(&signed(&driver(), Certificates::Both)).unwrap();
    assert_eq!(file.signer.as_deref(), Some("CN=Acme Endpoint,O=Acme\\, Inc.,C=US"));
    assert_eq!((file.notes, file.damaged), (Vec::new(), false));
}

#[test]
fn signatures_that_name_nobody() {
    for (certificates, why) in [
        (Certificates::Issuer, "the signer's certificate is not in it"),
        (Certificates::None, "it has no certificates"),
    ] {
        let file = read_driver_file(&signed(&driver(), certificates)).unwrap();
        assert_eq!(file.signer, None);
        assert!(file.damaged && file.company.is_some());
        assert_eq!(file.notes, [format!("embedded signature unreadable: {why}")]);
    }
    let mut outside = driver();
    let directory = security_directory(&outside);
    outside[directory..directory + 8].copy_from_slice(&[0, 0, 0, 0x70, 0x80, 0, 0, 0]);
    let file = read_driver_file(&outside).unwrap();
    assert_eq!(file.notes, ["embedded signature unreadable: it lies outside the file"]);
}

#[test]
fn the_same_facts_wherever_the_bytes_lie_in_memory() {
    let bytes = signed(&driver(), Certificates::Both);
    let expected = read_driver_file(&bytes).unwrap();
    for shift in 1..9 {
        let moved = [&vec![0; shift][..], &bytes].concat();
        assert_eq!(read_driver_file(&moved[shift..]), Ok(expected.clone()), "{shift}");
    }
}

#[test]
fn what_is_no_pe_file() {
    for bytes in [&b""[..], b"MZ", &[0; 0x200], b"MDMP"] {
        assert_eq!(read_driver_file(bytes), Err(DriverFileError::NotPe));
    }
    let bytes = driver();
    let headers = usize::from(bytes[0x3c]);
    assert_eq!(read_driver_file(&bytes[..headers + 3]), Err(DriverFileError::NotPe));
    let cut = read_driver_file(&bytes[..headers + 12]).unwrap();
    assert_eq!(cut.architecture.as_deref(), Some("x64"));
    assert!(cut.damaged && cut.notes == ["headers cut off"], "{cut:?}");
}

/// Facts must stay in proportion to the bytes they come from.
fn survive(bytes: &[u8]) {
    let Ok(file) = read_driver_file(bytes) else { return };
    assert!(file.notes.len() <= 4, "{:?}", file.notes);
    assert!(serde_json::to_vec(&file).unwrap().len() <= 0x4000);
}

#[test]
fn every_length() {
    let bytes = signed(&driver(), Certificates::Both);
    for length in (0..bytes.len()).step_by(5) {
        survive(&bytes[..length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_word_anywhere(at in 0_usize..0x4000, value: u32) {
        let mut bytes = signed(&driver(), Certificates::Both);
        let at = at % (bytes.len() - 4);
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        survive(&bytes);
    }
}
