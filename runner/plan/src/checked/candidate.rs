//! The candidate checked: each kind needs some keys and has no use for others.

use std::path::Path;
use std::rc::Rc;

use coexist_model::{CandidateKind, Install, Method};

use crate::checked::package::{DRIVER_CODES, MSU_CODES, PLAIN_CODES, Placeholders, check_package, check_placeholders};
use crate::checked::recipe::{check_codes, texts, unknown_version};
use crate::checked::{Candidate, Deadlines, Package, Product, Release};
use crate::element::{At, items};
use crate::message::{Message, Mistake};
use crate::source::Span;
use crate::written::matrix::Candidate as Written;
use crate::written::recipe::InstallKind;

/// What stands for the agent where Windows itself is updated.
pub(crate) const WINDOWS: &str = "windows";

const PAGE: &str = "matrix.md#candidate";

/// Checks the candidate. `product` is absent for an update of Windows, or when the recipe cannot be used.
pub(crate) fn check_candidate(
    written: &At<Written>,
    product: Option<&Rc<Product>>,
    file: &Path,
    deadlines: &Deadlines,
    messages: &mut Vec<Message>,
) -> Option<Candidate> {
    let candidate = &written.value;
    let kind = candidate.kind.as_ref()?.value;
    check_keys(written, kind, messages);
    for command in items(candidate.then.as_ref()) {
        check_placeholders(&command.value.0, command.span, Placeholders::Version, messages);
    }
    let endings: &[&str] = match kind {
        CandidateKind::Content => &[],
        CandidateKind::Driver => &[".inf", ".cab"],
        CandidateKind::WindowsUpdate => &[".msu"],
        CandidateKind::Upgrade | CandidateKind::Fresh => match product?.way.kind {
            InstallKind::Msi => &[".msi"],
            InstallKind::Exe => &[".exe"],
            InstallKind::Script => &[".cmd", ".bat"],
            InstallKind::File => &[],
        },
    };
    let given = match &candidate.package {
        Some(package) => Some(check_package(package, file, endings, messages)?),
        None => None,
    };
    let version = candidate.version.as_ref()?;
    let change = candidate.install.as_ref().map(|it| &it.value);
    let arguments = change.and_then(|it| it.arguments.as_ref()).map(|it| texts(&it.value.items));
    let codes = change.and_then(|it| it.exit_codes.as_ref());
    let deadline = change
        .and_then(|it| it.deadline.as_ref())
        .map(|it| it.value.0)
        .or(match (kind, product) {
            (CandidateKind::Upgrade | CandidateKind::Fresh, Some(product)) => product.way.deadline,
            _ => None,
        })
        .unwrap_or(deadlines.install);
    let then = candidate.then.as_ref().map(|it| texts(&it.value.items));
    let (package, install) = match (kind, product) {
        (CandidateKind::Upgrade | CandidateKind::Fresh, product) => {
            let product = product?;
            let release = release(written, given, product, messages)?;
            let usual: Vec<_> = product.way.exit_codes.iter().map(|(code, meaning)| (*code, *meaning)).collect();
            let exit_codes = check_codes(codes, &usual, messages);
            let mut install = install(product, &release, deadlines);
            if let Some(arguments) = arguments {
                replace_arguments(&mut install.method, arguments);
            }
            let then = then.unwrap_or(install.then);
            (release.package, Install { exit_codes, deadline, then, ..install })
        }
        (kind, product) => {
            let package = given?;
            let (method, usual) = match kind {
                CandidateKind::Driver => (Method::Driver, &DRIVER_CODES[..]),
                CandidateKind::WindowsUpdate => (Method::Msu, &MSU_CODES[..]),
                CandidateKind::Content | CandidateKind::Upgrade | CandidateKind::Fresh => {
                    (Method::File { destination: candidate.destination.as_ref()?.value.0.clone() }, &PLAIN_CODES[..])
                }
            };
            let agent = match (kind, product) {
                (CandidateKind::WindowsUpdate, _) => WINDOWS,
                (_, Some(product)) => &product.id,
                (_, None) => return None,
            };
            let install = Install {
                agent: agent.into(),
                version: version.value.0.clone(),
                package: package.sha256.clone(),
                file_name: package.file_name.clone(),
                method,
                exit_codes: check_codes(codes, usual, messages),
                then: then.unwrap_or_default(),
                deadline,
                restart: deadlines.reboot,
                look: deadlines.probe,
            };
            (package, install)
        }
    };
    let install = Install {
        version: version.value.0.clone(),
        then: install.then.iter().map(|it| it.replace("{version}", &version.value.0)).collect(),
        ..install
    };
    let vendor = product.map_or("Microsoft", |product| &product.vendor).to_owned();
    Some(Candidate {
        kind,
        vendor,
        package,
        install,
        signing: candidate.signing.as_ref().map(|it| it.value),
        span: written.span,
    })
}

