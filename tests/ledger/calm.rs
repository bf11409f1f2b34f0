//! Waits until nothing moves any more, then reads the store's column of the ledger through the API, as a producer would.

use std::{collections::HashMap, time::Duration};

use domain::message::state::DeliveryStatus;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    book::{Millis, Stored, StoredDelivery},
    json::{items, maybe, text},
    mix::TENANTS,
    rest::{Rest, slug},
    trouble::Fallible,
};

/// Requests in flight at once.
const READERS: usize = 16;
/// Between two looks at what still moves.
const GLANCE: Duration = Duration::from_millis(300);
/// A send of unknown outcome goes once more within a second (`LETTERHEAD_OUTCOME_UNKNOWN_DELAY`), so this long without a
/// change is rest.
const REST: Duration = Duration::from_secs(3);

/// A message, of a tenant.
type Entry = (usize, Value);

/// The store's column, read when all is at rest, or when `within` is over: what still moves then is a finding.
pub(crate) async fn read_at_rest(rest: &Rest, within: Duration) -> Fallible<Vec<Stored>> {
    let until = Instant::now() + within;
    let mut messages = list(rest, until).await?;
    loop {
        let moving: Vec<Entry> = messages.into_iter().filter(moves).collect();
        still(rest, moving, until).await?;
        sleep(REST).await;
        messages = list(rest, until + REST).await?;
        if Instant::now() > until || !messages.iter().any(moves) {
            break;
        }
    }
    let patient = until + Duration::from_mins(2);
    let rows = stream::iter(messages).map(|entry| stored(rest, entry, patient));
    rows.buffer_unordered(READERS).try_collect().await
}

/// Looks at messages until each is at rest. Deferred ones of the slow lanes are asked for again, as an operator would,
/// since their schedule counts in minutes.
async fn still(rest: &Rest, mut moving: Vec<Entry>, until: Instant) -> Fallible<()> {
    while !moving.is_empty() && Instant::now() < until {
        for (tenant, message) in moving.iter().filter(|(_, message)| waits_for_minutes(message)) {
            let path = format!("{}/retry", path_of(*tenant, message)?);
            rest.insist(Method::POST, &path, None, until).await?;
        }
        sleep(GLANCE).await;
        let fresh = stream::iter(moving).map(async |(tenant, message): Entry| {
            let message = rest.get(&path_of(tenant, &message)?, until).await?;
            Fallible::Ok((tenant, message))
        });
        let fresh: Vec<Entry> = fresh.buffer_unordered(READERS).try_collect().await?;
        moving = fresh.into_iter().filter(moves).collect();
    }
    Ok(())
}

/// Every message of every tenant.
async fn list(rest: &Rest, until: Instant) -> Fallible<Vec<Entry>> {
    let mut all = Vec::new();
    for tenant in 0..TENANTS {
        let first = format!("/v1/tenants/{}/messages?limit=200", slug(tenant));
        let mut path = first.clone();
        loop {
            let page = rest.get(&path, until + Duration::from_mins(1)).await?;
            all.extend(items(&page, "/items").iter().map(|message| (tenant, message.clone())));
            let Some(cursor) = maybe(&page, "/next_cursor") else {
                break;
            };
            path = format!("{first}&cursor={cursor}");
        }
    }
    Ok(all)
}

async fn stored(rest: &Rest, (tenant, message): Entry, until: Instant) -> Fallible<Stored> {
    let events = rest
        .get(&format!("{}/events?limit=200", path_of(tenant, &message)?), until)
        .await?;
    let mut doubts: HashMap<&str, (usize, Millis)> = HashMap::new();
    let unknown = items(&events, "/items")
        .iter()
        .filter(|event| maybe(event, "/type") == Some(DeliveryStatus::OutcomeUnknown.as_str()));
    // Oldest first.
    for event in unknown {
        let Some(delivery) = maybe(event, "/delivery_id") else {
            continue;
        };
        let at = instant(event, "/at")?;
        doubts.entry(delivery).or_insert((0, at)).0 += 1;
    }
    let deliveries = items(&message, "/deliveries").iter().map(|delivery| {
        let id = text(delivery, "/id")?;
        Fallible::Ok(StoredDelivery {
            doubts: doubts.get(id.as_str()).map_or(0, |(count, _)| *count),
            doubted_at: doubts.get(id.as_str()).map(|(_, first)| *first),
            id,
            to: text(delivery, "/to")?,
            status: status(delivery)?,
        })
    });
    let key = maybe(&message, "/supersede_key").map(str::to_owned);
    Ok(Stored {
        number: maybe(&message, "/metadata/number").and_then(|number| number.parse().ok()),
        message: text(&message, "/id")?,
        supersede: key
            .map(|key| Fallible::Ok((tenant, text(&message, "/kind")?, key)))
            .transpose()?,
        expires_at: instant(&message, "/expires_at")?,
        deliveries: deliveries.collect::<Fallible<_>>()?,
    })
}

fn instant(of: &Value, pointer: &str) -> Fallible<Millis> {
    Ok(chrono::DateTime::parse_from_rfc3339(&text(of, pointer)?)?.timestamp_millis())
}

/// Whether something will still happen to it by itself.
fn moves((_, message): &Entry) -> bool {
    items(message, "/deliveries").iter().any(|delivery| {
        status(delivery).is_ok_and(|status| !status.is_final() && status != DeliveryStatus::OutcomeUnknown)
    })
}

/// Whether nothing of it is in motion, and something of it is deferred in a lane that waits for minutes.
fn waits_for_minutes(message: &Value) -> bool {
    let deliveries = items(message, "/deliveries");
    let is = |delivery: &Value, status: DeliveryStatus| maybe(delivery, "/status") == Some(status.as_str());
    let in_motion = |delivery: &Value| is(delivery, DeliveryStatus::Sending) || is(delivery, DeliveryStatus::Queued);
    let greylisted = |delivery: &Value| {
        is(delivery, DeliveryStatus::Deferred) && text(delivery, "/to").is_ok_and(|to| to.starts_with("grey"))
    };
    let slow = maybe(message, "/lane") != Some("urgent") || deliveries.iter().any(greylisted);
    slow && !deliveries.iter().any(in_motion)
        && deliveries.iter().any(|delivery| is(delivery, DeliveryStatus::Deferred))
}

fn path_of(tenant: usize, message: &Value) -> Fallible<String> {
    Ok(format!(
        "/v1/tenants/{}/messages/{}",
        slug(tenant),
        text(message, "/id")?
    ))
}

fn status(delivery: &Value) -> Fallible<DeliveryStatus> {
    text(delivery, "/status")?
        .parse()
        .map_err(|_| format!("no status: {delivery}").into())
}
