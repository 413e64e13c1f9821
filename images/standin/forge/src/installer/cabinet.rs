//! The cabinet with the product's files.

use std::io::{self, Cursor, Write};

use cab::{CabinetBuilder, CompressionType};
use time::{Date, Month, PrimitiveDateTime, Time};

/// Files in order, named by their keys, all with the same time. Stored: a compressor's output could differ between
/// versions, and the packages' digests are pinned.
pub(super) fn write(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let day = Date::from_calendar_date(2026, Month::January, 5).map_err(io::Error::other)?;
    let mut builder = CabinetBuilder::new();
    let folder = builder.add_folder(CompressionType::None);
    for (key, _) in files {
        folder.add_file(key.as_str()).set_datetime(PrimitiveDateTime::new(day, Time::MIDNIGHT));
    }
    let mut cabinet = builder.build(Cursor::new(Vec::new()))?;
    let mut contents = files.iter();
    while let Some(mut file) = cabinet.next_file()? {
        if let Some((_, bytes)) = contents.next() {
            file.write_all(bytes)?;
        }
    }
    Ok(cabinet.finish()?.into_inner())
}
