//! The turn: one message, one run of the bot, one commit of everything that comes of it.

use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::commit::Commit;
use super::effects::Asked;
use super::journal::End;
use super::lanes::Pass;
use super::letters::DeadLetter;
use super::outcome::Outcome;
use super::ports::{Millis, Ports, StorageError, after};
use super::reason::Reason;
use super::record::{MAX_STATE_BYTES, Record};
use super::rest::Loaded;
use super::rows::{self, Entry};
use super::trouble::Trouble;
use super::{Conversation, backoff};
use crate::bot::{Behaviour, Failure, Input, Output, Verdict};

/// How long a bot may take over one message.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// How many attempts a message gets.
const MAX_ATTEMPTS: u32 = 3;

/// The longest that a turn waits for KV before it tries to read it again.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How long a turn waits before it looks again whether its bot is there.
const UNTIL_THERE_IS_A_BOT: Duration = Duration::from_secs(5 * 60);

/// What such a turn waits for.
const NO_BOT: &str = "no_bot";

/// How long an abandoned request may still be under way to CometChat before its history can be trusted. An assumption:
/// CometChat says nothing about it.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(2);

/// How long after the first attempt the second one begins where nothing has been heard of the first: when the reply
/// that it may have left would be looked at too, so that one alarm serves both.
pub(super) const FIRST_WAIT: Duration = UNDER_WAY;

/// How long after attempt number `attempts` the next one begins.
fn wait(attempts: u32) -> Duration {
    backoff::doubling(Duration::from_secs(1), attempts, DEADLINE)
}

impl<P: Ports> Conversation<P> {
    /// The first message in the inbox.
    pub(super) fn first_message(&self) -> Result<Option<Rc<Entry>>, StorageError> {
        self.stored(|stored| stored.first_message(&self.ports))?
    }

    /// When the next attempt at a turn begins.
    pub(super) fn turn_due(&self) -> Result<Option<Millis>, StorageError> {
        Ok(self.first_message()?.map(|entry| entry.due_at))
    }

    /// Whether the first message in the inbox waits for an attempt that has been recorded already.
    pub(super) fn turn_has_begun(&self) -> Result<bool, StorageError> {
        let begun = self.memory.borrow().begun;
        Ok(begun.is_some() && self.first_message()?.map(|entry| (entry.seq, entry.attempts)) == begun)
    }

    /// Whether this is still the attempt that may commit: the message is still the first, and no later attempt began.
    fn is_current(&self, entry: &Entry) -> Result<bool, StorageError> {
        let first = self.first_message()?;
        Ok(first.is_some_and(|first| first.seq == entry.seq && first.attempts == entry.attempts))
    }

    /// One attempt at the first message in the inbox.
    pub(super) async fn turn(&self, pass: Pass) -> Result<(), StorageError> {
        let Some(first) = self.first_message()? else { return Ok(()) };
        let mut entry = Entry::clone(&first);
        let begun = self.memory.borrow_mut().begun.take() == Some((entry.seq, entry.attempts));
        if !begun {
            if entry.attempts >= MAX_ATTEMPTS {
                return self.bury_turn(entry, &Reason::Crashed);
            }
            entry.attempts = entry.attempts.saturating_add(1);
            entry.due_at = after(self.ports.now(), wait(entry.attempts).max(FIRST_WAIT));
            let mut commit = self.begin();
            commit.put_entry(entry.clone());
            self.finish(commit).await?;
        }
        let Some(behaviour) = self.behaviour else {
            self.report(Trouble::NoBot).await;
            return self.delay_turn(entry, &NO_BOT, UNTIL_THERE_IS_A_BOT);
        };
        if entry.waits_for.as_deref() == Some(NO_BOT) {
            self.there_is_a_bot().await;
        }
        let loaded = match self.load().await? {
            Ok(loaded) => loaded,
            Err(error) => return self.delay_turn(entry, &error, LONGEST_DELAY),
        };
        // Whatever the bot does to this instance, its attempt counts. A message that this very event has brought has not
        // been acknowledged yet: it is not lost without a word.
        if !self.memory.borrow().arrival.is_held() {
            self.ports.sync().await?;
        }
        // Meanwhile the lane may have become another's.
        if !self.memory.borrow().lanes.is_held(pass) {
            return Ok(());
        }
        self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
        let (mut record, mut state) = self.stored(|stored| (stored.record.clone(), stored.state.clone()))?;
        state = state.or_else(|| loaded.state());
        record.adopt(loaded.archived.as_ref());
        // Whoever answers in a thread may be faster than the next commit.
        self.remember_confirmed(&mut record);
        let mut result = self.run(behaviour, &entry, state.as_deref(), &record).await;
        if result.as_ref().is_err_and(|failure| *failure == Failure::UnreadableState) {
            self.note("state_set_aside", &"the bot cannot read it and starts afresh");
            if let Some(state) = &state
                && let Err(error) = self.set_state_aside(state).await
            {
                return self.delay_turn(entry, &error, LONGEST_DELAY);
            }
            self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
            result = self.run(behaviour, &entry, None, &record).await;
        }
        match result {
            Ok(output) => self.commit_turn(entry, &loaded, output),
            Err(failure) => self.fail_turn(entry, failure),
        }
    }

