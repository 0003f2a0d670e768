//! The outbox: replies leave in the order in which they were made, and none leaves twice.
//!
//! A row is deleted only when CometChat is known to have the reply. Deleting it is a commit, which is dear, so it
//! waits for the next one; a crash before that means one look at the history, never a second send.

use std::time::Duration;

use super::lanes::Pass;
use super::letters::DeadLetter;
use super::outcome::Outcome;
use super::ports::{Change, Millis, Ports, StorageError, after};
use super::record::Record;
use super::rows::{self, Reply};
use super::turn::UNDER_WAY;
use super::{Conversation, backoff, journal};
use crate::cometchat::look::{Look, Seen};
use crate::cometchat::{self, Answer, Request, Sent};

/// How often CometChat may fail over one reply.
const MAX_TRIES: u32 = 10;

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long CometChat may go on asking to wait.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// A reply that CometChat has, and whose row is still there.
#[derive(Debug, Clone)]
pub(super) struct Confirmed {
    key: String,
    reply: Reply,
    sent: Sent,
    at: Millis,
}

impl<P: Ports> Conversation<P> {
    /// When the first reply that is not confirmed is sent, or looked for.
    ///
    /// A request that was given up may still be under way, even where the row could not be told so.
    pub(super) fn outbox_due(&self) -> Result<Option<Millis>, StorageError> {
        Ok(self.head_of_outbox()?.map(|(_, reply)| reply.due_at.max(after(self.gave_up.get(), UNDER_WAY))))
    }

    /// Whether the first reply that is not confirmed has never been sent, and so need not wait.
    pub(super) fn outbox_has_fresh(&self) -> Result<bool, StorageError> {
        if self.memory.borrow().unsent.is_empty() {
            return Ok(false);
        }
        let head = self.head_of_outbox()?;
        Ok(head.is_some_and(|(key, reply)| {
            reply.tries == 0 && reply.waits == 0 && self.memory.borrow().unsent.contains(&key)
        }))
    }

    /// When the rows of confirmed replies have to go at the latest.
    pub(super) fn confirmation_due(&self) -> Result<Option<Millis>, StorageError> {
        if self.memory.borrow().confirmed.is_empty() {
            return Ok(None);
        }
        let first: Option<(String, Reply)> = rows::first(&self.ports, &rows::outbox(), "")?;
        Ok(first.map(|(_, reply)| reply.due_at))
    }

    fn head_of_outbox(&self) -> Result<Option<(String, Reply)>, StorageError> {
        let confirmed = self.memory.borrow().confirmed.last().map(|confirmed| confirmed.key.clone());
        rows::first(&self.ports, &rows::outbox(), confirmed.as_deref().unwrap_or_default())
    }

    fn is_head(&self, key: &str, reply: &Reply) -> Result<bool, StorageError> {
        let head = self.head_of_outbox()?;
        Ok(head.is_some_and(|(head, row)| head == key && row.tries == reply.tries && row.waits == reply.waits))
    }

