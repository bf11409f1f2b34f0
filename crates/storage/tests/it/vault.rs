//! The vault as the rest of the store sees it: applications unsealed for their own tenant, and for nothing else.

use domain::{
    access::{Principal, Role, TenantAction, TenantScope},
    connection::Application,
    ids::VaultSecretId,
    secret::{ExposeSecret as _, secret_text},
    tenant::Limits,
    vault::{Registration, Template},
};
use sea_orm::{ConnectionTrait as _, Statement};
use storage::{
    Store, StoreError,
    provider::{NewEdition, NewTenant, PasswordChange},
    tenant::{Vault, VaultChange, VaultEdit, VaultSecret},
};

use crate::support::{World, operator};

const CLIENT_SECRET: &str = "canary-client-secret";

async fn on_premises(store: &Store, slug: &str) -> TenantScope {
    let new = NewTenant {
        slug: slug.parse().unwrap(),
        name: "Globex".parse().unwrap(),
        edition: NewEdition::OnPremises,
        limits: Limits::default(),
    };
    let made = store.provider(&operator()).create_tenant(new).await.unwrap();
    let found = store.find_tenant(&made.id.to_string()).await.unwrap();
    Principal::new("ops", [Role::Operator], None)
        .authorize(TenantAction::WriteSettings, found)
        .unwrap()
}

fn vault<'a>(world: &'a World, scope: &'a TenantScope) -> Vault<'a> {
    world.store.tenant(scope).vault().unwrap()
}

fn mailer(client_secret: PasswordChange) -> VaultChange {
    VaultChange {
        name: "Graph mailer".to_owned(),
        template: Template::AzureApplication,
        registration: Registration {
            client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap(),
            directory: "globex.example".parse().unwrap(),
        },
        client_secret,
        expires_at: None,
    }
}

fn given() -> PasswordChange {
    PasswordChange::Set(secret_text(CLIENT_SECRET))
}

async fn application(
    world: &World,
    scope: &TenantScope,
    id: VaultSecretId,
) -> Result<Option<(Application, i64)>, StoreError> {
    world.store.tenant(scope).vault_application(id).await
}

/// Runs a statement behind the store's back; `$1` is the entry.
async fn tamper(world: &World, sql: &str, secret: &VaultSecret) {
    let raw = world.database.raw().await;
    let statement = Statement::from_sql_and_values(raw.get_database_backend(), sql, [secret.id.uuid().into()]);
    raw.execute_raw(statement).await.unwrap();
}

#[tokio::test]
async fn an_application_is_unsealed_for_its_own_tenant_alone() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let initech = on_premises(&world.store, "initech").await;
    let secret = vault(&world, &globex).create(mailer(given())).await.unwrap();

    let (found, version) = application(&world, &globex, secret.id).await.unwrap().unwrap();

    assert_eq!(found.client_secret.expose_secret(), CLIENT_SECRET);
    assert_eq!((found.directory.to_string().as_str(), version), ("globex.example", 1));
    assert!(application(&world, &initech, secret.id).await.unwrap().is_none());
    assert!(world.store.tenant(&world.scope).vault().is_err());
}

#[tokio::test]
async fn a_kept_client_secret_is_sealed_for_the_new_version_and_a_moved_one_is_refused() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let vault = vault(&world, &globex);
    let secret = vault.create(mailer(given())).await.unwrap();
    let kept = vault
        .replace(
            secret.id,
            mailer(PasswordChange::Keep),
            VaultEdit {
                based_on: Some(1),
                ..VaultEdit::default()
            },
        )
        .await
        .unwrap();
    let (found, version) = application(&world, &globex, secret.id).await.unwrap().unwrap();
    assert_eq!((found.client_secret.expose_secret(), version), (CLIENT_SECRET, 2));
    assert_eq!(kept.client_secret_set_at, secret.client_secret_set_at);

    let mut moved = mailer(PasswordChange::Keep);
    moved.registration.directory = "evil.example".parse().unwrap();
    let refused = vault.replace(secret.id, moved, VaultEdit::default()).await;

    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(vault.secret(secret.id).await.unwrap().version, 2);
}

