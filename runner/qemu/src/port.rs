//! A free loopback port for the SSH forward.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// How many ports are offered to QEMU before the lab gives up.
pub(crate) const ATTEMPTS: usize = 8;

/// A port that was free a moment ago. QEMU binds it itself later, so somebody may be faster: then ask again.
pub(crate) fn candidate() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Where a machine with this port answers.
pub(crate) fn endpoint(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_can_be_bound_and_a_taken_port_is_not_offered() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = held.local_addr().unwrap().port();
        for _ in 0..32 {
            let port = candidate().unwrap();
            assert_ne!(port, taken);
            assert!(TcpListener::bind(endpoint(port)).is_ok());
        }
    }
}
