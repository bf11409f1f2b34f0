//! Messages on their way: submitted, followed along their timelines, and looked for where they had to arrive.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    ARRIVAL,
    screen::Screen,
    service::{Service, items, text},
};
use crate::commands::CommandError;

/// How often timelines are looked at.
const LOOK: Duration = Duration::from_millis(25);

/// A message on its way.
pub(super) struct Followed {
    tenant: &'static str,
    kind: String,
    id: String,
    deliveries: Vec<String>,
    shown: BTreeSet<String>,
    ended: bool,
}

impl Followed {
    /// Submits it.
    pub(super) async fn submit(
        service: &Service,
        token: &str,
        tenant: &'static str,
        message: Value,
    ) -> Result<Self, CommandError> {
        let path = format!("/v1/tenants/{tenant}/messages");
        let accepted = service.must("POST", &path, token, Some(message)).await?;
        Ok(Self::of(tenant, &accepted))
    }

    fn of(tenant: &'static str, accepted: &Value) -> Self {
        let deliveries = accepted
            .get("deliveries")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Self {
            tenant,
            kind: text(accepted, "kind").to_owned(),
            id: text(accepted, "id").to_owned(),
            deliveries: deliveries.map(|delivery| text(delivery, "id").to_owned()).collect(),
            shown: BTreeSet::new(),
            ended: false,
        }
    }

    /// What has happened to it since the last look.
    async fn look(&mut self, service: &Service, token: &str) -> Result<Vec<(String, Value)>, CommandError> {
        let path = format!("/v1/tenants/{}/messages/{}/events", self.tenant, self.id);
        let events = service.must("GET", &path, token, None).await?;
        let ends = ["sent", "bounced", "expired", "cancelled", "superseded", "suppressed"];
        self.ended = items(&events)
            .filter(|event| ends.contains(&text(event, "type")))
            .count()
            >= self.deliveries.len();
        let fresh = items(&events).filter(|event| self.shown.insert(text(event, "id").to_owned()));
        Ok(fresh.map(|event| (self.kind.clone(), event.clone())).collect())
    }
}

/// Shows each timeline as it happens, until every delivery has come to its end.
pub(super) async fn follow(
    service: &Service,
    token: &str,
    followed: &mut [Followed],
    screen: &mut Screen<'_>,
) -> Result<(), CommandError> {
    let started = Instant::now();
    screen.begin(deliveries(followed));
    while followed.iter().any(|message| !message.ended) {
        if started.elapsed() > ARRIVAL {
            screen.end();
            return Err(CommandError::Failed(format!(
                "not every message was sent within {} s",
                ARRIVAL.as_secs()
            )));
        }
        let mut happened = Vec::new();
        for message in followed.iter_mut().filter(|message| !message.ended) {
            happened.extend(message.look(service, token).await?);
        }
        // The timelines of several messages, as one.
        happened.sort_by(|(_, one), (_, other)| text(one, "at").cmp(text(other, "at")));
        for (kind, event) in &happened {
            screen.event(kind, event)?;
        }
        tokio::time::sleep(LOOK).await;
    }
    screen.end();
    Ok(())
}

/// How many deliveries these messages are.
pub(super) fn deliveries(followed: &[Followed]) -> usize {
    followed.iter().map(|message| message.deliveries.len()).sum()
}

/// The proof: every delivery was taken; `taken` tells recipients and subject of the mail with this text in it.
pub(super) fn arrived(
    followed: &[Followed],
    screen: &mut Screen<'_>,
    taken: impl Fn(&str) -> Option<(String, String)>,
) -> Result<(), CommandError> {
    for delivery in followed.iter().flat_map(|message| &message.deliveries) {
        // It stands in the Message-ID.
        let (to, subject) =
            taken(delivery).ok_or_else(|| CommandError::Failed(format!("the delivery {delivery} did not arrive")))?;
        screen.line(&format!("{to:<22} {subject}"))?;
    }
    let all = deliveries(followed);
    screen.line(&format!("{all} of {all} deliveries arrived"))
}
