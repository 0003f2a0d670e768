//! CometChat in a test: what has been said, and what it answers to the bot's requests.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::BOT;
use crate::cometchat::{NoAnswer, Request, Response};

/// A message as it stands in the chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// CometChat's id.
    pub id: String,
    /// Who said it.
    pub sender: String,
    /// `user` or `group`.
    pub receiver_type: String,
    /// A UID or a GUID.
    pub receiver: String,
    /// `message`, `custom` or `interactive`.
    pub category: String,
    /// `text`, `image`, or what the category allows.
    pub kind: String,
    /// The message in whose thread it is.
    pub parent_id: Option<String>,
    /// `data`: its text, attachments, custom data and metadata.
    pub data: Value,
    /// Its tags.
    pub tags: Vec<String>,
    /// The bot's reactions to it.
    pub reactions: Vec<String>,
    /// Whether it has been given another text.
    pub edited: bool,
    /// Whether it is gone.
    pub deleted: bool,
    pub(super) muid: String,
    sent_at: u64,
}

impl Said {
    /// Its text, or the caption of a file; empty where there is none.
    pub fn text(&self) -> &str {
        self.data["text"].as_str().unwrap_or_default()
    }

    /// How it reads in a transcript.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}: ", self.sender);
        if self.parent_id.is_some() {
            line.push_str("(in a thread) ");
        }
        if self.kind != "text" {
            let _ = write!(line, "[{} {}] ", self.category, self.kind);
        }
        line.push_str(self.text());
        for reaction in &self.reactions {
            let _ = write!(line, " {reaction}");
        }
        if self.edited {
            line.push_str(" (edited)");
        }
        if self.deleted {
            line.push_str(" (deleted)");
        }
        line
    }
}

/// What becomes of a request to CometChat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 500, and it is not done.
    Fails,
    /// 500, and it is done all the same.
    FailsAfterwards,
    /// 429, for so many seconds.
    Busy(u64),
    /// 400 with this code.
    Refuses(String),
    /// No answer, and it is done all the same.
    Silent,
}

#[derive(Default)]
pub(super) struct History {
    said: Vec<Said>,
    /// Conversations that the bot has marked as read.
    pub(super) read: Vec<String>,
}

impl History {
    pub(super) fn say(&mut self, said: Said) -> String {
        let id = (self.said.len() + 101).to_string();
        self.said.push(Said { id: id.clone(), ..said });
        id
    }

    pub(super) fn all(&self) -> &[Said] {
        &self.said
    }

    pub(super) fn transcript(&self) -> String {
        self.said.iter().map(Said::line).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn answer(&mut self, request: &Request, now: u64, fault: Option<Fault>) -> Result<Response, NoAnswer> {
        let failure = |status, code: &str| Ok(response(status, &json!({ "error": { "code": code } })));
        match fault {
            None => Ok(self.done(request, now)),
            Some(Fault::Fails) => failure(500, "ERR_EXCEPTION"),
            Some(Fault::FailsAfterwards) => {
                self.done(request, now);
                failure(500, "ERR_EXCEPTION")
            }
            Some(Fault::Busy(seconds)) => Ok(Response {
                retry_after: Some(seconds.to_string()),
                ..response(429, &json!({ "error": { "code": "ERR_TOO_MANY_REQUESTS" } }))
            }),
            Some(Fault::Refuses(code)) => failure(400, &code),
            Some(Fault::Silent) => {
                self.done(request, now);
                Err(NoAnswer("timeout".to_owned()))
            }
        }
    }

    fn done(&mut self, request: &Request, now: u64) -> Response {
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body: Value = request.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        match (request.method, parts.as_slice()) {
            ("POST", ["bots", _, "messages"]) => self.take(&body, None, now),
            ("POST", ["messages", parent, "thread"]) => self.take(&body, Some((*parent).to_owned()), now),
            ("POST", ["users" | "groups", peer, "conversation", "read"]) => {
                self.read.push((*peer).to_owned());
                response(200, &json!({ "data": { "success": true } }))
            }
            ("GET", [kind, peer, "messages"]) => self.page(kind.trim_end_matches('s'), peer, request),
            (method, ["messages", id, rest @ ..]) => {
                let Some(said) = self.said.iter_mut().find(|said| said.id == *id && !said.deleted) else {
                    return response(404, &json!({ "error": { "code": "ERR_MESSAGE_ID_NOT_FOUND" } }));
                };
                match (method, rest) {
                    ("PUT", []) => {
                        said.data["text"] = body["data"]["text"].clone();
                        said.edited = true;
                    }
                    ("DELETE", []) => said.deleted = true,
                    ("POST", ["reactions", reaction]) if !said.reactions.contains(&decoded(reaction)) => {
                        said.reactions.push(decoded(reaction));
                    }
                    ("DELETE", ["reactions", reaction]) => said.reactions.retain(|known| *known != decoded(reaction)),
                    _ => {}
                }
                response(200, &json!({ "data": { "id": id } }))
            }
            _ => response(404, &json!({ "error": { "code": "ERR_API_NOT_FOUND" } })),
        }
    }

    fn take(&mut self, body: &Value, parent_id: Option<String>, now: u64) -> Response {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let tags = body["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned));
        let id = self.say(Said {
            id: String::new(),
            sender: BOT.to_owned(),
            receiver_type: text("receiverType"),
            receiver: text("receiver"),
            category: text("category"),
            kind: text("type"),
            parent_id,
            data: body["data"].clone(),
            tags: tags.collect(),
            reactions: Vec::new(),
            edited: false,
            deleted: false,
            muid: text("muid"),
            sent_at: now,
        });
        response(200, &json!({ "data": { "id": id } }))
    }

    /// The messages of a conversation before the one that is named, the newest first.
    fn page(&self, receiver_type: &str, peer: &str, request: &Request) -> Response {
        let before = request.path.split("&id=").nth(1).and_then(|id| id.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let is_here = |said: &&Said| {
            let is_in = match receiver_type {
                "user" => said.receiver_type == "user" && [&said.receiver, &said.sender].iter().any(|uid| *uid == peer),
                _ => said.receiver_type == "group" && said.receiver == peer,
            };
            is_in && said.id.parse::<u64>().is_ok_and(|id| id < before)
        };
        let shown = |said: &Said| json!({ "id": said.id, "sender": said.sender, "sentAt": said.sent_at, "muid": said.muid, "data": said.data });
        let page: Vec<Value> = self.said.iter().rev().filter(is_here).take(100).map(shown).collect();
        response(200, &json!({ "data": page }))
    }
}

pub(super) fn message(sender: &str, receiver: (&str, &str), kind: (&str, &str), data: Value) -> Said {
    Said {
        id: String::new(),
        sender: sender.to_owned(),
        receiver_type: receiver.0.to_owned(),
        receiver: receiver.1.to_owned(),
        category: kind.0.to_owned(),
        kind: kind.1.to_owned(),
        parent_id: None,
        data,
        tags: Vec::new(),
        reactions: Vec::new(),
        edited: false,
        deleted: false,
        muid: String::new(),
        sent_at: 0,
    }
}

fn response(status: u16, body: &Value) -> Response {
    Response { status, body: body.to_string(), ..Response::default() }
}

/// A segment of a path as it was before it was percent-encoded.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
