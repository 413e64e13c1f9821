//! Drivers and programs as pelite, which shares no code with the writer, sees them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop at the first surprise")]

use pelite::pe64::{Pe, PeFile};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use standin_behaviour::{Card, SECTION};
use standin_forge::misbehaving::{Misbehaving, Trouble};
use standin_forge::pe::{self, Identity};
use standin_forge::{Agent, nightly, vendors};

fn string(file: &PeFile<'_>, key: &str) -> String {
    let version = file.resources().unwrap().version_info().unwrap();
    let language = version.translation()[0];
    version.value(language, key).unwrap()
}

fn check_common(bytes: &[u8], agent: &Agent, file_name: &str) {
    let file = PeFile::from_bytes(bytes).unwrap();
    let header = file.nt_headers();
    assert_eq!(header.FileHeader.Machine, 0x8664);
    assert_eq!(file.optional_header().CheckSum, file.headers().check_sum(), "{file_name}");
    assert_ne!(file.optional_header().CheckSum, 0);
    assert_eq!(string(&file, "CompanyName"), agent.vendor);
    assert_eq!(string(&file, "ProductName"), agent.product_name());
    assert_eq!(string(&file, "OriginalFilename"), file_name);
    assert_eq!(string(&file, "FileVersion"), format!("{}.0.0", agent.version));
    assert!(string(&file, "FileDescription").starts_with(&agent.product_name()));
    let version = file.resources().unwrap().version_info().unwrap();
    let fixed = version.fixed().unwrap().dwFileVersion;
    assert_eq!(format!("{}.{}", fixed.Major, fixed.Minor), agent.version);
    let relocations: usize = file.base_relocs().unwrap().iter_blocks().map(|block| block.words().len()).sum();
    assert!(relocations > 0);
    for section in file.section_headers() {
        let end = section.PointerToRawData as usize + section.SizeOfRawData as usize;
        assert!(end <= bytes.len(), "a section runs beyond the file");
    }
}

fn agents() -> Vec<Agent> {
    [vendors::demo(), nightly::nightly()].concat()
}

fn card_of(bytes: &[u8]) -> Card {
    let file = PeFile::from_bytes(bytes).unwrap();
    let section = file.section_headers().by_name(SECTION).unwrap();
    Card::from_bytes(file.get_section_bytes(section).unwrap()).unwrap()
}

#[test]
fn drivers_are_drivers_with_a_card() {
    for agent in agents() {
        let Some(driver) = &agent.driver else {
            assert!(agent.driver_file().unwrap_err().to_string().contains("no driver"));
            continue;
        };
        let bytes = agent.driver_file().unwrap();
        check_common(&bytes, &agent, &driver.file_name);
        let file = PeFile::from_bytes(&bytes).unwrap();
        assert_eq!(file.optional_header().Subsystem, 1, "native");
        assert_eq!(file.optional_header().SizeOfImage, driver.image_size);
        assert!(bytes.len() < 8_192, "{}", bytes.len());
        assert_eq!(card_of(&bytes), driver.card);
        let entry = file.derva_slice::<u8>(file.optional_header().AddressOfEntryPoint, 15).unwrap();
        assert_eq!(entry[13..], [0xc3, 0xc3], "two routines, two returns");
    }
}

#[test]
fn services_are_programs_with_imports_and_no_card() {
    for agent in agents() {
        let bytes = agent.service_file().unwrap();
        check_common(&bytes, &agent, &format!("{}.exe", agent.service.name));
        let file = PeFile::from_bytes(&bytes).unwrap();
        assert_eq!(file.optional_header().Subsystem, 3, "console");
        assert!(file.section_headers().by_name(SECTION).is_none());
        let mut imports = Vec::new();
        for descriptor in file.imports().unwrap() {
            let library = descriptor.dll_name().unwrap().to_str().unwrap().to_owned();
            for import in descriptor.int().unwrap() {
                imports.push(format!("{library} {:?}", import.unwrap()));
            }
        }
        assert_eq!(imports.len(), 7, "{imports:?}");
        assert!(imports[0].contains("ADVAPI32.dll") && imports[0].contains("StartServiceCtrlDispatcherW"));
    }
}

#[test]
fn later_versions_are_younger() {
    let stamps: Vec<u32> = vendors::demo()[1..3]
        .iter()
        .map(|agent| PeFile::from_bytes(&agent.driver_file().unwrap()).unwrap().file_header().TimeDateStamp)
        .collect();
    assert!(stamps[0] < stamps[1], "{stamps:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_driver_is_valid(seed: u64, company in "[ -~à-ÿ]{1,40}", image_pages in 0x120_u32..0x400) {
        let card = Misbehaving::random(seed, Trouble::BootLoop).agent.driver.unwrap().card;
        let identity = Identity {
            file_name: "anyflt.sys".to_owned(),
            company: company.clone(),
            product: company.clone(),
            description: String::new(),
            version: [1, 2, 3, 65_535],
            timestamp: 7,
        };
        let bytes = pe::driver(&identity, &card, image_pages * 0x1000).unwrap();
        let file = PeFile::from_bytes(&bytes).unwrap();
        prop_assert_eq!(file.optional_header().SizeOfImage, image_pages * 0x1000);
        prop_assert_eq!(string(&file, "CompanyName"), company);
        prop_assert_eq!(card_of(&bytes), card);
        prop_assert!(file.optional_header().CheckSum == file.headers().check_sum());
    }
}
