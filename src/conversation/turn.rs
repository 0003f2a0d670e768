//! The turn: one message, one run of the bot, one commit of everything that comes of it.

use std::time::Duration;

use serde_json::value::RawValue;

use super::lanes::Pass;
use super::letters::DeadLetter;
use super::outcome::Outcome;
use super::ports::{Change, Millis, Ports, StorageError, after};
use super::record::{MAX_STATE_BYTES, Record};
use super::rest::Loaded;
use super::rows::{self, Entry, Reply};
use super::{Conversation, backoff, journal};
use crate::bot::{Failure, Input, Output, Verdict};
use crate::cometchat::{Body, ReplyId};

/// How long a bot may take over one message.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// How many attempts a message gets.
const MAX_ATTEMPTS: u32 = 3;

/// The longest that a turn waits for KV before it tries to read it again.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How long an abandoned request may still be under way to CometChat before its history can be trusted. An assumption:
/// CometChat says nothing about it.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(2);

/// How long after the first attempt the second one begins.
pub(super) fn first_wait() -> Duration {
    wait(1)
}

/// How long after attempt number `attempts` the next one begins.
fn wait(attempts: u32) -> Duration {
    backoff::doubling(Duration::from_secs(1), attempts, DEADLINE)
}

impl<P: Ports> Conversation<P> {
    /// When the next attempt at a turn begins.
    pub(super) fn turn_due(&self) -> Result<Option<Millis>, StorageError> {
        Ok(self.head_of_inbox()?.map(|(_, entry)| entry.due_at))
    }

    /// Whether the first message in the inbox waits for an attempt that has been recorded already.
    pub(super) fn turn_has_begun(&self) -> Result<bool, StorageError> {
        let begun = self.memory.borrow().begun;
        Ok(begun.is_some() && self.head_of_inbox()?.map(|(_, entry)| (entry.seq, entry.attempts)) == begun)
    }

    fn head_of_inbox(&self) -> Result<Option<(String, Entry)>, StorageError> {
        rows::first(&self.ports, &rows::inbox(), "")
    }

    /// Whether this is still the attempt that may commit: the message is still the first, and no later attempt began.
    fn is_current(&self, entry: &Entry) -> Result<bool, StorageError> {
        let head = self.head_of_inbox()?;
        Ok(head.is_some_and(|(_, head)| head.seq == entry.seq && head.attempts == entry.attempts))
    }

    /// One attempt at the first message in the inbox.
    pub(super) async fn turn(&self, pass: Pass) -> Result<(), StorageError> {
        let Some((key, mut entry)) = self.head_of_inbox()? else { return Ok(()) };
        let begun = self.memory.borrow_mut().begun.take();
        if begun != Some((entry.seq, entry.attempts)) {
            if entry.attempts >= MAX_ATTEMPTS {
                return self.bury_turn(pass, entry, "crashed").await;
            }
            entry.attempts = entry.attempts.saturating_add(1);
            entry.due_at = after(self.ports.now(), wait(entry.attempts));
            self.commit(&[rows::put(key, &entry)]).await?;
        }
        let loaded = match self.load().await? {
            Ok(loaded) => loaded,
            Err(error) => return self.delay_turn(pass, entry, &error).await,
        };
        // While KV was read the lane may have become another's.
        if !self.memory.borrow().lanes.is_held(pass) {
            return Ok(());
        }
        self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
        let mut record = self.record()?;
        record.adopt(loaded.archived.clone());
        // Whoever answers in a thread may be faster than the next commit.
        self.remember_confirmed(&mut record);
        match self.run(&entry, record.state.as_deref(), &record).await {
            Ok(output) => self.commit_turn(pass, entry, loaded, output).await,
            Err(Failure::UnreadableState) => {
                let loaded = loaded.with_unreadable_state(&self.address, record.state.as_deref());
                self.note("state_set_aside", &"the bot cannot read it and starts afresh");
                match self.run(&entry, None, &record).await {
                    Ok(output) => self.commit_turn(pass, entry, loaded, output).await,
                    Err(failure) => self.fail_turn(pass, entry, failure).await,
                }
            }
            Err(failure) => self.fail_turn(pass, entry, failure).await,
        }
    }

