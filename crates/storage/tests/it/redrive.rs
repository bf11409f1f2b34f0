//! Redrive: what failed is put back, once, whoever asks how often.

use domain::{
    clock::Timestamp,
    ids::TenantId,
    message::{NewMessage, kind::Lane, state::DeliveryStatus},
    outbox::{Outbox as _, Room},
};
use sea_orm::ConnectionTrait as _;
use storage::{
    outbox::{Idempotency, Submitted},
    provider::Redrive,
};

use crate::support::{World, notification, operator, tenant};

/// More than one group holds.
const MANY: usize = 300;

fn of(status: DeliveryStatus) -> Redrive {
    Redrive {
        tenant: None,
        statuses: vec![status],
        since: None,
    }
}

fn bounced() -> Redrive {
    of(DeliveryStatus::Bounced)
}

fn key() -> Idempotency {
    Idempotency {
        operation: "relay.redrive",
        key: "incident-7".into(),
        body: b"{}".to_vec(),
        status: 200,
        location: None,
        answer: Vec::new(),
    }
}

async fn submit(world: &World, many: usize) -> Vec<NewMessage> {
    let messages: Vec<_> = (0..many).map(|_| world.message(notification())).collect();
    let domain = "acme.example".parse().unwrap();
    world
        .store
        .submit(&world.scope, &messages, &domain, None)
        .await
        .unwrap();
    messages
}

/// Puts every delivery that waits into a state, behind the store's back.
async fn all_become(world: &World, status: &str) {
    let sql = format!("UPDATE deliveries SET status = '{status}', due_at = NULL WHERE status = 'queued'");
    world.database.raw().await.execute_unprepared(&sql).await.unwrap();
}

async fn redrive(world: &World, redrive: &Redrive, key: Option<Idempotency>) -> (Submitted, u64) {
    let answer = |count: u64| count.to_string().into_bytes();
    let operator = operator();
    world
        .store
        .provider(&operator)
        .redrive(redrive, key, answer)
        .await
        .unwrap()
}

async fn count(world: &World, redrive: &Redrive) -> u64 {
    world.store.provider(&operator()).count_redrive(redrive).await.unwrap()
}

#[tokio::test]
async fn every_failed_delivery_is_put_back_once_also_by_two_who_ask_at_the_same_time() {
    let world = World::new().await;
    let messages = submit(&world, MANY).await;
    all_become(&world, "bounced").await;
    let all = u64::try_from(MANY).unwrap();
    assert_eq!(count(&world, &bounced()).await, all);

    let both = [bounced(), bounced()];
    let (one, other) = tokio::join!(redrive(&world, &both[0], None), redrive(&world, &both[1], None));

    assert_eq!(one.1 + other.1, all);
    assert_eq!(count(&world, &bounced()).await, 0);
    assert_eq!(world.timeline(&messages[7]).await, ["accepted", "retried"]);
    let claimed = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(MANY))
        .await
        .unwrap();
    assert_eq!(claimed.len(), MANY);
}

#[tokio::test]
async fn the_same_key_is_answered_alike_and_does_nothing_more() {
    let world = World::new().await;
    submit(&world, 2).await;
    all_become(&world, "bounced").await;
    let wanted = bounced();
    let (one, other) = tokio::join!(
        redrive(&world, &wanted, Some(key())),
        redrive(&world, &wanted, Some(key()))
    );
    let replayed = Submitted::Replayed {
        status: 200,
        location: None,
        answer: b"2".to_vec(),
    };
    let mut answers = [one, other];
    answers.sort_by_key(|(_, count)| *count);
    assert_eq!(answers, [(replayed.clone(), 0), (Submitted::Stored, 2)]);

    all_become(&world, "bounced").await;
    assert_eq!(redrive(&world, &bounced(), Some(key())).await.0, replayed);
    assert_eq!(count(&world, &bounced()).await, 2);
    let reused = Idempotency {
        body: b"{\"status\":\"bounced\"}".to_vec(),
        ..key()
    };
    assert_eq!(redrive(&world, &bounced(), Some(reused)).await.0, Submitted::KeyReused);
}

#[tokio::test]
async fn what_cannot_be_sent_any_more_is_neither_counted_nor_put_back() {
    let world = World::new().await;
    let [erased, expired] = [submit(&world, 1).await, submit(&world, 1).await];
    all_become(&world, "bounced").await;
    let raw = world.database.raw().await;
    let id = |messages: &[NewMessage]| {
        let id = messages[0].id;
        if world.store.is_shared() {
            format!("'{id}'")
        } else {
            format!("X'{}'", id.uuid().simple())
        }
    };
    for sql in [
        format!("UPDATE messages SET sealed = NULL WHERE id = {}", id(&erased)),
        format!(
            "UPDATE deliveries SET expires_at = 1 WHERE message_id = {}",
            id(&expired)
        ),
    ] {
        raw.execute_unprepared(&sql).await.unwrap();
    }

    assert_eq!(count(&world, &bounced()).await, 0);
    assert_eq!(redrive(&world, &bounced(), None).await, (Submitted::Stored, 0));
}

#[tokio::test]
async fn only_what_is_asked_for_is_put_back() {
    let world = World::new().await;
    let other = tenant(&world.store, "other").await;
    let messages = submit(&world, 1).await;
    all_become(&world, "deferred").await;
    let narrowed = |tenant: Option<TenantId>, since: Option<Timestamp>| Redrive {
        tenant,
        since,
        ..of(DeliveryStatus::Deferred)
    };
    let submitted = messages[0].created_at;
    let later = submitted + std::time::Duration::from_mins(1);

    assert_eq!(count(&world, &bounced()).await, 0);
    assert_eq!(count(&world, &narrowed(Some(other.id()), None)).await, 0);
    assert_eq!(count(&world, &narrowed(None, Some(later))).await, 0);
    let wanted = narrowed(Some(world.scope.id()), Some(submitted));
    assert_eq!(redrive(&world, &wanted, None).await, (Submitted::Stored, 1));
    assert_eq!(world.status(&messages[0]).await, "queued");
}
