//! An on-premises tenant's settings as they are written: its whole connection, by send method.

use domain::{
    address::{DisplayName, EmailAddress},
    branding::Branding,
    connection::{
        Cloud, Connection, Credentials, EmailSettings, Host, O365, PasswordChange, Proof, Security, SmtpServer,
    },
    fault::{Fault, FaultCode},
    ids::VaultSecretId,
    secret::{SecretText, secret_text},
};
use serde_json::Value;
use storage::StoreError;
use utoipa::ToSchema;

use crate::{
    access::Access,
    body::{Bounded, Faults, Parsed, Patch},
    members::{Members, Sound},
    problem::Problem,
    routes::relay_route_input::{CaPem, Credential},
};

/// An on-premises tenant's settings; of `smtp` and `o365` the one that `send_email_method` names.
#[derive(ToSchema)]
#[schema(as = OnPremisesEmailSettings)]
#[expect(
    dead_code,
    reason = "describes the body for the document; it is read member by member"
)]
pub(crate) struct OnPremisesSettingsInput {
    /// `smtp` or `o365`.
    #[schema(example = "smtp")]
    send_email_method: String,
    /// The address on the tenant's mail, any that its server lets it use; with `o365` the mailbox that sends.
    #[schema(example = "pam@globex.example", max_length = 254)]
    from_email_address: String,
    /// The name beside it: 1 to 64 characters, none of them invisible, no `@`; none by default.
    #[schema(example = json!(null), max_length = 64)]
    from_email_name: Option<String>,
    /// The tenant's SMTP server.
    smtp: Option<SmtpInput>,
    /// The tenant's Office 365 mailbox.
    o365: Option<O365Input>,
}

/// An SMTP server; only `email_server` is required.
#[derive(ToSchema)]
#[schema(as = SmtpConnectionInput)]
#[expect(
    dead_code,
    reason = "describes the body for the document; it is read member by member"
)]
pub(crate) struct SmtpInput {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    #[schema(example = "smtp.globex.example")]
    email_server: String,
    /// 1 to 65535; by default that of `security`: 465, 587, 587, 25.
    #[schema(example = 587, minimum = 1)]
    port: Option<u16>,
    /// `implicit_tls`, `starttls` (default), `starttls_optional` or `none`.
    #[schema(example = "starttls")]
    security: Option<String>,
    /// The account; at most 1024 octets. Never sent in clear.
    #[schema(example = "pam", max_length = 1024)]
    username: Option<String>,
    /// Its password; at most 1024 octets. Write-only: absent keeps the stored one, null removes it. It is kept only while
    /// server, port, security, CA and user name stay as they are.
    #[schema(example = "correct horse battery staple", max_length = 1024, write_only)]
    password: Option<String>,
    /// Further trusted roots, PEM; at most 64 KiB. Certificates are always checked.
    #[schema(example = json!(null))]
    ca_certificate_pem: Option<String>,
}

/// An Office 365 mailbox, reached through Microsoft Graph; only the secret is required.
#[derive(ToSchema)]
#[schema(as = O365ConnectionInput)]
#[expect(
    dead_code,
    reason = "describes the body for the document; it is read member by member"
)]
pub(crate) struct O365Input {
    /// The id of a secret of this tenant with the template `azure_application`, made before.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8d")]
    send_email_application_secret_id: String,
    /// `global` (default), `us_gov_l4`, `us_gov_l5` or `china`.
    #[schema(example = "global")]
    cloud: Option<String>,
    /// Whether Microsoft keeps a copy in *Sent Items*; `false` by default.
    #[schema(example = false)]
    save_to_sent_items: Option<bool>,
}

/// A send method by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Smtp,
    O365,
}

impl std::str::FromStr for Method {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "smtp" => Ok(Self::Smtp),
            "o365" => Ok(Self::O365),
            _ => Err(Fault::invalid("One of smtp, o365.")),
        }
    }
}

/// A secret's id as written; what is no id is no secret's.
struct SecretId(VaultSecretId);

impl std::str::FromStr for SecretId {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse().map(Self).map_err(|_| no_such_secret())
    }
}

fn no_such_secret() -> Fault {
    Fault::invalid(
        "This tenant has no complete secret of the template azure_application with this id; create it first.",
    )
}

