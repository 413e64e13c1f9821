//! Packages: one origin, one digest, a file name that the guest takes.

use std::path::Path;

use coexist_model::{ExitMeaning, Probe, RegistryData};

use crate::checked::{Origin, Package};
use crate::element::At;
use crate::message::{Message, Mistake};
use crate::scalars::{Text, file_name};
use crate::source::{Span, beside};
use crate::words::{alternatives, quote};
use crate::written;

/// Checks a package. `endings` are those of the file names that its way of installation takes; none: any.
pub(crate) fn check_package(
    written: &At<written::recipe::Package>,
    file: &Path,
    endings: &[&str],
    messages: &mut Vec<Message>,
) -> Option<Package> {
    let package = &written.value;
    let (origin, name, span) = match (&package.path, &package.url) {
        (Some(path), None) => {
            let full = beside(file, &path.value.0);
            let name = path.value.0.rsplit('/').next().unwrap_or("").to_owned();
            (Origin::Path(full), name, path.span)
        }
        (None, Some(url)) => {
            let address = url.value.0.split(['?', '#']).next().unwrap_or("");
            let name = address.rsplit('/').next().unwrap_or("").to_owned();
            (Origin::Url(url.value.0.clone()), name, url.span)
        }
        (given, _) => {
            if given.is_some() || package.whole || package.sha256.is_some() && package.made_by.is_some() {
                let found = if given.is_some() {
                    "both `path` and `url` are given"
                } else {
                    "neither `path` nor `url` is given"
                };
                let message =
                    Message::error(Mistake::ExactlyOne, written.span, found, "expected one of `path` or `url`");
                messages.push(message.page("recipe.md#package"));
            }
            return None;
        }
    };
    if let (Origin::Url(_), Some(made_by)) = (&origin, &package.made_by) {
        let message = Message::error(
            Mistake::NotForThisKind,
            made_by.span,
            "a package with a `url` is fetched, not made",
            "not with `url`",
        );
        messages.push(message.page("recipe.md#package"));
    }
    if !file_name(&name) {
        let found = format!("{} is no file name that Windows takes", quote(&name));
        let message = Message::error(Mistake::BadFileName, span, found, "expected a file at its end");
        messages.push(message.page("recipe.md#package"));
        return None;
    }
    let lower = name.to_lowercase();
    if !endings.is_empty() && !endings.iter().any(|ending| lower.ends_with(ending)) {
        let found = format!("{} does not fit how it is installed", quote(&name));
        let expected = format!("expected a name that ends with {}", alternatives(endings.iter().copied()));
        messages.push(Message::error(Mistake::BadFileName, span, found, expected).page("recipe.md#install"));
    }
    Some(Package {
        origin,
        sha256: package.sha256.as_ref()?.value.0.clone(),
        file_name: name,
        made_by: package.made_by.as_ref().map(|text| text.value.0.clone()),
        span,
    })
}

/// Exit codes of `msiexec` that mean something other than failure ([R] Windows Installer error codes).
pub(crate) const MSI_CODES: [(u32, ExitMeaning); 4] = [
    (0, ExitMeaning::Success),
    (1618, ExitMeaning::Busy),
    (1641, ExitMeaning::RestartBegun),
    (3010, ExitMeaning::RestartNeeded),
];

/// Exit codes of a program that says nothing else.
pub(crate) const PLAIN_CODES: [(u32, ExitMeaning); 1] = [(0, ExitMeaning::Success)];

/// Exit codes of `pnputil` ([R]: 259 no device needs the driver now, 3010 and 1641 restarts).
pub(crate) const DRIVER_CODES: [(u32, ExitMeaning); 4] = [
    (0, ExitMeaning::Success),
    (259, ExitMeaning::Success),
    (1641, ExitMeaning::RestartBegun),
    (3010, ExitMeaning::RestartNeeded),
];

/// Exit codes of `wusa` ([K]: 2359302 is `WU_S_ALREADY_INSTALLED`, the rest as Windows Installer).
pub(crate) const MSU_CODES: [(u32, ExitMeaning); 4] = [
    (0, ExitMeaning::Success),
    (1641, ExitMeaning::RestartBegun),
    (3010, ExitMeaning::RestartNeeded),
    (2_359_302, ExitMeaning::Success),
];

/// Checks placeholders: `{version}` where a product is at hand, nothing that looks like it elsewhere.
pub(crate) fn check_placeholders(text: &str, span: Span, product: Placeholders, messages: &mut Vec<Message>) {
    for candidate in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(word, _)| word) {
        let plain =
            !candidate.is_empty() && candidate.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
        let (found, expected) = match product {
            _ if !plain => continue,
            Placeholders::Version if candidate == "version" => continue,
            Placeholders::Version if crate::words::nearest(candidate, ["version"]).is_none() => continue,
            Placeholders::Version => {
                (format!("{} stands for nothing", quote(&format!("{{{candidate}}}"))), "expected `{version}`")
            }
            Placeholders::None if candidate != "version" => continue,
            Placeholders::None => {
                ("`{version}` stands for a product's version, and a setting has none".to_owned(), "expected plain text")
            }
        };
        messages.push(Message::error(Mistake::BadPlaceholder, span, found, expected).page("recipe.md#probes"));
    }
}

/// Which placeholders have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholders {
    /// `{version}`.
    Version,
    /// None.
    None,
}

/// Turns a written probe into the model's.
pub(crate) fn check_probe(
    probe: &written::guest::Probe,
    placeholders: Placeholders,
    messages: &mut Vec<Message>,
) -> Option<Probe> {
    let mut text = |text: &At<Text>| {
        check_placeholders(&text.value.0, text.span, placeholders, messages);
        text.value.0.clone()
    };
    Some(match probe {
        written::guest::Probe::Service(name) => Probe::Service { name: name.0.clone() },
        written::guest::Probe::Driver(name) => Probe::Driver { name: name.0.clone() },
        written::guest::Probe::Filter(filter) => Probe::Filter {
            name: filter.name.as_ref()?.value.0.clone(),
            altitude: filter.altitude.as_ref().map(|altitude| altitude.value.0.clone()),
        },
        written::guest::Probe::Registry(registry) => Probe::Registry {
            equals: text(registry.equals.as_ref()?),
            key: registry.key.as_ref()?.value.0.clone(),
            name: registry.name.as_ref()?.value.0.clone(),
        },
        written::guest::Probe::File(path) => Probe::File { path: text(path) },
        written::guest::Probe::Command(command) => {
            Probe::Command { run: text(command.run.as_ref()?), prints: command.prints.as_ref().map(&mut text) }
        }
    })
}

/// Turns a written registry value into the model's.
pub(crate) fn check_data(
    written: &At<written::guest::RegistryWrite>,
    messages: &mut Vec<Message>,
) -> Option<RegistryData> {
    let value = &written.value;
    match (&value.dword, &value.qword, &value.text) {
        (Some(number), None, None) => Some(RegistryData::Dword(number.value.0)),
        (None, Some(number), None) => Some(RegistryData::Qword(number.value.0)),
        (None, None, Some(text)) => Some(RegistryData::Text(text.value.0.clone())),
        _ => {
            if value.whole {
                let found = "a registry value to set has one type";
                let expected = "expected one of `dword`, `qword` or `text`";
                messages.push(
                    Message::error(Mistake::ExactlyOne, written.span, found, expected).page("matrix.md#settings"),
                );
            }
            None
        }
    }
}
