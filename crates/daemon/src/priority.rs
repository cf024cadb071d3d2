//! The recording wins: what can wait stands behind it, for the processor and for the disk.
//!
//! All of Lectern is one service, so systemd's weights set it off against other services only.
//! Inside, finishing and sending are threads beside those that record. A thread could be given a
//! cgroup of its own (and so a slice) only for the processor and never for the disk, and only by a
//! service that may write cgroups, which the sandbox forbids. Niceness is each thread's own, is
//! inherited by the threads and processes that it makes, and the kernel derives the weight at the
//! disk from it too, unless an ioprio was set: best effort, level (nice + 20) / 5.

use tracing::warn;

/// What stands behind the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Bytes that leave: little of the processor, but the line waits for them.
    Deliver,
    /// Files that are made: all of a processor for minutes.
    Finish,
}

impl Work {
    /// 0 is the recording's. Each step is about a tenth of the processor: beside a thread that
    /// records, 10 is left with a tenth of the time and 15 with a thirtieth.
    const fn nice(self) -> i32 {
        match self {
            Self::Deliver => 10,
            Self::Finish => 15,
        }
    }
}

/// Puts the calling thread, and whatever it starts from now on, behind the recording. If the
/// system refuses, it says so and the thread works on as it is.
pub(crate) fn lower(work: Work) {
    // On Linux this is the niceness of the calling thread alone.
    if let Err(error) = rustix::process::nice(work.nice()) {
        warn!(work = ?work, error = %error, "thread could not be put behind the recording");
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The niceness in a `stat` file of /proc: its nineteenth field.
    fn nice_of(stat: &str) -> i32 {
        let after_name = stat.rsplit_once(") ").unwrap().1;
        after_name.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn p1_what_can_wait_and_its_children_stand_behind_the_recording() {
        let own = || nice_of(&std::fs::read_to_string("/proc/thread-self/stat").unwrap());
        let before = own();
        let (thread, its_thread, its_child) = std::thread::spawn(move || {
            lower(Work::Finish);
            let child = Command::new("cat").arg("/proc/self/stat").output().unwrap();
            let child = nice_of(&String::from_utf8(child.stdout).unwrap());
            (own(), std::thread::spawn(own).join().unwrap(), child)
        })
        .join()
        .unwrap();
        // 19 is the end: a test may be run nice itself.
        let behind = (before + Work::Finish.nice()).min(19);
        assert_eq!((thread, its_thread, its_child), (behind, behind, behind));
        assert_eq!(own(), before, "no other thread stands behind");
        assert!(Work::Finish.nice() > Work::Deliver.nice() && Work::Deliver.nice() > 0);
    }
}
