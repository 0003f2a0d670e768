//! The envelope: the smallest parse that finds the message, its conversation and what the fixed rules need.
//!
//! The message itself is passed on as it came; only the turn reads it whole.

use serde_json::value::RawValue;

use super::error::CallbackError;
use super::message::{ReceiverType, has_mention};
use super::{shorten, uid};
use crate::json::{Fields, problem};

/// The longest UID or GUID that names a conversation, in bytes: it becomes part of a KV key of 512.
const MAX_PEER_BYTES: usize = 255;

/// The longest `conversationId` that is kept, in bytes: it stands in KV metadata, which hold 1,024 of JSON.
const MAX_CONVERSATION_ID_BYTES: usize = 255;

/// The longest message id, in characters.
const MAX_ID: usize = 64;

/// A callback that carries a message.
#[derive(Debug)]
pub struct Callback<'a> {
    /// Which event CometChat reports.
    pub trigger: Trigger,
    /// The app that the callback says it is from.
    pub app_id: String,
    /// The region that the callback says it is from.
    pub region: Option<String>,
    /// The bot that the callback says it is for, in lower case. Missing in the callbacks of a webhook.
    pub bot: Option<String>,
    /// The message's id.
    pub id: String,
    /// Who wrote it, in lower case.
    pub sender: String,
    /// Whether it was written in a 1:1 chat or in a group.
    pub receiver_type: ReceiverType,
    /// The UID, in lower case, or the GUID.
    pub receiver: String,
    /// `message`, `custom`, `action`, `call`, or what is yet to come; of a very long one, its beginning.
    pub category: String,
    /// `text`, `image`, a type of the app's own, or what is yet to come; of a very long one, its beginning.
    pub kind: String,
    /// Whether the message is gone already: it says when it was deleted.
    pub is_deleted: bool,
    /// CometChat's id of the conversation; `None` where there is none, or one that is too long to be kept.
    pub conversation_id: Option<String>,
    /// The message as it came.
    pub message: &'a RawValue,
    data: Fields<'a>,
}

/// The events that carry a new message. The three are one: the same message may come by each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A bot's callback, and the legacy webhook of the same name.
    AfterMessage,
    /// The newer webhook's event.
    MessageSent,
    /// Fires beside `message_sent` for the same message (observed; docs/cometchat.md, section 3.2).
    UserMentioned,
}

impl Trigger {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "after_message" => Some(Self::AfterMessage),
            "message_sent" => Some(Self::MessageSent),
            "user_mentioned" => Some(Self::UserMentioned),
            _ => None,
        }
    }
}

/// What a body turned out to be.
#[derive(Debug)]
pub enum Envelope<'a> {
    /// A new message.
    Message(Box<Callback<'a>>),
    /// An event without a new message: an edit, a receipt, or one yet to come.
    UnknownTrigger {
        /// What the event is called; of a very long name, its beginning.
        trigger: String,
        /// The app that the callback says it is from.
        app_id: String,
    },
}

impl<'a> Envelope<'a> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// 400 where it is not JSON, or lacks what a message needs: an id, a sender, a receiver and its type, an app.
    pub fn parse(body: &'a str) -> Result<Self, CallbackError> {
        let outer = fields(body)?;
        let name = text(&outer, "trigger")?;
        let app_id = text(&outer, "appId")?;
        let Some(trigger) = Trigger::parse(&name) else {
            return Ok(Self::UnknownTrigger { trigger: shorten(&name), app_id });
        };
        // Both envelopes arrive: the legacy one has the message under `data`, the newer one under `data.message`. A
        // message may have a field of that name too, which is no message.
        let legacy = outer.raw("data").ok_or_else(|| missing("data"))?;
        let head = fields(legacy.get())?;
        let (message, head) = match head.raw("message").filter(|message| message.get().starts_with('{')) {
            Some(newer) => (newer, fields(newer.get())?),
            None => (legacy, head),
        };

        let receiver_type = ReceiverType::parse(&text(&head, "receiverType")?)
            .ok_or_else(|| CallbackError::field("receiverType", "must be user or group"))?;
        let receiver = peer(&head, "receiver")?;
        Ok(Self::Message(Box::new(Callback {
            trigger,
            app_id,
            region: outer.read("region"),
            bot: outer.read::<String>("bot").map(|bot| uid(&bot)),
            id: message_id(&head)?,
            sender: uid(&peer(&head, "sender")?),
            receiver_type,
            receiver: match receiver_type {
                ReceiverType::User => uid(&receiver),
                ReceiverType::Group => receiver,
            },
            category: shorten(&head.text("category")),
            kind: shorten(&head.text("type")),
            is_deleted: head.read::<u64>("deletedAt").is_some_and(|at| at > 0),
            conversation_id: conversation_id(&head),
            message,
            data: head.object("data"),
        })))
    }
}

