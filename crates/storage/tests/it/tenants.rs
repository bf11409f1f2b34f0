//! Tenants, their settings and the provider's routes.

use domain::{branding::Branding, connection::Paused};
use storage::{PageRequest, StoreError, provider::Purge, tenant::SettingsChange};

use crate::support::{World, notification, operator, route, tenant};

#[tokio::test]
async fn of_two_edits_based_on_one_version_the_second_is_told() {
    let world = World::new().await;
    let settings = world.store.tenant(&world.scope);
    let branding = |name: &str| Branding {
        from_address: "it@acme.example".parse().unwrap(),
        from_name: Some(name.parse().unwrap()),
    };
    let of_the_first = SettingsChange {
        based_on: Some(1),
        ..SettingsChange::default()
    };
    settings
        .replace_branding(&branding("First"), of_the_first)
        .await
        .unwrap();

    let late = settings.replace_branding(&branding("Second"), of_the_first).await;

    assert!(matches!(late, Err(StoreError::VersionMismatch { current: 2 })));
    let kept = settings.email_settings().await.unwrap();
    assert_eq!(kept.branding().unwrap().from_name.as_ref().unwrap().as_str(), "First");
}

#[tokio::test]
async fn a_tenant_with_waiting_mail_is_deleted_only_with_its_mail() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let provider = operator();
    let provider = world.store.provider(&provider);

    let refused = provider.delete_tenant(world.scope.id(), Purge::Nothing).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(world.status(&message).await, "queued");

    provider.delete_tenant(world.scope.id(), Purge::Waiting).await.unwrap();
    assert!(world.store.find_tenant("acme").await.unwrap().is_none());
}

#[tokio::test]
async fn a_slug_and_a_route_name_exist_once() {
    let world = World::new().await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    assert!(matches!(
        provider.create_route(route("one")).await,
        Err(StoreError::Conflict(_))
    ));
    let second = provider.create_route(route("two")).await.unwrap();
    assert!(matches!(
        provider.change_route(second.id, route("one"), None).await,
        Err(StoreError::Conflict(_))
    ));
}

#[tokio::test]
async fn pages_of_tenants_are_complete_and_without_repetition() {
    let world = World::new().await;
    for n in 0..6 {
        tenant(&world.store, &format!("t{n}")).await;
    }
    let provider = operator();
    let provider = world.store.provider(&provider);
    let mut slugs = Vec::new();
    let mut after = None;
    loop {
        let page = provider.tenants(PageRequest { limit: 3, after }).await.unwrap();
        slugs.extend(page.items.iter().map(|tenant| tenant.slug.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(slugs, ["t5", "t4", "t3", "t2", "t1", "t0", "acme"]);
}

#[tokio::test]
async fn a_message_says_what_holds_it() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    let only = provider.routes(PageRequest::default()).await.unwrap().items.remove(0);
    let paused = Paused {
        at: world.clock.now(),
        reason: Some("Maintenance".into()),
    };
    provider.set_route_paused(only.id, Some(paused)).await.unwrap();

    let held = world.store.tenant(&world.scope).message(message.id).await.unwrap();

    assert_eq!(
        held.deliveries[0].held_by.map(domain::message::HeldBy::as_str),
        Some("no_route")
    );
    provider.set_route_paused(only.id, None).await.unwrap();
    let free = world.store.tenant(&world.scope).message(message.id).await.unwrap();
    assert_eq!(free.deliveries[0].held_by, None);
}
