//! The whole relay over an outbox in memory, with Microsoft at the far end.

use std::sync::Arc;

use domain::{
    message::kind::Kind,
    outbox::{Fence, Outcome},
};
use relay::{
    dispatcher::{Dispatcher, RelaySettings},
    graph_emulator::{At, GraphEmulator, Play, Script},
    metrics::Metrics,
    transport::o365::Endpoints,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::world::{config, job_over, settings};
use crate::{
    double::{MemoryOutbox, OnMark},
    sample::{PATIENCE, id, loopback_gate, provider},
};

struct Running {
    emulator: GraphEmulator,
    outbox: Arc<MemoryOutbox>,
    shutdown: CancellationToken,
    dispatcher: JoinHandle<()>,
}

async fn running(script: Script) -> Running {
    let emulator = GraphEmulator::start(config()).await.unwrap();
    emulator.play(script);
    let outbox = Arc::new(MemoryOutbox::new(OnMark::Answer(Fence::Open)));
    let settings = RelaySettings {
        o365: Endpoints::replaced(emulator.login_url().ok(), emulator.graph_url().ok()),
        ..RelaySettings::new(provider(), loopback_gate())
    };
    let dispatcher = Dispatcher::new(Arc::clone(&outbox), settings, id(), Metrics::default()).unwrap();
    let shutdown = CancellationToken::new();
    Running {
        emulator,
        outbox,
        dispatcher: tokio::spawn(dispatcher.run(shutdown.clone())),
        shutdown,
    }
}

async fn until(condition: impl Fn() -> bool) {
    let fulfilled = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, fulfilled).await.unwrap();
}

#[tokio::test]
async fn what_is_due_goes_to_the_endpoints_of_the_process() {
    let relay = running(Script::new()).await;
    let via = settings();
    for kind in [Kind::Notification, Kind::TwoFactorCode] {
        relay.outbox.put(job_over(&via, kind));
    }

    assert_eq!(relay.outbox.outcomes(2).await, [Outcome::Sent, Outcome::Sent]);

    relay.shutdown.cancel();
    timeout(PATIENCE, relay.dispatcher).await.unwrap().unwrap();
    let taken = relay.emulator.taken();
    assert!(taken.iter().any(|mail| mail.subject == "Disk full"), "{taken:?}");
}

#[tokio::test]
async fn a_process_that_ends_before_the_mark_gives_the_mail_back_and_after_it_says_that_it_does_not_know() {
    let relay = running(Script::new().always_at(At::Token, Play::Hang)).await;
    relay.outbox.put(job_over(&settings(), Kind::Notification));
    until(|| relay.emulator.tokens_asked() == 1).await;
    relay.dispatcher.abort();
    assert_eq!(relay.outbox.outcomes(1).await, [Outcome::Released]);

    let relay = running(Script::new().always_at(At::Send, Play::DoThenHang)).await;
    relay.outbox.put(job_over(&settings(), Kind::Notification));
    until(|| relay.emulator.taken().len() == 1).await;
    relay.dispatcher.abort();
    assert_eq!(relay.outbox.outcomes(1).await, [Outcome::Unknown]);
}
