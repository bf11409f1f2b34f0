//! From names of all kinds reach the reader as they were written, by the word of parsers that are not ours.

use std::process::{Command, Stdio};

use relay::inbox::InboxConfig;
use serde_json::json;

use crate::support::service::{Service, notification};

const NAMES: [&str; 8] = [
    "No Reply",
    "Müller, \"Max\" (IT)",
    "株式会社アクメ サポート",
    "O'Neill; <Sons>",
    "Ωμέγα: Σύστημα",
    "back\\slash",
    "🔐 Vault, Inc.",
    "a.b.c",
];

/// What Python's `email` reads in a message's From.
fn as_python_reads(mail: &[u8]) -> String {
    let program = "import email,email.policy,sys\nm=email.message_from_binary_file(sys.stdin.buffer,policy=email.policy.default)\nsys.stdout.buffer.write(m['from'].addresses[0].display_name.encode())";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), mail).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn names_survive_the_round_trip_through_two_independent_parsers() {
    let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_SENDER_VERIFICATION", "off")]).await;
    let admin = service.tenant("acme").await;
    for name in NAMES {
        let branding = json!({ "from_email_address": "no-reply@acme.example", "from_email_name": name });
        admin
            .put("/v1/tenants/acme/email-settings", &branding)
            .await
            .expect(200);
        let message = admin
            .post("/v1/tenants/acme/messages", &notification())
            .await
            .expect(202);
        service.until(&message, "sent").await;
        let mail = service.inbox.messages().pop().unwrap();
        let from = mail.parsed().unwrap().from().unwrap().first().unwrap().clone();
        assert_eq!(from.name(), Some(name));
        assert_eq!(from.address(), Some("no-reply@acme.example"));
        assert_eq!(as_python_reads(&mail.data), name);
    }
}

#[tokio::test]
async fn an_unverified_from_goes_out_as_the_fallback_with_reply_to() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let branding = json!({ "from_email_address": "it@bücher.example", "from_email_name": "IT" });
    admin
        .put("/v1/tenants/acme/email-settings", &branding)
        .await
        .expect(200);
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&message, "sent").await;
    let mail = service.inbox.messages().pop().unwrap();
    let parsed = mail.parsed().unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(
        (from.name(), from.address()),
        (Some("IT via Letterhead"), Some("no-reply@acme.relay.example"))
    );
    assert_eq!(
        parsed.reply_to().unwrap().first().unwrap().address(),
        Some("it@xn--bcher-kva.example")
    );
    assert_eq!(mail.reverse_path, "bounces@relay.example");
    let delivery = message["deliveries"][0]["id"].as_str().unwrap();
    assert_eq!(
        parsed.message_id(),
        Some(format!("{delivery}@acme.relay.example").as_str())
    );
}
