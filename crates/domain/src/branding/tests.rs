//! Whose name and address stand in From, for each rule of the provider.

use super::*;

fn provider(sender_verification: SenderVerification) -> Provider {
    Provider {
        name: "Letterhead".parse().unwrap(),
        relay_domain: "relay.example".parse().unwrap(),
        sender_verification,
    }
}

fn branding(address: &str) -> Branding {
    Branding {
        from_address: address.parse().unwrap(),
        from_name: Some("Acme".parse().unwrap()),
    }
}

#[test]
fn an_unverified_from_is_rewritten_with_reply_to() {
    let slug = "acme".parse().unwrap();
    let effective = provider(SenderVerification::Rewrite).effective_from(
        &slug,
        &branding("it@acme.example"),
        DomainProof::Unverified,
    );
    assert_eq!(effective.from.address.to_string(), "no-reply@acme.relay.example");
    assert_eq!(
        effective.from.name.map(|n| n.to_string()).as_deref(),
        Some("Acme via Letterhead")
    );
    assert_eq!(
        effective.reply_to.map(|a| a.to_string()).as_deref(),
        Some("it@acme.example")
    );
}

#[test]
fn another_tenants_fallback_is_not_ones_own() {
    let slug = "acme".parse().unwrap();
    let theirs = branding("no-reply@globex.relay.example");
    let require = provider(SenderVerification::Require);
    assert_eq!(
        require
            .admit(&slug, &theirs, DomainProof::Unverified)
            .map_err(|f| f.code),
        Err(FaultCode::SenderDomainUnverified)
    );
    assert_eq!(
        require.admit(&slug, &branding("no-reply@acme.relay.example"), DomainProof::Unverified),
        Ok(())
    );
    assert_eq!(
        provider(SenderVerification::Rewrite)
            .effective_from(&slug, &theirs, DomainProof::Unverified)
            .reason,
        FromReason::Unverified
    );
}

#[test]
fn a_mailbox_is_quoted_only_where_it_must_be() {
    let mailbox = |name: &str| {
        Mailbox {
            address: "a@b.example".parse().unwrap(),
            name: Some(name.parse().unwrap()),
        }
        .to_string()
    };
    assert_eq!(mailbox("No Reply"), "No Reply <a@b.example>");
    assert_eq!(mailbox("Doe, \"J\""), r#""Doe, \"J\"" <a@b.example>"#);
}

#[test]
fn off_sends_any_from_as_it_is() {
    let slug = "acme".parse().unwrap();
    let off = provider(SenderVerification::Off);
    let effective = off.effective_from(&slug, &branding("it@acme.example"), DomainProof::Unverified);
    assert_eq!(effective.from.address.to_string(), "it@acme.example");
    assert_eq!(
        off.admit(&slug, &branding("it@acme.example"), DomainProof::Unverified),
        Ok(())
    );
}
