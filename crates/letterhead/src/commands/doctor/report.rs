//! What the doctor says: a line for each finding with its remedy below it, or the same as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// How a check ended; from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Sound.
    Ok,
    /// There was nothing to look at, or something else stands in the way.
    Skipped,
    /// Works, but not as it should.
    Warning,
    /// Does not work, or loses or shows something.
    Error,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

struct Finding {
    check: &'static str,
    status: Status,
    told: String,
    fix: Option<String>,
}

/// Everything that was found.
#[derive(Default)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    pub(super) fn ok(&mut self, check: &'static str, finding: impl Into<String>) {
        self.add(check, Status::Ok, finding.into(), None);
    }

    pub(super) fn skipped(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, Status::Skipped, why.into(), None);
    }

    pub(super) fn warning(&mut self, check: &'static str, finding: impl Into<String>, fix: impl Into<String>) {
        self.add(check, Status::Warning, finding.into(), Some(fix.into()));
    }

    pub(super) fn error(&mut self, check: &'static str, finding: impl Into<String>, fix: impl Into<String>) {
        self.add(check, Status::Error, finding.into(), Some(fix.into()));
    }

    fn add(&mut self, check: &'static str, status: Status, finding: String, fix: Option<String>) {
        let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.0.push(Finding {
            check,
            status,
            // A driver's message may span lines.
            told: line(finding),
            fix: fix.map(line),
        });
    }

    pub(super) fn errors(&self) -> usize {
        self.count(Status::Error)
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }

    pub(super) fn as_text(&self) -> String {
        let mut text = String::new();
        for finding in &self.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<8} {:<14} {}",
                finding.status.as_str(),
                finding.check,
                finding.told
            );
            if let Some(fix) = &finding.fix {
                let _ = writeln!(text, "{:<23} fix: {fix}", "");
            }
        }
        let _ = writeln!(
            text,
            "{}, {}",
            counted(self.errors(), "error"),
            counted(self.count(Status::Warning), "warning")
        );
        text
    }

    pub(super) fn as_json(&self) -> String {
        let checks: Vec<Value> = self
            .0
            .iter()
            .map(
                |one| json!({ "check": one.check, "status": one.status.as_str(), "finding": one.told, "fix": one.fix }),
            )
            .collect();
        let report = json!({
            "healthy": self.errors() == 0,
            "errors": self.errors(),
            "warnings": self.count(Status::Warning),
            "checks": checks,
        });
        format!("{report:#}\n")
    }
}

/// A number of things, in words.
pub(super) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}
