//! The guest's one network card, with the address QEMU's user-mode network gives it.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use super::netlink;

/// Address that QEMU's user-mode network forwards to by default.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// QEMU's end.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const PREFIX: u8 = 24;
const LOOPBACK: u32 = 1;

/// Brings up the loopback and the card.
pub(crate) fn up() -> io::Result<()> {
    netlink::set_link(LOOPBACK, true)?;
    let card = card()?;
    netlink::add_address(card, ADDRESS, PREFIX)?;
    netlink::set_link(card, true)?;
    netlink::add_default_route(GATEWAY)
}

/// Silences the card: established connections stall, nothing is said to the other end.
pub(crate) fn silence() {
    if let Ok(card) = card() {
        netlink::set_link(card, false).ok();
    }
}

fn card() -> io::Result<u32> {
    for entry in fs::read_dir("/sys/class/net")? {
        let path = entry?.path();
        let index: u32 = fs::read_to_string(path.join("ifindex"))?.trim().parse().map_err(io::Error::other)?;
        if index != LOOPBACK && path.join("device").exists() {
            return Ok(index);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no network card"))
}

/// Lets the card speak again.
pub(crate) fn restore() -> io::Result<()> {
    netlink::set_link(card()?, true)?;
    // the kernel forgets routes over a card that is down
    netlink::add_default_route(GATEWAY)
}
