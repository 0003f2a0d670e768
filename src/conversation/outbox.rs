//! The outbox: replies leave in the order in which they were made, and none leaves twice. Only an answer that has been
//! in doubt for half an hour lets newer ones go before it.
//!
//! A row is deleted only when CometChat is known to have the reply. Deleting it is a commit, which is dear, so it
//! waits for the next one; a crash before that means one look at the history, never a second send.

use std::rc::Rc;
use std::time::Duration;

use super::commit::Commit;
use super::journal::End;
use super::lanes::Pass;
use super::letters::DeadLetter;
use super::outcome::Outcome;
use super::ports::{Millis, Ports, StorageError, after};
use super::reason::Reason;
use super::record::Record;
use super::rows::{self, Reply};
use super::trouble::Trouble;
use super::turn::UNDER_WAY;
use super::{Conversation, QUIET, backoff};
use crate::callback::ReceiverType;
use crate::cometchat::look::{Look, Seen};
use crate::cometchat::{self, Action, Answer, Later, Request, Sent, Service};
use crate::json::Field as _;

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60);

/// How long a reply in doubt holds up those behind it, unless CometChat answers nobody.
const HOLDS_UP: Duration = Duration::from_secs(30 * 60);

/// How often a page of the history that could not be read is asked for again, where the one before it could.
const PAGE_RETRIES: u32 = 3;

/// How long before.
const PAGE_WAIT: Duration = Duration::from_millis(250);

/// Over how much time conversations that waited for the breaker are spread.
const SPREAD: Duration = Duration::from_secs(60);

/// That CometChat has a reply whose row is still there.
#[derive(Debug, Clone)]
pub(super) struct Confirmed {
    sent: Sent,
    at: Millis,
}

/// A reply, and where it lies.
struct Next {
    key: String,
    reply: Rc<Reply>,
}

/// What a look has come to.
enum Looked {
    Found(Sent),
    Absent,
    Later(Later),
    Undecided(String),
    TooLong,
}

impl<P: Ports> Conversation<P> {
    /// When the next reply is sent, or looked for.
    ///
    /// A request that was given up may still be under way, even where the row could not be told so.
    pub(super) fn outbox_due(&self) -> Result<Option<Millis>, StorageError> {
        if self.is_damaged()? {
            return Ok(None);
        }
        let dues = [self.first_reply()?, self.first_in_doubt()?];
        let due = dues.into_iter().flatten().map(|next| next.reply.due_at).min();
        Ok(due.map(|due| due.max(after(self.gave_up.get(), UNDER_WAY)).max(self.held_until.get())))
    }

    /// Whether the first reply that is not confirmed has never been sent, and so need not wait.
    pub(super) fn outbox_has_fresh(&self) -> Result<bool, StorageError> {
        if self.memory.borrow().unsent.is_empty() || self.held_until.get() > self.ports.now() || self.is_damaged()? {
            return Ok(false);
        }
        let first = self.first_reply()?;
        Ok(first.is_some_and(|Next { key, reply }| {
            reply.tries == 0 && reply.waits == 0 && self.memory.borrow().unsent.contains(&key)
        }))
    }

    /// Whether there are rows that cannot be read: before the rest of an answer may go on, they are set aside.
    pub(super) fn is_damaged(&self) -> Result<bool, StorageError> {
        self.stored(|stored| !stored.unreadable.is_empty())
    }

    /// When the rows of confirmed replies have to go at the latest, whatever becomes of the event that waits to do it.
    pub(super) fn confirmation_due(&self) -> Option<Millis> {
        let memory = self.memory.borrow();
        memory.confirmed.values().map(|confirmed| after(confirmed.at, self.watch())).min()
    }

    /// The first reply in the outbox that is not confirmed.
    fn first_reply(&self) -> Result<Option<Next>, StorageError> {
        self.stored_and_confirmed(|stored, confirmed| {
            let mut after = String::new();
            while let Some((key, reply)) = stored.outbox.next(&self.ports, &after, &mut stored.unreadable)? {
                if !confirmed.contains_key(&key) {
                    return Ok(Some(Next { key, reply }));
                }
                after = key;
            }
            Ok(None)
        })?
    }

