//! Rest: a quiet conversation copies its state to KV, and later, when KV shows that it has it, empties itself.
//!
//! KV may answer with a value that is a minute old. So the object keeps everything until it has read back the very
//! generation that it wrote, a day after the last message; what wakes up after that can only read that one or a newer.

use std::time::Duration;

use serde_json::value::RawValue;

use super::lanes::Pass;
use super::outcome::Counts;
use super::ports::{ArchiveError, Change, Millis, Ports, StorageError, after};
use super::record::{Flight, Reading, Record, VERSION};
use super::rows::{self, Letter};
use super::{Address, Conversation, backoff};
use crate::json::{Field as _, Json};

/// How long KV may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long KV may go on showing an older value: a minute and some, by its documentation.
const STALE: Duration = Duration::from_secs(120);

/// How long a value that was set aside is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What KV had of a conversation that wakes up.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) archived: Option<Record>,
    aside: Vec<Aside>,
}

/// A value that cannot be used and is not thrown away.
#[derive(Debug)]
struct Aside {
    key: String,
    value: String,
}

impl Loaded {
    /// Puts what was loaded into the record, and the values set aside into rows that KV is told of.
    pub(super) fn into_record(
        self,
        record: &mut Record,
        seq: u64,
        now: Millis,
        changes: &mut Vec<Change>,
    ) -> Result<(), StorageError> {
        record.adopt(self.archived);
        for (n, aside) in (0_u64..).zip(self.aside) {
            let letter = Letter {
                key: aside.key,
                value: Some(aside.value),
                metadata: "{}".to_owned(),
                ttl_seconds: KEPT.as_secs(),
                tries: 0,
                due_at: now,
            };
            changes.push(rows::put(rows::letter(seq.saturating_add(n)), &letter));
        }
        Ok(())
    }

    /// Adds a state that the bot cannot read to what is set aside.
    pub(super) fn with_unreadable_state(mut self, address: &Address, state: Option<&RawValue>) -> Self {
        if let Some(state) = state {
            self.aside.push(Aside { key: format!("aside:state:{address}"), value: state.get().to_owned() });
        }
        self
    }
}

/// The KV key under which a value of a newer version waits for the code that knows it.
fn aside_key(version: u32, address: &Address) -> String {
    format!("aside:{version}:{address}")
}

impl<P: Ports> Conversation<P> {
    /// Reads KV, unless that has been done since the object was empty.
    pub(super) async fn load(&self) -> Result<Result<Loaded, ArchiveError>, StorageError> {
        if self.record()?.flight().loaded {
            return Ok(Ok(Loaded::default()));
        }
        Ok(self.load_from_archive().await)
    }

    async fn load_from_archive(&self) -> Result<Loaded, ArchiveError> {
        let key = self.address.key();
        let Some(text) = self.fetch(&key).await? else { return Ok(Loaded::default()) };
        match Record::from_kv(&text) {
            Reading::Known(mut value) => {
                if let Some(version) = value.aside.filter(|version| *version <= VERSION) {
                    let kept = self.fetch(&aside_key(version, &self.address)).await?;
                    if let Some(Reading::Known(kept)) = kept.as_deref().map(Record::from_kv) {
                        self.note("state_taken_back", &version);
                        value.state = kept.state;
                    }
                    value.aside = None;
                }
                Ok(Loaded { archived: Some(*value), aside: Vec::new() })
            }
            Reading::Newer(version) => {
                self.note("state_set_aside", &format_args!("KV holds version {version}, this code knows {VERSION}"));
                let fresh = Record { aside: Some(version), ..Record::default() };
                let aside = vec![Aside { key: aside_key(version, &self.address), value: text }];
                Ok(Loaded { archived: Some(fresh), aside })
            }
            Reading::Damaged => {
                self.note("state_set_aside", &"KV holds a value that cannot be read");
                let aside = vec![Aside { key: format!("aside:damaged:{}", self.address), value: text }];
                Ok(Loaded { archived: None, aside })
            }
        }
    }

    async fn fetch(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        self.within(DEADLINE, self.ports.get(key)).await.unwrap_or_else(|| Err(ArchiveError("timeout".to_owned())))
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), ArchiveError> {
        self.within(DEADLINE, self.ports.delete(key)).await.unwrap_or_else(|| Err(ArchiveError("timeout".to_owned())))
    }

    pub(super) async fn store(
        &self,
        pass: Pass,
        key: &str,
        value: &str,
        ttl: Duration,
        metadata: &str,
    ) -> Result<(), ArchiveError> {
        self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
        self.within(DEADLINE, self.ports.put(key, value, ttl, metadata))
            .await
            .unwrap_or_else(|| Err(ArchiveError("timeout".to_owned())))
    }

    /// When KV has to be told something, or the object empties itself. Nothing of that happens before it is quiet.
    pub(super) fn archive_due(&self) -> Result<Option<Millis>, StorageError> {
        if let Some((_, letter)) = self.head_of_letters()? {
            return Ok(Some(letter.due_at));
        }
        if !self.is_quiet()? {
            return Ok(None);
        }
        let Some(record) = rows::find_record(&self.ports)? else { return Ok(None) };
        let flight = record.flight();
        let due = if record.has_to_rest() {
            after(record.updated_at, self.settings.rest_after)
        } else {
            let trusted = after(flight.archived_at, self.settings.empty_after.min(STALE));
            after(record.updated_at, self.settings.empty_after).max(trusted)
        };
        Ok(Some(due.max(flight.due_at)))
    }