impl Envelope<'_> {
    /// The app that the callback says it is from.
    pub fn app_id(&self) -> &str {
        match self {
            Self::Message(callback) => &callback.app_id,
            Self::UnknownTrigger { app_id, .. } => app_id,
        }
    }
}

impl Callback<'_> {
    /// Whether the message mentions this UID.
    pub fn mentions(&self, who: &str) -> bool {
        self.data.object("mentions").iter().any(|(uid, _)| uid.eq_ignore_ascii_case(who))
            || has_mention(&self.data.text("text"), who)
    }

    /// Whether the text starts with `/`.
    pub fn is_slashed(&self) -> bool {
        self.data.text("text").starts_with('/')
    }

    /// Whether a Halley wrote the message, of this deployment or of another: its replies carry their id in the metadata.
    pub fn is_from_halley(&self) -> bool {
        !self.data.object("metadata").text("halley").is_empty()
    }
}

fn fields(json: &str) -> Result<Fields<'_>, CallbackError> {
    Fields::parse(json).map_err(|error| {
        CallbackError::malformed(format!("The body is not a CometChat callback ({}).", problem(&error)))
    })
}

fn missing(field: &str) -> CallbackError {
    CallbackError::field(field, "is required")
}

/// A field that has to be there, and has to be a text.
fn text(fields: &Fields<'_>, name: &str) -> Result<String, CallbackError> {
    match (fields.raw(name), fields.read::<String>(name)) {
        (Some(_), None) => Err(CallbackError::field(name, "must be a string")),
        (_, text) => text.filter(|text| !text.is_empty()).ok_or_else(|| missing(name)),
    }
}

/// A UID or a GUID, which has to fit into a key, and into a path: there the two that are refused lead elsewhere, even
/// where they are percent-encoded (WHATWG URL, dot segments).
fn peer(fields: &Fields<'_>, name: &str) -> Result<String, CallbackError> {
    let peer = text(fields, name)?;
    if peer.len() > MAX_PEER_BYTES {
        return Err(CallbackError::field(name, format_args!("must not be longer than {MAX_PEER_BYTES} bytes")));
    }
    if peer == "." || peer == ".." {
        return Err(CallbackError::field(name, "must not be . or .."));
    }
    Ok(peer)
}

/// Ids are strings in every payload and integers on one page of the docs (docs/cometchat.md, section 10).
fn message_id(fields: &Fields<'_>) -> Result<String, CallbackError> {
    let raw = fields.raw("id").ok_or_else(|| missing("id"))?.get();
    // What is allowed needs no escapes, so the quotes are all there is to take off.
    let quoted = raw.strip_prefix('"').and_then(|id| id.strip_suffix('"'));
    let is_letter = |byte: u8| quoted.is_some() && (byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-');
    let id = quoted.unwrap_or(raw);
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_digit() || is_letter(byte)) {
        return Err(CallbackError::field("id", format_args!("must be 1 to {MAX_ID} of A-Z, a-z, 0-9, _ and -")));
    }
    Ok(id.to_owned())
}

/// Opaque and only shown, so one that cannot be kept is none. Control characters take six bytes each in JSON.
fn conversation_id(fields: &Fields<'_>) -> Option<String> {
    fields.read::<String>("conversationId").filter(|id| {
        (1..=MAX_CONVERSATION_ID_BYTES).contains(&id.len()) && !id.contains(|character: char| character.is_control())
    })
}
