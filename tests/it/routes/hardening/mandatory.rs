//! What the provider makes mandatory is kept to, and nobody else can demand it.

use serde_json::json;

use super::{REPORT, SETTINGS, smtp};
use crate::support::service::Service;

#[tokio::test]
async fn settings_below_a_mandatory_item_are_refused_and_change_nothing() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(SETTINGS, &smtp("none")).await.expect(200);
    admin.put(SETTINGS, &smtp("starttls")).await.expect(200);
    let one = format!("{REPORT}/require_smtp_ssl");
    let demanded = service
        .operator
        .put(&one, &json!({ "mandatory": true }))
        .await
        .expect(200);
    assert_eq!(
        (&demanded["id"], &demanded["mandatory"]),
        (&json!("require_smtp_ssl"), &json!(true))
    );

    let below = [("/smtp/security".to_owned(), "below_mandatory".to_owned())];
    for (path, body) in [
        (SETTINGS.to_owned(), smtp("none")),
        (SETTINGS.to_owned(), smtp("starttls_optional")),
        (format!("{SETTINGS}?validate_only=true"), smtp("none")),
    ] {
        let answer = admin.put(&path, &body).await;
        assert_eq!(answer.problem(422, "validation_failed"), below);
        assert!(answer.text.contains("require_smtp_ssl"), "{}", answer.text);
    }
    let restored = admin.post(&format!("{SETTINGS}/versions/1/restore"), &json!({})).await;
    assert_eq!(restored.problem(422, "validation_failed"), below);
    assert_eq!(admin.get(SETTINGS).await.expect(200)["version"], 2);
    admin.put(SETTINGS, &smtp("implicit_tls")).await.expect(200);

    service
        .operator
        .put(&one, &json!({ "mandatory": false }))
        .await
        .expect(200);
    admin.put(SETTINGS, &smtp("none")).await.expect(200);
}

#[tokio::test]
async fn only_the_provider_demands_and_only_what_settings_can_meet() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let yes = json!({ "mandatory": true });
    let one = format!("{REPORT}/require_smtp_ssl");
    admin.put(&one, &yes).await.problem(403, "forbidden");
    service
        .operator
        .put(&format!("{REPORT}/nothing"), &yes)
        .await
        .problem(404, "not_found");
    let faults = service
        .operator
        .put(&format!("{REPORT}/two_factor_by_email"), &yes)
        .await
        .problem(422, "validation_failed");
    assert_eq!(faults, [("/mandatory".to_owned(), "invalid".to_owned())]);
    service.operator.put(&one, &yes).await.expect(200);
    service.operator.put(&one, &yes).await.expect(200);
}
