//! A request's body whose last octet waits for the dot mark.
//!
//! Without its last octet no server can take a request for whole, so what the final dot is to SMTP, that octet is here: the
//! text goes out first, however long that takes, and the moment of doubt begins with the mark. Whether the octet has left is
//! decided in one place; once it is shut in, it never goes, whatever the connection still does.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::{sync::oneshot, time::Instant};

const HELD: u8 = 0;
const OUT: u8 = 1;
const SHUT: u8 = 2;

/// A body for one request.
#[derive(Debug)]
pub(super) struct FencedBody {
    text: Option<Bytes>,
    last: Option<Bytes>,
    reached: Option<oneshot::Sender<Infallible>>,
    leave: oneshot::Receiver<Instant>,
    state: Arc<AtomicU8>,
}

/// The hand on the fence.
#[derive(Debug)]
pub(super) struct Hand {
    reached: oneshot::Receiver<Infallible>,
    leave: Option<oneshot::Sender<Instant>>,
    state: Arc<AtomicU8>,
}

/// The last octet stays here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shut;

/// A body behind a fence, and the hand on it.
pub(super) fn fenced(body: Vec<u8>) -> (FencedBody, Hand) {
    let mut text = Bytes::from(body);
    let last = text.split_off(text.len().saturating_sub(1));
    let (reached, is_reached) = oneshot::channel();
    let (give_leave, leave) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(HELD));
    let body = FencedBody {
        text: Some(text).filter(|text| !text.is_empty()),
        last: Some(last).filter(|last| !last.is_empty()),
        reached: Some(reached),
        leave,
        state: Arc::clone(&state),
    };
    let hand = Hand {
        reached: is_reached,
        leave: Some(give_leave),
        state,
    };
    (body, hand)
}

impl Hand {
    /// Resolves when all but the last octet was asked for, or the body is gone.
    pub(super) async fn reached(&mut self) {
        // Nothing is ever sent: the sender is dropped.
        drop((&mut self.reached).await);
    }

    /// Lets the last octet go, if it goes before this instant.
    pub(super) fn open(&mut self, until: Instant) {
        if let Some(leave) = self.leave.take() {
            // An error means that the body is gone, and so will never be whole.
            let _ = leave.send(until);
        }
    }

    /// Keeps the last octet here for good, if it is here still.
    ///
    /// # Errors
    /// It is out.
    pub(super) fn shut(&self) -> Result<Shut, Out> {
        match self
            .state
            .compare_exchange(HELD, SHUT, Ordering::SeqCst, Ordering::SeqCst)
        {
            Ok(_) | Err(SHUT) => Ok(Shut),
            Err(_) => Err(Out),
        }
    }
}

/// The last octet has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Out;

impl FencedBody {
    fn let_out(&self, until: Instant) -> Result<(), Shut> {
        if Instant::now() >= until {
            return Err(Shut);
        }
        let left = self
            .state
            .compare_exchange(HELD, OUT, Ordering::SeqCst, Ordering::SeqCst);
        left.map(drop).map_err(|_| Shut)
    }
}

impl Body for FencedBody {
    type Data = Bytes;
    type Error = Shut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Shut>>> {
        let this = self.get_mut();
        if let Some(text) = this.text.take() {
            return Poll::Ready(Some(Ok(Frame::data(text))));
        }
        if this.last.is_none() {
            return Poll::Ready(None);
        }
        this.reached = None;
        let Poll::Ready(leave) = Pin::new(&mut this.leave).poll(cx) else {
            return Poll::Pending;
        };
        let out = leave.map_err(|_| Shut).and_then(|until| this.let_out(until));
        Poll::Ready(match out {
            Ok(()) => this.last.take().map(|last| Ok(Frame::data(last))),
            Err(Shut) => Some(Err(Shut)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none() && self.last.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let octets = |part: &Option<Bytes>| part.as_ref().map_or(0, Bytes::len);
        let left = octets(&self.text) + octets(&self.last);
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of the request was held back")
    }
}

impl Error for Shut {}

#[cfg(test)]
mod tests;
