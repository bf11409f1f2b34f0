//! Where a clock or a schema turns from sound to a warning, and from a warning to an error.

use super::*;

fn first_word(check: impl FnOnce(&mut Report)) -> String {
    let mut report = Report::default();
    check(&mut report);
    report.as_text().split(' ').next().unwrap().to_owned()
}

#[test]
fn clocks_may_differ_by_a_second_and_not_by_half_a_minute() {
    for (ahead, word) in [
        (None, "ok"),
        (Some(-1_000), "ok"),
        (Some(1_001), "warning"),
        (Some(-30_000), "warning"),
        (Some(30_001), "error"),
        (Some(i64::MIN), "error"),
    ] {
        assert_eq!(first_word(|report| check_clocks(ahead, report)), word, "{ahead:?}");
    }
}

#[test]
fn an_old_schema_is_a_warning_and_a_newer_one_an_error() {
    let schema = |schema| first_word(|report| check_schema(&schema, report));
    assert_eq!(schema(Schema::Current), "ok");
    assert_eq!(schema(Schema::Older("m0002".into())), "warning");
    assert_eq!(schema(Schema::Newer("m9999".into())), "error");
}
