//! Whose address stands where: in From and Reply-To, in the envelope, and in letters beyond ASCII.

use domain::{branding::EffectiveFrom, message::Recipient, outbox::Job};

use crate::{
    headers::header,
    sample::{code, compose, from, own_server, parse},
};

#[test]
fn a_rewritten_from_leads_replies_to_the_tenant() {
    let rewritten = Job {
        from: EffectiveFrom {
            reply_to: Some("it@acme.example".parse().unwrap()),
            ..from("Acme via Letterhead")
        },
        ..code()
    };
    assert_eq!(header(&rewritten, "Reply-To").as_deref(), Some("it@acme.example"));
    assert_eq!(
        header(&rewritten, "From").as_deref(),
        Some("Acme via Letterhead <no-reply@acme.example>")
    );
    assert_eq!(header(&code(), "Reply-To"), None);
}

#[test]
fn bounces_go_to_the_provider_over_the_shared_relay_and_to_the_tenant_over_its_own_server() {
    assert_eq!(
        compose(&code()).envelope.reverse_path.to_string(),
        "bounces@relay.example"
    );
    let own = Job {
        path: own_server(),
        ..code()
    };
    let envelope = compose(&own).envelope;
    assert_eq!(envelope.reverse_path.to_string(), "no-reply@acme.example");
    assert_eq!(envelope.forward_path.to_string(), "ada@customer.example");
}

#[test]
fn a_local_part_beyond_ascii_stands_in_utf8_and_asks_for_smtputf8() {
    let job = Job {
        recipient: Recipient {
            email: "jörg@bücher.example".parse().unwrap(),
            name: None,
        },
        ..code()
    };
    let mail = compose(&job);
    assert!(mail.needs_smtputf8() && mail.is_eight_bit());
    let parsed = parse(&mail);
    let to = parsed.to().and_then(|to| to.first()).and_then(|to| to.address());
    assert_eq!(to, Some("jörg@xn--bcher-kva.example"));
}

#[test]
fn an_idn_domain_alone_asks_for_nothing() {
    let job = Job {
        recipient: Recipient {
            email: "ada@bücher.example".parse().unwrap(),
            name: Some("Jörg".parse().unwrap()),
        },
        ..code()
    };
    let mail = compose(&job);
    assert!(!mail.needs_smtputf8() && !mail.is_eight_bit());
}