    /// Of the answers in doubt that newer ones went before, the one whose turn it is: its first reply.
    fn first_in_doubt(&self) -> Result<Option<Next>, StorageError> {
        self.stored_and_confirmed(|stored, confirmed| {
            let mut first: Option<Next> = None;
            let (mut after, mut seq) = (String::new(), None);
            while let Some((key, reply)) = stored.doubt.next(&self.ports, &after, &mut stored.unreadable)? {
                after.clone_from(&key);
                let place = rows::seq_of(rows::DOUBT, &key);
                if confirmed.contains_key(&key) || seq.replace(place) == Some(place) {
                    continue;
                }
                if first.as_ref().is_none_or(|first| reply.due_at < first.reply.due_at) {
                    first = Some(Next { key, reply });
                }
            }
            Ok(first)
        })?
    }

    fn reply_at(&self, key: &str) -> Result<Option<Rc<Reply>>, StorageError> {
        self.stored(|stored| if key.starts_with(rows::DOUBT) { stored.doubt.get(key) } else { stored.outbox.get(key) })
    }

    /// Whether a reply is still the next one of its kind, as it was.
    fn is_still_next(&self, next: &Next) -> Result<bool, StorageError> {
        let first = if next.key.starts_with(rows::DOUBT) { self.first_in_doubt()? } else { self.first_reply()? };
        Ok(first.is_some_and(|first| {
            first.key == next.key && first.reply.tries == next.reply.tries && first.reply.waits == next.reply.waits
        }))
    }

    /// Sends the first reply that is not confirmed, after a look if CometChat may have it already.
    pub(super) async fn send(&self, pass: Pass) -> Result<(), StorageError> {
        let now = self.ports.now();
        let first = self.first_reply()?;
        let may_be_looked_for = now >= after(self.gave_up.get(), UNDER_WAY);
        let in_doubt = self.first_in_doubt()?.filter(|next| {
            let is_due = may_be_looked_for && next.reply.due_at <= now;
            is_due && first.as_ref().is_none_or(|first| next.reply.due_at < first.reply.due_at)
        });
        let Some(next) = in_doubt.or(first) else { return Ok(()) };
        if let Err(probe) = self.instance.breaker.admit(now) {
            return self.hold(next, probe);
        }
        let surely_unsent = self.take_unsent(&next.key) && !next.reply.doubtful;
        if !surely_unsent {
            // Who had the lane before may have come back, and put the reply off, since this pass was taken.
            if !may_be_looked_for || next.reply.due_at > now {
                return Ok(());
            }
            if next.reply.action.makes_a_message() {
                match self.look(pass, &next.reply).await {
                    Looked::Absent => {}
                    looked => return self.follow_look(next, looked),
                }
            }
            // Whoever holds the lane now looks for itself.
            if !self.is_still_next(&next)? || !self.memory.borrow().lanes.is_held(pass) {
                return Ok(());
            }
        }
        let Some(request) = self.request(&next.reply)? else {
            let reply = Reply::clone(&next.reply);
            return self.bury_reply(&next.key, reply, &Reason::UnknownLabel);
        };
        let answer = self.call(pass, &request).await;
        let action = next.reply.action;
        match Answer::read(answer, action, self.ports.now()) {
            Answer::Refused { .. } if next.reply.doubtful && action.may_be_done() => {
                self.confirm(next, Sent::default())
            }
            Answer::Sent(sent) => self.confirm(next, sent),
            Answer::Unknown(reason) => self.put_off(next, &reason),
            Answer::Later(later) => self.wait(next, later, true),
            Answer::Refused { code, conflict } if action.makes_a_message() && (conflict || next.reply.doubtful) => {
                // What it refuses now it may have taken before.
                match self.look(pass, &next.reply).await {
                    Looked::Absent => self.refused(next, code),
                    looked => self.follow_look(next, looked),
                }
            }
            Answer::Refused { code, .. } => self.refused(next, code),
        }
    }

