//! The permission to write the final dot.
//!
//! Between the dot and its 250 lies the only moment in which nobody can know whether a message was taken. So the store is
//! told right before it, and the dot is written only while that word is fresh: a process that was stopped in between must
//! not wake up and send what another one has meanwhile sent.

use std::time::Duration;

use domain::outbox::{Fence, OutboxError};
use tokio::time::{Instant, timeout};

use super::failure::NotSent;

/// Whoever keeps the dot marks.
pub trait DotMark: Sync {
    /// Commits the mark.
    ///
    /// # Errors
    /// Where the store is out of reach; the dot is then not written.
    fn commit(&self) -> impl Future<Output = Result<Fence, OutboxError>> + Send;

    /// Takes the mark back: the dot was not written.
    fn clear(&self) -> impl Future<Output = ()> + Send;
}

/// For mail that is in no outbox, such as a test email: the dot may always go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmarked;

impl DotMark for Unmarked {
    async fn commit(&self) -> Result<Fence, OutboxError> {
        Ok(Fence::Open)
    }

    async fn clear(&self) {}
}

/// Asks for the mark; the answer is the instant until which the dot may be written.
///
/// A mark that may have been committed and is of no use any more is cleared.
pub(crate) async fn ask(mark: &impl DotMark, within: Duration) -> Result<Instant, NotSent> {
    let until = Instant::now() + within;
    let refusal = match timeout(within, mark.commit()).await {
        Ok(Ok(Fence::Open)) if Instant::now() < until => return Ok(until),
        Ok(Ok(Fence::Open)) | Err(_) => NotSent::TooLate,
        Ok(Ok(Fence::Lost)) => return Err(NotSent::LeaseLost),
        Ok(Ok(Fence::Withdrawn)) => return Err(NotSent::Withdrawn),
        Ok(Err(OutboxError::Unavailable(_))) => NotSent::StoreUnavailable,
    };
    mark.clear().await;
    Err(refusal)
}