    async fn run(&self, entry: &Entry, state: Option<&RawValue>, record: &Record) -> Result<Output, Failure> {
        let Some(behaviour) = self.behaviour else {
            return Err(Failure::Bot(crate::bot::BotError::new("no_behaviour")));
        };
        let input = Input { bot: &self.address.bot, message: &entry.message, state, sent: &record.sent };
        self.within(DEADLINE, behaviour.run(input))
            .await
            .unwrap_or_else(|| Err(Failure::Bot(crate::bot::BotError::new("deadline"))))
    }

    /// State, replies and verdict, at once, and only if the attempt is still the current one.
    async fn commit_turn(&self, pass: Pass, entry: Entry, loaded: Loaded, output: Output) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            self.note("late_turn_dropped", &entry.id);
            return Ok(());
        }
        if output.state.get().len() > MAX_STATE_BYTES {
            return self.bury_turn(pass, entry, "state_too_large").await;
        }
        let now = self.ports.now();
        let (outcome, reason) = match output.verdict {
            Verdict::Replies => (Outcome::Answered, None),
            Verdict::Ignored(reason) => (Outcome::Ignored, Some(reason)),
            Verdict::HandedOver(reason) => (Outcome::HandedOver, Some(reason)),
        };
        let bodies: Vec<Body> = output.replies.iter().flat_map(|text| Body::split(text)).collect();
        let silent = bodies.is_empty();
        let (outcome, reason) = match outcome {
            Outcome::Answered if silent => (Outcome::Ignored, Some("no_reply".to_owned())),
            outcome => (outcome, reason),
        };

        let mut changes = vec![Change::Delete(rows::message(entry.seq))];
        let mut record = self.record()?;
        if !record.flight().loaded {
            loaded.into_record(&mut record, self.next_seq()?, now, &mut changes)?;
        }
        record.state = Some(output.state);
        record.conversation_id = record.conversation_id.take().or_else(|| entry.conversation_id.clone());
        if !entry.replay {
            record.counts.receive();
        }
        if silent {
            record.end(outcome, now);
        } else {
            record.touch(now);
        }
        let replies = self.replies(&entry, outcome, reason.as_deref(), bodies, now);
        for (key, reply) in &replies {
            changes.push(rows::put(key.clone(), reply));
        }
        let settled = self.settle_into(&mut record, &mut changes);
        changes.push(rows::put(rows::record(), &record));
        let begun = self.begin_next(&entry, now, &mut changes)?;

        self.free(pass);
        self.ports.write(&changes)?;
        {
            let mut memory = self.memory.borrow_mut();
            memory.begun = begun;
            memory.unsent.extend(replies.into_iter().map(|(key, _)| key));
            if silent {
                memory.budget.give_back(&entry.sender);
            }
        }
        self.settled(settled);
        if silent {
            self.end_turn(&entry, outcome, reason.as_deref());
        }
        self.arm().await
    }

    fn replies(
        &self,
        entry: &Entry,
        outcome: Outcome,
        reason: Option<&str>,
        bodies: Vec<Body>,
        now: Millis,
    ) -> Vec<(String, Reply)> {
        let last = bodies.len().saturating_sub(1);
        bodies
            .into_iter()
            .enumerate()
            .filter_map(|(n, body)| {
                let id = ReplyId { bot: &self.address.bot, message: &entry.id, purpose: "answer", n }.to_string();
                let body = RawValue::from_string(body.to_json(&self.address, &id)).ok()?;
                let reply = Reply {
                    id,
                    seq: entry.seq,
                    message_id: entry.id.clone(),
                    kind: entry.kind.clone(),
                    received_at: entry.received_at,
                    attempts: entry.attempts,
                    last: n == last,
                    outcome,
                    reason: reason.map(str::to_owned),
                    made_at: now,
                    tries: 0,
                    waits: 0,
                    due_at: after(now, UNDER_WAY),
                    doubtful: false,
                    body,
                };
                Some((rows::reply(entry.seq, n), reply))
            })
            .collect()
    }

    /// Records the first attempt at the message after `entry` together with the end of `entry`, which saves a commit.
    fn begin_next(
        &self,
        entry: &Entry,
        now: Millis,
        changes: &mut Vec<Change>,
    ) -> Result<Option<(u64, u32)>, StorageError> {
        let next: Option<(String, Entry)> = rows::first(&self.ports, &rows::inbox(), &rows::message(entry.seq))?;
        let Some((key, mut next)) = next.filter(|(_, next)| next.attempts == 0 && next.due_at <= now) else {
            return Ok(None);
        };
        next.attempts = 1;
        next.due_at = after(now, first_wait());
        changes.push(rows::put(key, &next));
        Ok(Some((next.seq, next.attempts)))
    }

    /// The bot failed: it gets another attempt, or the message is dead.
    async fn fail_turn(&self, pass: Pass, mut entry: Entry, failure: Failure) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            return Ok(());
        }
        let reason = match failure {
            Failure::Bot(error) => error.to_string(),
            Failure::UnreadableState => "unreadable_state".to_owned(),
            Failure::UnreadableMessage => return self.bury_turn(pass, entry, "unreadable_message").await,
        };
        self.note("turn_failed", &reason);
        if entry.attempts >= MAX_ATTEMPTS {
            return self.bury_turn(pass, entry, &reason).await;
        }
        entry.due_at = after(self.ports.now(), wait(entry.attempts));
        self.conclude(pass, &[rows::put(rows::message(entry.seq), &entry)]).await
    }

    /// KV could not be read: the turn waits, and has not been an attempt. It never starts from an empty state.
    async fn delay_turn(
        &self,
        pass: Pass,
        mut entry: Entry,
        error: &dyn std::fmt::Display,
    ) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            return Ok(());
        }
        self.note("turn_delayed", error);
        entry.attempts = entry.attempts.saturating_sub(1);
        entry.delays = entry.delays.saturating_add(1);
        let wait = backoff::doubling(Duration::from_secs(1), entry.delays, LONGEST_DELAY);
        entry.due_at = after(self.ports.now(), backoff::jittered(wait, &entry.id, entry.delays));
        self.conclude(pass, &[rows::put(rows::message(entry.seq), &entry)]).await
    }

    /// The message is dead: a letter about it goes to KV, and the conversation goes on.
    async fn bury_turn(&self, pass: Pass, entry: Entry, reason: &str) -> Result<(), StorageError> {
        let now = self.ports.now();
        let letter = DeadLetter::of_turn(entry.clone(), &self.address, reason, now);
        let mut changes = vec![
            Change::Delete(rows::message(entry.seq)),
            Change::Put(rows::seen(&entry.id), Outcome::Dead.as_str().to_owned()),
            letter.into_row(&self.address.bot, self.next_seq()?, now),
        ];
        let mut record = self.record()?;
        if !entry.replay {
            record.counts.receive();
        }
        record.end(Outcome::Dead, now);
        let settled = self.settle_into(&mut record, &mut changes);
        changes.push(rows::put(rows::record(), &record));
        let begun = self.begin_next(&entry, now, &mut changes)?;

        self.free(pass);
        self.ports.write(&changes)?;
        self.memory.borrow_mut().begun = begun;
        self.settled(settled);
        self.end_turn(&entry, Outcome::Dead, Some(reason));
        self.arm().await
    }

    fn end_turn(&self, entry: &Entry, outcome: Outcome, reason: Option<&str>) {
        self.end(&journal::End {
            message_id: &entry.id,
            kind: &entry.kind,
            outcome,
            reason,
            attempts: entry.attempts,
            replies: 0,
            took: self.ports.now().saturating_sub(entry.received_at),
        });
    }
}
