//! The two kinds of sockets that clients come by, behind one face.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio_util::io::poll_read_buf;

/// A socket that was accepted and belongs to no thread's runtime yet.
#[derive(Debug)]
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
}

/// The reading half.
#[derive(Debug)]
pub enum ReadHalf {
    /// TCP.
    Tcp(tcp::OwnedReadHalf),
    /// Unix.
    Unix(unix::OwnedReadHalf),
}

/// The writing half.
#[derive(Debug)]
pub enum WriteHalf {
    /// TCP.
    Tcp(tcp::OwnedWriteHalf),
    /// Unix.
    Unix(unix::OwnedWriteHalf),
}

impl Accepted {
    /// Registers the socket with the runtime of this thread.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn register(self) -> io::Result<(ReadHalf, WriteHalf)> {
        Ok(match self {
            Self::Tcp(socket) => {
                let (read, write) = TcpStream::from_std(socket)?.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            Self::Unix(socket) => {
                let (read, write) = UnixStream::from_std(socket)?.into_split();
                (ReadHalf::Unix(read), WriteHalf::Unix(write))
            }
        })
    }
}

impl ReadHalf {
    /// Appends to `buf` what the socket has, up to the room that is there.
    #[inline]
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => poll_read_buf(Pin::new(half), cx, buf),
            Self::Unix(half) => poll_read_buf(Pin::new(half), cx, buf),
        }
    }

    /// Whether the socket has something to read.
    #[inline]
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => half.as_ref().poll_read_ready(cx),
            Self::Unix(half) => half.as_ref().poll_read_ready(cx),
        }
    }
}

impl WriteHalf {
    /// Writes what the socket takes now.
    ///
    /// # Errors
    /// The socket takes nothing now (`WouldBlock`), or nothing any more.
    #[inline]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write(bytes),
            Self::Unix(half) => half.try_write(bytes),
        }
    }

    /// As [`WriteHalf::try_write`], for bytes that do not lie together.
    ///
    /// # Errors
    /// The socket takes nothing now (`WouldBlock`), or nothing any more.
    pub fn try_write_slices(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(half) => half.try_write_vectored(slices),
            Self::Unix(half) => half.try_write_vectored(slices),
        }
    }

    /// Whether nothing comes any more behind what can be read now: the other end closed, or stopped
    /// sending. Asks what the runtime knows, not the system.
    pub fn has_no_more(&self) -> bool {
        let mut task = Context::from_waker(Waker::noop());
        let ready = match self {
            Self::Tcp(half) => pin!(half.ready(Interest::READABLE)).poll(&mut task),
            Self::Unix(half) => pin!(half.ready(Interest::READABLE)).poll(&mut task),
        };
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// Whether the socket takes something.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => half.as_ref().poll_write_ready(cx),
            Self::Unix(half) => half.as_ref().poll_write_ready(cx),
        }
    }
}
