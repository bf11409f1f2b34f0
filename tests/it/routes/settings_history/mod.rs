//! Every version of the email settings is kept, and an older one can be put back: as a new version, with its own password.

use serde_json::Value;

use crate::support::http::Client;

mod cloud;
mod on_premises;

async fn versions(admin: &Client, path: &str) -> Vec<Value> {
    let list = admin.get(&format!("{path}/versions")).await.expect(200);
    list["items"].as_array().unwrap().clone()
}
