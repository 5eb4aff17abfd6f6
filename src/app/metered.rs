//! Bodies that close the record of their call when they have been handed over.

use crate::limit::Permit;
use crate::metering::Receipt;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that closes its event and ends what its call holds of the limits: completed when the last byte
/// has been handed over, aborted when it is dropped before.
#[derive(Debug)]
pub(super) struct Metered<B> {
    body: B,
    receipt: Option<Receipt>,
    permit: Option<Permit>,
}

impl<B: MessageBody> Metered<B> {
    /// A body with the event that it closes, and with what its call holds.
    pub(super) fn new(body: B, receipt: Option<Receipt>, permit: Option<Permit>) -> Self {
        let mut metered = Self { body, receipt, permit };
        // A body of no bytes is never polled: its event is closed by having been sent.
        if matches!(metered.body.size(), BodySize::None | BodySize::Sized(0)) {
            metered.complete();
        }
        metered
    }

    fn complete(&mut self) {
        let receipt = self.receipt.take();
        match self.permit.take() {
            None => _ = receipt.map(Receipt::complete),
            Some(permit) => settle(permit, receipt),
        }
    }
}

/// Settles a call's quotas and completes its event, in this order: once the event is complete, its segment
/// may come into the ledger at any time, and what is settled behind that would be counted twice.
fn settle(mut permit: Permit, receipt: Option<Receipt>) {
    let segment = receipt.as_ref().map(Receipt::segment);
    permit.settle(segment);
    if let (Some(receipt), Some(segment)) = (receipt, segment)
        && !receipt.complete()
    {
        permit.take_back(segment);
    }
}

impl<B: MessageBody + Unpin> MessageBody for Metered<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let next = ready!(Pin::new(&mut this.body).poll_next(cx));
        if next.is_none() {
            this.complete();
        }
        Poll::Ready(next)
    }
}
