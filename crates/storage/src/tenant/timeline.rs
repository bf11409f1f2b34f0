//! Timelines: a message's acceptance, its attempts' beginnings and ends, and what else happened to it, put in order.
//!
//! The first two are not stored a second time as events: the message and its attempts say them. Their entries' ids are made
//! from those of the message and the delivery, so that they are the same at every reading.

use domain::{
    clock::{Timestamp, from_millis},
    ids::{DeliveryId, EventId, MessageId},
    message::{Event, EventType, Message, state::DeliveryStatus},
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde_json::Map;
use uuid::Uuid;

use super::TenantStore;
use crate::{
    entity::{attempt, delivery, event},
    error::StoreError,
    outbox::attempts::SentBy,
    page::{Page, PageRequest},
};

/// Which entry an id is made for.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Accepted,
    Started { epoch: i64 },
    Ended { epoch: i64 },
}

impl TenantStore<'_> {
    /// A message's timeline, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn events(&self, id: MessageId, page: PageRequest) -> Result<Page<Event>, StoreError> {
        let message = self.message(id).await?;
        let read = self.store.read();
        let copies = self
            .select::<delivery::Entity>()
            .filter(delivery::Column::MessageId.eq(id.uuid()));
        let attempts = self
            .select::<attempt::Entity>()
            .filter(attempt::Column::MessageId.eq(id.uuid()));
        let others = self
            .select::<event::Entity>()
            .filter(event::Column::MessageId.eq(id.uuid()));
        let mut entries = vec![accepted(&message)];
        let attempts = attempts.order_by_asc(attempt::Column::Epoch).all(read).await?;
        for copy in copies.all(read).await? {
            let own = attempts.iter().filter(|row| row.delivery_id == copy.id);
            of_copy(&copy, own, &mut entries)?;
        }
        for row in &others.all(read).await? {
            entries.push(other(row)?);
        }
        put_in_order(&mut entries);
        Ok(cut(entries, page))
    }
}

/// The one order that a timeline has, at every reading: of what is alike in all else, the id decides.
fn put_in_order(entries: &mut [Event]) {
    entries.sort_by_key(|entry| {
        (
            entry.event_type != EventType::Accepted,
            entry.at,
            rank(entry.event_type),
            entry.id.uuid(),
        )
    });
}

/// The page behind the entry that the cursor names. Where that is gone, as that of an attempt which was put back before it
/// wrote anything, the page goes on by the cursor's own time: something may be said twice, but nothing is left out.
fn cut(entries: Vec<Event>, page: PageRequest) -> Page<Event> {
    let behind = page.after.map_or(0, |after| {
        let found = entries.iter().position(|entry| entry.id.uuid() == after.uuid());
        found.map_or_else(
            || {
                let since = made_at(after.uuid());
                let earlier = |entry: &Event| entry.event_type == EventType::Accepted || entry.at < since;
                entries.iter().take_while(|entry| earlier(entry)).count()
            },
            |at| at + 1,
        )
    });
    let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
    let rest = entries.into_iter().skip(behind).take(wanted).collect();
    Page::of(rest, page, |entry| entry.id.uuid())
}

/// When a UUIDv7 was made: its first 48 bits, in milliseconds.
fn made_at(id: Uuid) -> Timestamp {
    from_millis(i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX))
}

/// Of two entries of one instant an attempt's end comes before what it led to, its beginning before its end.
const fn rank(event_type: EventType) -> u8 {
    match event_type {
        EventType::Accepted => 0,
        EventType::AttemptStarted => 1,
        EventType::Sent
        | EventType::Deferred
        | EventType::Bounced
        | EventType::Expired
        | EventType::Cancelled
        | EventType::Superseded
        | EventType::Suppressed
        | EventType::OutcomeUnknown => 2,
        EventType::Retried => 3,
    }
}

fn accepted(message: &Message) -> Event {
    Event {
        id: id_of(message.id.uuid(), Entry::Accepted),
        event_type: EventType::Accepted,
        at: message.created_at,
        message_id: message.id,
        delivery_id: None,
        detail: Map::new(),
    }
}

/// An attempt, wherever it is written.
struct Attempt {
    epoch: i64,
    started_at: i64,
    end: Option<(EventType, i64, Map<String, serde_json::Value>)>,
}

/// The attempts of one copy, in their order: two entries for each, one for that which is under way.
fn of_copy<'a>(
    copy: &delivery::Model,
    rows: impl Iterator<Item = &'a attempt::Model>,
    entries: &mut Vec<Event>,
) -> Result<(), StoreError> {
    let sent = copy.sent_by.as_deref().map(sent_by).transpose()?;
    let mut attempts = rows
        .filter(|row| sent.as_ref().is_none_or(|sent| sent.epoch != row.epoch))
        .map(ended)
        .collect::<Result<Vec<_>, _>>()?;
    attempts.extend(sent);
    attempts.sort_by_key(|attempt| attempt.epoch);
    if copy.status == DeliveryStatus::Sending.as_str() {
        attempts.push(Attempt {
            epoch: copy.lease_epoch,
            started_at: copy.updated_at,
            end: None,
        });
    }
    for (number, attempt) in (1_u32..).zip(attempts) {
        let epoch = attempt.epoch;
        let entry = |entry, event_type, at, detail| Event {
            id: id_of(copy.id, entry),
            event_type,
            at: from_millis(at),
            message_id: MessageId::new(copy.message_id),
            delivery_id: Some(DeliveryId::new(copy.id)),
            detail,
        };
        let (started, ended) = (Entry::Started { epoch }, Entry::Ended { epoch });
        entries.push(entry(
            started,
            EventType::AttemptStarted,
            attempt.started_at,
            numbered(number),
        ));
        entries.extend(
            attempt
                .end
                .map(|(event_type, at, detail)| entry(ended, event_type, at, detail)),
        );
    }
    Ok(())
}

