//! What the demo shows: lines, and under them a bar where somebody looks; lines alone where it is piped.

use std::net::SocketAddr;

use domain::secret::ExposeSecret as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::{
    accounts::Accounts,
    service::{Service, text},
};
use crate::{commands::CommandError, terminal::Terminal};

/// The terminal, with the bar that is on it now.
pub(super) struct Screen<'a> {
    terminal: &'a mut Terminal,
    bar: ProgressBar,
}

impl<'a> Screen<'a> {
    pub(super) fn new(terminal: &'a mut Terminal) -> Self {
        Self {
            terminal,
            bar: ProgressBar::hidden(),
        }
    }

    pub(super) fn heading(&mut self, text: &str) -> Result<(), CommandError> {
        self.show(&format!("\n{text}"))
    }

    pub(super) fn line(&mut self, text: &str) -> Result<(), CommandError> {
        self.show(&format!("  {text}"))
    }

    /// Starts the bar, for this many deliveries.
    pub(super) fn begin(&mut self, deliveries: usize) {
        self.bar = ProgressBar::new(u64::try_from(deliveries).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("  [{bar:30}] {pos} of {len} sent, {elapsed}") {
            self.bar.set_style(style);
        }
    }

    pub(super) fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    /// One entry of a timeline.
    pub(super) fn event(&mut self, kind: &str, event: &Value) -> Result<(), CommandError> {
        let field = |pointer: &str| event.pointer(pointer);
        let text = |pointer: &str| field(pointer).and_then(Value::as_str).unwrap_or_default();
        let clock = text("/at").get(11..23).unwrap_or_default();
        let happened = text("/type");
        let mut told = Vec::new();
        if let Some(code) = field("/reply/code").and_then(Value::as_u64) {
            told.push(format!("{code} {} {}", text("/reply/enhanced"), text("/reply/text")));
        }
        if let Some(duration) = field("/duration_ms").and_then(Value::as_u64) {
            told.push(format!("{duration} ms"));
        }
        if let Some(error) = field("/error").and_then(Value::as_str) {
            told.push(error.to_owned());
        }
        if happened == "sent" {
            self.bar.inc(1);
        }
        self.show(&format!("  {clock}  {kind:<16} {happened:<16} {}", told.join(", ")))
    }

    /// One step of a test email.
    pub(super) fn step(&mut self, step: &Value) -> Result<(), CommandError> {
        // What went well needs no words.
        let (mark, detail) = match text(step, "status") {
            "ok" => ('✔', ""),
            "warning" => ('!', text(step, "detail")),
            "skipped" => ('-', ""),
            _ => ('✘', text(step, "detail")),
        };
        let took = step.get("duration_ms").and_then(Value::as_u64).unwrap_or_default();
        let name = text(step, "name");
        self.line(format!("{mark} {name:<10} {took:>4} ms  {detail}").trim_end())
    }

    /// What to try next.
    pub(super) fn invitation(
        &mut self,
        service: &Service,
        accounts: &Accounts,
        internal: SocketAddr,
    ) -> Result<(), CommandError> {
        let base = format!("http://{}", service.address);
        self.heading("It goes on serving; stop it with Ctrl-C")?;
        self.line(&format!(
            "console {base}/    API {base}/docs/    metrics http://{internal}/metrics"
        ))?;
        self.heading("Credentials (client id, client secret)")?;
        let operator = accounts.operator();
        self.line(&format!(
            "{:<22} {} {}",
            "operator",
            operator.id,
            operator.secret.expose_secret()
        ))?;
        for name in ["acme-admin", "acme-product-service", "globex-admin"] {
            if let Some(client) = accounts.client(name) {
                self.line(&format!("{name:<22} {} {}", client.id, client.secret.expose_secret()))?;
            }
        }
        self.heading("Try")?;
        let (id, secret) = (&operator.id, operator.secret.expose_secret());
        self.show(&format!(
            "TOKEN=$(curl -s {base}/oauth2/token -u '{id}:{secret}' -d grant_type=client_credentials | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])')"
        ))?;
        self.show(&format!(
            "curl -s {base}/v1/tenants/acme/email-settings -H \"Authorization: Bearer $TOKEN\""
        ))?;
        self.show(&format!(
            "curl -s {base}/v1/tenants/globex/email-settings/test -H \"Authorization: Bearer $TOKEN\" --json '{{\"to\": \"admin@globex.example\"}}'"
        ))?;
        self.show(&format!(
            "curl -s {base}/v1/tenants/acme/messages -H \"Authorization: Bearer $TOKEN\""
        ))
    }

    fn show(&mut self, line: &str) -> Result<(), CommandError> {
        let Self { terminal, bar } = self;
        Ok(bar.suspend(|| terminal.print(&format!("{line}\n")))?)
    }
}
