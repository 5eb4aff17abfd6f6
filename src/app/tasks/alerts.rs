//! Looking after usage, and sending what is told of it: alerts and mails.

use super::Part;
use crate::access::mails::Post;
use crate::alerts::Alerts;
use crate::billing::announce::Announcer;
use crate::billing::budgets::Watch;
use crate::kernel::clock::HOUR;
use crate::telemetry::{Gauge, Tally};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often it is looked whether mails or messages wait.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// Looks at quotas and hours, and forgets what was told long ago.
pub(super) async fn look(part: Part, alerts: Arc<Alerts>, period: Duration) {
    let this = part.clone();
    let forgotten = AtomicI64::new(0);
    part.every(period, || async {
        if let Err(error) = alerts.round().await {
            tracing::warn!(%error, "usage could not be looked after; what is to be told is told later");
        }
        this.metrics.add(Tally::AlertsRaised, alerts.take_raised());
        let now = this.clock.now().0;
        if now - forgotten.load(Ordering::Relaxed) > HOUR {
            forgotten.store(now, Ordering::Relaxed);
            if let Err(error) = alerts.forget().await {
                tracing::warn!(%error, "old alerts could not be forgotten");
            }
        }
    })
    .await;
}

/// Looks at budgets. Beside quotas and hours, which must not wait for what is rated.
pub(super) async fn budgets(part: Part, budgets: Arc<Watch>, period: Duration) {
    part.every(period, || async {
        if let Err(error) = budgets.round().await {
            tracing::warn!(%error, "budgets could not be looked after; what is to be told is told later");
        }
    })
    .await;
}

/// Tells subscriptions which periods were closed.
pub(super) async fn announce(part: Part, announcer: Announcer, period: Duration) {
    part.every(period, || async {
        if let Err(error) = announcer.round().await {
            tracing::warn!(%error, "a closed period could not be told of; it is told later");
        }
    })
    .await;
}

/// Sends alerts to the retailer's own receiver. A stop waits for the message that is under way.
pub(super) async fn post(part: Part, alerts: Arc<Alerts>) {
    let this = part.clone();
    part.every(SEND_EVERY, || async {
        match alerts.post(|| *this.stopped.borrow()).await {
            Ok(posted) => {
                this.metrics.add(Tally::HooksDelivered, posted.delivered);
                this.metrics.add(Tally::HookFailures, posted.failed);
            }
            Err(error) => {
                tracing::warn!(%error, "alerts could not be posted; they are posted later");
            }
        }
    })
    .await;
}

/// Sends the mails that wait, and forgets the applications that came to nothing, after `keep_days` at most. A stop
/// waits for the mail that is under way.
pub(super) async fn mail(part: Part, post: Arc<Post>, keep_days: u32) {
    let this = part.clone();
    let forgotten = AtomicI64::new(0);
    part.every(SEND_EVERY, || async {
        if let Err(error) = post.round(|| *this.stopped.borrow()).await {
            tracing::warn!(%error, "mails that wait could not be looked after");
        }
        let counts = post.take_counts();
        this.metrics.add(Tally::MailsSent, counts.sent);
        this.metrics.add(Tally::MailFailures, counts.failures);
        this.metrics.add(Tally::MailsGivenUp, counts.given_up);
        if let Ok(waiting) = post.waiting().await {
            this.metrics.set_gauge(Gauge::MailsWaiting, waiting);
        }
        let now = this.clock.now().0;
        if now - forgotten.load(Ordering::Relaxed) > HOUR {
            forgotten.store(now, Ordering::Relaxed);
            if let Err(error) = post.forget(keep_days).await {
                tracing::warn!(%error, "applications that came to nothing could not be forgotten");
            }
        }
    })
    .await;
}
