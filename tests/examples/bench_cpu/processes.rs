//! What the processes of a contender have used, from `/proc`.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use nix::unistd::{SysconfVar, sysconf};

/// The load of the machine, for the reader.
pub(crate) fn load() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// A process and everything below it.
pub(crate) struct Tree {
    root: u32,
}

/// What `/proc/PID/stat` says of a process.
struct Stat {
    parent: u32,
    /// User and system time of it and of the children that it has waited for, in ticks.
    ticks: u64,
}

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        Self { root }
    }

    /// User and system seconds of each that lives, with those of its children that ended and were
    /// waited for; by the name of its source, else of its program.
    pub(crate) fn cpu_s(&self) -> BTreeMap<String, f64> {
        let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
        let mut all = BTreeMap::new();
        for (pid, stat) in self.members() {
            *all.entry(name(pid)).or_default() += stat.ticks as f64 / per_second as f64;
        }
        all
    }

    /// Memory, each shared page counted in parts, in MiB.
    pub(crate) fn pss_mib(&self) -> f64 {
        let kib: u64 = self.members().iter().filter_map(|(pid, _)| pss_kib(*pid)).sum();
        kib as f64 / 1024.0
    }

    fn members(&self) -> Vec<(u32, Stat)> {
        let mut all: Vec<(u32, Stat)> = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid)?)))
            .collect();
        let mut inside = vec![self.root];
        // Children may come before their parents in the list.
        loop {
            let before = inside.len();
            for (pid, stat) in &all {
                if inside.contains(&stat.parent) && !inside.contains(pid) {
                    inside.push(*pid);
                }
            }
            if inside.len() == before {
                break;
            }
        }
        all.retain(|(pid, _)| inside.contains(pid));
        all
    }
}

fn stat(pid: u32) -> Option<Stat> {
    let text = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Counted from the field after the name: state, parent, ... utime stime cutime cstime.
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

fn name(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    let source = words
        .windows(2)
        .find(|pair| pair[0] == "--name")
        .map(|pair| &pair[1]);
    let program = || words[0].rsplit('/').next().unwrap_or_default().to_owned();
    source.map_or_else(program, ToString::to_string)
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
