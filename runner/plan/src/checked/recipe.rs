//! A recipe checked: from keys to a product.

use std::collections::BTreeMap;
use std::path::Path;

use coexist_model::{ExitMeaning, Probe};

use crate::checked::package::{MSI_CODES, PLAIN_CODES, Placeholders, check_package, check_placeholders, check_probe};
use crate::checked::{Other, Product, Release, Way};
use crate::element::{At, List, Named, items};
use crate::message::{Message, Mistake};
use crate::scalars::{ExitCode, Meaning, Name, Text};
use crate::source::Span;
use crate::words::quote;
use crate::written::recipe::{Install, InstallKind, Recipe, UninstallKind};

/// Checks a recipe; its `id` is the name of its file.
pub(crate) fn check_recipe(written: &Recipe, file: &Path, messages: &mut Vec<Message>) -> Option<Product> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    check_id(written.id.as_ref().map(|id| (id.value.0.as_str(), id.span)), &stem, ("file", "recipe.md#id"), messages);
    let way = written.install.as_ref().and_then(|install| check_way(install, messages));
    let releases = check_releases(written, file, messages);
    if let (Some(current), Some(list)) = (&written.current, &written.versions)
        && list.value.whole
        && !list.value.items.iter().any(|it| it.value.version.as_ref().is_none_or(|it| it.value == current.value))
    {
        let known: Vec<&str> = releases.iter().map(|it| it.version.as_str()).collect();
        messages.push(unknown_version(&current.value.0, current.span, &stem, &known).page("recipe.md#current"));
    }
    check_uninstall(written, messages);
    let (driver_files, driver_probes) = check_drivers(written, messages);
    let mut probes: Vec<Probe> =
        items(written.services.as_ref()).iter().map(|it| Probe::Service { name: it.value.0.clone() }).collect();
    twice(items(written.services.as_ref()), |name| name.0.to_lowercase(), ("service", "recipe.md#services"), messages);
    probes.extend(driver_probes);
    for probe in items(written.probes.as_ref()) {
        if let Some(probe) = check_probe(&probe.value, Placeholders::Version, messages) {
            probes.push(probe);
        }
    }
    let requires = check_others(written, written.requires.as_ref(), "requires", messages);
    let conflicts = check_others(written, written.conflicts.as_ref(), "conflicts", messages);
    Some(Product {
        id: written.id.as_ref()?.value.0.clone(),
        vendor: written.vendor.as_ref()?.value.0.clone(),
        releases,
        current: written.current.as_ref()?.value.0.clone(),
        way: way?,
        requires,
        conflicts,
        driver_files,
        probes,
    })
}

/// Other products that a recipe names under `key`. Whether they are there is seen with the whole folder in view.
fn check_others(written: &Recipe, list: Option<&At<List<Name>>>, key: &str, messages: &mut Vec<Message>) -> Vec<Other> {
    let page = format!("recipe.md#{key}");
    twice(items(list), Clone::clone, ("agent", &page), messages);
    for other in items(list) {
        if written.id.as_ref().is_some_and(|id| id.value == other.value) {
            let relation = if key == "requires" { "requires itself" } else { "conflicts with itself" };
            let found = format!("{} {relation}", quote(&other.value.0));
            let message = Message::error(Mistake::NamesItself, other.span, found, "expected another agent");
            messages.push(message.page(&page));
        }
    }
    items(list).iter().map(|it| Other { agent: it.value.0.clone(), span: it.span }).collect()
}

/// The id of a catalogue entry is the name of its file or folder: nobody has to open files to find one.
pub(crate) fn check_id(
    id: Option<(&str, Span)>,
    expected: &str,
    (place, page): (&str, &str),
    messages: &mut Vec<Message>,
) {
    if let Some((id, span)) = id
        && id != expected
    {
        let found = format!("the id is {}, but the {place} is called {}", quote(id), quote(expected));
        let message = Message::error(Mistake::IdMismatch, span, found, format!("expected {}", quote(expected)));
        let help = format!("rename one of them: entries are found by the name of their {place}");
        messages.push(message.help(help).page(page));
    }
}

