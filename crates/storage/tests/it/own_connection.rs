//! On-premises tenants' own connections: what is kept of them, how their passwords are bound, and what counts as tested.

use std::time::Duration;

use domain::{
    address::EmailAddress,
    branding::Branding,
    connection::{Connection, Credentials, EmailSettings, Proof, Security, SmtpServer},
    secret::{ExposeSecret as _, secret_text},
};
use sea_orm::{ConnectionTrait as _, Statement};
use storage::{
    PageRequest, StoreError,
    tenant::{SettingsChange, Untested, Unusable},
};

use crate::support::{MASTER_KEY, World, configure, on_premises, own_server, pam};

/// Settings with this From and server, saved or not.
fn settings(branding: Branding, server: SmtpServer) -> EmailSettings {
    EmailSettings::OnPremises {
        branding: Some(branding),
        connection: Some(Connection::Smtp(server)),
    }
}

async fn change_raw(world: &World, sql: &str) {
    world.database.raw().await.execute_unprepared(sql).await.unwrap();
}

#[tokio::test]
async fn settings_are_the_same_after_a_restart() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    configure(&world.store, &scope, own_server()).await;

    let again = world.database.connect(MASTER_KEY).await.unwrap();
    again.migrate().await.unwrap();

    let kept = again.tenant(&scope).email_settings().await.unwrap();
    assert_eq!(kept.settings, settings(pam(), own_server()));
    let connection = kept.settings.connection().unwrap();
    let password = connection.smtp().unwrap().password().unwrap();
    assert_eq!(password.expose_secret(), "canary-own-password");
}

#[tokio::test]
async fn a_cloud_tenant_has_no_connection_to_write() {
    let world = World::new().await;
    assert!(world.store.tenant(&world.scope).own_connection().is_err());
}

#[tokio::test]
async fn a_password_does_not_open_once_any_field_of_its_destination_was_changed_behind_the_stores_back() {
    for change in [
        "email_server = 'smtp.evil.example'",
        "port = 25",
        "security = 'starttls_optional'",
        "username = 'eve'",
        "ca_certificate_pem = 'x'",
        "version = 7",
    ] {
        let world = World::new().await;
        let scope = on_premises(&world.store, "globex").await;
        configure(&world.store, &scope, own_server()).await;

        change_raw(
            &world,
            &format!("UPDATE email_settings SET {change} WHERE edition = 'on_premises'"),
        )
        .await;

        let opened = world.store.tenant(&scope).email_settings().await.unwrap();
        assert!(opened.settings.connection().is_none(), "{change}: {opened:?}");
        assert!(
            matches!(opened.unusable, Some(Unusable::Server(_))),
            "{change}: {opened:?}"
        );
    }
}

#[tokio::test]
async fn a_password_of_one_version_or_tenant_does_not_open_in_another() {
    let world = World::new().await;
    let (one, other) = (
        on_premises(&world.store, "globex").await,
        on_premises(&world.store, "initech").await,
    );
    for scope in [&one, &one, &other] {
        configure(&world.store, scope, own_server()).await;
    }
    let sql = "UPDATE email_settings SET password_sealed = (SELECT o.password_sealed FROM email_settings o \
               WHERE o.edition = 'on_premises' AND o.version = 2) WHERE edition = 'on_premises' AND version = 1";

    change_raw(&world, sql).await;

    let old = world.store.tenant(&one).email_settings_version(1).await.unwrap();
    assert!(old.settings.connection().is_none());
    let others = world.store.tenant(&other).email_settings().await.unwrap();
    assert!(others.settings.connection().is_none());
    let newest = world.store.tenant(&one).email_settings().await.unwrap();
    assert_eq!(newest.settings, settings(pam(), own_server()));
}

#[tokio::test]
async fn a_password_is_nowhere_in_the_tables() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    configure(&world.store, &scope, own_server()).await;
    let tested = settings(pam(), own_server());
    world.store.tenant(&scope).note_passed_test(&tested).await.unwrap();
    let raw = world.database.raw().await;
    for (table, column) in [
        ("email_settings", "password_sealed"),
        ("audit_entries", "detail"),
        ("passed_tests", "fingerprint"),
    ] {
        let sql = format!("SELECT {column} AS found FROM {table} WHERE {column} IS NOT NULL");
        let rows = raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql));
        let rows = rows.await.unwrap();
        assert!(!rows.is_empty(), "{table} is empty");
        for row in rows {
            let bytes = row
                .try_get::<Vec<u8>>("", "found")
                .or_else(|_| row.try_get::<String>("", "found").map(String::into_bytes));
            let text = String::from_utf8_lossy(&bytes.unwrap()).to_lowercase();
            assert!(!text.contains("canary"), "{table}.{column} shows a canary");
        }
    }
}

