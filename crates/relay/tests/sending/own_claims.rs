//! Claims for tenants' own servers: no more than a quarter of a lane in hand for each, and nothing for one that rests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{
    connection::Connection,
    ids::TenantId,
    message::kind::Lane,
    outbox::{Fence, Job, Lease, Outcome, Path},
};
use relay::{
    dispatcher::{Dispatcher, Places, RelaySettings},
    inbox::{Behaviour, Script, Step},
    metrics::Metrics,
    session::Timeouts,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    double::{MemoryOutbox, OnMark},
    sample::{deserted, id, inbox, job, loopback_gate, provider, server},
};

/// A relay with eight places a lane, two of them for one tenant's own server, that works while the guard lives.
fn relay(timeouts: Timeouts) -> (Arc<MemoryOutbox>, DropGuard) {
    let outbox = Arc::new(MemoryOutbox::new(OnMark::Answer(Fence::Open)));
    let settings = RelaySettings {
        timeouts,
        places: Places {
            urgent: 8,
            interactive: 8,
            background: 8,
        },
        ..RelaySettings::new(provider(), loopback_gate())
    };
    let dispatcher = Dispatcher::new(Arc::clone(&outbox), settings, id(), Metrics::default()).unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(dispatcher.run(shutdown.clone()));
    (outbox, shutdown.drop_guard())
}

fn own(tenant: TenantId, to: SocketAddr) -> Job {
    let job = job(Lane::Background, Path::Own(Arc::new(Connection::Smtp(server(to)))));
    Job {
        lease: Lease { tenant, ..job.lease },
        ..job
    }
}

fn long_rest() -> Timeouts {
    Timeouts {
        rest: Duration::from_mins(1),
        ..Timeouts::default()
    }
}

#[tokio::test]
async fn of_a_server_that_hangs_a_quarter_of_the_lane_is_claimed_and_others_mail_goes() {
    let hanging = inbox(Script::new().always_at(Step::Greeting, Behaviour::Hang)).await;
    let alive = inbox(Script::new()).await;
    let (outbox, _works) = relay(Timeouts::default());
    let (unlucky, other) = (id(), id());
    for _ in 0..10 {
        outbox.put(own(unlucky, hanging.addr()));
    }
    for _ in 0..5 {
        outbox.put(own(other, alive.addr()));
    }

    assert_eq!(outbox.outcomes(5).await, [const { Outcome::Sent }; 5]);
    assert_eq!(outbox.waiting(), 8);
}

#[tokio::test]
async fn nothing_is_claimed_of_a_tenant_whose_server_rests() {
    let alive = inbox(Script::new()).await;
    let dead = deserted().await;
    let (outbox, _works) = relay(long_rest());
    let (unlucky, other) = (id(), id());
    for _ in 0..20 {
        outbox.put(own(unlucky, dead));
    }
    outbox.outcomes(3).await;
    outbox.put(own(other, alive.addr()));

    // Three failures rest the server; what was claimed with the third is put back.
    outbox.outcomes(4).await;
    while alive.received() < 1 {
        tokio::task::yield_now().await;
    }
    assert!(outbox.waiting() >= 20 - 4, "{}", outbox.waiting());
}

#[tokio::test]
async fn one_delivery_finds_out_whether_a_server_is_back_and_then_all_go() {
    let script = Script::new().at(
        Step::Greeting,
        std::iter::repeat_n(Behaviour::Reply("421 4.3.2 Not now".into()), 3),
    );
    let recovering = inbox(script).await;
    let rest = Duration::from_millis(50);
    let (outbox, _works) = relay(Timeouts {
        rest,
        ..Timeouts::default()
    });
    let tenant = id();
    for _ in 0..12 {
        outbox.put(own(tenant, recovering.addr()));
    }

    let outcomes = outbox.outcomes(12).await;

    let sent = outcomes.iter().filter(|outcome| **outcome == Outcome::Sent).count();
    assert!(sent >= 12 - 4, "{outcomes:?}");
    assert_eq!(recovering.received(), u64::try_from(sent).unwrap());
}