    /// What to ask of CometChat; `None` where the message that it is done to is not known.
    fn request(&self, reply: &Reply) -> Result<Option<Request>, StorageError> {
        let target = match &reply.target_label {
            None => Some(reply.target.clone().unwrap_or_default()),
            Some(label) => self.labelled(label)?,
        };
        let json = reply.body.get();
        let content = match reply.action {
            Action::React | Action::Unreact => String::read(Some(json)).unwrap_or_default(),
            _ => json.to_owned(),
        };
        Ok(target.map(|target| reply.action.request(&self.address, &target, content)))
    }

    /// The id of the message with this label.
    fn labelled(&self, label: &str) -> Result<Option<String>, StorageError> {
        let confirmed = self.memory.borrow().confirmed.clone();
        // The newest is the last.
        for (key, Confirmed { sent, .. }) in confirmed.iter().rev() {
            let Some(reply) = self.reply_at(key)? else { continue };
            if reply.label.as_deref() == Some(label) {
                return Ok(Some(sent.id.clone()).filter(|id| !id.is_empty()));
            }
            if reply.action == Action::Delete && reply.target_label.as_deref() == Some(label) {
                return Ok(None);
            }
        }
        self.stored(|stored| stored.record.labelled(label).map(str::to_owned))
    }

    /// Looks for a reply in the history.
    async fn look(&self, pass: Pass, reply: &Reply) -> Looked {
        let mut look = Look::new(&self.address, &reply.id, &reply.message_id, reply.made_at);
        let mut request = look.request();
        let (mut is_first, mut failures) = (true, 0_u32);
        loop {
            let answer = self.call(pass, &request).await;
            match look.read(answer, self.ports.now()) {
                Seen::Before(earlier) => {
                    request = earlier;
                    (is_first, failures) = (false, 0);
                }
                // Of many pages one would fail each time, and the look never come to its end.
                Seen::Undecided(_) if !is_first && failures < PAGE_RETRIES => {
                    failures = failures.saturating_add(1);
                    self.ports.sleep(PAGE_WAIT).await;
                }
                Seen::Absent => return Looked::Absent,
                Seen::Found(sent) => return Looked::Found(sent),
                Seen::Later(later) => return Looked::Later(later),
                Seen::Undecided(reason) => return Looked::Undecided(reason),
                Seen::TooLong => return Looked::TooLong,
            }
        }
    }

    fn follow_look(&self, next: Next, looked: Looked) -> Result<(), StorageError> {
        match looked {
            Looked::Found(sent) => self.confirm(next, sent),
            Looked::Later(later) => self.wait(next, later, false),
            Looked::Undecided(reason) => self.put_off(next, &reason),
            Looked::TooLong if self.is_still_next(&next)? => {
                let reply = Reply { doubtful: true, ..Reply::clone(&next.reply) };
                self.bury_reply(&next.key, reply, &Reason::InDoubt)
            }
            Looked::TooLong | Looked::Absent => Ok(()),
        }
    }

    /// Whether CometChat cannot have this reply. The answer is given once: whoever asks is about to send it.
    fn take_unsent(&self, key: &str) -> bool {
        let mut memory = self.memory.borrow_mut();
        let before = memory.unsent.len();
        memory.unsent.retain(|unsent| unsent != key);
        memory.unsent.len() < before
    }

    async fn call(&self, pass: Pass, request: &Request) -> Result<cometchat::Response, cometchat::NoAnswer> {
        self.memory.borrow_mut().lanes.extend(pass, self.ports.now());
        let answer = self.ports.call(request).await;
        let now = self.ports.now();
        if answer.is_err() {
            self.gave_up.set(now);
        }
        match Service::of(&answer) {
            Service::Answers => {
                self.instance.breaker.answered();
                self.all_is_well().await;
            }
            Service::Denies => {
                self.instance.breaker.failed(&self.address, now);
                self.report(Trouble::Denied).await;
            }
            Service::Fails => {
                self.instance.breaker.failed(&self.address, now);
                if self.instance.breaker.is_open() {
                    self.report(Trouble::NoAnswer).await;
                }
            }
        }
        answer
    }

