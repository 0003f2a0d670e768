//! What a bot says and does, as rows of the outbox.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::ports::{Millis, Ports, after};
use super::reason::Reason;
use super::rows::{self, Entry, Reply};
use super::turn::UNDER_WAY;
use super::{Conversation, outcome::Outcome};
use crate::bot::reply::{self, Content, Effect, Place, Target};
use crate::cometchat::action::edited;
use crate::cometchat::{Action, Body, ReplyId};
use crate::json::Field;

/// How many replies a turn may make, the parts of long ones counted, and with them what else it does.
pub const MAX_REPLIES: usize = 100;

/// Something to ask of CometChat.
pub(super) struct Asked {
    action: Action,
    target: Option<Target>,
    label: Option<String>,
    what: What,
}

enum What {
    Message(Body),
    Json(String),
}

impl Asked {
    fn new(action: Action, target: Option<Target>, json: String) -> Self {
        Self { action, target, label: None, what: What::Json(json) }
    }

    /// Whether a person sees that something has been answered.
    pub(super) fn is_an_answer(&self) -> bool {
        self.action != Action::MarkRead
    }
}

impl<P: Ports> Conversation<P> {
    /// What the effects of a turn ask of CometChat, one after the other.
    pub(super) fn asked(&self, effects: Vec<Effect>) -> Result<Vec<Asked>, Reason> {
        let mut asked = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Say(reply) => self.add_messages(&mut asked, reply)?,
                Effect::Edit(target, text) => {
                    match Body::of(&text.as_str().into()) {
                        Some(parts) if parts.len() == 1 => {}
                        _ => return Err(Reason::ReplyTooLarge),
                    }
                    asked.push(Asked::new(Action::Edit, Some(target), edited(&text)));
                }
                Effect::Delete(target) => asked.push(Asked::new(Action::Delete, Some(target), "{}".to_owned())),
                Effect::React(target, reaction) => {
                    asked.push(Asked::new(Action::React, Some(target), reaction.to_json()));
                }
                Effect::Unreact(target, reaction) => {
                    asked.push(Asked::new(Action::Unreact, Some(target), reaction.to_json()));
                }
                Effect::MarkRead => asked.push(Asked::new(Action::MarkRead, None, "{}".to_owned())),
            }
        }
        if asked.len() > MAX_REPLIES { Err(Reason::TooManyReplies) } else { Ok(asked) }
    }

    fn add_messages(&self, asked: &mut Vec<Asked>, reply: reply::Reply) -> Result<(), Reason> {
        if matches!(reply.content, Content::Interactive { .. }) && !self.settings.interactive_messages {
            return Err(Reason::InteractiveNotAllowed);
        }
        let bodies = Body::of(&reply).ok_or(Reason::ReplyTooLarge)?;
        let (action, target) = match reply.place {
            Place::Conversation | Place::Thread => (Action::Send, None),
            Place::ThreadOf(id) => (Action::SendInThread, Some(Target::Id(id))),
        };
        let mut label = Some(reply.label).filter(|label| !label.is_empty());
        asked.extend(bodies.into_iter().map(|body| Asked {
            action,
            target: target.clone(),
            label: label.take(),
            what: What::Message(body),
        }));
        Ok(())
    }

    /// The rows.
    pub(super) fn replies(
        &self,
        entry: &Entry,
        outcome: Outcome,
        reason: Option<&str>,
        asked: Vec<Asked>,
        now: Millis,
    ) -> Vec<(String, Reply)> {
        let last = asked.len().saturating_sub(1);
        let row = |(n, asked)| {
            let row = Row { purpose: "answer", n, last: n == last, outcome, reason };
            Some((rows::reply(rows::OUTBOX, entry.seq, n), self.reply_row(entry, asked, row, now)?))
        };
        asked.into_iter().enumerate().filter_map(row).collect()
    }

    /// What the sender is told because the message is dead, as a row.
    pub(super) fn notice(&self, entry: &Entry, text: &str, now: Millis) -> Option<(String, Reply)> {
        let body = Body::of(&text.into())?.into_iter().next()?;
        let asked = Asked { action: Action::Send, target: None, label: None, what: What::Message(body) };
        let row = Row { purpose: "notice", n: 0, last: false, outcome: Outcome::Dead, reason: None };
        Some((rows::notice(entry.seq), self.reply_row(entry, asked, row, now)?))
    }

    fn reply_row(&self, entry: &Entry, asked: Asked, row: Row<'_>, now: Millis) -> Option<Reply> {
        let id = ReplyId { bot: &self.address.bot, message: &entry.id, purpose: row.purpose, n: row.n }.to_string();
        let body = match asked.what {
            What::Message(body) => body.to_json(&self.address, &id),
            What::Json(json) => json,
        };
        let (target, target_label) = match asked.target {
            Some(Target::Id(id)) => (Some(id), None),
            Some(Target::Label(label)) => (None, Some(label)),
            None => (None, None),
        };
        Some(Reply {
            id,
            seq: entry.seq,
            message_id: entry.id.clone(),
            kind: entry.kind.clone(),
            received_at: entry.received_at,
            attempts: entry.attempts,
            last: row.last,
            outcome: row.outcome,
            reason: row.reason.map(str::to_owned),
            made_at: now,
            // Of a message that is tried again there was a letter.
            queued_at: if entry.counted { now } else { 0 },
            tries: 0,
            waits: 0,
            waits_for: None,
            due_at: after(now, UNDER_WAY),
            doubtful: false,
            doubtful_since: 0,
            action: asked.action,
            target,
            target_label,
            label: asked.label,
            body: Rc::from(RawValue::from_string(body).ok()?),
        })
    }
}

/// Which of the replies to a message it is.
struct Row<'a> {
    purpose: &'a str,
    n: usize,
    last: bool,
    outcome: Outcome,
    reason: Option<&'a str>,
}
