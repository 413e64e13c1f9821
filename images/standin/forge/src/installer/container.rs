//! From rows and cabinet to the bytes of a package.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::time::{Duration, SystemTime};

use cfb::{CompoundFile, Version};
use msi::{CodePage, Insert, LanguageId, Package, PackageType, Value};

use super::{CABINET, Summary, failed, schema};
use crate::ForgeError;

const ENGLISH: u16 = 1033;
/// Installer 2.0, the lowest that knows 64-bit packages.
const SCHEMA: i32 = 200;
/// Compressed, long file names.
const WORD_COUNT: i32 = 2;
/// Read-only recommended.
const SECURITY: i32 = 2;
/// 2026-01-05T00:00:00Z: the packages' time, whenever they are made.
const MADE_S: u64 = 1_767_571_200;

pub(super) fn write(
    rows: &BTreeMap<&'static str, Vec<Vec<Value>>>,
    cabinet: &[u8],
    summary: &Summary,
) -> Result<Vec<u8>, ForgeError> {
    let mut package =
        Package::create(PackageType::Installer, Cursor::new(Vec::new())).map_err(|it| failed("package", it))?;
    package.set_database_codepage(CodePage::Windows1252);
    summarise(&mut package, summary);
    for (name, columns) in schema::tables() {
        if let Some(rows) = rows.get(name) {
            package.create_table(name, columns).map_err(|it| failed(name, it))?;
            package.insert_rows(Insert::into(name).rows(rows.clone())).map_err(|it| failed(name, it))?;
        }
    }
    let mut stream = package.write_stream(CABINET).map_err(|it| failed(CABINET, it))?;
    stream.write_all(cabinet).and_then(|()| stream.flush()).map_err(|it| failed(CABINET, it))?;
    drop(stream);
    let bytes = package.into_inner().map_err(|it| failed("package", it))?.into_inner();
    version_3(bytes).map_err(|it| failed("container", it))
}

fn summarise(package: &mut Package<Cursor<Vec<u8>>>, summary: &Summary) {
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(MADE_S);
    let info = package.summary_info_mut();
    info.set_codepage(CodePage::Windows1252);
    info.set_title("Installation Database");
    info.set_subject(summary.product.as_str());
    info.set_author(summary.author.as_str());
    info.set_comments("An invented product of a test guest; it protects nothing.");
    info.set_creating_application("standin-forge");
    info.set_arch("x64");
    info.set_languages(&[LanguageId::from_id(ENGLISH)]);
    info.set_uuid(summary.package_code);
    info.set_creation_time(made);
    info.set_last_save_time(made);
    info.set_page_count(SCHEMA);
    info.set_word_count(WORD_COUNT);
    info.set_doc_security(SECURITY);
}

/// Copies all streams into a compound file of version 3, which every tool reads; the library writes version 4, which
/// signing tools refuse.
fn version_3(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut from = CompoundFile::open(Cursor::new(bytes))?;
    let mut to = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
    to.set_storage_clsid("/", *from.root_entry().clsid())?;
    let streams: Vec<_> = from.walk().filter(cfb::Entry::is_stream).map(|it| it.path().to_owned()).collect();
    for path in streams {
        let mut target = to.create_stream(&path)?;
        io::copy(&mut from.open_stream(&path)?, &mut target)?;
        target.flush()?;
    }
    to.flush()?;
    Ok(to.into_inner().into_inner())
}
