//! The database: reachable, unable to lose what it confirmed, of this program's schema, opened by the master key, and of the
//! same time as this machine.

use domain::{clock::Clock, secret::Secret};
use storage::{
    DatabaseUrl, StoreError,
    checkup::{Checkup, Keys, Schema, Wire, examine},
};

use super::report::Report;
use crate::{
    config::Config,
    server::{root_cause, store_failed},
};

/// Milliseconds that two clocks may differ by: deadlines are decided by the database's, tokens by this machine's.
const UNNOTICED: u64 = 1_000;
/// Milliseconds from which tokens that one process makes are refused by another.
const HARMFUL: u64 = 30_000;
/// A moment before which this program did not exist, in milliseconds: 2026-01-01.
const BUILT: i64 = 1_767_225_600_000;

pub(super) async fn check(config: &Config, keys: &[Secret<[u8; 32]>], report: &mut Report) -> Option<Checkup> {
    check_machine_clock(report);
    if let DatabaseUrl::Sqlite(path) = &config.database_url
        && !path.exists()
    {
        report.skipped("database", format!("{} is made at the first start", path.display()));
        return None;
    }
    let checkup = match examine(&config.database_url, keys).await {
        Ok(checkup) => checkup,
        Err(error) => {
            unreachable(config, &error, report);
            return None;
        }
    };
    report.ok(
        "database",
        format!("{} answers ({})", config.database_shown(), checkup.version),
    );
    check_durability(&checkup, report);
    check_schema(&checkup.schema, report);
    check_keys(checkup.keys, keys, report);
    check_wire(checkup.wire, report);
    check_clocks(checkup.clock_ahead_ms, report);
    Some(checkup)
}

fn unreachable(config: &Config, error: &StoreError, report: &mut Report) {
    if let (StoreError::Unavailable(source), DatabaseUrl::Sqlite(path)) = (error, &config.database_url) {
        report.error(
            "database",
            format!("{} cannot be read ({})", path.display(), root_cause(source)),
            "make it and its folder readable for this account; where it is damaged, restore a backup",
        );
        return;
    }
    let told = store_failed(config, error);
    report.error("database", told.what(), told.mend());
}

fn check_durability(checkup: &Checkup, report: &mut Report) {
    for (setting, value) in &checkup.unsafe_settings {
        let finding = format!("{setting} is {value}: what was confirmed can be lost in a crash");
        let fix = match *setting {
            "journal_mode" => "start letterhead, which sets it to WAL; if it stays, move the file to a local disk",
            _ => "set it to on in postgresql.conf, and reload",
        };
        report.error("durability", finding, fix);
    }
    if checkup.unsafe_settings.is_empty() {
        report.ok("durability", "what was confirmed is on disk");
    }
}

fn check_schema(schema: &Schema, report: &mut Report) {
    match schema {
        Schema::Current => report.ok("schema", "is this version's"),
        Schema::Empty => report.warning(
            "schema",
            "the database is empty",
            "run `letterhead migrate`, or start letterhead, which does the same",
        ),
        Schema::Older(first) => report.warning(
            "schema",
            format!("lacks the migration {first}"),
            "run `letterhead migrate`, or start letterhead without --no-migrate",
        ),
        Schema::Newer(found) => report.error(
            "schema",
            format!("has the migration {found}, which this version does not know"),
            "run the version that made it, or restore a backup from before the upgrade",
        ),
    }
}

fn check_keys(found: Keys, candidates: &[Secret<[u8; 32]>], report: &mut Report) {
    match found {
        Keys::None => report.skipped("data_keys", "there are none yet"),
        Keys::Open(count) => report.ok("data_keys", format!("all {count} open with the master key")),
        Keys::Closed { of, .. } if candidates.is_empty() => report.error(
            "data_keys",
            format!("there are {of}, and no master key to open them with"),
            "give the master key that this database was made with; a new one cannot replace it",
        ),
        Keys::Closed { closed, of } => report.error(
            "data_keys",
            format!("{closed} of {of} do not open with the master key"),
            "give the master key that this database was made with, or the latest one after a rotation",
        ),
    }
}

fn check_wire(wire: Wire, report: &mut Report) {
    match wire {
        Wire::Local => {}
        Wire::Tls => report.ok("database", "the connection is encrypted"),
        Wire::Clear => report.warning(
            "database",
            "the connection crosses a network in clear text",
            "add ?sslmode=verify-full to LETTERHEAD_DATABASE_URL, and TLS to the server",
        ),
    }
}

fn check_machine_clock(report: &mut Report) {
    if Clock::system().now().timestamp_millis() < BUILT {
        report.error(
            "clock",
            "this machine's clock shows a time before this program was made",
            "set the clock, and keep it right with NTP",
        );
    }
}

fn check_clocks(ahead: Option<i64>, report: &mut Report) {
    const FIX: &str = "keep both machines' clocks right with NTP";
    let Some(ahead) = ahead else {
        report.ok("clock", "the database has this machine's");
        return;
    };
    let finding = format!("the database's is {ahead} ms ahead of this machine's");
    let apart = ahead.unsigned_abs();
    if apart <= UNNOTICED {
        report.ok("clock", finding);
    } else if apart <= HARMFUL {
        report.warning("clock", finding, FIX);
    } else {
        report.error("clock", finding, FIX);
    }
}

#[cfg(test)]
mod tests {
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
}
