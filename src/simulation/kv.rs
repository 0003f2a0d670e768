//! KV: reads may be a minute old, writes may be refused, unanswered, or late.

use std::collections::BTreeMap;

use crate::conversation::ports::Millis;

/// How long KV may show what has been replaced.
const STALE: Millis = 60_000;

#[derive(Debug, Default)]
pub struct Kv {
    values: BTreeMap<String, Vec<Version>>,
}

#[derive(Debug, Clone)]
struct Version {
    since: Millis,
    expires: Millis,
    value: Option<String>,
}

impl Kv {
    /// Whether the key was written less than a second ago.
    pub fn is_busy(&self, key: &str, now: Millis) -> bool {
        self.values.get(key).and_then(|versions| versions.last()).is_some_and(|last| now < last.since + 1_000)
    }

    /// The keys below a prefix that have ever been written.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.values.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// A write lands; `None` deletes.
    pub fn land(&mut self, key: &str, value: Option<&str>, now: Millis, ttl: Millis) {
        let version = Version { since: now, expires: now + ttl, value: value.map(str::to_owned) };
        self.values.entry(key.to_owned()).or_default().push(version);
    }

    pub fn current(&self, key: &str, now: Millis) -> Option<&str> {
        let version = self.values.get(key)?.last()?;
        version.value.as_deref().filter(|_| now < version.expires)
    }

    /// Everything that was current within the last minute, the newest last.
    pub fn readable(&self, key: &str, now: Millis) -> Vec<Option<String>> {
        let versions = self.values.get(key).map(Vec::as_slice).unwrap_or_default();
        let mut readable = Vec::new();
        let mut until = None;
        for version in versions.iter().rev() {
            if until.is_some_and(|until: Millis| until + STALE < now) {
                break;
            }
            readable.push(version.value.clone().filter(|_| now < version.expires));
            until = Some(version.since);
        }
        if until.is_none_or(|until| until + STALE >= now) && readable.len() == versions.len() {
            readable.push(None);
        }
        readable.reverse();
        readable
    }
}
