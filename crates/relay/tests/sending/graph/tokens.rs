//! Tokens: kept, asked for once, dropped when they are refused, never shared between settings.

use std::time::Duration;

use domain::{connection::O365, message::kind::Kind, outbox::Outcome, secret::secret_text};
use futures_util::future::join_all;
use relay::{
    graph_emulator::{At, EmulatorConfig, Play, Script, documented},
    session::{Timeouts, Unmarked},
    transport::o365::{Form, Outgoing, Unobserved},
};

use super::world::{World, composed, config, job_over, settings, world, world_of};
use crate::sample::id;

async fn send(world: &World, via: &O365, tenant: domain::ids::TenantId) -> bool {
    let job = job_over(via, Kind::Notification);
    let outgoing = Outgoing {
        via,
        mail: &composed(&job),
        form: Form::Mime,
    };
    let sent = world.mailer.send(tenant, outgoing, &Unmarked).await;
    sent.is_ok()
}

#[tokio::test]
async fn one_token_serves_many_mails() {
    let (world, via, tenant) = (world().await, settings(), id());
    for _ in 0..5 {
        assert!(send(&world, &via, tenant).await);
    }
    assert_eq!((world.emulator.tokens_asked(), world.emulator.taken().len()), (1, 5));
}

#[tokio::test]
async fn mails_that_need_a_token_at_once_ask_for_one() {
    let config = EmulatorConfig {
        script: Script::new().always_at(At::Token, Play::Delay(Duration::from_millis(20))),
        at_once: 100,
        ..config()
    };
    let (world, via, tenant) = (world_of(config, Timeouts::default()).await, settings(), id());

    let sent = join_all((0..20).map(|_| send(&world, &via, tenant))).await;

    assert!(sent.into_iter().all(|sent| sent));
    assert_eq!(world.emulator.tokens_asked(), 1);
}

#[tokio::test]
async fn a_wrong_secret_is_tried_once_for_all_who_wait() {
    let mut via = settings();
    via.application.client_secret = secret_text("wrong");
    let (world, tenant) = (world().await, id());

    let sent = join_all((0..20).map(|_| send(&world, &via, tenant))).await;

    assert!(sent.into_iter().all(|sent| !sent));
    assert_eq!(world.emulator.tokens_asked(), 1);
}

#[tokio::test]
async fn who_gives_up_waiting_for_a_token_keeps_nobody_from_it() {
    let world = world().await;
    world.emulator.play(Script::new().at(At::Token, [Play::Hang]));
    let (via, tenant) = (settings(), id());
    let given_up = tokio::select! {
        sent = send(&world, &via, tenant) => sent,
        () = asked(&world, 1) => false,
    };
    assert!(!given_up);

    assert!(send(&world, &via, tenant).await);
    assert_eq!(world.emulator.tokens_asked(), 2);
}

async fn asked(world: &World, count: u64) {
    while world.emulator.tokens_asked() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_token_that_ends_within_five_minutes_is_used_once() {
    let config = EmulatorConfig {
        token_life: Duration::from_mins(5),
        ..config()
    };
    let (world, via, tenant) = (world_of(config, Timeouts::default()).await, settings(), id());
    assert!(send(&world, &via, tenant).await);
    assert!(send(&world, &via, tenant).await);
    assert_eq!(world.emulator.tokens_asked(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_and_the_mail_goes_out_in_the_same_attempt() {
    let (world, via) = (world().await, settings());
    let job = job_over(&via, Kind::Notification);
    assert_eq!(world.attempt(&job).await.0, Outcome::Sent);
    world.emulator.revoke_tokens();

    assert_eq!(world.attempt(&job).await.0, Outcome::Sent);

    assert_eq!((world.emulator.tokens_asked(), world.emulator.sends_begun()), (2, 3));
    assert_eq!(world.emulator.taken().len(), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_too_is_not_replaced_again() {
    let (world, via) = (world().await, settings());
    let refused = Play::Say(documented("InvalidAuthenticationToken").unwrap());
    world.emulator.play(Script::new().always_at(At::Send, refused));

    let (outcome, report) = world.notify(&via).await;

    assert!(matches!(outcome, Outcome::Held { .. }), "{outcome:?}");
    assert_eq!(report.reply.map(|reply| reply.code), Some(401));
    assert_eq!((world.emulator.tokens_asked(), world.emulator.sends_begun()), (2, 2));
}

#[tokio::test]
async fn any_other_setting_and_any_other_tenant_asks_for_a_token_of_its_own() {
    let (world, via, tenant) = (world().await, settings(), id());
    let with = |change: fn(&mut O365)| {
        let mut changed = via.clone();
        change(&mut changed);
        changed
    };
    let changed = [
        with(|_| {}),
        with(|via| via.secret = id()),
        with(|via| via.application.directory = "acme.example".parse().unwrap()),
        with(|via| via.cloud = domain::connection::Cloud::China),
        with(|via| via.save_to_sent_items = false),
    ];
    for (asked, via) in changed.iter().enumerate() {
        assert!(send(&world, via, tenant).await);
        assert_eq!(world.emulator.tokens_asked(), asked as u64 + 1);
    }
    let wrong = with(|via| via.application.client_secret = secret_text("wrong"));
    assert!(
        !send(&world, &wrong, tenant).await,
        "a token of the right secret served the wrong one"
    );
    assert!(send(&world, &via, id()).await);
    assert_eq!(world.emulator.tokens_asked(), changed.len() as u64 + 2);
}

#[tokio::test]
async fn a_test_neither_uses_nor_fills_the_tokens_kept() {
    let (world, via, tenant) = (world().await, settings(), id());
    let mail = composed(&job_over(&via, Kind::Notification));
    let test = || async {
        world
            .mailer
            .try_out(&via, &mail, Form::Mime, &mut Unobserved)
            .await
            .is_ok()
    };

    assert!(test().await && test().await);
    assert_eq!(world.emulator.tokens_asked(), 2);
    assert!(send(&world, &via, tenant).await && test().await && send(&world, &via, tenant).await);
    assert_eq!(world.emulator.tokens_asked(), 4);
}