/// The step that installs a product at one of its releases.
pub(crate) fn install(product: &Product, release: &Release, deadlines: &Deadlines) -> Install {
    let way = &product.way;
    let arguments = release.arguments.clone().unwrap_or_else(|| way.arguments.clone());
    Install {
        agent: product.id.as_str().into(),
        version: release.version.clone(),
        package: release.package.sha256.clone(),
        file_name: release.package.file_name.clone(),
        method: match way.kind {
            InstallKind::Msi => Method::Msi { arguments },
            InstallKind::Exe => Method::Exe { arguments },
            InstallKind::Script => Method::Script { arguments },
            // A recipe of this kind has a destination, or it would not have got this far.
            InstallKind::File => Method::File { destination: way.destination.clone().unwrap_or_default() },
        },
        exit_codes: way.exit_codes.clone(),
        then: way.then.iter().map(|it| it.replace("{version}", &release.version)).collect(),
        deadline: way.deadline.unwrap_or(deadlines.install),
        restart: deadlines.reboot,
        look: deadlines.probe,
    }
}

fn replace_arguments(method: &mut Method, new: Vec<String>) {
    match method {
        Method::Msi { arguments } | Method::Exe { arguments } | Method::Script { arguments } => *arguments = new,
        Method::File { .. } | Method::Driver | Method::Msu => {}
    }
}

/// What an upgrade or fresh installation installs: its own package, or the recipe's at that version.
fn release(
    written: &At<Written>,
    given: Option<Package>,
    product: &Product,
    messages: &mut Vec<Message>,
) -> Option<Release> {
    let version = written.value.version.as_ref()?;
    if let Some(package) = given {
        return Some(Release { version: version.value.0.clone(), package, arguments: None });
    }
    let found = product.releases.iter().find(|release| release.version == version.value.0).cloned();
    if found.is_none() && written.value.whole {
        let known: Vec<&str> = product.releases.iter().map(|it| it.version.as_str()).collect();
        let message = unknown_version(&version.value.0, version.span, &product.id, &known);
        messages.push(message.help("or give the candidate its own `package`").page(PAGE));
    }
    found
}

fn check_keys(written: &At<Written>, kind: CandidateKind, messages: &mut Vec<Message>) {
    let candidate = &written.value;
    let word = crate::words::quote(kind_word(kind));
    let mut needs = |there: bool, key: &str| {
        if !there && candidate.whole {
            let found = format!("a candidate of kind {word} needs the key `{key}`");
            let message =
                Message::error(Mistake::CandidateNeeds, written.span, found, format!("`{key}` is missing here"));
            messages.push(message.page(PAGE));
        }
    };
    needs(kind == CandidateKind::WindowsUpdate || candidate.agent.is_some(), "agent");
    let own_package = !matches!(kind, CandidateKind::Upgrade | CandidateKind::Fresh);
    needs(!own_package || candidate.package.is_some(), "package");
    needs(kind != CandidateKind::Content || candidate.destination.is_some(), "destination");
    let mut unused = |span: Option<Span>, key: &str| {
        if let Some(span) = span {
            let found = format!("a candidate of kind {word} has no use for `{key}`");
            messages.push(Message::error(Mistake::NotForThisKind, span, found, "not for this kind").page(PAGE));
        }
    };
    let install = candidate.install.as_ref().map(|it| &it.value);
    if kind == CandidateKind::WindowsUpdate {
        unused(candidate.agent.as_ref().map(|it| it.span), "agent");
    }
    if kind != CandidateKind::Content {
        unused(candidate.destination.as_ref().map(|it| it.span), "destination");
    }
    if own_package {
        unused(install.and_then(|it| it.arguments.as_ref()).map(|it| it.span), "arguments");
    }
    if kind == CandidateKind::Content {
        unused(install.and_then(|it| it.exit_codes.as_ref()).map(|it| it.span), "exit-codes");
    }
}

/// The word of the matrix.
pub(crate) fn kind_word(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Upgrade => "upgrade",
        CandidateKind::Fresh => "fresh",
        CandidateKind::Content => "content",
        CandidateKind::Driver => "driver",
        CandidateKind::WindowsUpdate => "windows-update",
    }
}