/// The settings of a body, with what it keeps of those `before`, or all that is wrong with it.
pub(super) async fn parse<P>(
    access: &Access<P>,
    input: Value,
    before: &EmailSettings,
) -> Result<EmailSettings, Problem> {
    let mut faults = Faults::default();
    let mut body = Members::of(input, "", &mut faults);
    let method = body
        .required::<Parsed<Method>>("send_email_method")
        .map(|method| method.0);
    let from_address = body.required::<Parsed<EmailAddress>>("from_email_address");
    let from_name = body.optional::<Parsed<DisplayName>>("from_email_name");
    let (smtp, o365) = (body.taken("smtp"), body.taken("o365"));
    let (wanted, odd) = match method {
        Some(Method::Smtp) => (("smtp", smtp.is_some()), ("o365", o365.is_some())),
        Some(Method::O365) => (("o365", o365.is_some()), ("smtp", smtp.is_some())),
        None => (("send_email_method", true), ("send_email_method", false)),
    };
    if !wanted.1 {
        body.fault(wanted.0, Fault::new(FaultCode::Required, "The send method needs it."));
    }
    if odd.1 {
        body.fault(odd.0, Fault::invalid("It belongs to another send method."));
    }
    body.finish();
    let kept = before.connection().and_then(Connection::smtp);
    let server = smtp
        .and_then(|smtp| parse_smtp(smtp, kept, &mut faults))
        .map(Connection::Smtp);
    let mailbox = match o365 {
        Some(o365) => parse_o365(access, o365, &mut faults).await?.map(Connection::O365),
        None => None,
    };
    let connection = match method {
        Some(Method::Smtp) => server,
        Some(Method::O365) => mailbox,
        None => None,
    };
    match (from_address, connection) {
        (Some(address), Some(connection)) if faults.0.is_empty() => Ok(EmailSettings::OnPremises {
            branding: Some(Branding {
                from_address: address.0,
                from_name: from_name.map(|name| name.0),
            }),
            connection: Some(connection),
        }),
        _ => Err(Problem::invalid(faults.0)),
    }
}

fn parse_smtp(input: Value, before: Option<&SmtpServer>, faults: &mut Faults) -> Option<SmtpServer> {
    let mut smtp = Members::of(input, "/smtp", faults);
    let host = smtp.required::<Parsed<Host>>("email_server");
    let port = smtp.optional::<Bounded<1, 65535>>("port");
    let security = smtp.optional::<Parsed<Security>>("security");
    let security = security.map_or(Security::StartTls, |security| security.0);
    let username = smtp.patch::<Parsed<Credential>>("username");
    let password = smtp.patch::<Parsed<Credential>>("password");
    let ca = smtp.optional::<Parsed<CaPem>>("ca_certificate_pem");
    let credentials = match username {
        Patch::Value(username) => Some(Credentials {
            username: username.0.0,
            proof: Proof::Password(SecretText::default()),
        }),
        Patch::Absent | Patch::Null => None,
    };
    // A part that is wrong in itself is not also wrong beside the others.
    let sound = smtp.finish();
    let host = host?;
    if sound == Sound::No {
        return None;
    }
    let port = port.and_then(|port| u16::try_from(port.0).ok());
    let server = SmtpServer {
        host: host.0,
        port: port.unwrap_or(security.default_port()),
        security,
        credentials,
        ca_certificate_pem: ca.map(|pem| pem.0.0),
    };
    with_password(server, change(password), before, faults)
}

fn change(password: Patch<Parsed<Credential>>) -> PasswordChange {
    match password {
        Patch::Absent => PasswordChange::Keep,
        Patch::Null => PasswordChange::Remove,
        Patch::Value(password) => PasswordChange::Set(secret_text(password.0.0)),
    }
}

/// The server with its password, where the two may go together.
fn with_password(
    server: SmtpServer,
    password: PasswordChange,
    before: Option<&SmtpServer>,
    faults: &mut Faults,
) -> Option<SmtpServer> {
    if server.security == Security::None && server.credentials.is_some() {
        let fault = Fault::new(
            FaultCode::CredentialsNeedTls,
            "A user name needs TLS; choose another security.",
        );
        faults.0.push(fault.at("/smtp/security"));
    }
    if server.credentials.is_none() && matches!(password, PasswordChange::Set(_)) {
        let fault = Fault::new(FaultCode::Required, "A password needs the user name it belongs to.");
        faults.0.push(fault.at("/smtp/username"));
    }
    faults.note("/smtp/password", password.over(server, before))
}

/// A client secret that does not open is none.
fn none_that_opens<T>(error: StoreError) -> Result<Option<T>, StoreError> {
    if !matches!(error, StoreError::Tampered(_)) {
        return Err(error);
    }
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "a secret of a tenant's vault does not open"
    );
    Ok(None)
}

async fn parse_o365<P>(access: &Access<P>, input: Value, faults: &mut Faults) -> Result<Option<O365>, Problem> {
    const SECRET: &str = "send_email_application_secret_id";
    let mut o365 = Members::of(input, "/o365", faults);
    let secret = o365.required::<Parsed<SecretId>>(SECRET).map(|secret| secret.0.0);
    let cloud = o365.optional::<Parsed<Cloud>>("cloud");
    let save_to_sent_items = o365.optional::<bool>("save_to_sent_items");
    let mut found = None;
    if let Some(secret) = secret {
        found = access
            .store()
            .vault_application(secret)
            .await
            .or_else(none_that_opens)?
            .map(|(found, _)| (secret, found));
        if found.is_none() {
            o365.fault(SECRET, no_such_secret());
        }
    }
    o365.finish();
    Ok(found.map(|(secret, application)| O365 {
        secret,
        application,
        cloud: cloud.map(|cloud| cloud.0).unwrap_or_default(),
        save_to_sent_items: save_to_sent_items.unwrap_or_default(),
    }))
}
