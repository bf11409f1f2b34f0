//! Routes as operators write them, and the rule that binds a stored password to its destination.

use deserr::Deserr;
use domain::{
    connection::{Host, MAX_CA_PEM, MAX_CREDENTIAL, Route, Security, SmtpServer},
    fault::{Fault, FaultCode},
    secret::secret_text,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use storage::provider::{PasswordChange, RouteChange};
use utoipa::ToSchema;

use crate::{
    body::{Bounded, Faults, Parsed, Patch},
    problem::Problem,
    wire::{Label, ReasonText},
};

/// A route to be made; `name` and `email_server` are required.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateRoute {
    /// Its name, unique among routes: 1 to 100 characters.
    #[schema(value_type = String, example = "smarthost-eu", min_length = 1, max_length = 100)]
    name: Parsed<Label>,
    /// The server: a name, an IPv4 address, or an IPv6 address without brackets.
    #[schema(value_type = String, example = "smtp.relay.example")]
    email_server: Parsed<Host>,
    /// Its port, 1 to 65535; by default that of `security`: 465, 587, 587, 25.
    #[deserr(default)]
    #[schema(value_type = Option<u16>, example = 587, minimum = 1)]
    port: Option<Bounded<1, 65535>>,
    /// `implicit_tls`, `starttls` (default), `starttls_optional` or `none`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "starttls")]
    security: Option<Parsed<Security>>,
    /// The account; at most 1024 octets. Never sent in clear.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "letterhead")]
    username: Option<Parsed<Credential>>,
    /// Its password; at most 1024 octets. Write-only.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "correct horse battery staple", write_only)]
    password: Option<Parsed<Credential>>,
    /// Further trusted roots, PEM; at most 64 KiB. Certificates are always checked.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = json!(null))]
    ca_certificate_pem: Option<Parsed<CaPem>>,
    /// Connections a relay process keeps at most, 1 to 1000; 10 by default.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 10, minimum = 1, maximum = 1000)]
    max_connections: Option<Bounded<1, 1000>>,
    /// Messages a second that each relay process sends at most, 1 to 100000; null is no bound.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = json!(null), minimum = 1)]
    messages_per_second: Option<Bounded<1, 100_000>>,
    /// Lower goes first, -1000 to 1000; 0 by default.
    #[deserr(default)]
    #[schema(value_type = Option<i32>, example = 0)]
    priority: Option<Bounded<-1000, 1000>>,
    /// Share among routes of one priority, 1 to 1000; 1 by default.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 1, minimum = 1, maximum = 1000)]
    weight: Option<Bounded<1, 1000>>,
}

/// A change of a route (RFC 7396 merge patch): absent members stay, null ones go back to their default.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PatchRoute {
    /// A new name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "smarthost-eu")]
    name: Patch<Parsed<Label>>,
    /// A new server; a stored password must then be given again.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "smtp2.relay.example")]
    email_server: Patch<Parsed<Host>>,
    /// A new port.
    #[deserr(default)]
    #[schema(value_type = Option<u16>, example = 465)]
    port: Patch<Bounded<1, 65535>>,
    /// A new protection.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "implicit_tls")]
    security: Patch<Parsed<Security>>,
    /// A new account.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "letterhead")]
    username: Patch<Parsed<Credential>>,
    /// A new password; null removes the stored one.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "correct horse battery staple", write_only)]
    password: Patch<Parsed<Credential>>,
    /// New roots.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = json!(null))]
    ca_certificate_pem: Patch<Parsed<CaPem>>,
    /// Connections at most.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 20)]
    max_connections: Patch<Bounded<1, 1000>>,
    /// Messages a second that each relay process sends at most.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 100)]
    messages_per_second: Patch<Bounded<1, 100_000>>,
    /// Lower goes first.
    #[deserr(default)]
    #[schema(value_type = Option<i32>, example = 10)]
    priority: Patch<Bounded<-1000, 1000>>,
    /// Share among equals.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 3)]
    weight: Patch<Bounded<1, 1000>>,
}

/// Why mail is kept from a route.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PauseRoute {
    /// For the people who will ask; at most 500 characters.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Maintenance", max_length = 500)]
    pub(crate) reason: Option<Parsed<ReasonText>>,
}

/// A user name or password.
#[derive(Clone)]
pub(crate) struct Credential(pub(crate) String);

impl std::str::FromStr for Credential {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::new(FaultCode::Required, "Must not be empty; use null for none."));
        }
        if text.len() > MAX_CREDENTIAL {
            return Err(Fault::too_long(format!("At most {MAX_CREDENTIAL} octets.")));
        }
        // NUL separates the parts of AUTH PLAIN (RFC 4616 §2); no other control is in a password on purpose.
        if text.chars().any(char::is_control) {
            return Err(Fault::invalid("Must not contain control characters."));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Certificates in PEM.
#[derive(Clone)]
pub(crate) struct CaPem(pub(crate) String);

impl std::str::FromStr for CaPem {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_CA_PEM {
            return Err(Fault::too_long(format!("At most {MAX_CA_PEM} octets.")));
        }
        let printable = text.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t'));
        if !printable || !is_certificate_bundle(text) {
            return Err(Fault::invalid("Must be one or more certificates in PEM."));
        }
        Ok(Self(text.to_owned()))
    }
}

