//! Test emails: counted over all processes, and in the audit log before they begin.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Statement};
use storage::{
    StoreError,
    tenant::{TenantStore, TestBegun, TestEnded},
};

use crate::support::{MASTER_KEY, World, on_premises};

fn begun() -> TestBegun {
    TestBegun {
        to: "bob@b.example".parse().unwrap(),
        over: "smtp.globex.example, port 587".to_owned(),
        saved: None,
    }
}

/// What the audit log says of tests, oldest first.
async fn told(world: &World) -> Vec<(String, String)> {
    let raw = world.database.raw().await;
    let sql = "SELECT action, detail FROM audit_entries WHERE action LIKE 'email_settings.test%' ORDER BY id";
    let rows = raw
        .query_all_raw(Statement::from_string(raw.get_database_backend(), sql))
        .await
        .unwrap();
    let text = |row: &sea_orm::QueryResult, column| row.try_get("", column).unwrap();
    rows.iter()
        .map(|row| (text(row, "action"), text(row, "detail")))
        .collect()
}

#[tokio::test]
async fn a_test_is_in_the_audit_log_before_it_begins_and_when_it_ended() {
    let world = World::new().await;
    let store = world.store.tenant(&world.scope);

    assert_eq!(store.begin_test(&begun()).await.unwrap(), "Acme");
    let ended = TestEnded {
        outcome: "failed",
        failure: Some(("tls", "tls_not_offered")),
    };
    store.end_test(&ended).await.unwrap();

    let told = told(&world).await;
    let [(first, begun), (second, ended)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("email_settings.test_begun", "email_settings.test_ended")
    );
    assert!(
        begun.contains("bob@b.example") && begun.contains("smtp.globex.example, port 587"),
        "{begun}"
    );
    assert!(ended.contains("failed") && ended.contains("tls_not_offered"), "{ended}");
}

#[tokio::test]
async fn two_processes_count_together_and_what_is_refused_is_not_told() {
    let world = World::new().await;
    let other = world.database.connect(MASTER_KEY).await.unwrap();
    let (one, two) = (world.store.tenant(&world.scope), other.tenant(&world.scope));

    let test = begun();
    let six = async |store: TenantStore<'_>| {
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(store.begin_test(&test).await);
        }
        answers
    };
    let (ones, twos) = tokio::join!(six(one), six(two));

    let (ran, refused): (Vec<_>, Vec<_>) = ones.into_iter().chain(twos).partition(Result::is_ok);
    assert_eq!((ran.len(), refused.len()), (5, 7), "{refused:?}");
    for error in refused.into_iter().filter_map(Result::err) {
        let StoreError::RateLimited { retry_after } = error else {
            panic!("{error:?}")
        };
        assert!(retry_after <= Duration::from_mins(1));
    }
    assert_eq!(told(&world).await.len(), 5);
    let globex = on_premises(&world.store, "globex").await;
    world.store.tenant(&globex).begin_test(&test).await.unwrap();
}
