//! What operators see of the relay: what waits, what goes through, how the routes do on every process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    connection::RouteHealth,
    ids::{NodeId, TimeOrderedIds},
    message::{NewMessage, kind::Lane},
    outbox::{NODE_ALIVE, Outbox as _, Outcome, Room, Settlement},
};
use storage::{
    Store,
    outbox::Submitted,
    provider::{Depth, PasswordChange, RouteChange},
};

use crate::support::{MASTER_KEY, World, code, notification, operator, provider, route, tenant};

async fn depth(store: &Store) -> Arc<Depth> {
    store.provider(&operator()).depth().await.unwrap()
}

async fn submit(world: &World, slug: &str, messages: &[NewMessage]) {
    let scope = tenant(&world.store, slug).await;
    let domain = "acme.example".parse().unwrap();
    let stored = world.store.submit(&scope, messages, &domain, None).await.unwrap();
    assert_eq!(stored, Submitted::Stored);
}

/// What breakers say of the world's only route.
async fn health(world: &World) -> RouteHealth {
    let operator = operator();
    let standings = world.store.provider(&operator).route_standings().await.unwrap();
    assert_eq!(standings.len(), 1);
    standings[0].health
}

#[tokio::test]
async fn what_waits_is_counted_by_lane_status_and_tenant_and_what_went_through_too() {
    let world = World::new().await;
    let later = NewMessage {
        send_at: Some(world.clock.now() + Duration::from_hours(1)),
        ..world.message(notification())
    };
    submit(
        &world,
        "busy",
        &[world.message(notification()), world.message(notification()), later],
    )
    .await;
    world.submit(code()).await;
    let sent = world
        .outbox()
        .claim(world.node, Lane::Urgent, Room::of(1))
        .await
        .unwrap()
        .remove(0);
    let settlement = Settlement {
        lease: sent.lease,
        node: world.node,
        message: sent.message,
        lane: sent.lane,
        outcome: Outcome::Sent,
        report: None,
    };
    world.outbox().settle(settlement).await.unwrap();
    world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(1))
        .await
        .unwrap();
    world.submit(code()).await;
    world.clock.advance(Duration::from_secs(30));
    // Each process tells with its heartbeat what it saw sent.
    world.outbox().heartbeat(world.node, &[]).await.unwrap();

    let depth = depth(&world.store).await;

    let lanes: Vec<_> = depth.lanes.iter().map(|lane| (lane.lane, lane.waiting)).collect();
    assert_eq!(
        lanes,
        [(Lane::Urgent, 1), (Lane::Interactive, 0), (Lane::Background, 2)]
    );
    let ages: Vec<_> = depth
        .lanes
        .iter()
        .map(|lane| lane.oldest_age.map(|age| age.as_secs() / 30))
        .collect();
    assert_eq!(ages, [Some(1), None, Some(1)]);
    let statuses: Vec<_> = depth
        .statuses
        .iter()
        .map(|(status, count)| (status.as_str(), *count))
        .collect();
    assert_eq!(
        statuses,
        [
            ("scheduled", 1),
            ("queued", 2),
            ("sending", 1),
            ("deferred", 0),
            ("outcome_unknown", 0)
        ]
    );
    let tenants: Vec<_> = depth
        .tenants
        .iter()
        .map(|depth| (depth.slug.as_str(), depth.waiting))
        .collect();
    assert_eq!(tenants, [("busy", 2), ("acme", 1)]);
    assert_eq!(
        (depth.throughput.accepted_last_minute, depth.throughput.sent_last_minute),
        (5, 1)
    );
}

#[tokio::test]
async fn who_asks_again_at_once_gets_the_same_count() {
    let world = World::new().await;
    let first = depth(&world.store).await;
    world.submit(notification()).await;
    assert_eq!(depth(&world.store).await.as_of, first.as_of);
}

#[tokio::test]
async fn the_worst_that_a_live_process_says_of_a_route_counts() {
    let world = World::new().await;
    let operator = operator();
    let id = world.store.provider(&operator).route_standings().await.unwrap()[0].id;
    let other = NodeId::generate(&TimeOrderedIds);
    world.store.register_node(other, "other").await.unwrap();
    let say = async |node, word| {
        let words = HashMap::from([(id, word)]);
        world.store.publish_route_health(node, &words).await.unwrap();
    };
    assert_eq!(health(&world).await, RouteHealth::Unknown);
    say(world.node, RouteHealth::Closed).await;
    assert_eq!(health(&world).await, RouteHealth::Closed);
    say(other, RouteHealth::Open).await;
    assert_eq!(health(&world).await, RouteHealth::Open);

    world.clock.advance(NODE_ALIVE);
    world.outbox().heartbeat(world.node, &[]).await.unwrap();

    assert_eq!(health(&world).await, RouteHealth::Closed);
    world.store.register_node(world.node, "test").await.unwrap();
    assert_eq!(health(&world).await, RouteHealth::Unknown);
}

#[tokio::test]
async fn a_paused_route_is_taken_by_no_process_from_its_next_claim_on() {
    let world = World::new().await;
    let operator = operator();
    let own = world.store.provider(&operator);
    let second = RouteChange {
        password: PasswordChange::Remove,
        ..route("two")
    };
    let second = own.create_route(second).await.unwrap();
    let other = world.database.connect(MASTER_KEY).await.unwrap();
    other.require_current_schema().await.unwrap();
    let other = other.outbox(provider(), Duration::from_mins(10));
    let usable = async || {
        world.submit(notification()).await;
        let job = other
            .claim(world.node, Lane::Background, Room::of(1))
            .await
            .unwrap()
            .remove(0);
        let domain::outbox::Path::Shared(routes) = job.path else {
            panic!("a Cloud tenant's mail takes the shared relay");
        };
        routes.iter().map(|route| route.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(usable().await, ["one", "two"]);
    let paused = domain::connection::Paused {
        at: world.clock.now(),
        reason: None,
    };

    own.set_route_paused(second.id, Some(paused)).await.unwrap();
    assert_eq!(usable().await, ["one"]);

    own.set_route_paused(second.id, None).await.unwrap();
    assert_eq!(usable().await, ["one", "two"]);
}