    /// CometChat has a reply. Where no commit is about to come, its row goes at once.
    fn confirm(&self, next: Next, sent: Sent) -> Result<(), StorageError> {
        let at = self.ports.now();
        self.memory.borrow_mut().confirmed.insert(next.key, Confirmed { sent, at });
        if self.memory.borrow().is_busy || self.first_message()?.is_some() || self.first_reply()?.is_some() {
            return Ok(());
        }
        let mut commit = self.begin();
        self.record_of(&mut commit)?;
        self.conclude(commit)
    }

    /// CometChat answers nobody: everyone waits until one has found out that it is back.
    fn hold(&self, next: Next, probe: Millis) -> Result<(), StorageError> {
        let now = self.ports.now();
        if self.is_too_old(&next.reply, now) {
            let reason = next.reply.waits_for.clone().unwrap_or_else(|| "no_answer".to_owned());
            let reply = Reply::clone(&next.reply);
            return self.bury_reply(&next.key, reply, &Reason::CometChat(reason));
        }
        let spread = backoff::jittered(SPREAD, &next.reply.id, u32::try_from(probe & 0xffff).unwrap_or_default());
        self.held_until
            .set(after(probe, spread.min(Duration::from_millis(probe.saturating_sub(now)).saturating_mul(2))));
        Ok(())
    }

    fn is_too_old(&self, reply: &Reply, now: Millis) -> bool {
        now >= after(reply.waits_since(), self.settings.give_up_after)
    }

    /// Nobody knows whether CometChat has the reply, or the history could not be read: later, with a look first.
    fn put_off(&self, next: Next, reason: &str) -> Result<(), StorageError> {
        if !self.is_still_next(&next)? {
            return Ok(());
        }
        self.note("send_failed", &reason);
        let now = self.ports.now();
        let mut reply = Reply::clone(&next.reply);
        reply.tries = reply.tries.saturating_add(1);
        reply.waits = 0;
        reply.doubtful = true;
        reply.waits_for = Some(reason.to_owned());
        if reply.doubtful_since == 0 {
            reply.doubtful_since = now;
        }
        if self.is_too_old(&reply, now) {
            let reason = Reason::CometChat(reason.to_owned());
            return self.bury_reply(&next.key, reply, &reason);
        }
        let wait = backoff::doubling(UNDER_WAY.saturating_mul(2), reply.tries, LONGEST_WAIT);
        reply.due_at = after(now, backoff::jittered(wait, &reply.id, reply.tries));
        self.put_back(next.key, reply)
    }

    /// Stores a reply that waits. One that has been in doubt for too long lets newer answers go before it.
    fn put_back(&self, key: String, reply: Reply) -> Result<(), StorageError> {
        let mut commit = self.begin();
        let is_in_doubt = key.starts_with(rows::OUTBOX) && reply.doubtful_since > 0;
        let holds_up = is_in_doubt && commit.now >= after(reply.doubtful_since, HOLDS_UP);
        if holds_up && !self.instance.breaker.is_open() {
            self.set_apart(&mut commit, &key, reply)?;
        } else {
            commit.put_reply(key, reply);
        }
        self.conclude(commit)
    }

    /// Lets newer answers go before the one that this reply is part of.
    fn set_apart(&self, commit: &mut Commit, key: &str, first: Reply) -> Result<(), StorageError> {
        self.note("reply_set_apart", &first.id);
        // With the record the rows of what is confirmed go: an answer is never in two places.
        self.record_of(commit)?;
        let mut first = Some(first);
        for (key, reply) in self.answer_from(key)? {
            let place = key.strip_prefix(rows::OUTBOX).unwrap_or_default();
            let apart = format!("{}{place}", rows::DOUBT);
            if self.take_unsent(&key) {
                self.memory.borrow_mut().unsent.push(apart.clone());
            }
            commit.drop_reply(key);
            commit.put_reply(apart, first.take().unwrap_or_else(|| Reply::clone(&reply)));
        }
        Ok(())
    }