#[tokio::test]
async fn a_test_counts_for_all_of_its_values_and_for_no_other() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    let other = on_premises(&world.store, "initech").await;
    let store = world.store.tenant(&scope);
    let tested = settings(pam(), own_server());
    assert!(!store.is_tested(&tested).await.unwrap());
    store.note_passed_test(&tested).await.unwrap();
    store.note_passed_test(&tested).await.unwrap();

    assert!(store.is_tested(&tested).await.unwrap());
    let with = |server| settings(pam(), server);
    let proof = |username: &str, password: &str| {
        Some(Credentials {
            username: username.to_owned(),
            proof: Proof::Password(secret_text(password)),
        })
    };
    let server = own_server();
    for changed in [
        with(SmtpServer {
            host: "smtp2.globex.example".parse().unwrap(),
            ..server.clone()
        }),
        with(SmtpServer {
            port: 588,
            ..server.clone()
        }),
        with(SmtpServer {
            security: Security::ImplicitTls,
            ..server.clone()
        }),
        with(SmtpServer {
            ca_certificate_pem: Some("x".to_owned()),
            ..server.clone()
        }),
        with(SmtpServer {
            credentials: proof("pam", "another"),
            ..server.clone()
        }),
        with(SmtpServer {
            credentials: proof("eve", "canary-own-password"),
            ..server.clone()
        }),
        with(SmtpServer {
            credentials: None,
            ..server.clone()
        }),
        settings(
            Branding {
                from_name: Some("Pam".parse().unwrap()),
                ..pam()
            },
            server.clone(),
        ),
        settings(
            Branding {
                from_address: "pim@globex.example".parse::<EmailAddress>().unwrap(),
                ..pam()
            },
            server.clone(),
        ),
    ] {
        assert!(!store.is_tested(&changed).await.unwrap(), "{changed:?}");
    }
    assert!(!world.store.tenant(&other).is_tested(&tested).await.unwrap());
}

#[tokio::test]
async fn a_test_counts_before_and_after_saving_for_a_day_and_for_each_version_that_has_its_values() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    let store = world.store.tenant(&scope);
    store.note_passed_test(&settings(pam(), own_server())).await.unwrap();
    configure(&world.store, &scope, own_server()).await;
    configure(
        &world.store,
        &scope,
        SmtpServer {
            port: 25,
            ..own_server()
        },
    )
    .await;
    configure(&world.store, &scope, own_server()).await;

    let history = store.email_settings_history(PageRequest::default()).await.unwrap();

    let shown: Vec<_> = history.items.iter().map(|past| (past.version, past.tested)).collect();
    assert_eq!(shown, [(3, true), (2, false), (1, true)]);
    world.clock.advance(Duration::from_hours(24));
    let later = store.email_settings().await.unwrap();
    assert!(!store.is_tested(&later.settings).await.unwrap());
}

#[tokio::test]
async fn the_history_is_complete_in_pages_and_kept_by_the_tenant() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    for port in 1..=5 {
        configure(&world.store, &scope, SmtpServer { port, ..own_server() }).await;
    }
    let store = world.store.tenant(&scope);
    let mut page = PageRequest { limit: 2, after: None };
    let mut versions = Vec::new();
    loop {
        let found = store.email_settings_history(page).await.unwrap();
        versions.extend(found.items.iter().map(|past| past.version));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(versions, [5, 4, 3, 2, 1]);
    let third = store.email_settings_version(3).await.unwrap();
    assert_eq!(third.settings.connection().unwrap().smtp().unwrap().port, 3);
    for version in [0, 6] {
        let missing = store.email_settings_version(version).await;
        assert!(matches!(missing, Err(StoreError::NotFound(_))), "{version}");
    }
}

#[tokio::test]
async fn an_override_and_a_restore_are_told_to_the_audit_log() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    let change = SettingsChange {
        based_on: Some(0),
        restores: Some(4),
        untested: Untested::Overridden,
    };
    let own = world.store.tenant(&scope).own_connection().unwrap();
    own.replace(&pam(), &Connection::Smtp(own_server()), change)
        .await
        .unwrap();

    let raw = world.database.raw().await;
    let sql = "SELECT detail FROM audit_entries WHERE action = 'email_settings.restored'";
    let row = raw.query_one_raw(Statement::from_string(raw.get_database_backend(), sql));
    let detail: String = row.await.unwrap().unwrap().try_get("", "detail").unwrap();
    assert!(
        detail.contains(r#""override":"untested""#) && detail.contains(r#""restores":4"#),
        "{detail}"
    );
}

#[tokio::test]
async fn of_two_edits_of_a_connection_based_on_one_version_the_second_is_told() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    let own = world.store.tenant(&scope).own_connection().unwrap();
    let change = SettingsChange {
        based_on: Some(0),
        ..SettingsChange::default()
    };
    let connection = Connection::Smtp(own_server());
    own.replace(&pam(), &connection, change).await.unwrap();
    let late = own.replace(&pam(), &connection, change).await;
    assert!(matches!(late, Err(StoreError::VersionMismatch { current: 1 })));
}

#[tokio::test]
async fn settings_that_do_not_open_are_mended_by_a_save_and_their_password_counts_from_it() {
    let world = World::new().await;
    let scope = on_premises(&world.store, "globex").await;
    configure(&world.store, &scope, own_server()).await;
    let rows = "SELECT password_sealed AS found FROM email_settings WHERE edition = 'on_premises'";
    let raw = world.database.raw().await;
    let row = raw
        .query_one_raw(Statement::from_string(raw.get_database_backend(), rows))
        .await;
    let mut sealed: Vec<u8> = row.unwrap().unwrap().try_get("", "found").unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let sql = "UPDATE email_settings SET password_sealed = $1 WHERE edition = 'on_premises'";
    let flip = Statement::from_sql_and_values(raw.get_database_backend(), sql, [sealed.into()]);
    raw.execute_raw(flip).await.unwrap();
    let store = world.store.tenant(&scope);
    let broken = store.email_settings().await.unwrap();
    assert!(!broken.settings.is_configured());
    assert_eq!(store.password_since(&broken).await.unwrap(), None);

    configure(&world.store, &scope, own_server()).await;

    let mended = store.email_settings().await.unwrap();
    assert_eq!(
        (&mended.settings, &mended.unusable),
        (&settings(pam(), own_server()), &None)
    );
    assert_eq!(store.password_since(&mended).await.unwrap(), mended.updated_at);
}
