//! Route netlink messages (rtnetlink(7)), as far as a static address needs them.

use std::io;
use std::net::Ipv4Addr;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const REQUEST_ACK: u16 = 0x1 | 0x4;
const CREATE_REPLACE: u16 = 0x400 | 0x100;
const ERROR: u16 = 2;
const HEADER: usize = 16;
const UP: u32 = 1;
const INET: u8 = 2;

/// Sets a link up or down.
pub(crate) fn set_link(index: u32, up: bool) -> io::Result<()> {
    talk(NEW_LINK, 0, &link_body(index, up))
}

/// Gives a link an address.
pub(crate) fn add_address(index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    talk(NEW_ADDRESS, CREATE_REPLACE, &address_body(index, address, prefix))
}

/// Sets the default route.
pub(crate) fn add_default_route(gateway: Ipv4Addr) -> io::Result<()> {
    talk(NEW_ROUTE, CREATE_REPLACE, &route_body(gateway))
}

/// `struct ifinfomsg`.
fn link_body(index: u32, up: bool) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(index.to_ne_bytes());
    body.extend((if up { UP } else { 0 }).to_ne_bytes());
    body.extend(UP.to_ne_bytes());
    body
}

/// `struct ifaddrmsg` with IFA_LOCAL (2) and IFA_ADDRESS (1).
fn address_body(index: u32, address: Ipv4Addr, prefix: u8) -> Vec<u8> {
    let mut body = vec![INET, prefix, 0, 0];
    body.extend(index.to_ne_bytes());
    attribute(&mut body, 2, &address.octets());
    attribute(&mut body, 1, &address.octets());
    body
}

/// `struct rtmsg` (main table, protocol boot, scope universe, unicast) with RTA_GATEWAY (5).
fn route_body(gateway: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    attribute(&mut body, 5, &gateway.octets());
    body
}

fn attribute(body: &mut Vec<u8>, kind: u16, data: &[u8; 4]) {
    body.extend(8_u16.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(data);
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST_ACK | flags).to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    message
}

fn talk(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &message(kind, flags, body), SendFlags::empty())?;
    let mut answer = [0_u8; 4096];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    acknowledged(&answer[..length])
}

/// Reads the kernel's answer: an error message whose number is zero.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let short = || io::Error::new(io::ErrorKind::InvalidData, "short netlink answer");
    let kind: [u8; 2] = answer.get(4..6).and_then(|it| it.try_into().ok()).ok_or_else(short)?;
    let number: [u8; 4] = answer.get(HEADER..HEADER + 4).and_then(|it| it.try_into().ok()).ok_or_else(short)?;
    match (u16::from_ne_bytes(kind), i32::from_ne_bytes(number)) {
        (ERROR, 0) => Ok(()),
        (ERROR, number) => Err(io::Error::from_raw_os_error(-number)),
        (kind, _) => Err(io::Error::other(format!("unexpected netlink answer {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_length_they_state() {
        let address = Ipv4Addr::new(10, 0, 2, 15);
        for body in [link_body(2, true), address_body(2, address, 24), route_body(address)] {
            let message = message(NEW_LINK, 0, &body);
            assert_eq!(message[..4], u32::try_from(message.len()).unwrap().to_ne_bytes());
            assert_eq!(message.len() % 4, 0);
        }
        assert_eq!(link_body(2, true).len(), 16);
        assert_eq!(address_body(2, address, 24).len(), 8 + 16);
        assert_eq!(route_body(address).len(), 12 + 8);
    }

    #[test]
    fn answers() {
        let mut answer = vec![0; 36];
        answer[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        assert!(acknowledged(&answer).is_ok());
        answer[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(acknowledged(&answer).unwrap_err().raw_os_error(), Some(1));
        assert!(acknowledged(&[]).is_err());
    }

    #[test]
    fn the_loopback_of_this_machine_exists() {
        // Index 1 is the loopback; without the right to change it the kernel's answer is "not permitted".
        match set_link(1, true) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
