//! On-premises tenants' mail through Microsoft Graph: from the vault's secret to the mailbox, over the emulator.

use std::time::Duration;

use domain::secret::secret_text;
use relay::{
    graph_emulator::{
        At, ClientSecret, Directory, EmulatorConfig, Form, GraphEmulator, MailboxEntry, MailboxState, Play,
        Registration, Script, SecretState, SentItems,
    },
    inbox::InboxConfig,
};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::{Uuid, uuid};

use crate::support::{
    http::Client,
    service::{PATIENCE, Service, code, notification},
};

const MESSAGES: &str = "/v1/tenants/globex/messages";
const CLIENT: Uuid = uuid!("3c7d9a4e-1d1f-4b53-9c67-0f4c1a5f2b11");
const DIRECTORY: Uuid = uuid!("72f988bf-86f1-41af-91ab-2d7cd011db47");
const GOOD: &str = "canary-client-secret";
const EXPIRED: &str = "canary-expired-secret";

/// A service, Microsoft, and a tenant whose mailbox is there.
struct World {
    emulator: GraphEmulator,
    service: Service,
    admin: Client,
    secret: String,
}

fn microsoft() -> EmulatorConfig {
    let secret = |value: &str, state| ClientSecret {
        id: Uuid::nil(),
        value: secret_text(value),
        state,
    };
    EmulatorConfig {
        directories: vec![Directory {
            id: DIRECTORY,
            domains: vec!["globex.example".to_owned()],
            applications: vec![Registration {
                client_id: CLIENT,
                secrets: vec![secret(GOOD, SecretState::Good), secret(EXPIRED, SecretState::Expired)],
                roles: vec!["Mail.Send".to_owned()],
                scoped_to: Vec::new(),
            }],
            mailboxes: vec![MailboxEntry {
                address: "pam@globex.example".to_owned(),
                state: MailboxState::Online,
                send_as: Vec::new(),
            }],
        }],
        ..EmulatorConfig::default()
    }
}

fn vaulted(secret: &str) -> Value {
    json!({ "name": "Graph mailer", "template": "azure_application", "expires_at": null,
            "fields": { "client_id": CLIENT, "client_secret": secret, "tenant_id": DIRECTORY } })
}

async fn world_with(secret: &str) -> World {
    let emulator = GraphEmulator::start(microsoft()).await.unwrap();
    let (login, graph) = (emulator.login_url().unwrap(), emulator.graph_url().unwrap());
    let settings = [
        ("LETTERHEAD_O365_LOGIN_URL", login.as_str()),
        ("LETTERHEAD_O365_GRAPH_URL", graph.as_str()),
    ];
    let service = Service::start_with(InboxConfig::default(), &settings).await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let stored = admin
        .post("/v1/tenants/globex/secrets", &vaulted(secret))
        .await
        .expect(201);
    let secret = stored["id"].as_str().unwrap().to_owned();
    let settings = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
                           "o365": { "send_email_application_secret_id": secret } });
    let path = "/v1/tenants/globex/email-settings";
    admin.put(path, &settings).await.expect(200);
    World {
        emulator,
        service,
        admin,
        secret,
    }
}

impl World {
    async fn sent(&self, message: &Value) -> Value {
        let message = self.admin.post(MESSAGES, message).await.expect(202);
        self.service.until_of("globex", &message, "sent").await
    }
}

#[tokio::test]
async fn a_tenants_mail_goes_through_its_mailbox_each_kind_in_its_form_and_never_over_the_shared_routes() {
    let world = world_with(GOOD).await;

    world.sent(&notification()).await;
    let delivered = world.sent(&code()).await;

    let taken = world.emulator.taken();
    let forms: Vec<_> = taken.iter().map(|mail| (mail.form, mail.copy)).collect();
    assert_eq!(forms, [(Form::Mime, SentItems::Kept), (Form::Json, SentItems::Dropped)]);
    assert!(
        taken
            .iter()
            .all(|mail| mail.mailbox == "pam@globex.example" && mail.recipients == ["bob@acme.example"])
    );
    assert_eq!((world.emulator.tokens_asked(), world.service.inbox.received()), (1, 0));
    let events = format!("{MESSAGES}/{}/events", delivered["id"].as_str().unwrap());
    let events = world.admin.get(&events).await;
    assert!(
        events.text.contains("Accepted by Microsoft") && !events.text.contains(GOOD),
        "{}",
        events.text
    );
}

#[tokio::test]
async fn an_expired_secret_holds_the_mail_until_a_new_one_is_stored() {
    let world = world_with(EXPIRED).await;
    let message = world.admin.post(MESSAGES, &notification()).await.expect(202);
    let path = format!("{MESSAGES}/{}", message["id"].as_str().unwrap());
    let deadline = Instant::now() + PATIENCE;
    let held = loop {
        let found = world.admin.get(&path).await.expect(200);
        if found["deliveries"][0]["held_by"] == "configuration" {
            break found;
        }
        assert!(Instant::now() < deadline, "{found:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let error = held["deliveries"][0]["last_error"].as_str().unwrap();
    assert!(error.contains("401 invalid_client: AADSTS7000222"), "{error}");

    let entry = format!("/v1/tenants/globex/secrets/{}", world.secret);
    world.admin.put(&entry, &vaulted(GOOD)).await.expect(200);
    let service = world.service.later(Duration::from_mins(6)).await;

    service.until_of("globex", &message, "sent").await;
    assert_eq!(world.emulator.taken().len(), 1);
}

#[tokio::test]
async fn tokens_that_microsoft_takes_back_cost_no_attempt_and_no_second_copy() {
    let world = world_with(GOOD).await;
    world.sent(&notification()).await;
    world.emulator.revoke_tokens();

    let sent = world.sent(&notification()).await;

    assert_eq!(sent["deliveries"][0]["attempts"], 1);
    assert_eq!((world.emulator.taken().len(), world.emulator.tokens_asked()), (2, 2));
}

#[tokio::test]
async fn a_lost_answer_is_told_as_unknown_and_a_code_goes_again_while_it_is_worth_it() {
    let world = world_with(GOOD).await;
    world.emulator.play(Script::new().at(At::Send, [Play::DoThenDrop]));

    let sent = world.sent(&code()).await;

    assert_eq!(sent["deliveries"][0]["attempts"], 2);
    assert_eq!(world.emulator.taken().len(), 2);
    let events = format!("{MESSAGES}/{}/events", sent["id"].as_str().unwrap());
    let events = world.admin.get(&events).await;
    assert!(events.text.contains("outcome_unknown"), "{}", events.text);
}
