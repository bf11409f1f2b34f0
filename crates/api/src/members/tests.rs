//! Every fault of an object is found where it is, and none twice.

use serde_json::json;

use super::*;
use crate::body::Bounded;

#[test]
fn every_fault_is_found_with_its_pointer_and_the_rest_is_read() {
    let mut faults = Faults::default();
    let value = json!({ "port": 0, "name": "x", "flag": null, "extra": 1, "a/b": 2 });
    let mut members = Members::of(value, "/smtp", &mut faults);
    assert!(members.required::<Bounded<1, 65535>>("port").is_none());
    assert_eq!(members.optional::<String>("name").as_deref(), Some("x"));
    assert!(matches!(members.patch::<String>("flag"), Patch::Null));
    assert!(matches!(members.patch::<String>("gone"), Patch::Absent));
    assert!(members.required::<String>("missing").is_none());
    assert_eq!(members.finish(), Sound::No);
    let found: Vec<_> = faults.0.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect();
    assert_eq!(
        found,
        [
            ("/smtp/port", "out_of_range"),
            ("/smtp/missing", "required"),
            ("/smtp/a~1b", "unknown_field"),
            ("/smtp/extra", "unknown_field"),
        ]
    );
}

#[test]
fn what_is_no_object_has_one_fault_and_not_one_for_each_member() {
    let mut faults = Faults::default();
    let mut members = Members::of(json!([1]), "", &mut faults);
    assert!(members.required::<String>("name").is_none());
    assert_eq!(members.finish(), Sound::No);
    assert_eq!(faults.0.len(), 1);
}