fn sent_by(text: &str) -> Result<Attempt, StoreError> {
    let sent: SentBy = serde_json::from_str(text).map_err(|_| StoreError::Corrupt("sent_by"))?;
    Ok(Attempt {
        epoch: sent.epoch,
        started_at: sent.started_at,
        end: Some((EventType::Sent, sent.ended_at, sent.detail)),
    })
}

fn ended(row: &attempt::Model) -> Result<Attempt, StoreError> {
    let end = |word: &String| {
        let detail = serde_json::from_str(&row.detail).map_err(|_| StoreError::Corrupt("attempt"))?;
        Ok::<_, StoreError>((event_type(word)?, row.ended_at, detail))
    };
    Ok(Attempt {
        epoch: row.epoch,
        started_at: row.started_at,
        end: row.event_type.as_ref().map(end).transpose()?,
    })
}

fn numbered(attempt: u32) -> Map<String, serde_json::Value> {
    Map::from_iter([("attempt".to_owned(), attempt.into())])
}

fn other(row: &event::Model) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId::new(row.id),
        event_type: event_type(&row.event_type)?,
        at: from_millis(row.at),
        message_id: MessageId::new(row.message_id),
        delivery_id: row.delivery_id.map(DeliveryId::new),
        detail: serde_json::from_str(&row.detail).map_err(|_| StoreError::Corrupt("event detail"))?,
    })
}

fn event_type(word: &str) -> Result<EventType, StoreError> {
    EventType::ALL
        .into_iter()
        .find(|event_type| event_type.as_str() == word)
        .ok_or(StoreError::Corrupt("event type"))
}

/// The id of an entry: its owner's with other random bits (RFC 9562 §5.7, `rand_b`), so that it stays a UUIDv7 of that time.
fn id_of(owner: Uuid, entry: Entry) -> EventId {
    let number = match entry {
        Entry::Accepted => 0,
        Entry::Started { epoch } => epoch.wrapping_mul(2),
        Entry::Ended { epoch } => epoch.wrapping_mul(2).wrapping_add(1),
    };
    // An odd factor spreads small numbers over all bits, and no two of them alike (Fibonacci hashing).
    let mixed = number
        .cast_unsigned()
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        >> 2;
    EventId::new(Uuid::from_u128(owner.as_u128() ^ u128::from(mixed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b";

    /// An entry of a message's first seconds.
    fn entry(event_type: EventType, after_ms: i64, number: u128) -> Event {
        let owner = Uuid::try_parse(OWNER).unwrap();
        let made = i64::try_from(owner.as_u128() >> 80).unwrap();
        Event {
            id: EventId::new(Uuid::from_u128(owner.as_u128() ^ number)),
            event_type,
            at: from_millis(made + after_ms),
            message_id: MessageId::new(owner),
            delivery_id: None,
            detail: Map::new(),
        }
    }

    #[test]
    fn entries_of_one_instant_have_one_order_however_they_were_read() {
        let mut read: Vec<Event> = (1..=9).map(|number| entry(EventType::Sent, 5, number)).collect();
        read.push(entry(EventType::Accepted, 5, 10));
        let mut reversed: Vec<Event> = read.iter().rev().cloned().collect();
        put_in_order(&mut read);
        put_in_order(&mut reversed);

        let ids = |entries: &[Event]| entries.iter().map(|entry| entry.id.uuid()).collect::<Vec<_>>();
        assert_eq!(ids(&read), ids(&reversed));
        assert_eq!(read[0].event_type, EventType::Accepted);
    }

    #[test]
    fn behind_an_entry_that_is_gone_the_timeline_goes_on_by_its_time() {
        let entries = vec![
            entry(EventType::Accepted, 0, 1),
            entry(EventType::Cancelled, -5, 2),
            entry(EventType::Retried, 7, 3),
            entry(EventType::AttemptStarted, 9, 4),
        ];
        let gone = entry(EventType::AttemptStarted, 8, 5);
        let last_shown = Page::of(
            vec![gone, entry(EventType::Sent, 9, 6)],
            PageRequest { limit: 1, after: None },
            |entry| entry.id.uuid(),
        );
        let page = PageRequest {
            limit: 1,
            after: last_shown.next,
        };

        let next = cut(entries.clone(), page);
        let last = cut(
            entries.clone(),
            PageRequest {
                limit: 1,
                after: next.next,
            },
        );

        assert_eq!(next.items[0].event_type, EventType::Retried);
        assert_eq!(last.items[0].event_type, EventType::AttemptStarted);
        assert!(last.next.is_none());
    }

    #[test]
    fn an_entrys_id_is_a_time_ordered_one_of_its_own() {
        let owner = Uuid::try_parse(OWNER).unwrap();
        let mut ids: Vec<Uuid> = (0..100)
            .flat_map(|epoch| [Entry::Started { epoch }, Entry::Ended { epoch }])
            .map(|entry| id_of(owner, entry).uuid())
            .collect();
        ids.push(owner);
        assert!(
            ids.iter()
                .all(|id| id.get_version_num() == 7 && id.as_u128() >> 80 == owner.as_u128() >> 80)
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 201);
    }
}