/// One or more certificates, and nothing that is none.
fn is_certificate_bundle(text: &str) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(text.as_bytes()).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}

fn port(given: Option<Bounded<1, 65535>>, security: Security) -> u16 {
    given
        .and_then(|port| u16::try_from(port.0).ok())
        .unwrap_or(security.default_port())
}

fn number(given: Option<i64>, default: u32) -> u32 {
    given.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

impl CreateRoute {
    /// The route, where its parts fit each other.
    pub(crate) fn checked(self) -> Result<RouteChange, Problem> {
        let security = self.security.map_or(Security::StartTls, |security| security.0);
        let change = RouteChange {
            name: self.name.0.0,
            server: SmtpServer {
                host: self.email_server.0,
                port: port(self.port, security),
                security,
                credentials: None,
                ca_certificate_pem: self.ca_certificate_pem.map(|pem| pem.0.0),
            },
            username: self.username.map(|username| username.0.0),
            password: match self.password {
                Some(password) => PasswordChange::Set(secret_text(password.0.0)),
                None => PasswordChange::Remove,
            },
            max_connections: number(self.max_connections.map(|n| n.0), 10),
            messages_per_second: self.messages_per_second.map(|n| number(Some(n.0), 1)),
            priority: self.priority.and_then(|n| i32::try_from(n.0).ok()).unwrap_or_default(),
            weight: number(self.weight.map(|n| n.0), 1),
        };
        refuse_clear_credentials(&change)?;
        if change.username.is_none() && matches!(change.password, PasswordChange::Set(_)) {
            let fault = Fault::new(FaultCode::Required, "A password needs the user name it belongs to.");
            return Err(Problem::invalid(vec![fault.at("/username")]));
        }
        Ok(change)
    }
}

impl PatchRoute {
    /// The route after the change, where the stored password may go with it.
    pub(crate) fn over(self, before: &Route) -> Result<RouteChange, Problem> {
        let server = &before.server;
        let mut faults = Faults::default();
        let name = self.name.required("/name", &mut faults);
        let host = self.email_server.required("/email_server", &mut faults);
        if !faults.0.is_empty() {
            return Err(Problem::invalid(faults.0));
        }
        let security = match self.security {
            Patch::Absent => server.security,
            Patch::Null => Security::StartTls,
            Patch::Value(security) => security.0,
        };
        let kept_port = Bounded(i64::from(server.port));
        let username_before = server
            .credentials
            .as_ref()
            .map(|credentials| credentials.username.clone());
        let change = RouteChange {
            name: name.map_or_else(|| before.name.clone(), |name| name.0.0),
            server: SmtpServer {
                host: host.map_or_else(|| server.host.clone(), |host| host.0),
                port: port(self.port.over(Some(kept_port)), security),
                security,
                credentials: None,
                ca_certificate_pem: self
                    .ca_certificate_pem
                    .over(server.ca_certificate_pem.clone().map(|pem| Parsed(CaPem(pem))))
                    .map(|pem| pem.0.0),
            },
            username: self
                .username
                .over(username_before.map(|name| Parsed(Credential(name))))
                .map(|name| name.0.0),
            password: match self.password {
                Patch::Absent => PasswordChange::Keep,
                Patch::Null => PasswordChange::Remove,
                Patch::Value(password) => PasswordChange::Set(secret_text(password.0.0)),
            },
            max_connections: number(
                self.max_connections
                    .over(Some(Bounded(i64::from(before.max_connections))))
                    .map(|n| n.0),
                10,
            ),
            messages_per_second: self
                .messages_per_second
                .over(before.messages_per_second.map(|n| Bounded(i64::from(n))))
                .map(|n| number(Some(n.0), 1)),
            priority: self
                .priority
                .over(Some(Bounded(i64::from(before.priority))))
                .and_then(|n| i32::try_from(n.0).ok())
                .unwrap_or_default(),
            weight: number(
                self.weight.over(Some(Bounded(i64::from(before.weight)))).map(|n| n.0),
                1,
            ),
        };
        refuse_clear_credentials(&change)?;
        refuse_moved_password(&change, before)?;
        Ok(change)
    }
}

/// Credentials never travel in clear.
fn refuse_clear_credentials(change: &RouteChange) -> Result<(), Problem> {
    if change.server.security == Security::None && change.username.is_some() {
        let fault = Fault::new(
            FaultCode::CredentialsNeedTls,
            "A user name needs TLS; choose another security.",
        );
        return Err(Problem::invalid(vec![fault.at("/security")]));
    }
    Ok(())
}

/// A stored password goes only where it went when it was given.
fn refuse_moved_password(change: &RouteChange, before: &Route) -> Result<(), Problem> {
    let server = &before.server;
    let same = change.server.host == server.host
        && change.server.port == server.port
        && change.server.security == server.security
        && change.server.ca_certificate_pem == server.ca_certificate_pem
        && change.username.as_deref()
            == server
                .credentials
                .as_ref()
                .map(|credentials| credentials.username.as_str());
    let stored = server.credentials.is_some();
    if stored && !same && matches!(change.password, PasswordChange::Keep) {
        let fault = Fault::new(
            FaultCode::PasswordRequired,
            "The stored password belongs to another destination; give it again.",
        );
        return Err(Problem::invalid(vec![fault.at("/password")]));
    }
    Ok(())
}
