//! What a driver that filters the network, or the start of processes, does to the SSH service.
//!
//! The service has no part in it: a connection is reset beneath it, and what it wants to start does not start.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::text::lock;

/// The filter; in the way of nothing until a driver says so, and again after a restart.
#[derive(Debug)]
pub struct SshFilter {
    connections: Mutex<Vec<Weak<Wire>>>,
    /// Bytes that a connection may bring.
    most_bytes: AtomicU64,
    /// Bytes that a connection may take away.
    most_taken: AtomicU64,
    /// How many connections that take more are still reset.
    cuts_left: AtomicU32,
    denies_commands: AtomicBool,
}

impl Default for SshFilter {
    fn default() -> Self {
        let denies_commands = AtomicBool::new(false);
        Self {
            connections: Mutex::default(),
            most_bytes: AtomicU64::new(u64::MAX),
            most_taken: AtomicU64::new(u64::MAX),
            cuts_left: AtomicU32::new(0),
            denies_commands,
        }
    }
}

impl SshFilter {
    /// Resets all connections that are open now.
    pub fn cut_sessions(&self) {
        self.wires().iter().for_each(|wire| wire.reset());
    }

    /// Resets, from now on, each connection that brings more than `bytes`.
    pub fn limit_uploads(&self, bytes: u64) {
        self.wires().iter().for_each(|wire| wire.brought.store(0, Ordering::SeqCst));
        self.most_bytes.store(bytes, Ordering::SeqCst);
    }

    /// Resets, from now on, each connection that takes away more than `bytes`, until it was done so many `times`.
    pub fn limit_downloads(&self, bytes: u64, times: u32) {
        self.wires().iter().for_each(|wire| wire.taken.store(0, Ordering::SeqCst));
        self.most_taken.store(bytes, Ordering::SeqCst);
        self.cuts_left.store(times, Ordering::SeqCst);
    }

    /// Whether a connection that has taken so many bytes is to be reset now.
    fn cuts_off(&self, taken: u64) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        taken > self.most_taken.load(Ordering::SeqCst)
            && self.cuts_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    /// Lets the service start nothing from now on.
    pub fn deny_commands(&self) {
        self.denies_commands.store(true, Ordering::SeqCst);
    }

    pub(super) fn denies_commands(&self) -> bool {
        self.denies_commands.load(Ordering::SeqCst)
    }

    /// The connection with the filter in it.
    pub(super) fn through(self: &Arc<Self>, stream: TcpStream) -> io::Result<Filtered> {
        let wire =
            Arc::new(Wire { socket: rustix::io::dup(&stream)?, brought: AtomicU64::new(0), taken: AtomicU64::new(0) });
        let mut connections = lock(&self.connections);
        connections.retain(|wire| wire.strong_count() > 0);
        connections.push(Arc::downgrade(&wire));
        Ok(Filtered { stream, wire, filter: Arc::clone(self) })
    }

    fn wires(&self) -> Vec<Arc<Wire>> {
        lock(&self.connections).iter().filter_map(Weak::upgrade).collect()
    }
}

/// One connection as the filter knows it.
#[derive(Debug)]
struct Wire {
    socket: OwnedFd,
    brought: AtomicU64,
    taken: AtomicU64,
}

impl Wire {
    /// Both ends see a reset: Linux sends one when an established connection is dissolved (connect(2), `AF_UNSPEC`).
    fn reset(&self) {
        if let Err(error) = rustix::net::connect_unspec(&self.socket) {
            tracing::debug!(%error, "a connection was gone before it was reset");
        }
    }
}

/// A connection of the service.
#[derive(Debug)]
pub(super) struct Filtered {
    stream: TcpStream,
    wire: Arc<Wire>,
    filter: Arc<SshFilter>,
}

impl AsyncRead for Filtered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        let brought = self.wire.brought.fetch_add(read, Ordering::SeqCst) + read;
        if brought > self.filter.most_bytes.load(Ordering::SeqCst) {
            self.wire.reset();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Filtered {
    /// Counts what the connection takes away; it is reset once it has taken more than it may.
    fn take(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let written = ready!(written)?;
        let taken = self.wire.taken.fetch_add(written as u64, Ordering::SeqCst) + written as u64;
        if self.filter.cuts_off(taken) {
            self.wire.reset();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(written))
    }
}

impl AsyncWrite for Filtered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.take(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.take(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
