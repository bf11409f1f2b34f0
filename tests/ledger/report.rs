//! The reckoning, for people as a table and for programs as JSON.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::message::state::DeliveryStatus;
use serde_json::{Value, json};

use crate::{
    book::{Evidence, Millis},
    check,
    plan::{FaultKind, StoreKind},
    trouble::Fallible,
    violation::Violation,
};

/// Violations of one ledger that are printed; all of them are in the JSON.
const SHOWN: usize = 12;

/// One fault's outcome.
pub(crate) struct Ledger {
    pub(crate) store: StoreKind,
    pub(crate) fault: FaultKind,
    pub(crate) evidence: Evidence,
    pub(crate) violations: Vec<Violation>,
    /// Submissions answered 429 or 5xx, which were then made again.
    pub(crate) turned_away: usize,
    /// How long the load lasted.
    pub(crate) loaded: Duration,
    /// How long all of it lasted.
    pub(crate) took: Duration,
    /// Where databases and logs were kept, if anything is wrong.
    pub(crate) kept: Option<PathBuf>,
}

impl Ledger {
    pub(crate) const fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Every figure, by name, in the order of the table.
    fn figures(&self) -> Vec<(&'static str, usize)> {
        let evidence = &self.evidence;
        let accepted = evidence.asked.iter().filter_map(|asked| asked.accepted.as_ref());
        let waiting = [
            DeliveryStatus::Scheduled,
            DeliveryStatus::Queued,
            DeliveryStatus::Sending,
            DeliveryStatus::Deferred,
        ];
        let lost =
            |violation: &&Violation| matches!(violation, Violation::Lost { .. } | Violation::NeverArrived { .. });
        let after_lease = |violation: &&Violation| matches!(violation, Violation::AfterLease { .. });
        let late = |violation: &&Violation| matches!(violation, Violation::TooLate { .. } | Violation::Replaced { .. });
        let mut figures = vec![
            ("messages", evidence.asked.len()),
            ("faults", evidence.faults.len()),
            ("accepted", accepted.map(|accepted| accepted.deliveries.len()).sum()),
            (
                "stored",
                evidence.stored.iter().map(|message| message.deliveries.len()).sum(),
            ),
        ];
        figures.push(("waiting", waiting.iter().map(|status| self.count(*status)).sum()));
        for status in DeliveryStatus::ALL
            .into_iter()
            .filter(|status| !waiting.contains(status))
        {
            figures.push((status.as_str(), self.count(status)));
        }
        figures.extend([
            ("received", evidence.taken.len()),
            ("lost", self.violations.iter().filter(lost).count()),
            ("duplicates", check::duplicates(evidence)),
            ("bound", check::bound(evidence)),
            ("repeats", check::repeats(evidence)),
            ("frozen_held", check::held_by(&evidence.frozen)),
            ("dots_after_lease", self.violations.iter().filter(after_lease).count()),
            ("too_late", self.violations.iter().filter(late).count()),
            ("turned_away", self.turned_away),
            ("violations", self.violations.len()),
        ]);
        figures
    }

    fn count(&self, status: DeliveryStatus) -> usize {
        let deliveries = self.evidence.stored.iter().flat_map(|message| &message.deliveries);
        deliveries.filter(|delivery| delivery.status == status).count()
    }

    /// From each fault's end to the first mail begun after it.
    fn recoveries(&self) -> Vec<Millis> {
        let mut recoveries: Vec<Millis> = self
            .evidence
            .faults
            .iter()
            .filter_map(|fault| {
                let begun = self.evidence.taken.iter().filter(|taken| taken.begun_at >= fault.back);
                begun.map(|taken| taken.dot_at - fault.back).min()
            })
            .collect();
        recoveries.sort_unstable();
        recoveries
    }

    fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> = self
            .figures()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let recoveries = self.recoveries();
        let downtime = self.evidence.faults.iter().map(|fault| fault.back - fault.from).max();
        let faults = self.evidence.faults.iter();
        let faults: Vec<Value> = faults
            .map(|fault| json!({ "name": fault.name, "from": fault.from, "back": fault.back }))
            .collect();
        json!({
            "store": self.store.as_str(), "fault": self.fault.as_str(), "holds": self.holds(), "figures": figures,
            "metric": self.evidence.counted, "faults": faults,
            "longest_fault_ms": downtime,
            "back_to_sending_ms": { "median": recoveries.get(recoveries.len() / 2), "max": recoveries.last() },
            "load_seconds": self.loaded.as_secs_f64(), "seconds": self.took.as_secs_f64(),
            "violations": self.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    /// Writes the figures to a file of their own.
    pub(crate) fn write(&self, folder: &Path) -> Fallible<()> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}-{}.json", self.store.as_str(), self.fault.as_str()));
        Ok(fs::write(path, format!("{:#}\n", self.json()))?)
    }
}

/// The table of several ledgers, figures down, faults across, and what is wrong below.
pub(crate) fn table(ledgers: &[Ledger]) -> String {
    let mut text = String::new();
    let columns: Vec<Vec<(String, String)>> = ledgers.iter().map(column).collect();
    let names: Vec<&String> = columns.first().into_iter().flatten().map(|(name, _)| name).collect();
    for (row, name) in names.iter().enumerate() {
        let cells = columns.iter().filter_map(|column| column.get(row));
        let cells: Vec<String> = cells.map(|(_, value)| format!("{value:>11}")).collect();
        // Writing to a String cannot fail.
        writeln!(text, "{name:<16}{}", cells.concat()).ok();
    }
    if ledgers.iter().any(|ledger| ledger.evidence.counted.is_none()) {
        text.push_str("\nmetric -: processes were killed, and what they had counted died with them\n");
    }
    for ledger in ledgers.iter().filter(|ledger| !ledger.holds()) {
        let kept = ledger.kept.as_deref().unwrap_or(Path::new("nowhere")).display();
        writeln!(
            text,
            "\n{} {}: kept in {kept}",
            ledger.store.as_str(),
            ledger.fault.as_str()
        )
        .ok();
        for violation in ledger.violations.iter().take(SHOWN) {
            writeln!(text, "  {violation}").ok();
        }
        let more = ledger.violations.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(text, "  and {more} more").ok();
        }
    }
    text
}

fn column(ledger: &Ledger) -> Vec<(String, String)> {
    let mut cells = vec![
        ("store".to_owned(), ledger.store.as_str().to_owned()),
        ("fault".to_owned(), ledger.fault.as_str().to_owned()),
    ];
    cells.extend(
        ledger
            .figures()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_string())),
    );
    let counted = ledger.evidence.counted;
    cells.push((
        "metric".to_owned(),
        counted.map_or_else(|| "-".to_owned(), |counted| counted.to_string()),
    ));
    let recoveries = ledger.recoveries();
    let shown = |value: Option<&Millis>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
    cells.push((
        "sending, med ms".to_owned(),
        shown(recoveries.get(recoveries.len() / 2)),
    ));
    cells.push(("sending, max ms".to_owned(), shown(recoveries.last())));
    cells.push(("seconds".to_owned(), format!("{:.1}", ledger.took.as_secs_f64())));
    cells.push((
        "verdict".to_owned(),
        if ledger.holds() { "holds" } else { "BROKEN" }.to_owned(),
    ));
    cells
}
