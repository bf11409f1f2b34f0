//! Mail of on-premises tenants: claimed for their own connections, as their settings are at each attempt.

use std::{collections::HashMap, time::Duration};

use domain::{
    access::TenantScope,
    branding::FromReason,
    connection::{Connection, SmtpServer},
    ids::TenantId,
    message::{HeldBy, kind::Lane},
    outbox::{Job, Outbox as _, Outcome, Path, Room, Settlement},
};

use sea_orm::ConnectionTrait as _;

use crate::support::{World, code, configure, notification, on_premises, operator, own_server};

/// An on-premises tenant that can send.
async fn configured(world: &World, slug: &str) -> TenantScope {
    let scope = on_premises(&world.store, slug).await;
    configure(&world.store, &scope, own_server()).await;
    scope
}

async fn claim(world: &World, room: Room) -> Vec<Job> {
    world.outbox().claim(world.node, Lane::Background, room).await.unwrap()
}

async fn settle(world: &World, job: &Job, outcome: Outcome) {
    let settlement = Settlement {
        lease: job.lease,
        node: world.node,
        message: job.message,
        lane: job.lane,
        outcome,
        report: None,
    };
    world.outbox().settle(settlement).await.unwrap();
}

fn tenants(jobs: &[Job]) -> Vec<TenantId> {
    jobs.iter().map(|job| job.lease.tenant).collect()
}

fn server_of(job: &Job) -> &SmtpServer {
    let Path::Own(connection) = &job.path else {
        panic!("by the shared relay");
    };
    let Connection::Smtp(server) = connection.as_ref() else {
        panic!("not by SMTP");
    };
    server
}

async fn close_every_route(world: &World) {
    let scope = operator();
    let provider = world.store.provider(&scope);
    for route in provider.routes(storage::PageRequest::default()).await.unwrap().items {
        provider.delete_route(route.id).await.unwrap();
    }
}

#[tokio::test]
async fn each_attempt_goes_by_the_settings_of_its_moment() {
    let world = World::new().await;
    let scope = configured(&world, "globex").await;
    world.submit_of(&scope, notification()).await;
    let job = claim(&world, Room::of(10)).await.remove(0);
    assert_eq!(server_of(&job), &own_server());
    assert_eq!(job.from.reason, FromReason::OnPremises);
    assert_eq!(job.from.from.address.to_string(), "pam@globex.example");

    let moved = SmtpServer {
        port: 2525,
        ..own_server()
    };
    configure(&world.store, &scope, moved.clone()).await;
    settle(&world, &job, Outcome::Released).await;

    let again = claim(&world, Room::of(10)).await.remove(0);
    assert_eq!(server_of(&again), &moved);
    assert_eq!(again.message_id_header, job.message_id_header);
}

#[tokio::test]
async fn saving_makes_mail_due_that_the_old_settings_kept_and_nobody_elses() {
    let world = World::new().await;
    let (one, other) = (configured(&world, "globex").await, configured(&world, "initech").await);
    for scope in [&one, &other] {
        world.submit_of(scope, notification()).await;
    }
    let held = Outcome::Held {
        by: HeldBy::Configuration,
        retry_in: Duration::from_mins(5),
    };
    for job in claim(&world, Room::of(10)).await {
        settle(&world, &job, held.clone()).await;
    }
    assert!(claim(&world, Room::of(10)).await.is_empty());

    configure(&world.store, &one, own_server()).await;

    assert_eq!(tenants(&claim(&world, Room::of(10)).await), [one.id()]);
}

#[tokio::test]
async fn a_changed_route_is_no_reason_to_try_a_tenants_own_server_again() {
    let world = World::new().await;
    let scope = configured(&world, "globex").await;
    world.submit_of(&scope, notification()).await;
    let held = Outcome::Held {
        by: HeldBy::Configuration,
        retry_in: Duration::from_mins(5),
    };
    let job = claim(&world, Room::of(10)).await.remove(0);
    settle(&world, &job, held).await;

    let provider = operator();
    let provider = world.store.provider(&provider);
    provider.create_route(crate::support::route("two")).await.unwrap();

    assert!(claim(&world, Room::of(10)).await.is_empty());
}

