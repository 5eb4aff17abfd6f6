//! A connection to the public listener, which tells the calls on it when its client hangs up. Without
//! that a call that waits is not ended before its time: the server goes on for clients that have closed
//! a connection for writing alone.

use crate::http::hang_up::HangUp;
use actix_http::error::DispatchError;
use actix_http::{Extensions, Protocol};
use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection with what the service behind must know of it.
type Taken = (Connection, Protocol, Option<SocketAddr>);

/// A stream that notes its end.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    hang_up: HangUp,
}

impl Connection {
    /// Takes a connection, for the service behind, which speaks HTTP/1.1.
    pub(super) fn take(stream: TcpStream) -> Ready<Result<Taken, DispatchError>> {
        let peer = stream.peer_addr().ok();
        ready(Ok((Self { stream, hang_up: HangUp::default() }, Protocol::Http1, peer)))
    }

    /// Puts what its calls are told where they find it.
    pub(super) fn put_hang_up(&self, data: &mut Extensions) {
        data.insert(self.hang_up.clone());
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (into.filled().len(), into.remaining());
        let read = std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        if read.is_err() || (room > 0 && into.filled().len() == before) {
            self.hang_up.happened();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