    fn is_quiet(&self) -> Result<bool, StorageError> {
        for prefix in [rows::inbox(), rows::outbox(), rows::letters()] {
            if self.ports.first(&prefix, "")?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One KV operation: a letter, or the copy of the state, or the look that allows the object to empty itself.
    pub(super) async fn archive(&self, pass: Pass) -> Result<(), StorageError> {
        if let Some((key, letter)) = self.head_of_letters()? {
            return self.deliver(pass, key, letter).await;
        }
        let record = self.record()?;
        if record.has_to_rest() { self.rest(pass, record).await } else { self.empty(pass, record).await }
    }

    async fn rest(&self, pass: Pass, mut record: Record) -> Result<(), StorageError> {
        if !record.flight().loaded {
            // Only messages that died before any turn got as far as reading KV: their counts have to join the others.
            let loaded = match self.load().await? {
                Ok(loaded) => loaded,
                Err(error) => return self.rest_later(pass, &error).await,
            };
            let now = self.ports.now();
            let mut changes = Vec::new();
            record = self.record()?;
            if !record.flight().loaded {
                loaded.into_record(&mut record, self.next_seq()?, now, &mut changes)?;
                record.generation = record.generation.saturating_add(1);
                changes.push(rows::put(rows::record(), &record));
                self.commit(&changes).await?;
            }
        }
        let value = record.at_rest(&self.address.bot);
        let json = value.to_json();
        let metadata = Json::new()
            // KV metadata holds 1,024 bytes, and nothing bounds what CometChat calls a conversation.
            .field("conversationId", value.conversation_id.write().filter(|id| id.len() <= 512))
            .raw("counts", &value.counts.to_json())
            .number("generation", value.generation)
            .number("updatedAt", value.updated_at)
            .build();
        let stored = self.store(pass, &self.address.key(), &json, self.settings.state_ttl, &metadata).await;
        if let Err(error) = stored {
            return self.rest_later(pass, &error).await;
        }
        let mut record = self.record()?;
        // The conversation may have gone on meanwhile; then what KV has is an older generation, and it rests again.
        let archived = record.flight().archived.max(value.generation);
        *record.flight_mut() = Flight { loaded: true, archived, archived_at: self.ports.now(), tries: 0, due_at: 0 };
        self.conclude(pass, &[rows::put(rows::record(), &record)]).await
    }

    async fn rest_later(&self, pass: Pass, error: &dyn std::fmt::Display) -> Result<(), StorageError> {
        self.note("rest_delayed", error);
        let mut record = self.record()?;
        let flight = record.flight_mut();
        flight.tries = flight.tries.saturating_add(1);
        flight.due_at = after(self.ports.now(), backoff::archive(flight.tries, &self.address.to_string()));
        self.conclude(pass, &[rows::put(rows::record(), &record)]).await
    }

    /// Empties the object if KV shows the generation that it wrote and nothing has arrived meanwhile.
    ///
    /// What fixed rules put aside makes no new generation; here at the latest its counts go to KV too.
    async fn empty(&self, pass: Pass, before: Record) -> Result<(), StorageError> {
        let mut counts = Counts::default();
        if before.flight().loaded {
            let shown = match self.fetch(&self.address.key()).await {
                Ok(shown) => shown,
                Err(error) => return self.rest_later(pass, &error).await,
            };
            let generation = match shown.as_deref().map(Record::from_kv) {
                Some(Reading::Known(value)) => {
                    counts = value.counts;
                    Some(value.generation)
                }
                _ => None,
            };
            let mut now = self.record()?;
            if generation != Some(before.generation) && now.generation == before.generation {
                self.note("rest_again", &"KV does not show what was written");
                now.flight_mut().archived = 0;
                self.ports.write(&[rows::put(rows::record(), &now)])?;
                return self.rest_later(pass, &"KV does not show what was written").await;
            }
        }
        let mut now = self.record()?;
        if now.generation != before.generation || now.updated_at != before.updated_at || !self.is_quiet()? {
            return Ok(());
        }
        if now.counts != counts {
            now.generation = now.generation.saturating_add(1);
            return self.conclude(pass, &[rows::put(rows::record(), &now)]).await;
        }
        if self.has_foreign_rows()? {
            return self.empty_own_rows().await;
        }
        self.memory
            .replace_with(|memory| super::Memory { lanes: std::mem::take(&mut memory.lanes), ..Default::default() });
        self.ports.clear().await
    }

    /// Whether there are rows of another version, or rows set aside. They outlive the conversation.
    fn has_foreign_rows(&self) -> Result<bool, StorageError> {
        let root = rows::root();
        let ends = [self.ports.first("", "")?.map(|(key, _)| key), self.ports.last("")?];
        Ok(ends.into_iter().flatten().any(|key| !key.starts_with(&root)))
    }

    async fn empty_own_rows(&self) -> Result<(), StorageError> {
        let root = rows::root();
        let mut changes = Vec::new();
        let mut cursor = String::new();
        while let Some((key, _)) = self.ports.first(&root, &cursor)? {
            changes.push(Change::Delete(key.clone()));
            cursor = key;
        }
        self.ports.write(&changes)
    }
}
