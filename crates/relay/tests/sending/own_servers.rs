//! Tenants' own servers: sessions are kept, and one tenant's server that fails or hangs is that tenant's affair.

use std::sync::Arc;

use domain::{
    connection::{Connection, SmtpServer},
    ids::TenantId,
    message::kind::Lane,
    outbox::{Job, Lease, Outcome, Path},
};
use futures_util::future::join_all;
use relay::{
    inbox::{Behaviour, Inbox, Script, Step},
    metrics::Metrics,
    places::Places,
    session::Timeouts,
    transport::Transports,
};
use tokio::time::timeout;

use crate::sample::{PATIENCE, attempt_job, credentials, deserted, dialer_with, id, inbox, job, put_back, server};

fn transports() -> Transports {
    let timeouts = Timeouts {
        rest: std::time::Duration::from_mins(1),
        ..Timeouts::default()
    };
    Transports::new(dialer_with(timeouts), Metrics::default())
}

fn own(tenant: TenantId, server: SmtpServer) -> Job {
    let job = job(Lane::Background, Path::Own(Arc::new(Connection::Smtp(server))));
    Job {
        lease: Lease { tenant, ..job.lease },
        ..job
    }
}

async fn send(transports: &Transports, tenant: TenantId, inbox: &Inbox) -> Outcome {
    attempt_job(transports, &own(tenant, server(inbox.addr()))).await.0
}

#[tokio::test]
async fn sessions_are_kept_for_one_tenant_and_not_shared_with_another() {
    let inbox = inbox(Script::new()).await;
    let (transports, one, other) = (transports(), id(), id());
    for tenant in [one, one, other, one, other] {
        assert_eq!(send(&transports, tenant, &inbox).await, Outcome::Sent);
    }
    assert_eq!((inbox.received(), inbox.connections()), (5, 2));
}

#[tokio::test]
async fn a_session_is_never_used_under_other_settings() {
    let inbox = inbox(Script::new()).await;
    let (transports, tenant) = (transports(), id());
    let before = server(inbox.addr());
    let changed = SmtpServer {
        credentials: Some(credentials()),
        ..before.clone()
    };

    attempt_job(&transports, &own(tenant, before)).await;
    let (outcome, _) = attempt_job(&transports, &own(tenant, changed)).await;

    // In clear, so never sent; a kept session would have taken it.
    assert!(matches!(outcome, Outcome::Held { .. }), "{outcome:?}");
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn there_are_five_connections_to_one_server_at_most() {
    let slow = Behaviour::Delay(std::time::Duration::from_millis(20));
    let inbox = inbox(Script::new().always_at(Step::Dot, slow)).await;
    let (transports, tenant) = (transports(), id());

    let outcomes = join_all((0..16).map(|_| send(&transports, tenant, &inbox))).await;

    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Sent), "{outcomes:?}");
    assert!(inbox.connections() <= 5, "{}", inbox.connections());
}

#[tokio::test]
async fn a_dead_server_keeps_its_own_tenant_waiting_and_nobody_else() {
    let alive = inbox(Script::new()).await;
    let (transports, unlucky, other) = (transports(), id(), id());
    let dead = own(unlucky, server(deserted().await));
    for _ in 0..3 {
        attempt_job(&transports, &dead).await;
    }

    let (outcome, _) = attempt_job(&transports, &dead).await;

    assert!(put_back(&outcome).is_some(), "{outcome:?}");
    let blocked: Vec<_> = transports
        .blocked_tenants(Lane::Urgent)
        .iter()
        .map(|one| one.tenant)
        .collect();
    assert_eq!(blocked, [unlucky]);
    assert_eq!(send(&transports, other, &alive).await, Outcome::Sent);
}

#[tokio::test]
async fn a_hanging_server_takes_up_a_quarter_of_a_lane_at_most() {
    let hanging = inbox(Script::new().always_at(Step::Greeting, Behaviour::Hang)).await;
    let places = Places {
        background: 8,
        ..Places::default()
    };
    let (transports, tenant) = (transports().within(places), id());

    let mut in_flight = join_all((0..2).map(|_| send(&transports, tenant, &hanging)));
    let third = async {
        while hanging.connections() < 2 {
            tokio::task::yield_now().await;
        }
        send(&transports, tenant, &hanging).await
    };
    let third = tokio::select! {
        biased;
        ended = &mut in_flight => panic!("{ended:?}"),
        third = timeout(PATIENCE, third) => third.unwrap(),
    };

    assert!(put_back(&third).is_some(), "{third:?}");
    assert_eq!(transports.blocked_tenants(Lane::Background).len(), 1);
    assert_eq!(transports.blocked_tenants(Lane::Urgent), []);
    drop(in_flight);
    assert_eq!(transports.blocked_tenants(Lane::Background), []);
}
