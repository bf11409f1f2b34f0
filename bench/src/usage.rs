//! What a system costs, read from `/proc`: processor time and memory of its processes and all their descendants.
//!
//! A descendant that has ended is in the times of the parent that waited for it, so the sum over the living never loses any.

use std::{
    collections::{HashMap, HashSet},
    fs,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};

use crate::stats::number;

const MIB: f64 = 1024.0 * 1024.0;
/// Between two looks at the memory: seldom enough to cost nothing.
const MEMORY_LOOK: Duration = Duration::from_millis(500);

/// The unit of the times in `/proc/PID/stat` where the system does not say: `USER_HZ` of every Linux on x86-64 and arm64.
const USER_HZ: u32 = 100;
/// Fields of `/proc/PID/stat` after the name in parentheses, see proc(5): 4 ppid; 14 utime, 15 stime, 16 cutime, 17 cstime.
const PPID: usize = 4 - 3;
const TIMES: std::ops::Range<usize> = 14 - 3..18 - 3;

/// A line of the process table.
struct Line {
    parent: u32,
    ticks: u64,
}

/// User and system time spent so far by these processes and their descendants.
pub(crate) fn processor_time(roots: &[u32]) -> Duration {
    let table = process_table();
    let ticks: u64 = descendants(&table, roots)
        .iter()
        .filter_map(|pid| table.get(pid))
        .map(|line| line.ticks)
        .sum();
    Duration::from_millis(ticks * 1000 / u64::from(ticks_per_second()))
}

/// Resident bytes of these processes and their descendants now; what they share counts once.
pub(crate) fn memory(roots: &[u32]) -> usize {
    let table = process_table();
    descendants(&table, roots).iter().filter_map(|pid| resident(*pid)).sum()
}

/// A process and all its descendants.
pub(crate) fn with_descendants(root: u32) -> impl Iterator<Item = u32> {
    descendants(&process_table(), &[root]).into_iter()
}

/// The most memory that processes had at one time, as often as it was looked.
#[derive(Debug)]
pub(crate) struct PeakMemory {
    bytes: Arc<AtomicUsize>,
    roots: Vec<u32>,
    task: JoinHandle<()>,
}

impl PeakMemory {
    pub(crate) fn watch(roots: Vec<u32>) -> Self {
        let bytes = Arc::new(AtomicUsize::new(0));
        let (peak, watched) = (Arc::clone(&bytes), roots.clone());
        let task = tokio::spawn(async move {
            loop {
                peak.fetch_max(memory(&watched), Ordering::Relaxed);
                sleep(MEMORY_LOOK).await;
            }
        });
        Self { bytes, roots, task }
    }

    /// The peak until now, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        let now = memory(&self.roots);
        number(self.bytes.fetch_max(now, Ordering::Relaxed).max(now)) / MIB
    }
}

impl Drop for PeakMemory {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The share of a process in resident memory (proportional set size), else all that it has resident.
fn resident(pid: u32) -> Option<usize> {
    field_kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
        .or_else(|| field_kib(&format!("/proc/{pid}/status"), "VmRSS:"))
}

fn field_kib(path: &str, name: &str) -> Option<usize> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn process_table() -> HashMap<u32, Line> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    folders
        .filter_map(|folder| {
            let pid = folder.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(folder.path().join("stat")).ok()?;
            Some((pid, parse(&stat)?))
        })
        .collect()
}

/// The name may itself hold spaces and parentheses, so fields count from the last one.
fn parse(stat: &str) -> Option<Line> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let times = fields.get(TIMES)?.iter();
    Some(Line {
        parent: fields.get(PPID)?.parse().ok()?,
        ticks: times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum(),
    })
}

fn descendants(table: &HashMap<u32, Line>, roots: &[u32]) -> HashSet<u32> {
    let mut found: HashSet<u32> = roots.iter().copied().collect();
    loop {
        let children: Vec<u32> = table
            .iter()
            .filter(|(pid, line)| found.contains(&line.parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

fn ticks_per_second() -> u32 {
    static TICKS: OnceLock<u32> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let asked = Command::new("getconf").arg("CLK_TCK").output().ok();
        let answer = asked.and_then(|asked| String::from_utf8(asked.stdout).ok());
        answer.and_then(|answer| answer.trim().parse().ok()).unwrap_or(USER_HZ)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_cannot_shift_the_fields() {
        let line = parse("7 (a) b (c)) S 3 7 7 0 -1 4194304 1 2 3 4 10 20 30 40 20 0").unwrap();

        assert_eq!((line.parent, line.ticks), (3, 100));
    }

    #[test]
    fn own_memory_and_time_are_found() {
        let own = [std::process::id()];

        assert!(memory(&own) > 100_000);
        assert!(descendants(&process_table(), &own).contains(&own[0]));
    }
}
