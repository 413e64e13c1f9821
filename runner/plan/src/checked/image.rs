//! An image's catalogue entry checked.

use std::path::Path;

use coexist_model::{DiskBus, Firmware, MachineProfile, NetworkCard, Seconds, WindowsFacts};

use crate::checked::recipe::{check_id, twice};
use crate::checked::{Given, Image, Named};
use crate::element::{At, items};
use crate::message::{Message, Mistake};
use crate::scalars::Text;
use crate::source::{Span, beside};
use crate::written;

/// Time that a Windows guest may take from power-on until it answers, where its entry says nothing.
const BOOT_DEADLINE_SECONDS: u64 = 15 * 60;

/// Checks an image; its `id` is the name of its folder.
pub(crate) fn check_image(image: &written::image::Image, file: &Path, messages: &mut Vec<Message>) -> Option<Image> {
    let full = crate::source::absolute(file);
    let folder = full.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let id = image.id.as_ref().map(|id| (id.value.0.as_str(), id.span));
    check_id(id, &folder.unwrap_or_default(), ("folder", "image.md#id"), messages);
    twice(items(image.settings.as_ref()), Clone::clone, ("setting", "image.md#settings"), messages);
    let named = |text: &At<Text>| Named { path: beside(file, &text.value.0), span: text.span };
    let digest = image.disk.as_ref().and_then(|disk| {
        let (here, in_file) = (disk.value.sha256.as_ref(), disk.value.sha256_file.as_ref());
        let here = here.map(|it| it.value.0.clone());
        one(here, in_file.map(named), disk.span, disk.value.whole, ["sha256", "sha256-file", "image.md#disk"], messages)
    });
    let host_key = image.ssh.as_ref().and_then(|ssh| {
        let (here, in_file) = (ssh.value.host_key.as_ref(), ssh.value.host_key_file.as_ref());
        let here = here.map(|it| it.value.0.clone());
        one(
            here,
            in_file.map(named),
            ssh.span,
            ssh.value.whole,
            ["host-key", "host-key-file", "image.md#ssh"],
            messages,
        )
    });
    let (disk, ssh, windows) = (image.disk.as_ref()?, image.ssh.as_ref()?, image.windows.as_ref()?);
    let id = image.id.as_ref()?.value.0.clone();
    Some(Image {
        title: image.title.as_ref().map_or_else(|| id.clone(), |it| it.value.0.clone()),
        id,
        stand_in: image.stand_in.as_ref().is_some_and(|it| it.value.0),
        made_by: image.made_by.as_ref().map(|it| it.value.0.clone()),
        disk: named(disk.value.path.as_ref()?),
        digest: digest?,
        windows: WindowsFacts {
            build: windows.value.build.as_ref()?.value.0,
            edition: windows.value.edition.as_ref()?.value,
        },
        machine: check_machine(image.machine.as_ref()?)?,
        user: ssh.value.user.as_ref()?.value.0.clone(),
        host_key: host_key?,
        key_file: named(ssh.value.key_file.as_ref()?),
        settings: items(image.settings.as_ref()).iter().map(|it| it.value.0.clone()).collect(),
        boot_deadline: image.boot_deadline.as_ref().map_or(Seconds::from_secs(BOOT_DEADLINE_SECONDS), |it| it.value.0),
        expires: image.expires.as_ref().map(|it| it.value.0),
    })
}

fn check_machine(machine: &At<written::image::Machine>) -> Option<MachineProfile> {
    let machine = &machine.value;
    Some(MachineProfile {
        firmware: machine.firmware.as_ref().map_or(Firmware::Uefi, |it| it.value),
        processor: machine.processor.as_ref()?.value.0.clone(),
        cpus: machine.cpus.as_ref().map_or(2, |it| it.value.0),
        memory_mib: machine.memory.as_ref()?.value.0,
        disk_bus: machine.disk_bus.as_ref().map_or(DiskBus::Sata, |it| it.value),
        network: machine.network.as_ref().map_or(NetworkCard::E1000e, |it| it.value),
        product_name: machine.product_name.as_ref().map(|it| it.value.0.clone()),
        translation_cache_mib: machine.translation_cache.as_ref().map(|it| it.value.0),
    })
}

fn one<T>(
    here: Option<T>,
    in_file: Option<Named>,
    span: Span,
    whole: bool,
    [a, b, page]: [&str; 3],
    messages: &mut Vec<Message>,
) -> Option<Given<T>> {
    let how_many = match (here, in_file) {
        (Some(here), None) => return Some(Given::Here(here)),
        (None, Some(in_file)) => return Some(Given::InFile(in_file)),
        (Some(_), Some(_)) => "both",
        (None, None) => "neither",
    };
    if whole {
        let found = format!("{how_many} of `{a}` and `{b}` {} given", if how_many == "both" { "are" } else { "is" });
        let message = Message::error(Mistake::ExactlyOne, span, found, format!("expected one of `{a}` or `{b}`"));
        messages.push(message.page(page));
    }
    None
}