#[tokio::test]
async fn a_secret_without_its_client_secret_or_of_another_template_is_no_application() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let vault = vault(&world, &globex);
    let empty = vault.create(mailer(PasswordChange::Remove)).await.unwrap();
    assert!(application(&world, &globex, empty.id).await.unwrap().is_none());

    let other = vault.create(mailer(given())).await.unwrap();
    tamper(
        &world,
        "UPDATE vault_secrets SET template = 'password' WHERE id = $1",
        &other,
    )
    .await;

    assert!(application(&world, &globex, other.id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_moved_put_back_or_pointed_elsewhere_does_not_open() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let vault = vault(&world, &globex);
    for sql in [
        // Another entry's value, an older version's place, another directory for the same secret.
        "UPDATE vault_secrets SET sealed = (SELECT sealed FROM vault_secrets WHERE id <> $1 LIMIT 1) WHERE id = $1",
        "UPDATE vault_secrets SET version = 2 WHERE id = $1",
        "UPDATE vault_secrets SET fields = replace(fields, 'globex.example', 'evil.example') WHERE id = $1",
    ] {
        let secret = vault.create(mailer(given())).await.unwrap();
        vault.create(mailer(given())).await.unwrap();
        assert!(application(&world, &globex, secret.id).await.is_ok());

        tamper(&world, sql, &secret).await;

        let opened = application(&world, &globex, secret.id).await;
        assert!(matches!(opened, Err(StoreError::Tampered(_))), "{sql}");
    }
}

#[tokio::test]
async fn a_secret_that_the_settings_in_force_use_is_not_deleted() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let vault = vault(&world, &globex);
    let secret = vault.create(mailer(given())).await.unwrap();
    let raw = world.database.raw().await;
    let save = async |version: i64, named: Option<uuid::Uuid>| {
        let sql = "INSERT INTO email_settings (tenant_id, version, edition, send_email_method, application_secret_id, \
                   updated_at, updated_by) VALUES ($1, $2, 'on_premises', $3, $4, 0, 'ops')";
        let method = if named.is_some() { "o365" } else { "smtp" };
        let values = [globex.id().uuid().into(), version.into(), method.into(), named.into()];
        let statement = Statement::from_sql_and_values(raw.get_database_backend(), sql, values);
        raw.execute_raw(statement).await.unwrap();
    };
    save(1, Some(secret.id.uuid())).await;
    assert!(matches!(
        vault.delete(secret.id, None).await,
        Err(StoreError::Conflict(_))
    ));
    assert!(vault.secret(secret.id).await.is_ok());

    save(2, None).await;

    vault.delete(secret.id, None).await.unwrap();
    assert!(matches!(vault.secret(secret.id).await, Err(StoreError::NotFound(_))));
}

#[tokio::test]
async fn the_database_itself_refuses_a_cloud_tenant_a_vault() {
    let world = World::new().await;
    let raw = world.database.raw().await;
    for edition in ["cloud", "on_premises"] {
        let sql = "INSERT INTO vault_secrets (tenant_id, id, edition, name, template, fields, version, created_at, \
                   created_by, updated_at, updated_by) VALUES ($1, $1, $2, 'x', 'azure_application', '{}', 1, 0, 'x', 0, 'x')";
        let values = [world.scope.id().uuid().into(), edition.into()];
        let statement = Statement::from_sql_and_values(raw.get_database_backend(), sql, values);
        assert!(raw.execute_raw(statement).await.is_err(), "{edition}");
    }
}

#[tokio::test]
async fn client_secrets_are_nowhere_in_the_tables_nor_in_the_audit_log() {
    let world = World::new().await;
    let globex = on_premises(&world.store, "globex").await;
    let vault = vault(&world, &globex);
    let secret = vault.create(mailer(given())).await.unwrap();
    vault
        .replace(secret.id, mailer(PasswordChange::Keep), VaultEdit::default())
        .await
        .unwrap();
    let raw = world.database.raw().await;
    let backend = raw.get_database_backend();
    let read = async |sql: &str| {
        let rows = raw.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        let texts = rows.iter().map(|row| row.try_get::<String>("", "found").unwrap());
        texts.collect::<Vec<_>>()
    };
    let audit = read("SELECT detail AS found FROM audit_entries WHERE action LIKE 'secret.%' ORDER BY id").await;
    assert_eq!(audit.len(), 2);
    assert!(audit[0].contains("\"client_secret\":\"changed\"") && audit[1].contains("\"client_secret\":\"kept\""));
    let fields = read("SELECT fields AS found FROM vault_secrets").await;
    let sealed = raw
        .query_all_raw(Statement::from_string(backend, "SELECT sealed FROM vault_secrets"))
        .await
        .unwrap();
    let sealed: Vec<u8> = sealed[0].try_get("", "sealed").unwrap();
    for text in audit
        .iter()
        .chain(&fields)
        .map(String::as_bytes)
        .chain([sealed.as_slice()])
    {
        assert!(!String::from_utf8_lossy(text).contains("canary"));
    }
}
