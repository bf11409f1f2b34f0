//! The demo's clients: made once, kept beside its data, so that it can be run again on the same data.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::secret::{ExposeSecret, SecretText, secret_text};
use serde_json::Value;

use crate::{commands::CommandError, start_error::StartError};

const OPERATOR: &str = "operator";

/// A client's name at the token endpoint, and its secret.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: SecretText,
}

impl Client {
    /// The form of a token request.
    pub(super) fn token_request(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.id)
            .append_pair("client_secret", self.secret.expose_secret())
            .finish()
    }
}

/// Every client of the demo, by what it is.
pub(super) struct Accounts {
    path: PathBuf,
    known: BTreeMap<String, Client>,
    operator: Client,
}

impl Accounts {
    /// Those of an earlier run, or a fresh operator.
    pub(super) fn open(data_dir: &Path) -> Result<Self, CommandError> {
        let path = data_dir.join("demo-clients.json");
        let mut known = read(&path);
        let operator = match known.remove(OPERATOR) {
            Some(operator) => operator,
            None => Client {
                id: "demo-operator".to_owned(),
                secret: secret_text(random()?),
            },
        };
        crate::server::ensure_folder(data_dir)?;
        let accounts = Self { path, known, operator };
        accounts.write()?;
        Ok(accounts)
    }

    pub(super) const fn operator(&self) -> &Client {
        &self.operator
    }

    pub(super) fn client(&self, name: &str) -> Option<&Client> {
        self.known.get(name)
    }

    /// Keeps a client that the API has just made.
    pub(super) fn keep(&mut self, name: &str, made: &Value) -> Result<(), CommandError> {
        let text = |field: &str| made.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let client = Client {
            id: text("client_id"),
            secret: secret_text(text("client_secret")),
        };
        self.known.insert(name.to_owned(), client);
        self.write()
    }

    /// Readable by this account alone, since it holds secrets.
    fn write(&self) -> Result<(), CommandError> {
        let entry = |client: &Client| serde_json::json!({ "client_id": client.id, "client_secret": client.secret.expose_secret() });
        let mut all: serde_json::Map<String, Value> = self
            .known
            .iter()
            .map(|(name, client)| (name.clone(), entry(client)))
            .collect();
        all.insert(OPERATOR.to_owned(), entry(&self.operator));
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        Ok(file.write_all(Value::Object(all).to_string().as_bytes())?)
    }
}

fn read(path: &Path) -> BTreeMap<String, Client> {
    let stored: Value = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let client = |entry: &Value| {
        Some(Client {
            id: entry.get("client_id")?.as_str()?.to_owned(),
            secret: secret_text(entry.get("client_secret")?.as_str()?),
        })
    };
    let entries = stored.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, entry)| Some((name.clone(), client(entry)?)))
        .collect()
}

/// A fresh secret.
pub(super) fn random() -> Result<String, CommandError> {
    let mut bytes = [0_u8; 24];
    rand::fill(&mut bytes)
        .map_err(|_| StartError::new("the system gives no random numbers", "report this as a fault"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