/// "the recipe of `x` has no version `y`".
pub(crate) fn unknown_version(version: &str, span: Span, agent: &str, known: &[&str]) -> Message {
    let found = format!("the recipe of {} has no version {}", quote(agent), quote(version));
    let expected = format!("expected {}", crate::words::alternatives(known.iter().copied()));
    Message::error(Mistake::UnknownVersion, span, found, expected)
}

/// Tells of every item that is in a list a second time.
pub(crate) fn twice<T, K: Ord>(
    list: &[At<T>],
    key: impl Fn(&T) -> K,
    (thing, page): (&str, &str),
    messages: &mut Vec<Message>,
) {
    let mut seen: BTreeMap<K, Span> = BTreeMap::new();
    for item in list {
        let key = key(&item.value);
        if let Some(first) = seen.get(&key) {
            let found = format!("this {thing} is in the list twice");
            let message = Message::error(Mistake::Duplicate, item.span, found, "again").related(*first, "first here");
            messages.push(message.page(page));
        } else {
            seen.insert(key, item.span);
        }
    }
}

fn check_releases(written: &Recipe, file: &Path, messages: &mut Vec<Message>) -> Vec<Release> {
    let list = items(written.versions.as_ref());
    if let Some(versions) = &written.versions
        && versions.value.whole
        && list.is_empty()
    {
        let message =
            Message::error(Mistake::Empty, versions.span, "this product has no version", "expected at least one");
        messages.push(message.page("recipe.md#versions"));
    }
    let kind = written.install.as_ref().and_then(|install| install.value.kind.as_ref());
    let endings: &[&str] = match kind.map(|kind| kind.value) {
        Some(InstallKind::Msi) => &[".msi"],
        Some(InstallKind::Exe) => &[".exe"],
        Some(InstallKind::Script) => &[".cmd", ".bat"],
        Some(InstallKind::File) | None => &[],
    };
    let mut releases: Vec<Release> = Vec::new();
    let mut places: BTreeMap<&str, Span> = BTreeMap::new();
    for item in list {
        let release = &item.value;
        let package = release.package.as_ref().and_then(|package| check_package(package, file, endings, messages));
        let Some(version) = &release.version else { continue };
        if let Some(first) = places.get(version.value.0.as_str()) {
            let found = format!("version {} is in the list twice", quote(&version.value.0));
            let message =
                Message::error(Mistake::Duplicate, version.span, found, "again").related(*first, "first here");
            messages.push(message.page("recipe.md#versions"));
            continue;
        }
        places.insert(&version.value.0, version.span);
        if let Some(code) = &release.product_code
            && kind.is_some_and(|kind| kind.value != InstallKind::Msi)
        {
            let found = "only a package of kind `msi` has a product code";
            messages.push(
                Message::error(Mistake::NotForThisKind, code.span, found, "not for this kind")
                    .page("recipe.md#versions"),
            );
        }
        if let Some(package) = package {
            releases.push(Release {
                version: version.value.0.clone(),
                package,
                arguments: release.arguments.as_ref().map(|it| texts(&it.value.items)),
            });
        }
    }
    releases
}

fn check_way(install: &At<Install>, messages: &mut Vec<Message>) -> Option<Way> {
    let written = &install.value;
    let kind = written.kind.as_ref()?.value;
    match (kind, &written.destination) {
        (InstallKind::File, Some(_)) | (InstallKind::Msi | InstallKind::Exe | InstallKind::Script, None) => {}
        (InstallKind::Msi | InstallKind::Exe | InstallKind::Script, Some(destination)) => {
            messages.push(not_for(destination.span, "destination", "`file`"));
        }
        (InstallKind::File, None) if !written.whole => {}
        (InstallKind::File, None) => {
            let found = "an installation of kind `file` needs the key `destination`";
            let message = Message::error(Mistake::MissingKey, install.span, found, "`destination` is missing here");
            messages.push(message.page("recipe.md#install"));
        }
    }
    if kind == InstallKind::File {
        if let Some(arguments) = &written.arguments {
            messages.push(not_for(arguments.span, "arguments", "`msi`, `exe` or `script`"));
        }
        if let Some(codes) = &written.exit_codes {
            messages.push(not_for(codes.span, "exit-codes", "`msi`, `exe` or `script`"));
        }
    }
    for command in items(written.then.as_ref()) {
        check_placeholders(&command.value.0, command.span, Placeholders::Version, messages);
    }
    let default = if kind == InstallKind::Msi { &MSI_CODES[..] } else { &PLAIN_CODES[..] };
    Some(Way {
        kind,
        arguments: texts(items(written.arguments.as_ref())),
        exit_codes: check_codes(written.exit_codes.as_ref(), default, messages),
        destination: written.destination.as_ref().map(|it| it.value.0.clone()),
        then: texts(items(written.then.as_ref())),
        deadline: written.deadline.as_ref().map(|it| it.value.0),
    })
}

