//! A body that is written while it is sent, for answers too long to be held.
//!
//! ```text
//! blocking thread: write -> pieces of 64 KiB -> channel of one -> body -> socket
//! ```
//!
//! So few bodies are written at once that their memory is bounded, and none for a client that takes
//! nothing for `request_timeout_ms`. A body that breaks off says so: the connection ends without the
//! last chunk, and the client knows that the answer is not whole.

use std::io::{self, Write};
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream::poll_fn;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::app::App;
use super::error::Problem;

/// The body that `write` writes, on a thread of its own. To be called within the runtime.
///
/// # Errors
/// Too many are being written.
pub(super) fn body(
    app: &App,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()> + Send + 'static,
) -> Result<Body, Problem> {
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::Busy("other long lists are being sent; come back in a second, or ask with `count=true`")
    })?;
    let patience = Duration::from_millis(app.config.http.request_timeout_ms);
    let (to_client, mut written) = mpsc::channel(1);
    let mut out = Pieces { bytes: Vec::new(), to_client, patience };
    tokio::task::spawn_blocking(move || {
        let _place = place;
        if let Err(error) = write(&mut out).and_then(|()| out.finish()) {
            tracing::debug!(%error, "a list was not sent to its end");
        }
    });
    let mut is_whole = false;
    Ok(Body::from_stream(poll_fn(move |context| {
        let piece = if is_whole { Some(Piece::End) } else { ready!(written.poll_recv(context)) };
        match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                is_whole = true;
                None
            }
            None => Some(Err(io::Error::other("the list breaks off"))),
        }
        .into()
    })))
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// Cuts what is written into pieces, and waits until the client has taken them.
struct Pieces {
    bytes: Vec<u8>,
    to_client: mpsc::Sender<Piece>,
    patience: Duration,
}

impl Pieces {
    fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.send(Piece::End)
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        let sent = tokio::time::timeout(self.patience, self.to_client.send(piece));
        match Handle::current().block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(more);
        if self.bytes.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(PIECE_BYTES));
        self.send(Piece::Bytes(bytes.into()))
    }
}

/// Bodies written at once: each may hold 80 MB of ids.
pub(super) const STREAMS_AT_ONCE: usize = 4;

/// Bytes of a piece, and what is written at once on top of it.
const PIECE_BYTES: usize = 64 << 10;
