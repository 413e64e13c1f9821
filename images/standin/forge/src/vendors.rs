//! Three invented vendors. Together they show what the demo is about: a content update that is harmless on its own and
//! stops the machine beside another vendor's driver.

use standin_behaviour::{Card, Condition, Deed, Misfortune, Moment, Parameter};

use crate::installer::guid;
use crate::{Agent, Content, Driver, Quirks, Service};

/// File name of the candidate content update.
pub const CONTENT_NAME: &str = "globex-content-291.dat";
/// Where Globex Sensor keeps its content.
pub const CONTENT_PATH: &str = r"C:\ProgramData\Globex\channel.dat";

pub(crate) const ACME_DRIVER: &str = "acmeflt.sys";
const GLOBEX_DRIVER: &str = "globexflt.sys";
pub(crate) const INITECH_DRIVER: &str = "initechflt.sys";

/// Every package of the demo.
#[must_use]
pub fn demo() -> Vec<Agent> {
    vec![acme("4.1"), globex("7.0"), globex("7.1"), initech("2.3")]
}

/// The candidate content update for Globex Sensor.
#[must_use]
pub fn content_291() -> Vec<u8> {
    content("291").into_bytes()
}

/// Behaves well.
pub(crate) fn acme(version: &str) -> Agent {
    let card = Card { altitude: Some("328110".to_owned()), content: None, misfortunes: Vec::new() };
    agent(["acme-endpoint", "Acme", "Endpoint", version], "AcmeSvc", ACME_DRIVER, 0x6_0000, card)
}

/// Faults at every boot once content 291 is there, Acme's driver is loaded too, and memory integrity is on.
pub(crate) fn globex(version: &str) -> Agent {
    let misfortune = Misfortune {
        at: Moment::Boot,
        when: vec![
            Condition::ContentVersion("291".to_owned()),
            Condition::DriverLoaded(ACME_DRIVER.to_owned()),
            memory_integrity(),
        ],
        deed: Deed::Bugcheck {
            code: 0x50,
            parameters: [
                Parameter::Value(0xffff_8405_0000_0074),
                Parameter::Value(0),
                Parameter::InDriver(0x3_14ed),
                Parameter::Value(2),
            ],
        },
    };
    let card = Card {
        altitude: Some("321310.5".to_owned()),
        content: Some(CONTENT_PATH.to_owned()),
        misfortunes: vec![misfortune],
    };
    Agent {
        content: Some(Content { path: CONTENT_PATH.to_owned(), text: content("290") }),
        ..agent(["globex-sensor", "Globex", "Sensor", version], "GlobexSvc", GLOBEX_DRIVER, 0x12_0000, card)
    }
}

/// Faults at the first boot beside Globex's driver with memory integrity on, whatever the candidate; then comes back.
fn initech(version: &str) -> Agent {
    let misfortune = Misfortune {
        at: Moment::Boot,
        when: vec![
            Condition::DriverLoaded(GLOBEX_DRIVER.to_owned()),
            memory_integrity(),
            Condition::BootsWithDriver { from: 1, to: 1 },
        ],
        deed: Deed::Bugcheck {
            code: 0xd1,
            parameters: [Parameter::Value(0x28), Parameter::Value(2), Parameter::Value(0), Parameter::InDriver(0x1a3c)],
        },
    };
    let card = Card { altitude: Some("389250.2".to_owned()), content: None, misfortunes: vec![misfortune] };
    agent(["initech-guard", "Initech", "Guard", version], "InitechSvc", INITECH_DRIVER, 0x4_0000, card)
}

/// An agent without content and quirks; names in the order id, vendor, product, version.
pub(crate) fn agent(names: [&str; 4], service: &str, driver: &str, image_size: u32, card: Card) -> Agent {
    let [id, vendor, product, version] = names;
    Agent {
        id: id.to_owned(),
        vendor: vendor.to_owned(),
        product: product.to_owned(),
        version: version.to_owned(),
        product_code: guid(&["product", id, version]),
        upgrade_code: guid(&["upgrade", id]),
        service: Service { name: service.to_owned(), display_name: format!("{vendor} {product} Service") },
        driver: Some(Driver {
            service: driver.trim_end_matches(".sys").to_owned(),
            file_name: driver.to_owned(),
            image_size,
            card,
            group: None,
        }),
        registry: Vec::new(),
        content: None,
        quirks: Quirks::default(),
    }
}

/// Memory integrity (HVCI) is switched on.
pub(crate) fn memory_integrity() -> Condition {
    Condition::Registry {
        key: r"HKLM\SYSTEM\CurrentControlSet\Control\DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity".to_owned(),
        name: "Enabled".to_owned(),
        equals: "1".to_owned(),
    }
}

/// A content file of this version.
pub(crate) fn content(version: &str) -> String {
    format!("{version}\r\nchannel content of a test guest\r\n")
}