fn not_for(span: Span, key: &str, kinds: &str) -> Message {
    let found = format!("`{key}` is for installations of kind {kinds}");
    Message::error(Mistake::NotForThisKind, span, found, "not for this kind").page("recipe.md#install")
}

/// Exit codes as written, or the usual ones.
pub(crate) fn check_codes(
    written: Option<&At<Named<ExitCode, Meaning>>>,
    usual: &[(u32, ExitMeaning)],
    messages: &mut Vec<Message>,
) -> BTreeMap<u32, ExitMeaning> {
    let Some(codes) = written else { return usual.iter().copied().collect() };
    let map: BTreeMap<u32, ExitMeaning> =
        codes.value.entries.iter().map(|(code, meaning)| (code.value.0, meaning.value.into())).collect();
    let works = map.values().any(|meaning| *meaning != ExitMeaning::Busy);
    if codes.value.whole && !works {
        let found = "no exit code means that the installation worked";
        let message = Message::error(Mistake::NoSuccess, codes.span, found, "expected one that is `success`");
        messages.push(
            message.help("these codes replace the usual ones: `0: success` among them").page("recipe.md#install"),
        );
    }
    map
}

/// Nothing removes a product yet; what a recipe says of it is checked all the same.
fn check_uninstall(written: &Recipe, messages: &mut Vec<Message>) {
    let Some(uninstall) = &written.uninstall else { return };
    let Some(kind) = &uninstall.value.kind else { return };
    match (kind.value, &uninstall.value.command) {
        (UninstallKind::Msi, Some(command)) => {
            let found = "`command` is for removal of kind `command`";
            messages.push(
                Message::error(Mistake::NotForThisKind, command.span, found, "not for this kind")
                    .page("recipe.md#uninstall"),
            );
        }
        (UninstallKind::Command, None) if uninstall.value.whole => {
            let found = "a removal of kind `command` needs the key `command`";
            let message = Message::error(Mistake::MissingKey, uninstall.span, found, "`command` is missing here");
            messages.push(message.page("recipe.md#uninstall"));
        }
        (UninstallKind::Msi, None) | (UninstallKind::Command, _) => {}
    }
}

type DriverFiles = Vec<(String, Span)>;

/// A driver in a recipe is a probe: it is loaded, and a filter is attached.
fn check_drivers(written: &Recipe, messages: &mut Vec<Message>) -> (DriverFiles, Vec<Probe>) {
    let (mut files, mut probes) = (Vec::new(), Vec::new());
    let drivers = items(written.drivers.as_ref());
    twice(
        drivers,
        |driver| driver.name.as_ref().map(|it| it.value.0.to_lowercase()),
        ("driver", "recipe.md#drivers"),
        messages,
    );
    for driver in drivers {
        let driver = &driver.value;
        let filter = driver.filter.as_ref().is_some_and(|it| it.value.0);
        if let Some(altitude) = &driver.altitude
            && !filter
            && driver.whole
        {
            let found = "only a filter has an altitude";
            let message = Message::error(Mistake::NotForThisKind, altitude.span, found, "not without `filter: true`");
            messages.push(message.page("recipe.md#drivers"));
        }
        if let Some(file) = &driver.file {
            files.push((file.value.0.to_lowercase(), file.span));
        }
        if let Some(name) = &driver.name {
            probes.push(Probe::Driver { name: name.value.0.clone() });
            if filter {
                let altitude = driver.altitude.as_ref().map(|it| it.value.0.clone());
                probes.push(Probe::Filter { name: name.value.0.clone(), altitude });
            }
        }
    }
    (files, probes)
}

/// The texts of a list.
pub(crate) fn texts(list: &[At<Text>]) -> Vec<String> {
    list.iter().map(|it| it.value.0.clone()).collect()
}
