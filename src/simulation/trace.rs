//! What is told of a world: its trace, line by line, and its counters.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// How often each thing has happened.
pub type Counters = BTreeMap<&'static str, u64>;

/// The counters of one world. A name is a literal, so its address is enough to find it.
#[derive(Debug, Default)]
pub struct Tally(Vec<(&'static str, u64)>);

impl Tally {
    pub fn count(&mut self, name: &'static str) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, name)) {
            Some((_, count)) => *count += 1,
            None => self.0.push((name, 1)),
        }
    }

    pub fn counters(self) -> Counters {
        let mut counters = Counters::new();
        for (name, count) in self.0 {
            *counters.entry(name).or_default() += count;
        }
        counters
    }
}

/// A text short enough for a line.
pub struct Brief<'a>(pub &'a str);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(260) {
            Some((end, _)) => write!(f, "{}… ({} bytes)", &self.0[..end], self.0.len()),
            None => f.write_str(self.0),
        }
    }
}

pub fn add(sum: &mut Counters, more: &Counters) {
    for (name, count) in more {
        *sum.entry(name).or_default() += count;
    }
}

pub fn table(counters: &Counters) -> String {
    counters.iter().fold(String::new(), |mut table, (name, count)| {
        writeln!(table, "{count:>12}  {name}").unwrap();
        table
    })
}
