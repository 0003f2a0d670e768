//! The storage of one object: what it sees at once, and what is on disk.
//!
//! Everything changed within one poll is one group. A group reaches the disk whole, in order, some time after control
//! has returned; a crash before that takes it away. What leaves the object waits for the groups before it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::conversation::ports::{Change, Millis};

pub type Rows = BTreeMap<String, String>;

/// One change on its way to the disk.
#[derive(Debug, Clone)]
pub enum Op {
    Row(Change),
    Alarm(Millis),
    Clear,
    /// No change, but a line of the journal: it counts once the changes beside it are on disk.
    Line(String),
}

#[derive(Debug, Default)]
pub struct Disk {
    /// What the object reads.
    pub live: Rows,
    /// What a crash leaves.
    pub durable: Rows,
    pub alarm: Option<Millis>,
    open: Vec<Op>,
    pending: VecDeque<(u64, Vec<Op>)>,
    submitted: u64,
    committed: u64,
}

impl Disk {
    pub fn push(&mut self, op: Op) {
        match &op {
            Op::Row(Change::Put(key, value)) => drop(self.live.insert(key.clone(), value.clone())),
            Op::Row(Change::Delete(key)) => drop(self.live.remove(key)),
            Op::Row(Change::DeleteRange { after, until, limit }) => {
                for (key, _) in range(&self.live, after, until, *limit) {
                    self.live.remove(&key);
                }
            }
            Op::Clear => self.live.clear(),
            Op::Alarm(_) | Op::Line(_) => {}
        }
        self.open.push(op);
    }

    /// Ends the group; its number, if there is anything in it.
    pub fn submit(&mut self) -> Option<u64> {
        if self.open.is_empty() {
            return None;
        }
        self.submitted += 1;
        self.pending.push_back((self.submitted, std::mem::take(&mut self.open)));
        Some(self.submitted)
    }

    /// What has to be on disk before anything leaves the object now.
    pub fn gate(&self) -> u64 {
        self.submitted + u64::from(!self.open.is_empty())
    }

    pub fn is_through(&self, gate: u64) -> bool {
        self.committed >= gate
    }

    /// The next group that is to reach the disk, if it is not newer than `number`.
    pub fn next_group(&mut self, number: u64) -> Option<Vec<Op>> {
        if self.pending.front()?.0 > number {
            return None;
        }
        let (number, group) = self.pending.pop_front()?;
        self.committed = number;
        Some(group)
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Forgets what is not on disk.
    pub fn crash(&mut self) {
        self.open.clear();
        self.pending.clear();
        self.committed = self.submitted;
        self.live = self.durable.clone();
    }
}

/// The first `limit` rows between two keys.
pub fn range(rows: &Rows, after: &str, until: &str, limit: usize) -> Vec<(String, String)> {
    between(rows, after, until).take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
}

pub fn between<'a>(
    rows: &'a Rows,
    after: &str,
    until: &str,
) -> impl DoubleEndedIterator<Item = (&'a String, &'a String)> {
    rows.range::<str, _>((Bound::Excluded(after), Bound::Excluded(until)))
}

/// The first row below a prefix.
pub fn first(rows: &Rows, prefix: &str) -> Option<(String, String)> {
    range(rows, prefix, &format!("{prefix}~"), 1).pop()
}
