//! The on-premises part: the tenant's mail goes through its own Microsoft 365, which an emulator on this machine stands in for.

use std::time::Duration;

use domain::secret::{ExposeSecret as _, SecretText, secret_text};
use relay::graph_emulator::{
    ClientSecret, Directory, EmulatorConfig, GraphEmulator, MailboxEntry, MailboxState, Registration, SecretState,
};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::{
    accounts::random,
    followed::{Followed, arrived, deliveries, follow},
    screen::Screen,
    service::{Service, items, text},
};
use crate::{commands::CommandError, config::Config};

const DIRECTORY: Uuid = uuid!("72f988bf-86f1-41af-91ab-2d7cd011db47");
const APPLICATION: Uuid = uuid!("6731de76-14a6-49ae-97bc-6eba6914391e");
const MAILBOX: &str = "pam@globex.example";
const SECRET: &str = "Graph mailer";
const SECRETS: &str = "/v1/tenants/globex/secrets";
const SETTINGS: &str = "/v1/tenants/globex/email-settings";

/// The emulator, and what its application proves itself with in this run.
pub(super) struct Microsoft {
    emulator: GraphEmulator,
    client_secret: SecretText,
}

impl Microsoft {
    pub(super) async fn start() -> Result<Self, CommandError> {
        let client_secret = secret_text(random()?);
        let emulator = GraphEmulator::start(directory(&client_secret)).await;
        let emulator = emulator
            .map_err(|error| CommandError::Failed(format!("the emulator of Microsoft 365 cannot start: {error}")))?;
        Ok(Self {
            emulator,
            client_secret,
        })
    }

    /// Has the service take the emulator for Microsoft.
    pub(super) fn stand_in(&self, config: &mut Config) -> Result<(), CommandError> {
        let failed = |error: url::ParseError| CommandError::Failed(error.to_string());
        config.o365_login_url = Some(self.emulator.login_url().map_err(failed)?);
        config.o365_graph_url = Some(self.emulator.graph_url().map_err(failed)?);
        Ok(())
    }

    pub(super) async fn stop(self) {
        self.emulator.stop().await;
    }
}

/// A directory with one application, which may send from one mailbox.
fn directory(client_secret: &SecretText) -> EmulatorConfig {
    let secret = ClientSecret {
        id: Uuid::nil(),
        value: client_secret.clone(),
        state: SecretState::Good,
    };
    let application = Registration {
        client_id: APPLICATION,
        secrets: vec![secret],
        roles: vec!["Mail.Send".to_owned()],
        scoped_to: Vec::new(),
    };
    let mailbox = MailboxEntry {
        address: MAILBOX.to_owned(),
        state: MailboxState::Online,
        send_as: Vec::new(),
    };
    EmulatorConfig {
        directories: vec![Directory {
            id: DIRECTORY,
            domains: vec!["globex.example".to_owned()],
            applications: vec![application],
            mailboxes: vec![mailbox],
        }],
        ..EmulatorConfig::default()
    }
}

/// Stores the secret, tries the settings, saves them and sends with them; it fails unless every mail arrived.
pub(super) async fn run(
    service: &Service,
    admin: &str,
    microsoft: &Microsoft,
    screen: &mut Screen<'_>,
) -> Result<(), CommandError> {
    screen.heading("Globex's admin tries its Microsoft 365 with a test email, then saves it")?;
    let secret = secret(service, admin, microsoft).await?;
    let settings = json!({ "send_email_method": "o365", "from_email_address": MAILBOX,
                           "o365": { "send_email_application_secret_id": secret } });
    test(service, admin, &settings, screen).await?;
    service.must("PUT", SETTINGS, admin, Some(settings)).await?;

    screen.heading("Globex sends through its own mailbox")?;
    let mut followed = Vec::new();
    for message in messages() {
        followed.push(Followed::submit(service, admin, "globex", message).await?);
    }
    follow(service, admin, &mut followed, screen).await?;
    sent(&microsoft.emulator, &followed, screen).await
}

/// The id of the application's secret in the vault, with this run's value.
async fn secret(service: &Service, admin: &str, microsoft: &Microsoft) -> Result<String, CommandError> {
    let fields = json!({ "client_id": APPLICATION, "tenant_id": DIRECTORY,
                         "client_secret": microsoft.client_secret.expose_secret() });
    let entry = json!({ "name": SECRET, "template": "azure_application", "fields": fields });
    let known = service
        .must("GET", &format!("{SECRETS}?limit=200"), admin, None)
        .await?;
    let stored = match items(&known).find(|secret| text(secret, "name") == SECRET) {
        Some(known) => {
            // It sent codes the last time: a changed secret is guarded, and can only be tested once it is stored.
            let path = format!("{SECRETS}/{}?override=untested", text(known, "id"));
            service.must("PUT", &path, admin, Some(entry)).await?
        }
        None => service.must("POST", SECRETS, admin, Some(entry)).await?,
    };
    Ok(text(&stored, "id").to_owned())
}

/// The test email: every step as it went.
async fn test(service: &Service, admin: &str, settings: &Value, screen: &mut Screen<'_>) -> Result<(), CommandError> {
    let asked = json!({ "to": "admin@globex.example", "settings": settings });
    let report = service
        .must("POST", &format!("{SETTINGS}/test"), admin, Some(asked))
        .await?;
    let steps = report.get("steps").and_then(Value::as_array);
    for step in steps.into_iter().flatten() {
        screen.step(step)?;
    }
    if text(&report, "outcome") == "accepted" {
        return Ok(());
    }
    let hint = report.pointer("/failure/hint").and_then(Value::as_str);
    let hint = hint.unwrap_or_default();
    Err(CommandError::Failed(format!("the test email failed: {hint}")))
}

/// What goes as MIME, and what goes as JSON so that no copy stays in Sent Items.
fn messages() -> [Value; 2] {
    let bob = json!([{ "email": "bob@globex.example", "name": "Bob" }]);
    [
        json!({ "kind": "notification", "to": bob, "data": {
            "subject": "A password was changed", "body_markdown": "The password of **Oracle root** was changed." } }),
        json!({ "kind": "two_factor_code", "to": bob, "data": { "code": "802915", "expires_in_minutes": 10 } }),
    ]
}

/// Looks for every delivery among what the emulator sent from the mailbox.
async fn sent(emulator: &GraphEmulator, followed: &[Followed], screen: &mut Screen<'_>) -> Result<(), CommandError> {
    // The test email is there too.
    let wanted = deliveries(followed).saturating_add(1);
    let taken = emulator.wait_for(wanted, Duration::from_secs(2)).await;
    let taken = taken.map_err(|error| CommandError::Failed(error.to_string()))?;
    screen.heading(&format!("The mailbox {MAILBOX} sent"))?;
    arrived(followed, screen, |delivery| {
        let mut mails = taken.iter().filter(|mail| mail.mailbox == MAILBOX);
        let mail = mails.find(|mail| String::from_utf8_lossy(&mail.data).contains(delivery))?;
        Some((mail.recipients.join(", "), mail.subject.clone()))
    })
}
