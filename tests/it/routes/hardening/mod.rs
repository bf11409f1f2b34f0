//! The hardening report is right for each way of sending, and what the provider makes mandatory is kept to.

use serde_json::{Value, json};

use crate::support::http::Client;

mod age;
mod mandatory;
mod report;

const REPORT: &str = "/v1/tenants/globex/hardening-report";
const SETTINGS: &str = "/v1/tenants/globex/email-settings";

/// Settings for a server that nobody asks.
fn smtp(security: &str) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": "smtp.globex.example", "security": security } })
}

async fn statuses(client: &Client, path: &str) -> Vec<(String, String)> {
    let report = client.get(path).await.expect(200);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = report["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "id"), text(item, "status"))).collect()
}

async fn item(client: &Client, path: &str, id: &str) -> Value {
    let report = client.get(path).await.expect(200);
    let items = report["items"].as_array().unwrap();
    items.iter().find(|item| item["id"] == id).unwrap().clone()
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(id, status)| (id.to_owned(), status.to_owned())).to_vec()
}