    /// What is left of the answer that begins with this key, or is there from it on: what is confirmed is not.
    pub(super) fn answer_from(&self, key: &str) -> Result<Vec<(String, Rc<Reply>)>, StorageError> {
        let place = key.rsplit_once('/').map_or(key, |(place, _)| place);
        self.stored_and_confirmed(|stored, confirmed| {
            let queue = if key.starts_with(rows::DOUBT) { &mut stored.doubt } else { &mut stored.outbox };
            let mut answer = Vec::new();
            let mut after = place.to_owned();
            while let Some((next, reply)) = queue.next(&self.ports, &after, &mut stored.unreadable)? {
                if !next.starts_with(place) {
                    break;
                }
                after.clone_from(&next);
                if next.as_str() >= key && !confirmed.contains_key(&next) {
                    answer.push((next, reply));
                }
            }
            Ok(answer)
        })?
    }

    /// CometChat has not looked at the request and will later, or somebody has to mend what keeps it from doing so.
    fn wait(&self, next: Next, later: Later, was_sent: bool) -> Result<(), StorageError> {
        let (reason, told) = match &later {
            Later::Busy { wait } => ("ERR_TOO_MANY_REQUESTS", *wait),
            Later::Denied { code } => (code.as_str(), None),
        };
        if !self.is_still_next(&next)? {
            return Ok(());
        }
        self.note("send_waits", &reason);
        let now = self.ports.now();
        let mut reply = Reply::clone(&next.reply);
        reply.waits = reply.waits.saturating_add(1);
        reply.waits_for = Some(reason.to_owned());
        if was_sent {
            // It was looked for, if there was any doubt, and it was not taken now.
            reply.doubtful = false;
            reply.doubtful_since = 0;
        } else if reply.doubtful_since == 0 {
            reply.doubtful_since = now;
        }
        if was_sent {
            self.memory.borrow_mut().unsent.push(next.key.clone());
        }
        if self.is_too_old(&reply, now) {
            let reason = Reason::CometChat(reason.to_owned());
            return self.bury_reply(&next.key, reply, &reason);
        }
        let wait = backoff::doubling(Duration::from_secs(1), reply.waits, LONGEST_WAIT);
        // Everyone who was told the same number would be back in the same moment.
        let spread = backoff::jittered(Duration::from_secs(1), &reply.id, reply.waits);
        let told = told.map_or(Duration::ZERO, |told| Duration::from_millis(told).saturating_add(spread));
        reply.due_at = after(now, wait.max(told));
        self.put_back(next.key, reply)
    }

    /// CometChat does not have the reply, and will not take it.
    fn refused(&self, next: Next, code: String) -> Result<(), StorageError> {
        if !self.is_still_next(&next)? {
            return Ok(());
        }
        let reply = Reply { doubtful: false, ..Reply::clone(&next.reply) };
        self.memory.borrow_mut().unsent.push(next.key.clone());
        self.bury_reply(&next.key, reply, &Reason::CometChat(code))
    }

    /// A reply is dead, and with it the rest of the answer that it is part of; the conversation goes on.
    fn bury_reply(&self, key: &str, reply: Reply, reason: &Reason) -> Result<(), StorageError> {
        let mut answer = self.answer_from(key)?;
        if let Some(first) = answer.first_mut() {
            first.1 = Rc::new(reply);
        }
        let mut commit = self.begin();
        self.add_death_of_replies(&mut commit, answer, reason)?;
        self.conclude(commit)
    }

