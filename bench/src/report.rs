//! What a run found, as a table for people and as JSON for machines.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::Result;
use serde::Serialize;

use crate::{machine::Machine, stats::Spread};

/// A run: where, what, and what came out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) at: String,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) versions: Vec<String>,
    pub(crate) scenarios: Vec<Section>,
}

/// What one scenario found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// What was done, with its sizes.
    pub(crate) method: String,
    pub(crate) figures: Vec<Figure>,
    /// What could not be measured and why, and what a reader must know.
    pub(crate) notes: Vec<String>,
}

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) of: String,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    #[serde(flatten)]
    pub(crate) value: Spread,
}

impl Section {
    pub(crate) fn new(name: &'static str, method: String) -> Self {
        Self {
            name,
            method,
            figures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a figure, where it was measured.
    pub(crate) fn add(
        &mut self,
        of: impl Into<String>,
        (what, unit): (&'static str, &'static str),
        value: Option<Spread>,
    ) {
        if let Some(value) = value {
            self.figures.push(Figure {
                of: of.into(),
                what,
                unit,
                value,
            });
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Prints it as a table: system, figure, median, range.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "\n## {}\n{}\n", self.name, self.method)?;
        let widest = |text: fn(&Figure) -> &str| self.figures.iter().map(|figure| text(figure).chars().count()).max();
        let (of, what) = (
            widest(|figure| &figure.of).unwrap_or(0),
            widest(|figure| figure.what).unwrap_or(0),
        );
        for figure in &self.figures {
            let Spread { median, min, max, .. } = figure.value;
            let unit = figure.unit;
            let (median, min, max) = (shown(median), shown(min), shown(max));
            writeln!(
                out,
                "{:<of$}  {:<what$}  {median:>9} {unit:<6} [{min}–{max}]",
                figure.of, figure.what
            )?;
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        out.flush()
    }
}

impl Report {
    /// Writes the JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }
}

/// Three digits that mean something.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
