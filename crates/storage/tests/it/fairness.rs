//! Who comes next: turns between tenants, mail handed over in memory, word from other processes.

use std::time::Duration;

use domain::{
    ids::{NodeId, TenantId, TimeOrderedIds},
    message::{NewMessage, kind::Lane},
    outbox::{Fence, Outbox, Room},
};

use crate::support::{MASTER_KEY, World, code, notification, provider, tenant};

/// Longer than any of this may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn submit_many(world: &World, count: usize) {
    let messages: Vec<NewMessage> = (0..count).map(|_| world.message(notification())).collect();
    let domain = "acme.example".parse().unwrap();
    world
        .store
        .submit(&world.scope, &messages, &domain, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_tenants_flood_leaves_the_others_their_turns() {
    let world = World::new().await;
    submit_many(&world, 300).await;
    let small = tenant(&world.store, "small").await;
    let domain = "small.example".parse().unwrap();
    let messages = [world.message(notification()), world.message(notification())];
    world.store.submit(&small, &messages, &domain, None).await.unwrap();

    let mut order: Vec<TenantId> = Vec::new();
    for _ in 0..6 {
        let jobs = world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(1))
            .await
            .unwrap();
        order.extend(jobs.iter().map(|job| job.lease.tenant));
    }

    assert_eq!(order.len(), 6);
    let smalls: Vec<usize> = (0..6).filter(|at| order[*at] == small.id()).collect();
    assert!(smalls.len() == 2 && smalls[1] <= 3, "{smalls:?}");
}

#[tokio::test]
async fn a_claim_that_finds_a_tenant_drained_goes_on_with_the_next() {
    let world = World::new().await;
    submit_many(&world, 3).await;
    let small = tenant(&world.store, "small").await;
    let domain = "small.example".parse().unwrap();
    world
        .store
        .submit(&small, &[world.message(notification())], &domain, None)
        .await
        .unwrap();
    let jobs = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(64))
        .await
        .unwrap();
    assert_eq!(jobs.len(), 4);
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(64))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_accepted_while_a_worker_waits_is_handed_over_leased() {
    let world = World::new().await;
    let (outbox, node) = (world.outbox(), world.node);
    // The lane was looked through and is empty, so that the worker waits.
    assert!(outbox.claim(node, Lane::Urgent, Room::of(4)).await.unwrap().is_empty());
    let waiting = tokio::spawn(async move { outbox.wait(node, Lane::Urgent, Room::of(4)).await.unwrap() });
    tokio::task::yield_now().await;
    let message = world.submit(code()).await;

    let jobs = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();

    assert_eq!(jobs.len(), 1);
    assert!(jobs[0].content == message.content && jobs[0].attempt == 1);
    assert_eq!(world.status(&message).await, "sending");
    assert_eq!(world.timeline(&message).await, ["accepted", "attempt_started"]);
    assert_eq!(world.outbox().mark(jobs[0].lease).await.unwrap(), Fence::Open);
}

#[tokio::test]
async fn what_was_handed_to_a_worker_that_has_gone_away_is_queued_again() {
    let world = World::new().await;
    let (outbox, node) = (world.outbox(), world.node);
    assert!(outbox.claim(node, Lane::Urgent, Room::of(4)).await.unwrap().is_empty());
    let gone = tokio::spawn(async move { outbox.wait(node, Lane::Urgent, Room::of(4)).await });
    tokio::task::yield_now().await;
    gone.abort();
    drop(gone.await);
    let message = world.submit(code()).await;
    let jobs = world
        .outbox()
        .claim(world.node, Lane::Urgent, Room::of(4))
        .await
        .unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].message, message.id);
}

#[tokio::test]
async fn a_worker_waits_only_while_nothing_is_due() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let outbox = world.outbox();
    let told = tokio::time::timeout(PATIENCE, outbox.wait(world.node, Lane::Background, Room::of(4)));
    assert!(told.await.unwrap().unwrap().is_empty());
    let jobs = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(4))
        .await
        .unwrap();
    assert_eq!(jobs[0].message, message.id);
}

/// Two stores on one PostgreSQL: on SQLite a file has one process.
#[tokio::test]
async fn another_process_hears_of_new_mail() {
    let world = World::new().await;
    if !world.store.is_shared() {
        return;
    }
    let other = world
        .database
        .connect_at(MASTER_KEY, world.clock.clone())
        .await
        .unwrap();
    let node = NodeId::generate(&TimeOrderedIds);
    other.migrate().await.unwrap();
    other.register_node(node, "other").await.unwrap();
    let outbox = other.outbox(provider(), Duration::from_mins(10));
    // So that it is known to hear: a claim finds nothing, and a word may come at any time after.
    assert!(
        outbox
            .claim(node, Lane::Background, Room::of(4))
            .await
            .unwrap()
            .is_empty()
    );
    let message = world.submit(notification()).await;
    let heard = async {
        loop {
            let handed = outbox.wait(node, Lane::Background, Room::of(4)).await.unwrap();
            assert!(handed.is_empty());
            let jobs = outbox.claim(node, Lane::Background, Room::of(4)).await.unwrap();
            if let Some(job) = jobs.first() {
                return job.message;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, heard).await.unwrap(), message.id);
}
