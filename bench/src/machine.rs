//! The machine that the figures belong to.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;

use crate::{process::answer, stats::Latencies};

/// How often a write is flushed to find out what that costs.
const FLUSHES: u32 = 200;
const BLOCK: [u8; 4096] = [b'x'; 4096];

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    file_system: String,
    /// A write of 4 KiB and `fdatasync`, in milliseconds.
    flush_ms_p50: Option<f64>,
    flush_ms_p99: Option<f64>,
    /// Load average of the last minute when the run began.
    load_average: String,
}

impl Machine {
    /// Looks at this machine and at the disk below `work_dir`.
    pub(crate) fn look(work_dir: &Path) -> Result<Self> {
        let flushes = flushes(work_dir)?;
        Ok(Self {
            cpu: line("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory_mib(),
            kernel: whole("/proc/sys/kernel/osrelease"),
            file_system: file_system(work_dir),
            flush_ms_p50: flushes.percentile_ms(50),
            flush_ms_p99: flushes.percentile_ms(99),
            load_average: whole("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        })
    }

    /// In one line.
    pub(crate) fn sentence(&self) -> String {
        let Self {
            cpu,
            cores,
            memory_mib,
            kernel,
            file_system,
            load_average,
            ..
        } = self;
        let flush = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |ms| format!("{ms:.2}"));
        format!(
            "{cpu}, {cores} cores, {memory_mib} MiB, Linux {kernel}, {file_system}, flush of 4 KiB p50 {} ms, p99 {} ms, load {load_average}",
            flush(self.flush_ms_p50),
            flush(self.flush_ms_p99)
        )
    }
}

fn flushes(work_dir: &Path) -> Result<Latencies> {
    let path = work_dir.join(format!("letterhead-bench-flush-{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..FLUSHES {
        let began = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    fs::remove_file(path)?;
    Ok(Latencies::of(took))
}

fn file_system(path: &Path) -> String {
    let asked = answer(Command::new("df").arg("--output=fstype").arg(path));
    asked
        .ok()
        .and_then(|table| table.lines().nth(1).map(str::to_owned))
        .unwrap_or_default()
}

fn memory_mib() -> u64 {
    let total = line("/proc/meminfo", "MemTotal");
    let kib = total.split(' ').next().and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn whole(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The value of the first line `name: value`.
fn line(path: &str, name: &str) -> String {
    let text = whole(path);
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let value = pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned());
    value.unwrap_or_default()
}