#[tokio::test]
async fn without_a_route_only_mail_of_own_connections_goes() {
    let world = World::new().await;
    let scope = configured(&world, "globex").await;
    close_every_route(&world).await;
    world.submit(notification()).await;
    world.submit_of(&scope, notification()).await;

    assert_eq!(tenants(&claim(&world, Room::of(10)).await), [scope.id()]);
    assert!(claim(&world, Room::of(10)).await.is_empty());
}

#[tokio::test]
async fn a_paused_relay_keeps_mail_of_own_connections_too() {
    let world = World::new().await;
    let scope = configured(&world, "globex").await;
    world.submit_of(&scope, notification()).await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    provider.pause_relay("Maintenance".to_owned()).await.unwrap();
    assert!(claim(&world, Room::of(10)).await.is_empty());
    provider.resume_relay().await.unwrap();
    assert_eq!(claim(&world, Room::of(10)).await.len(), 1);
}

#[tokio::test]
async fn what_there_is_no_room_for_stays_in_the_queue_untouched() {
    let world = World::new().await;
    let (resting, busy) = (configured(&world, "globex").await, configured(&world, "initech").await);
    let cloud = world.submit(notification()).await;
    let mut waiting = Vec::new();
    for scope in [&resting, &busy] {
        for _ in 0..3 {
            waiting.push((scope, world.submit_of(scope, notification()).await));
        }
    }
    let room = Room {
        shared: 0,
        own: 2,
        less: HashMap::from([(resting.id(), 0)]),
        ..Room::of(10)
    };

    assert_eq!(tenants(&claim(&world, room.clone()).await), [busy.id(), busy.id()]);
    for (scope, message) in waiting.iter().take(3) {
        let found = world.store.tenant(scope).message(message.id).await.unwrap();
        let delivery = &found.deliveries[0];
        assert_eq!((delivery.status.as_str(), delivery.attempts), ("queued", 0));
    }
    assert_eq!(world.status(&cloud).await, "queued");
    assert_eq!(claim(&world, Room::of(10)).await.len(), 5);
}

#[tokio::test]
async fn a_worker_without_room_for_a_tenant_is_not_woken_and_gets_nothing_of_it_in_hand() {
    let world = World::new().await;
    let (resting, well) = (configured(&world, "globex").await, configured(&world, "initech").await);
    let room = Room {
        less: HashMap::from([(resting.id(), 0)]),
        ..Room::of(4)
    };
    let (outbox, node) = (world.outbox(), world.node);
    assert!(outbox.claim(node, Lane::Urgent, room.clone()).await.unwrap().is_empty());
    let waiting = tokio::spawn(async move { outbox.wait(node, Lane::Urgent, room).await.unwrap() });
    tokio::task::yield_now().await;

    world.submit_of(&resting, code()).await;
    world.submit_of(&well, code()).await;

    let handed = tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap()
        .unwrap();
    assert!(tenants(&handed).iter().all(|tenant| *tenant == well.id()), "{handed:?}");
    let rest = world.outbox().claim(node, Lane::Urgent, Room::of(4)).await.unwrap();
    assert_eq!(handed.len() + rest.len(), 2);
}

#[tokio::test]
async fn settings_that_do_not_open_keep_their_own_mail_and_nobody_elses_until_they_are_saved() {
    let world = World::new().await;
    let (broken, well) = (configured(&world, "globex").await, configured(&world, "initech").await);
    let sql = "UPDATE email_settings SET username = 'eve' WHERE edition = 'on_premises' AND tenant_id = (SELECT id FROM tenants WHERE slug = 'globex')";
    world.database.raw().await.execute_unprepared(sql).await.unwrap();
    let kept = world.submit_of(&broken, notification()).await;
    world.submit_of(&well, notification()).await;

    assert_eq!(tenants(&claim(&world, Room::of(10)).await), [well.id()]);
    let held = async || {
        let found = world.store.tenant(&broken).message(kept.id).await.unwrap();
        found.deliveries[0].held_by
    };
    while held().await != Some(HeldBy::Configuration) {
        tokio::task::yield_now().await;
    }

    world
        .database
        .raw()
        .await
        .execute_unprepared("DELETE FROM email_settings WHERE username = 'eve'")
        .await
        .unwrap();
    configure(&world.store, &broken, own_server()).await;
    assert_eq!(tenants(&claim(&world, Room::of(10)).await), [broken.id()]);
}
