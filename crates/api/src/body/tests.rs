//! Every fault of a body is listed where it is.

use super::*;

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
#[expect(dead_code, reason = "only read by the parser")]
struct Sample {
    address: Parsed<domain::address::EmailAddress>,
    port: Bounded<1, 65535>,
    list: Vec<Parsed<domain::tenant::Slug>>,
    #[deserr(default)]
    name: Option<String>,
}

#[test]
fn every_fault_is_listed_with_its_pointer() {
    let value = serde_json::json!({ "address": "nobody", "port": 0, "list": ["ok", "NOT OK"], "na/me": 1, "name": 7 });
    let problem = read_value::<Sample>(value).unwrap_err();
    let mut found: Vec<_> = problem
        .faults()
        .iter()
        .map(|f| (f.pointer.as_str(), f.code.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/address", "invalid"),
            ("/list/1", "invalid"),
            ("/name", "invalid"),
            ("/na~1me", "unknown_field"),
            ("/port", "out_of_range")
        ]
    );
}

#[test]
fn what_is_missing_is_required_and_what_is_no_object_says_so() {
    let problem = read_value::<Sample>(serde_json::json!({})).unwrap_err();
    assert_eq!(problem.faults().len(), 3);
    assert!(problem.faults().iter().all(|fault| fault.code == FaultCode::Required));
    let problem = read_value::<Sample>(serde_json::json!([])).unwrap_err();
    assert_eq!(problem.faults().first().map(|f| f.pointer.as_str()), Some(""));
}