    /// Sends the first reply that is not confirmed, after a look if CometChat may have it already.
    pub(super) async fn send(&self, pass: Pass) -> Result<(), StorageError> {
        let Some((key, reply)) = self.head_of_outbox()? else { return Ok(()) };
        let surely_unsent = self.take_unsent(&key) && !reply.doubtful;
        if !surely_unsent {
            // Who had the lane before may have come back, and put the reply off, since this pass was taken.
            if self.outbox_due()?.is_some_and(|due| due > self.ports.now()) {
                return Ok(());
            }
            let mut look = Look::new(&self.address, &reply.id, reply.made_at);
            let mut request = look.request();
            loop {
                let answer = self.call(pass, &request).await;
                match look.read(answer, self.ports.now()) {
                    Seen::Before(earlier) => request = earlier,
                    Seen::Absent => break,
                    Seen::Found(sent) => return self.confirm(key, reply, sent),
                    Seen::Undecided { reason, wait } => return self.put_off(pass, key, reply, &reason, wait).await,
                }
            }
            // Whoever holds the lane now looks for itself.
            if !self.is_head(&key, &reply)? || !self.memory.borrow().lanes.is_held(pass) {
                return Ok(());
            }
        }
        let request = cometchat::reply::send(&self.address.bot, reply.body.get().to_owned());
        let answer = self.call(pass, &request).await;
        match Answer::read(answer, self.ports.now()) {
            Answer::Sent(sent) => self.confirm(key, reply, sent),
            Answer::Unknown(reason) => self.put_off(pass, key, reply, &reason, None).await,
            Answer::Later { wait } => self.wait_for_cometchat(pass, key, reply, wait).await,
            Answer::Refused { code } if self.is_head(&key, &reply)? => self.bury_replies(pass, key, reply, &code).await,
            Answer::Refused { .. } => Ok(()),
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
        let answer = self
            .within(cometchat::DEADLINE, self.ports.call(request))
            .await
            .unwrap_or_else(|| Err(cometchat::NoAnswer("timeout".to_owned())));
        if answer.is_err() {
            self.gave_up.set(self.ports.now());
        }
        answer
    }

    fn confirm(&self, key: String, reply: Reply, sent: Sent) -> Result<(), StorageError> {
        if self.is_head(&key, &reply)? {
            let at = self.ports.now();
            self.memory.borrow_mut().confirmed.push(Confirmed { key, reply, sent, at });
        }
        Ok(())
    }

    /// Nobody knows whether CometChat has the reply, or the history could not be read: later, with a look first.
    async fn put_off(
        &self,
        pass: Pass,
        key: String,
        mut reply: Reply,
        reason: &str,
        wait: Option<u64>,
    ) -> Result<(), StorageError> {
        if !self.is_head(&key, &reply)? {
            return Ok(());
        }
        self.note("send_failed", &reason);
        reply.tries = reply.tries.saturating_add(1);
        reply.doubtful = true;
        if reply.tries >= MAX_TRIES {
            return self.bury_replies(pass, key, reply, reason).await;
        }
        let backoff = backoff::doubling(UNDER_WAY.saturating_mul(2), reply.tries, LONGEST_WAIT);
        let backoff = backoff::jittered(backoff, &reply.id, reply.tries);
        let wait = wait.map_or(backoff, |wait| backoff.max(Duration::from_millis(wait)));
        reply.due_at = after(self.ports.now(), wait.min(MAX_AGE));
        self.conclude(pass, &[rows::put(key, &reply)]).await
    }

    /// CometChat has not taken the reply and says when it will.
    async fn wait_for_cometchat(
        &self,
        pass: Pass,
        key: String,
        mut reply: Reply,
        wait: Option<u64>,
    ) -> Result<(), StorageError> {
        if !self.is_head(&key, &reply)? {
            return Ok(());
        }
        let now = self.ports.now();
        reply.waits = reply.waits.saturating_add(1);
        if now > after(reply.made_at, MAX_AGE) {
            return self.bury_replies(pass, key, reply, "ERR_TOO_MANY_REQUESTS").await;
        }
        let backoff = backoff::doubling(Duration::from_secs(1), reply.waits, LONGEST_WAIT);
        // Everyone who was told the same number would be back in the same moment.
        let wait = wait.map_or(backoff, |wait| {
            Duration::from_millis(wait).saturating_add(backoff::jittered(
                Duration::from_secs(1),
                &reply.id,
                reply.waits,
            ))
        });
        reply.due_at = after(now, wait.min(MAX_AGE));
        self.memory.borrow_mut().unsent.push(key.clone());
        self.conclude(pass, &[rows::put(key, &reply)]).await
    }

    /// A reply is dead, and with it the rest of the answer that it is part of; the conversation goes on.
    async fn bury_replies(&self, pass: Pass, key: String, reply: Reply, reason: &str) -> Result<(), StorageError> {
        let now = self.ports.now();
        let mut changes = vec![Change::Delete(key.clone())];
        let mut rest = Vec::new();
        let mut cursor = key;
        while let Some((next, row)) = rows::first::<Reply>(&self.ports, &rows::replies_to(reply.seq), &cursor)? {
            self.take_unsent(&next);
            changes.push(Change::Delete(next.clone()));
            rest.push(row);
            cursor = next;
        }
        let letter = DeadLetter::of_replies(reply.clone(), rest, &self.address, reason, now);
        changes.push(Change::Put(rows::seen(&reply.message_id), Outcome::Dead.as_str().to_owned()));
        changes.push(letter.into_row(&self.address.bot, self.next_seq()?, now));
        let mut record = self.record()?;
        let settled = self.settle_into(&mut record, &mut changes);
        record.end(Outcome::Dead, now);
        changes.push(rows::put(rows::record(), &record));

        self.free(pass);
        self.ports.write(&changes)?;
        self.settled(settled);
        self.end(&journal::End {
            message_id: &reply.message_id,
            kind: &reply.kind,
            outcome: Outcome::Dead,
            reason: Some(reason),
            attempts: reply.attempts,
            replies: 0,
            took: now.saturating_sub(reply.received_at),
        });
        self.arm().await
    }

    /// Deletes the rows of confirmed replies, if there are any, and calls for the next alarm.
    pub(super) async fn settle(&self) -> Result<(), StorageError> {
        if !self.memory.borrow().confirmed.is_empty() {
            let mut changes = Vec::new();
            let mut record = self.record()?;
            let settled = self.settle_into(&mut record, &mut changes);
            changes.push(rows::put(rows::record(), &record));
            self.ports.write(&changes)?;
            self.settled(settled);
        }
        self.arm().await
    }

    /// Adds the ids of confirmed replies whose rows are still there.
    pub(super) fn remember_confirmed(&self, record: &mut Record) {
        for confirmed in &self.memory.borrow().confirmed {
            record.remember(&confirmed.sent.id);
        }
    }

    /// Adds the end of every confirmed reply to a commit. How many there are is for [`settled`](Self::settled).
    pub(super) fn settle_into(&self, record: &mut Record, changes: &mut Vec<Change>) -> usize {
        let now = self.ports.now();
        self.remember_confirmed(record);
        let memory = self.memory.borrow();
        for confirmed in &memory.confirmed {
            changes.push(Change::Delete(confirmed.key.clone()));
            if confirmed.reply.last {
                record.end(confirmed.reply.outcome, now);
            }
        }
        memory.confirmed.len()
    }

    /// The commit is made: the first `count` confirmed replies are done with.
    pub(super) fn settled(&self, count: usize) {
        let done: Vec<Confirmed> = {
            let mut memory = self.memory.borrow_mut();
            let count = count.min(memory.confirmed.len());
            memory.confirmed.drain(..count).collect()
        };
        for Confirmed { key, reply, at, .. } in done.iter().filter(|confirmed| confirmed.reply.last) {
            self.end(&journal::End {
                message_id: &reply.message_id,
                kind: &reply.kind,
                outcome: reply.outcome,
                reason: reply.reason.as_deref(),
                attempts: reply.attempts,
                replies: rows::replies_up_to(key),
                took: at.saturating_sub(reply.received_at),
            });
        }
    }
}