    async fn run(
        &self,
        behaviour: &dyn Behaviour,
        entry: &Entry,
        state: Option<&RawValue>,
        record: &Record,
    ) -> Result<Output, Failure> {
        let input = Input { bot: &self.address.bot, message: &entry.message, state, sent: &record.sent };
        self.within(DEADLINE, behaviour.run(input)).await.unwrap_or(Err(Failure::Deadline))
    }

    /// State, replies and verdict, at once, and only if the attempt is still the current one.
    fn commit_turn(&self, entry: Entry, loaded: &Loaded, output: Output) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            self.note("late_turn_dropped", &entry.id);
            return Ok(());
        }
        if output.state.get().len() > MAX_STATE_BYTES {
            return self.bury_turn(entry, &Reason::StateTooLarge);
        }
        let asked = match self.asked(output.effects) {
            Ok(asked) => asked,
            Err(reason) => return self.bury_turn(entry, &reason),
        };
        let silent = asked.is_empty();
        let (outcome, reason) = match output.verdict {
            Verdict::Replies if !asked.iter().any(Asked::is_an_answer) => {
                (Outcome::Ignored, Some(Reason::NoReply.to_string()))
            }
            Verdict::Replies => (Outcome::Answered, None),
            Verdict::Ignored(reason) => (Outcome::Ignored, Some(reason)),
            Verdict::HandedOver(reason) => (Outcome::HandedOver, Some(reason)),
        };

        let mut commit = self.begin();
        let now = commit.now;
        commit.drop_entry(entry.seq);
        let record = self.record_of(&mut commit)?;
        record.adopt(loaded.archived.as_ref());
        record.conversation_id = record.conversation_id.take().or_else(|| entry.conversation_id.clone());
        if !entry.counted {
            record.counts.receive();
        }
        if silent {
            record.end(outcome, now);
        } else {
            record.touch(now);
        }
        self.put_state(&mut commit, Rc::from(output.state))?;
        let mut unsent = Vec::new();
        for (key, reply) in self.replies(&entry, outcome, reason.as_deref(), asked, now) {
            unsent.push(key.clone());
            commit.put_reply(key, reply);
        }
        if silent {
            commit.end(end_of_turn(&entry, outcome, reason.unwrap_or_default(), now));
        }
        if commit.is_too_large() {
            return self.bury_turn(entry, &Reason::TooLarge);
        }
        let begun = self.begin_next(&entry, &mut commit)?;

        self.write(commit, || {
            let mut memory = self.memory.borrow_mut();
            memory.begun = begun;
            memory.unsent.extend(unsent);
            if silent {
                memory.budget.give_back(&entry.sender);
            }
        })
    }

    /// Records the first attempt at the message after `entry` together with the end of `entry`, which saves a commit.
    fn begin_next(&self, entry: &Entry, commit: &mut Commit) -> Result<Option<(u64, u32)>, StorageError> {
        let now = commit.now;
        let next =
            self.stored(|stored| stored.inbox.next(&self.ports, &rows::message(entry.seq), &mut stored.unreadable))??;
        let Some((_, next)) = next.filter(|(_, next)| next.attempts == 0 && next.due_at <= now) else {
            return Ok(None);
        };
        let next = Entry { attempts: 1, due_at: after(now, FIRST_WAIT), ..Entry::clone(&next) };
        let begun = (next.seq, next.attempts);
        commit.put_entry(next);
        Ok(Some(begun))
    }

    /// The bot failed: it gets another attempt, or the message is dead.
    fn fail_turn(&self, mut entry: Entry, failure: Failure) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            return Ok(());
        }
        let reason = match failure {
            Failure::Bot(error) => Reason::Bot(error.reason()),
            Failure::Deadline => Reason::Deadline,
            // It was started afresh, and so has a state that it can read.
            Failure::UnreadableState | Failure::UnreadableMessage => {
                return self.bury_turn(entry, &Reason::UnreadableMessage);
            }
        };
        self.note("turn_failed", &reason);
        if entry.attempts >= MAX_ATTEMPTS {
            return self.bury_turn(entry, &reason);
        }
        entry.due_at = after(self.ports.now(), wait(entry.attempts));
        let mut commit = self.begin();
        commit.put_entry(entry);
        self.conclude(commit)
    }

    /// The turn waits for something that is not its own fault, and has not been an attempt. Without KV it never starts
    /// from an empty state, and without its bot it never ends.
    fn delay_turn(&self, mut entry: Entry, why: &dyn std::fmt::Display, longest: Duration) -> Result<(), StorageError> {
        if !self.is_current(&entry)? {
            return Ok(());
        }
        self.note("turn_delayed", why);
        entry.attempts = entry.attempts.saturating_sub(1);
        entry.delays = entry.delays.saturating_add(1);
        entry.waits_for = Some(why.to_string());
        let wait = backoff::doubling(Duration::from_secs(1), entry.delays, longest);
        entry.due_at = after(self.ports.now(), backoff::jittered(wait, &entry.id, entry.delays));
        let mut commit = self.begin();
        commit.put_entry(entry);
        self.conclude(commit)
    }

    /// The message is dead: a letter about it goes to KV, and the conversation goes on.
    fn bury_turn(&self, entry: Entry, reason: &Reason) -> Result<(), StorageError> {
        let mut commit = self.begin();
        let now = commit.now;
        commit.drop_entry(entry.seq);
        let letter = DeadLetter::of_turn(&entry, &self.address, reason, now);
        self.put_dead_letter(&mut commit, &letter, entry.counted, "turn", vec![entry.clone()])?;
        let record = self.record_of(&mut commit)?;
        if !entry.counted {
            record.counts.receive();
        }
        record.end(Outcome::Dead, now);
        commit.end(end_of_turn(&entry, Outcome::Dead, reason.to_string(), now));
        let notice = self.apology(&entry, reason).and_then(|text| self.notice(&entry, &text, now));
        let unsent = notice.map(|(key, row)| {
            commit.put_reply(key.clone(), row);
            key
        });
        let begun = self.begin_next(&entry, &mut commit)?;

        self.write(commit, || {
            let mut memory = self.memory.borrow_mut();
            memory.begun = begun;
            memory.unsent.extend(unsent);
        })
    }

    /// What the sender is told where the bot has failed for good.
    fn apology(&self, entry: &Entry, reason: &Reason) -> Option<String> {
        let is_the_bots = !matches!(reason, Reason::UnreadableMessage | Reason::TooLarge | Reason::CometChat(_));
        self.behaviour.filter(|_| is_the_bots)?.apology(&self.address.bot, &entry.message)
    }
}

fn end_of_turn(entry: &Entry, outcome: Outcome, reason: String, now: Millis) -> End {
    End {
        message_id: entry.id.clone(),
        kind: entry.kind.clone(),
        outcome,
        reason,
        attempts: entry.attempts,
        replies: 0,
        took: now.saturating_sub(entry.received_at),
    }
}
