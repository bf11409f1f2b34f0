//! What the demo does: seeds, brands, submits one message of each kind, and follows each to its end; then the same on premises.

use std::time::Duration;

use relay::inbox::Inbox;
use serde_json::{Value, json};

use super::{
    accounts::Accounts,
    followed::{Followed, arrived, deliveries, follow},
    microsoft::{self, Microsoft},
    screen::Screen,
    service::{Service, items, text},
};
use crate::commands::CommandError;

const ROUTE: &str = "demo capture inbox";

/// Runs the main job; it fails unless every message arrived.
pub(super) async fn run(
    service: &Service,
    accounts: &mut Accounts,
    inbox: &Inbox,
    microsoft: &Microsoft,
    screen: &mut Screen<'_>,
) -> Result<(), CommandError> {
    screen.heading("Setting up")?;
    let operator = service.token(accounts.operator()).await?;
    route(service, &operator, inbox).await?;
    screen.line(&format!("relay   one route, to a capture inbox at {}", inbox.addr()))?;
    tenant(service, &operator, "acme", "Acme", "cloud").await?;
    screen.line("tenant  acme (Cloud: the provider's relay sends)")?;
    tenant(service, &operator, "globex", "Globex", "on_premises").await?;
    screen.line("tenant  globex (on-premises: its own Microsoft 365 sends, here an emulator)")?;
    let admin = client(service, accounts, &operator, ("acme-admin", "acme", "tenant_admin")).await?;
    let sender = client(service, accounts, &operator, ("acme-product-service", "acme", "sender")).await?;
    let globex = client(service, accounts, &operator, ("globex-admin", "globex", "tenant_admin")).await?;

    screen.heading("Acme's admin brands its mail")?;
    let branding = json!({ "from_email_address": "no-reply@acme.example", "from_email_name": "Acme No Reply" });
    let saved = service
        .must("PUT", "/v1/tenants/acme/email-settings", &admin, Some(branding))
        .await?;
    let header = saved
        .pointer("/effective_from/header")
        .and_then(Value::as_str)
        .unwrap_or_default();
    screen.line(&format!("From    {header}"))?;

    screen.heading("A product service submits one message of each kind")?;
    let mut followed = Vec::new();
    for message in messages() {
        followed.push(Followed::submit(service, &sender, "acme", message).await?);
    }
    follow(service, &sender, &mut followed, screen).await?;
    captured(inbox, &followed, screen).await?;
    microsoft::run(service, &globex, microsoft, screen).await
}

/// The route to the capture inbox, made or pointed to where the inbox is this time.
async fn route(service: &Service, operator: &str, inbox: &Inbox) -> Result<(), CommandError> {
    let at = json!({ "email_server": inbox.addr().ip().to_string(), "port": inbox.addr().port(), "security": "none" });
    let routes = service
        .must("GET", "/v1/relay/routes?limit=200", operator, None)
        .await?;
    if let Some(known) = items(&routes).find(|route| text(route, "name") == ROUTE) {
        let path = format!("/v1/relay/routes/{}", text(known, "id"));
        service.must("PATCH", &path, operator, Some(at)).await?;
        return Ok(());
    }
    let mut new = at;
    if let Some(new) = new.as_object_mut() {
        new.insert("name".to_owned(), ROUTE.into());
    }
    service.must("POST", "/v1/relay/routes", operator, Some(new)).await?;
    Ok(())
}

async fn tenant(service: &Service, operator: &str, slug: &str, name: &str, edition: &str) -> Result<(), CommandError> {
    let known = service
        .call("GET", &format!("/v1/tenants/{slug}"), operator, None)
        .await?;
    if known.status() == 404 {
        let new = json!({ "slug": slug, "name": name, "edition": edition });
        service.must("POST", "/v1/tenants", operator, Some(new)).await?;
    }
    Ok(())
}

/// A token for a client of a tenant, which is made where an earlier run did not.
async fn client(
    service: &Service,
    accounts: &mut Accounts,
    operator: &str,
    (name, tenant, role): (&str, &str, &str),
) -> Result<String, CommandError> {
    if let Some(known) = accounts.client(name)
        && let Ok(token) = service.token(known).await
    {
        return Ok(token);
    }
    let new = json!({ "name": name, "roles": [role] });
    let made = service
        .must(
            "POST",
            &format!("/v1/tenants/{tenant}/api-clients"),
            operator,
            Some(new),
        )
        .await?;
    accounts.keep(name, &made)?;
    let client = accounts
        .client(name)
        .ok_or_else(|| CommandError::Failed(format!("{name} was not kept")))?;
    service.token(client).await
}

/// One message of each kind.
fn messages() -> [Value; 4] {
    let bob = json!([{ "email": "bob@acme.example", "name": "Bob" }]);
    let approvers =
        json!([{ "email": "alice@acme.example", "name": "Alice" }, { "email": "carol@acme.example", "name": "Carol" }]);
    [
        json!({ "kind": "two_factor_code", "to": bob, "data": { "code": "493021", "expires_in_minutes": 10 } }),
        json!({ "kind": "access_request", "to": approvers, "data": {
            "requester": "Bob", "resource": "Oracle root", "reason": "Restore of the billing database", "duration": "4 h",
            "approve_url": "https://pam.acme.example/requests/42/approve", "deny_url": "https://pam.acme.example/requests/42/deny" } }),
        json!({ "kind": "notification", "to": bob, "data": {
            "subject": "A secret expires in 7 days", "body_markdown": "The secret **Graph mailer** expires on *31 January*.",
            "severity": "warning", "action": { "label": "Open the secret", "url": "https://pam.acme.example/secrets/7" } } }),
        json!({ "kind": "system", "to": bob, "data": { "subject": "Welcome to Acme", "body_text": "Your account is ready.\nNo action needed." } }),
    ]
}

/// Looks for every delivery in the inbox.
async fn captured(inbox: &Inbox, followed: &[Followed], screen: &mut Screen<'_>) -> Result<(), CommandError> {
    let wanted = u64::try_from(deliveries(followed)).unwrap_or(u64::MAX);
    let captured = inbox.wait_for(wanted, Duration::from_secs(2)).await;
    captured.map_err(|error| CommandError::Failed(error.to_string()))?;
    screen.heading("The capture inbox has")?;
    let captured = inbox.messages();
    arrived(followed, screen, |delivery| {
        let mut mails = captured.iter();
        let mail = mails.find(|mail| String::from_utf8_lossy(&mail.data).contains(delivery))?;
        Some((mail.forward_paths.join(", "), mail.subject().unwrap_or_default()))
    })
}
