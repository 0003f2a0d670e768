//! Rest: a quiet conversation copies its state to KV, and later, when KV shows that it has it, empties itself.
//!
//! KV may answer with a value that is a minute old. So the object keeps everything until it has read back the very
//! generation that it wrote, a day after the last message; what wakes up after that can only read that one or a newer.

use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::commit::Commit;
use super::lanes::Pass;
use super::outcome::Counts;
use super::ports::{ArchiveError, Change, Millis, Ports, StorageError, after};
use super::record::{Bookkeeping, Reading, Record, VERSION};
use super::upgrade::OLD_SEEN;
use super::{Conversation, backoff, rows};
use crate::address::Address;
use crate::json::{Field as _, Json};

/// How long KV may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long KV may go on showing an older value: a minute and some, by its documentation.
const STALE: Duration = Duration::from_secs(120);

/// How long a value that was set aside is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long KV lacks what has happened, however much is going on.
const REST_AT_THE_LATEST: Duration = Duration::from_secs(5 * 60);

/// How many rows go at a time, so that messages need not wait for long.
const PIECE: usize = 1_000;

/// What KV had of a conversation that wakes up.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) archived: Option<Record>,
}

impl Loaded {
    pub(super) fn state(&self) -> Option<Rc<RawValue>> {
        self.archived.as_ref()?.state.clone()
    }
}

/// The KV key under which a value of a newer version waits for the code that knows it.
fn aside_key(version: u32, address: &Address) -> String {
    format!("aside:{version}:{address}")
}

impl<P: Ports> Conversation<P> {
    /// Reads KV, unless that has been done since the object was empty.
    pub(super) async fn load(&self) -> Result<Result<Loaded, ArchiveError>, StorageError> {
        if self.stored(|stored| stored.record.bookkeeping().loaded)? {
            return Ok(Ok(Loaded::default()));
        }
        Ok(self.load_from_archive().await)
    }

