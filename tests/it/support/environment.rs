//! What the runner (`scripts/test`) tells the tests: which servers there are.
//!
//! In one place, because reading the environment is refused everywhere else: a test must not depend on the shell it is
//! started from.

/// The URL of a PostgreSQL server without a database; absent when the run is for `SQLite`.
pub(crate) const POSTGRES: &str = "LETTERHEAD_TEST_POSTGRES";

/// Present where no real mail server can be run, for want of Postfix or of root.
pub(crate) const WITHOUT_MTA: &str = "LETTERHEAD_TEST_WITHOUT_MTA";

/// Present where no network of a test's own can be made, for want of unshare(1), ip(8) or leave to use them.
pub(crate) const WITHOUT_NAMESPACES: &str = "LETTERHEAD_TEST_WITHOUT_NAMESPACES";

/// The value of a variable; an empty one counts as absent.
#[expect(
    clippy::disallowed_methods,
    reason = "the runner has no other way to tell a test where its servers are"
)]
pub(crate) fn told_by_runner(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}
