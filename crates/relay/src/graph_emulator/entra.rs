//! Entra's token endpoint, for client credentials (RFC 6749 §4.4).

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    ids::{IdSource, TimeOrderedIds},
    secret::ExposeSecret,
};
use serde_json::json;
use tokio::time::Instant;
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    config::{Directory, Registration, SecretState},
    desk::{Asked, Desk},
    kept::Grant,
    script::Said,
};

impl Desk {
    /// A token, or the name of the error.
    pub(super) fn give_token(&self, asked: &Asked) -> Result<Said, &'static str> {
        if !asked.content_type.starts_with("application/x-www-form-urlencoded") {
            return Err("AADSTS900144");
        }
        let name = asked.path.first().map_or("", String::as_str);
        if !name.contains('.') && Uuid::try_parse(name).is_err() {
            return Err("AADSTS900023");
        }
        let directory = self
            .directory(|directory| directory.is_called(name))
            .ok_or("AADSTS90002")?;
        let form: HashMap<String, String> = form_urlencoded::parse(&asked.body).into_owned().collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        match field("grant_type") {
            "client_credentials" => {}
            "" => return Err("AADSTS900144"),
            _ => return Err("AADSTS70003"),
        }
        let application = registered(directory, field("client_id"))?;
        check_secret(application, field("client_secret"))?;
        if field("scope").is_empty() {
            return Err("AADSTS90014");
        }
        if field("scope") != format!("{}/.default", self.graph) {
            return Err("AADSTS1002012");
        }
        Ok(self.token_for(directory, application))
    }

    fn token_for(&self, directory: &Directory, application: &Registration) -> Said {
        let life = self.config.token_life;
        let now = self.config.clock.now().timestamp();
        let claims = json!({
            "aud": self.graph,
            "tid": directory.id,
            "appid": application.client_id,
            "iat": now,
            "exp": now.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)),
            // As Microsoft does it: without a role there is no claim.
            "roles": Some(&application.roles).filter(|roles| !roles.is_empty()),
        });
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let (header, signature) = (json!({ "typ": "JWT", "alg": "RS256" }), TimeOrderedIds.next());
        let token = format!(
            "{}.{}.{}",
            part(header.to_string()),
            part(claims.to_string()),
            signature.simple()
        );
        let grant = Grant {
            directory: directory.id,
            application: application.client_id,
            until: Instant::now() + life,
        };
        self.kept.give(token.clone(), grant);
        let (seconds, ext) = (life.as_secs(), life.as_secs());
        let body =
            json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": ext, "access_token": token });
        Said::status(200)
            .with("content-type", "application/json; charset=utf-8")
            .with("cache-control", "no-store, no-cache")
            .body(&body.to_string())
    }
}

fn registered<'a>(directory: &'a Directory, client_id: &str) -> Result<&'a Registration, &'static str> {
    if client_id.is_empty() {
        return Err("AADSTS900144");
    }
    let client_id = Uuid::try_parse(client_id).map_err(|_| "AADSTS700016")?;
    let mut known = directory.applications.iter();
    known.find(|one| one.client_id == client_id).ok_or("AADSTS700016")
}

fn check_secret(application: &Registration, secret: &str) -> Result<(), &'static str> {
    if secret.is_empty() {
        return Err("AADSTS7000218");
    }
    let mut known = application.secrets.iter();
    // Its ID is none of its values, and so as wrong as anything else.
    match known
        .find(|one| one.value.expose_secret() == secret)
        .map(|one| one.state)
    {
        Some(SecretState::Good) => Ok(()),
        Some(SecretState::Expired) => Err("AADSTS7000222"),
        None => Err("AADSTS7000215"),
    }
}