    /// What cannot be used is set aside before anything is made of it, and the conversation starts afresh.
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
                Ok(Loaded { archived: Some(*value) })
            }
            Reading::Newer(version) => {
                self.note("state_set_aside", &format_args!("KV holds version {version}, this code knows {VERSION}"));
                self.set_value_aside(&aside_key(version, &self.address), &text).await?;
                Ok(Loaded { archived: Some(Record { aside: Some(version), ..Record::default() }) })
            }
            Reading::Damaged => {
                self.note("state_set_aside", &"KV holds a value that cannot be read");
                self.set_value_aside(&format!("aside:damaged:{}", self.address), &text).await?;
                Ok(Loaded::default())
            }
        }
    }

    /// Keeps a state that the bot cannot read.
    pub(super) async fn set_state_aside(&self, state: &RawValue) -> Result<(), ArchiveError> {
        self.set_value_aside(&format!("aside:state:{}", self.address), state.get()).await
    }

    async fn set_value_aside(&self, key: &str, value: &str) -> Result<(), ArchiveError> {
        self.within(DEADLINE, self.ports.put(key, value, KEPT, "{}")).await.unwrap_or_else(timeout)
    }

    async fn fetch(&self, key: &str) -> Result<Option<String>, ArchiveError> {
        self.within(DEADLINE, self.ports.get(key)).await.unwrap_or_else(timeout)
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), ArchiveError> {
        self.within(DEADLINE, self.ports.delete(key)).await.unwrap_or_else(timeout)
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
        self.within(DEADLINE, self.ports.put(key, value, ttl, metadata)).await.unwrap_or_else(timeout)
    }

    /// Adds what KV had to a commit.
    pub(super) fn add_archived(&self, commit: &mut Commit, loaded: &Loaded) -> Result<(), StorageError> {
        let has_state = self.stored(|stored| stored.state.is_some())?;
        let record = self.record_of(commit)?;
        if record.bookkeeping().loaded {
            return Ok(());
        }
        record.adopt(loaded.archived.as_ref());
        match loaded.state().filter(|_| !has_state) {
            Some(state) => self.put_state(commit, state),
            None => Ok(()),
        }
    }

    /// When the archive has something to do: a letter, rest (or `leeway` after that), old ids, or emptying.
    pub(super) fn archive_due(&self, leeway: Duration) -> Result<Option<Millis>, StorageError> {
        let dues = [
            self.letter_due()?,
            self.rest_due(leeway)?,
            self.forgetting_due()?,
            self.emptying_due()?,
            self.repair_due()?,
        ];
        Ok(dues.into_iter().flatten().min())
    }

    /// When rows that cannot be read are set aside: at once.
    fn repair_due(&self) -> Result<Option<Millis>, StorageError> {
        Ok(self.is_damaged()?.then_some(0))
    }

    /// Whether KV has to be told, how far it has been, and when something last happened; `None` where nothing has.
    fn progress(&self) -> Result<Option<(bool, Bookkeeping, Millis)>, StorageError> {
        self.stored(|stored| {
            let record = &stored.record;
            stored.has_record.then(|| (record.has_to_rest(), record.bookkeeping(), record.updated_at))
        })
    }

    /// When KV is told what it lacks: when it is quiet, or `leeway` later, and after a while in any case.
    fn rest_due(&self, leeway: Duration) -> Result<Option<Millis>, StorageError> {
        let Some((true, bookkeeping, updated_at)) = self.progress()? else { return Ok(None) };
        let since = if bookkeeping.unrested_since == 0 { updated_at } else { bookkeeping.unrested_since };
        let at_the_latest = after(since, REST_AT_THE_LATEST.max(self.settings.rest_after));
        let rest_after = self.settings.rest_after.saturating_add(leeway);
        let quiet = if self.is_quiet()? { after(updated_at, rest_after) } else { at_the_latest };
        Ok(Some(quiet.min(at_the_latest).max(bookkeeping.due_at)))
    }

    fn emptying_due(&self) -> Result<Option<Millis>, StorageError> {
        let Some((false, bookkeeping, updated_at)) = self.progress()? else { return Ok(None) };
        if !self.is_quiet()? {
            return Ok(None);
        }
        let trusted = after(bookkeeping.archived_at, self.settings.empty_after.min(STALE));
        Ok(Some(after(updated_at, self.settings.empty_after).max(trusted).max(bookkeeping.due_at)))
    }

    fn is_quiet(&self) -> Result<bool, StorageError> {
        self.stored(|stored| stored.is_quiet(&self.ports))?
    }

    /// One KV operation: what is due first of a letter, the copy of the state, and the look that allows the object to
    /// empty itself; or a piece of what has to be forgotten.
    pub(super) async fn archive(&self, pass: Pass) -> Result<(), StorageError> {
        let now = self.ports.now();
        let is_due = |due: Option<Millis>| due.is_some_and(|due| due <= now);
        if is_due(self.repair_due()?) {
            let mut commit = self.begin();
            self.record_of(&mut commit)?;
            self.conclude(commit)
        } else if is_due(self.letter_due()?) {
            self.deliver(pass).await
        } else if is_due(self.rest_due(Duration::ZERO)?) {
            self.rest(pass).await
        } else if is_due(self.emptying_due()?) {
            self.empty(pass).await
        } else if is_due(self.forgetting_due()?) {
            self.forget()
        } else {
            Ok(())
        }
    }

    async fn rest(&self, pass: Pass) -> Result<(), StorageError> {
        if !self.stored(|stored| stored.record.bookkeeping().loaded)? {
            // Only messages that died before any turn got as far as reading KV: their counts have to join the others.
            let loaded = match self.load().await? {
                Ok(loaded) => loaded,
                Err(error) => return self.rest_later(&error),
            };
            let mut commit = self.begin();
            self.add_archived(&mut commit, &loaded)?;
            let record = self.record_of(&mut commit)?;
            record.generation = record.generation.saturating_add(1);
            self.finish(commit).await?;
        }
        let value = self.stored(|stored| stored.record.at_rest(&self.address.bot, stored.state.clone()))?;
        let json = value.to_json();
        let metadata = Json::new()
            // KV metadata holds 1,024 bytes.
            .field("conversationId", &value.conversation_id.clone().filter(|id| id.to_json().len() <= 512))
            .field("counts", &value.counts)
            .number("generation", value.generation)
            .number("updatedAt", value.updated_at)
            .build();
        let stored = self.store(pass, &self.address.key(), &json, self.settings.state_ttl, &metadata).await;
        if let Err(error) = stored {
            return self.rest_later(&error);
        }
        let mut commit = self.begin();
        let now = commit.now;
        let record = self.record_of(&mut commit)?;
        // The conversation may have gone on meanwhile; then what KV has is an older generation, and it rests again.
        let bookkeeping = record.bookkeeping();
        let archived = bookkeeping.archived.max(value.generation);
        let unrested_since = if record.generation > archived { now } else { 0 };
        *record.bookkeeping_mut() = Bookkeeping {
            loaded: true,
            archived,
            archived_at: now,
            unrested_since,
            tries: 0,
            due_at: 0,
            ..bookkeeping
        };
        self.conclude(commit)
    }

    fn rest_later(&self, error: &dyn std::fmt::Display) -> Result<(), StorageError> {
        self.note("rest_delayed", error);
        let mut commit = self.begin();
        let now = commit.now;
        let bookkeeping = self.record_of(&mut commit)?.bookkeeping_mut();
        bookkeeping.tries = bookkeeping.tries.saturating_add(1);
        bookkeeping.due_at = after(now, backoff::archive(bookkeeping.tries, &self.address.to_string()));
        self.conclude(commit)
    }

    /// Empties the object if KV shows the generation that it wrote and nothing has arrived meanwhile.
    ///
    /// What fixed rules put aside makes no new generation; here at the latest its counts go to KV too.
    async fn empty(&self, pass: Pass) -> Result<(), StorageError> {
        let record =
            || self.stored(|stored| (stored.record.generation, stored.record.updated_at, stored.record.counts));
        let (generation, updated_at, _) = record()?;
        let mut counts = Counts::default();
        if self.stored(|stored| stored.record.bookkeeping().loaded)? {
            let shown = match self.fetch(&self.address.key()).await {
                Ok(shown) => shown,
                Err(error) => return self.rest_later(&error),
            };
            let shown_generation = match shown.as_deref().map(Record::from_kv) {
                Some(Reading::Known(value)) => {
                    counts = value.counts;
                    Some(value.generation)
                }
                _ => None,
            };
            if shown_generation != Some(generation) && record()?.0 == generation {
                self.note("rest_again", &"KV does not show what was written");
                let mut commit = self.begin();
                self.record_of(&mut commit)?.bookkeeping_mut().archived = 0;
                self.finish(commit).await?;
                return self.rest_later(&"KV does not show what was written");
            }
        }
        let is_unchanged = || -> Result<bool, StorageError> {
            let (newest, last, _) = record()?;
            Ok(newest == generation && last == updated_at && self.is_quiet()?)
        };
        if !is_unchanged()? {
            return Ok(());
        }
        if record()?.2 != counts {
            let mut commit = self.begin();
            let record = self.record_of(&mut commit)?;
            record.generation = record.generation.saturating_add(1);
            return self.conclude(commit);
        }
        if self.stored(|stored| stored.foreign.any())? {
            return self.empty_own_rows(pass, is_unchanged).await;
        }
        self.forget_all();
        self.ports.clear().await
    }

    /// Deletes the conversation's own rows and leaves those of newer versions, and those set aside. Between two pieces
    /// messages are let in; if one comes, it goes on with the record that is still there.
    async fn empty_own_rows(
        &self,
        pass: Pass,
        is_unchanged: impl Fn() -> Result<bool, StorageError>,
    ) -> Result<(), StorageError> {
        for prefix in [OLD_SEEN, rows::SEEN] {
            while !self.ports.range(prefix, &rows::end_of(prefix), 1)?.is_empty() {
                let (after, until) = (prefix.to_owned(), rows::end_of(prefix));
                self.ports.write(&[Change::DeleteRange { after, until, limit: PIECE }])?;
                self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
                self.ports.sleep(Duration::ZERO).await;
                if !is_unchanged()? {
                    return Ok(());
                }
            }
        }
        self.forget_all();
        let (after, until) = (rows::ROOT.to_owned(), rows::END.to_owned());
        self.ports.write(&[Change::DeleteRange { after, until, limit: PIECE }])
    }

    /// What is in memory is about what is no longer stored. What is under way keeps its lane.
    fn forget_all(&self) {
        self.memory
            .replace_with(|memory| super::Memory { lanes: std::mem::take(&mut memory.lanes), ..Default::default() });
    }
}

fn timeout<T>() -> Result<T, ArchiveError> {
    Err(ArchiveError("timeout".to_owned()))
}
