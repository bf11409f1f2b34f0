//! What makes two tokens different ones.

use std::collections::HashSet;

use domain::{
    connection::{Application, Cloud},
    ids::Id,
    secret::secret_text,
};
use uuid::Uuid;

use super::*;

fn settings() -> O365 {
    O365 {
        secret: Id::new(Uuid::from_u128(1)),
        application: Application {
            client_id: Uuid::from_u128(2),
            client_secret: secret_text("value"),
            directory: "contoso.example".parse().unwrap(),
        },
        cloud: Cloud::Global,
        save_to_sent_items: false,
    }
}

#[test]
fn every_field_of_the_settings_and_the_tenant_make_another_key() {
    let cache = Cache::new();
    let tenant = |number| Id::new(Uuid::from_u128(number));
    let with = |change: fn(&mut O365)| {
        let mut changed = settings();
        change(&mut changed);
        cache.key(tenant(1), &changed)
    };
    let keys = [
        with(|_| {}),
        with(|via| via.secret = Id::new(Uuid::from_u128(9))),
        with(|via| via.application.client_id = Uuid::from_u128(9)),
        with(|via| via.application.client_secret = secret_text("valu")),
        with(|via| via.application.directory = "econtoso.example".parse().unwrap()),
        with(|via| via.cloud = Cloud::China),
        with(|via| via.save_to_sent_items = true),
        cache.key(tenant(2), &settings()),
    ];
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    assert_eq!(with(|_| {}), keys[0]);
}

#[test]
fn two_processes_have_no_key_in_common() {
    let tenant = Id::new(Uuid::from_u128(1));
    assert_ne!(
        Cache::new().key(tenant, &settings()),
        Cache::new().key(tenant, &settings())
    );
}
