//! Which messages have been received: ids, by the stretch of time in which they were, so that old ones can go while
//! the conversation goes on.
//!
//! A stretch is as long as [`Settings::empty_after`](super::Settings), and an id is remembered for one at least and
//! for two at most.

use std::time::Duration;

use super::Conversation;
use super::commit::Commit;
use super::ports::{Change, Millis, Ports, StorageError};
use super::rows;
use super::upgrade::OLD_SEEN;

/// How many ids go at a time, so that messages need not wait for long.
const PIECE: usize = 1_000;

/// The shortest stretch.
const SHORTEST: Duration = Duration::from_secs(60);

impl<P: Ports> Conversation<P> {
    /// The row that says that `what` has been received: its key and what it says.
    pub(super) fn seen(&self, what: &str, now: Millis) -> Result<Option<(String, String)>, StorageError> {
        let stretch = self.stretch();
        let start = self.stretch_of(now);
        let mut keys: Vec<String> = [
            start,
            start.saturating_sub(stretch),
            // The clock may have been set back.
            start.saturating_add(stretch),
        ]
        .into_iter()
        .map(|start| rows::seen(start / 1_000, what))
        .collect();
        let has_old_seen = self.stored(|stored| stored.has_old_seen)?;
        if has_old_seen {
            keys.push(format!("{OLD_SEEN}message/{what}"));
        }
        let known = self.stored(|stored| {
            let seen = stored.seen.as_ref().filter(|_| !has_old_seen)?;
            Some(keys.iter().find_map(|key| seen.get_key_value(key)).map(|(key, status)| (key.clone(), status.clone())))
        })?;
        known.map_or_else(|| self.ports.read(&keys), Ok)
    }

    /// Where it is written that `what` has been received now.
    pub(super) fn seen_key(&self, what: &str, now: Millis) -> String {
        rows::seen(self.stretch_of(now) / 1_000, what)
    }

    /// The beginning of the stretch of time that `now` lies in.
    pub(super) fn stretch_of(&self, now: Millis) -> Millis {
        now.saturating_sub(now.checked_rem(self.stretch()).unwrap_or_default())
    }

    fn stretch(&self) -> Millis {
        u64::try_from(self.settings.empty_after.max(SHORTEST).as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes since when there are ids, so that they go in time.
    pub(super) fn note_seen(&self, commit: &mut Commit) -> Result<(), StorageError> {
        let (now, stretch) = (commit.now, self.stretch());
        let has_old_seen = self.stored(|stored| stored.has_old_seen)?;
        let since = self.stretch_of(now);
        let bookkeeping = self.record_of(commit)?.bookkeeping_mut();
        if bookkeeping.seen_since == 0 {
            bookkeeping.seen_since = since;
        }
        if has_old_seen && bookkeeping.old_seen_until == 0 {
            bookkeeping.old_seen_until = now.saturating_add(stretch);
        }
        Ok(())
    }

    /// When ids have to go.
    pub(super) fn forgetting_due(&self) -> Result<Option<Millis>, StorageError> {
        let bookkeeping = self.stored(|stored| stored.record.bookkeeping())?;
        let new = (bookkeeping.seen_since > 0)
            .then(|| bookkeeping.seen_since.saturating_add(self.stretch().saturating_mul(2)));
        let old = (bookkeeping.old_seen_until > 0).then_some(bookkeeping.old_seen_until);
        Ok(new.into_iter().chain(old).min())
    }

    /// Lets a piece of what is too old go.
    pub(super) fn forget(&self) -> Result<(), StorageError> {
        let mut commit = self.begin();
        let now = commit.now;
        let bookkeeping = self.stored(|stored| stored.record.bookkeeping())?;
        let is_old = (1..=now).contains(&bookkeeping.old_seen_until);
        let kept = self.stretch_of(now).saturating_sub(self.stretch());
        let (after, until) = if is_old {
            (OLD_SEEN.to_owned(), rows::end_of(OLD_SEEN))
        } else {
            (rows::SEEN.to_owned(), rows::seen(kept / 1_000, ""))
        };
        if self.ports.range(&after, &until, 1)?.is_empty() {
            if is_old {
                self.stored(|stored| stored.has_old_seen = false)?;
            }
            let bookkeeping = self.record_of(&mut commit)?.bookkeeping_mut();
            if is_old {
                bookkeeping.old_seen_until = 0;
            } else {
                bookkeeping.seen_since = kept;
            }
        } else {
            self.stored(|stored| stored.seen = None)?;
            commit.change(Change::DeleteRange { after, until, limit: PIECE });
        }
        self.conclude(commit)
    }
}