    /// Adds the end of an answer, or of what is left of it, to a commit.
    pub(super) fn add_death_of_replies(
        &self,
        commit: &mut Commit,
        answer: Vec<(String, Rc<Reply>)>,
        reason: &Reason,
    ) -> Result<(), StorageError> {
        let Some((key, first)) = answer.first().cloned() else { return Ok(()) };
        if first.is_notice() {
            self.note("notice_dropped", reason);
            commit.drop_reply(key);
            return Ok(());
        }
        let now = commit.now;
        commit.bury(&key);
        let letter = DeadLetter::of_replies(&first, &self.address, reason, now);
        let mut pieces = Vec::new();
        for (key, reply) in answer {
            // An instance before this one may have sent it, and been cut off before its row could go.
            let doubtful = !self.take_unsent(&key) || reply.doubtful;
            commit.drop_reply(key);
            pieces.push(Reply { doubtful, ..Reply::clone(&reply) });
        }
        self.put_dead_letter(commit, &letter, first.queued_at > 0, "replies", pieces)?;
        self.record_of(commit)?.end(Outcome::Dead, now);
        commit.end(End {
            message_id: first.message_id.clone(),
            kind: first.kind.clone(),
            outcome: Outcome::Dead,
            reason: reason.to_string(),
            attempts: first.attempts,
            replies: 0,
            took: now.saturating_sub(first.received_at),
        });
        Ok(())
    }

    /// Writes what is confirmed once the conversation is quiet, unless a commit takes it along before. One event waits for
    /// all of them; the alarm is there if it never comes back.
    pub(super) async fn confirm_when_quiet(&self) {
        loop {
            let now = self.ports.now();
            let quiet_at = {
                let mut memory = self.memory.borrow_mut();
                if memory.confirmed.is_empty() || now < memory.looks_at {
                    return;
                }
                memory.looks_at = after(memory.last_came, QUIET);
                memory.looks_at
            };
            if now >= quiet_at {
                break;
            }
            self.ports.sleep(Duration::from_millis(quiet_at.saturating_sub(now))).await;
            self.memory.borrow_mut().looks_at = 0;
        }
        if let Err(error) = self.write_confirmations().await {
            self.note("storage_failed", &error);
        }
    }

    /// Deletes the rows of confirmed replies, if there are any, and calls for the next alarm.
    pub(super) async fn write_confirmations(&self) -> Result<(), StorageError> {
        if self.memory.borrow().confirmed.is_empty() {
            return self.arm().await;
        }
        let mut commit = self.begin();
        self.record_of(&mut commit)?;
        self.finish(commit).await
    }

    /// Adds the ids of confirmed replies whose rows are still there. Between two people every message is meant for the
    /// bot, in whichever thread, and nobody asks for them.
    pub(super) fn remember_confirmed(&self, record: &mut Record) {
        if self.address.receiver_type == ReceiverType::User {
            record.sent.clear();
            return;
        }
        for confirmed in self.memory.borrow().confirmed.values() {
            record.remember(&confirmed.sent.id);
        }
    }

    /// Adds the end of every confirmed reply to a commit. Somebody else may have dealt with it already.
    pub(super) fn add_confirmations(&self, commit: &mut Commit) -> Result<(), StorageError> {
        let confirmed = self.memory.borrow().confirmed.clone();
        self.remember_confirmed(self.record_of(commit)?);
        for (key, Confirmed { sent, at }) in confirmed {
            let Some(reply) = self.reply_at(&key)? else { continue };
            if let Some(label) = reply.label.clone().filter(|_| !sent.id.is_empty()) {
                self.record_of(commit)?.label(label, sent.id);
            }
            if let (Action::Delete, Some(label)) = (reply.action, &reply.target_label) {
                self.record_of(commit)?.forget_label(label);
            }
            if reply.last {
                let now = commit.now;
                self.record_of(commit)?.end(reply.outcome, now);
                commit.end(End {
                    message_id: reply.message_id.clone(),
                    kind: reply.kind.clone(),
                    outcome: reply.outcome,
                    reason: reply.reason.clone().unwrap_or_default(),
                    attempts: reply.attempts,
                    replies: rows::replies_up_to(&key),
                    took: at.saturating_sub(reply.received_at),
                });
            }
            commit.drop_reply(key);
        }
        Ok(())
    }

    /// The commit is made: the confirmed replies are done with.
    pub(super) fn forget_confirmed(&self) {
        self.memory.borrow_mut().confirmed.clear();
    }
}
