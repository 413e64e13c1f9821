//! Columns of the tables, as Windows Installer defines them.

use msi::Column;

/// A table: name, number of key columns, columns. A column is a name, a letter and a length: `s` text, `l` localizable
/// text, `i` number of so many bytes; upper case where null is allowed. (The notation of exported tables.)
type Table = (&'static str, usize, &'static str);

const TABLES: &[Table] = &[
    ("Property", 1, "Property:s72 Value:l0"),
    ("Directory", 1, "Directory:s72 Directory_Parent:S72 DefaultDir:l255"),
    ("Component", 1, "Component:s72 ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72"),
    (
        "Feature",
        1,
        "Feature:s38 Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 Attributes:i2",
    ),
    ("FeatureComponents", 2, "Feature_:s38 Component_:s72"),
    ("File", 1, "File:s72 Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i2"),
    ("MsiFileHash", 1, "File_:s72 Options:i2 HashPart1:i4 HashPart2:i4 HashPart3:i4 HashPart4:i4"),
    ("Media", 1, "DiskId:i2 LastSequence:i2 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72"),
    ("Registry", 1, "Registry:s72 Root:i2 Key:l255 Name:L255 Value:L0 Component_:s72"),
    (
        "ServiceInstall",
        1,
        "ServiceInstall:s72 Name:s255 DisplayName:L255 ServiceType:i4 StartType:i4 ErrorControl:i4 LoadOrderGroup:S255 \
         Dependencies:S255 StartName:S255 Password:S255 Arguments:S255 Component_:s72 Description:L255",
    ),
    ("ServiceControl", 1, "ServiceControl:s72 Name:l255 Event:i2 Arguments:L255 Wait:I2 Component_:s72"),
    ("CustomAction", 1, "Action:s72 Type:i2 Source:S72 Target:S255"),
    ("LaunchCondition", 1, "Condition:s255 Description:l255"),
    (
        "Upgrade",
        5,
        "UpgradeCode:s38 VersionMin:S20 VersionMax:S20 Language:S255 Attributes:i4 Remove:S255 ActionProperty:s72",
    ),
    ("InstallExecuteSequence", 1, "Action:s72 Condition:S255 Sequence:I2"),
];

/// All tables with their columns.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, Vec<Column>)> {
    TABLES.iter().map(|&(name, keys, columns)| {
        let columns = columns.split_whitespace().enumerate();
        (name, columns.map(|(index, text)| column(text, index < keys)).collect())
    })
}

fn column(text: &str, key: bool) -> Column {
    let (name, kind) = text.split_once(':').unwrap_or((text, "s0"));
    let (letter, length) = kind.split_at(1);
    let mut builder = Column::build(name);
    if key {
        builder = builder.primary_key();
    }
    if letter == letter.to_uppercase() {
        builder = builder.nullable();
    }
    if letter.eq_ignore_ascii_case("l") {
        builder = builder.localizable();
    }
    let length = length.parse().unwrap_or(0);
    match (letter.eq_ignore_ascii_case("i"), length) {
        (true, 2) => builder.int16(),
        (true, _) => builder.int32(),
        (false, _) => builder.string(length),
    }
}
