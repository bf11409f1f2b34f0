//! An on-premises tenant's mail through Microsoft Graph: from its own mailbox, by the secret that its vault holds at each
//! attempt.

use std::time::Duration;

use domain::secret::secret_text;
use relay::{
    graph_emulator::{
        ClientSecret, Directory, EmulatorConfig, GraphEmulator, MailboxEntry, MailboxState, Registration, SecretState,
    },
    inbox::InboxConfig,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    http::Client,
    service::{PATIENCE, Service, code, notification},
};

const CLIENT: &str = "3c7d9a4e-1d1f-4b53-9c67-0f4c1a5f2b11";
const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const SECRET: &str = "canary-right-client-secret";
const MAILBOX: &str = "pam@globex.example";
const MESSAGES: &str = "/v1/tenants/globex/messages";
const SECRETS: &str = "/v1/tenants/globex/secrets";

/// A Microsoft with one directory, one application and one mailbox.
async fn microsoft() -> GraphEmulator {
    let application = Registration {
        client_id: CLIENT.parse().unwrap(),
        secrets: vec![ClientSecret {
            id: DIRECTORY.parse().unwrap(),
            value: secret_text(SECRET),
            state: SecretState::Good,
        }],
        roles: vec!["Mail.Send".to_owned()],
        scoped_to: Vec::new(),
    };
    let directory = Directory {
        id: DIRECTORY.parse().unwrap(),
        domains: vec!["globex.example".to_owned()],
        applications: vec![application],
        mailboxes: vec![MailboxEntry {
            address: MAILBOX.to_owned(),
            state: MailboxState::Online,
            send_as: Vec::new(),
        }],
    };
    let config = EmulatorConfig {
        directories: vec![directory],
        ..EmulatorConfig::default()
    };
    GraphEmulator::start(config).await.unwrap()
}

async fn service_with(microsoft: &GraphEmulator) -> Service {
    let (login, graph) = (microsoft.login_url().unwrap(), microsoft.graph_url().unwrap());
    let settings = [
        ("LETTERHEAD_O365_LOGIN_URL", login.as_str()),
        ("LETTERHEAD_O365_GRAPH_URL", graph.as_str()),
    ];
    Service::start_with(InboxConfig::default(), &settings).await
}

fn secret(value: &str) -> Value {
    json!({ "name": "Graph mailer", "template": "azure_application", "expires_at": null,
            "fields": { "client_id": CLIENT, "client_secret": value, "tenant_id": DIRECTORY } })
}

/// The tenant's admin and the path of its secret, with settings that name it.
async fn tenant_with(service: &Service, value: &str) -> (Client, String) {
    let admin = service.tenant_of("globex", "on_premises").await;
    let made = admin.post(SECRETS, &secret(value)).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let settings = json!({ "send_email_method": "o365", "from_email_address": MAILBOX,
                           "o365": { "send_email_application_secret_id": id } });
    admin
        .put("/v1/tenants/globex/email-settings", &settings)
        .await
        .expect(200);
    (admin, format!("{SECRETS}/{id}"))
}

async fn until_held(service: &Service, message: &Value, by: &str) {
    let path = format!("{MESSAGES}/{}", message["id"].as_str().unwrap());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = service.operator.get(&path).await.expect(200);
        if found["deliveries"][0]["held_by"] == by {
            return;
        }
        assert!(Instant::now() < deadline, "{found:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn mail_is_sent_from_the_tenants_own_mailbox_and_never_over_the_shared_routes() {
    let microsoft = microsoft().await;
    let service = service_with(&microsoft).await;
    let (admin, _) = tenant_with(&service, SECRET).await;
    for wanted in [code(), notification()] {
        let message = admin.post(MESSAGES, &wanted).await.expect(202);
        service.until_of("globex", &message, "sent").await;
    }
    let taken = microsoft.taken();
    assert_eq!((taken.len(), service.inbox.received()), (2, 0));
    for mail in &taken {
        assert_eq!(
            (mail.mailbox.as_str(), mail.recipients.as_slice()),
            (MAILBOX, &["bob@acme.example".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn a_wrong_secret_keeps_the_mail_and_the_right_one_lets_it_go_at_once() {
    let microsoft = microsoft().await;
    let service = service_with(&microsoft).await;
    let (admin, path) = tenant_with(&service, "canary-wrong-client-secret").await;
    let message = admin.post(MESSAGES, &notification()).await.expect(202);
    until_held(&service, &message, "configuration").await;

    admin.put(&path, &secret(SECRET)).await.expect(200);

    service.until_of("globex", &message, "sent").await;
    let events = format!("{MESSAGES}/{}/events", message["id"].as_str().unwrap());
    assert!(!admin.get(&events).await.text.contains("canary"));
    assert_eq!((microsoft.taken().len(), service.inbox.received()), (1, 0));
}
