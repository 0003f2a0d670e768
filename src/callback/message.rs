//! The message inside a callback, as typed values. What is unknown is kept, never refused.

use serde_json::{Map, Value};

use super::uid;

/// Whether a message was written in a 1:1 chat or in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReceiverType {
    /// A 1:1 chat; the receiver is a UID.
    User,
    /// A group; the receiver is a GUID.
    Group,
}

impl ReceiverType {
    /// As CometChat spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// Reads CometChat's spelling. Public code also sends upper case (cometchat-api.md, section 1.2).
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("user") {
            Some(Self::User)
        } else if text.eq_ignore_ascii_case("group") {
            Some(Self::Group)
        } else {
            None
        }
    }
}

/// A person, or a bot, as CometChat describes one beside a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Person {
    /// The UID, in lower case.
    pub uid: String,
    /// The name shown in the chat; empty where CometChat sent none.
    pub name: String,
    /// Everything CometChat sent about the person, as it came.
    pub raw: Map<String, Value>,
}

/// A file that came with a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Media {
    /// The caption; empty where there is none.
    pub caption: String,
    /// The attachments, at least one where CometChat sent any address at all.
    pub attachments: Vec<Attachment>,
}

/// One attachment. Every field but the address may be empty: none is documented as always there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachment {
    /// Where the file is. Under token-based file access a plain GET answers 401.
    pub url: String,
    /// The file's name.
    pub name: String,
    /// Its media type, such as `image/png`.
    pub mime_type: String,
    /// Its extension, without the dot.
    pub extension: String,
    /// Its size in bytes; CometChat declares it as a string and also sends numbers.
    pub size: Option<u64>,
}

/// What a message holds, by its category and type.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `message`/`text`.
    Text(String),
    /// `message`/`image`.
    Image(Media),
    /// `message`/`video`.
    Video(Media),
    /// `message`/`audio`.
    Audio(Media),
    /// `message`/`file`.
    File(Media),
    /// `custom`: a type of the app's own and its `customData`.
    Custom {
        /// The type the app chose.
        kind: String,
        /// `data.customData`, or null.
        data: Value,
        /// `data.text`; empty where there is none.
        text: String,
    },
    /// Any other category or type: interactive, card, agentic, and what is yet to come.
    Unknown {
        /// The category as it came.
        category: String,
        /// The type as it came.
        kind: String,
        /// The whole of `data` as it came.
        data: Value,
    },
}

/// A message that was sent to a bot.
///
/// Only the id, the sender and the receiver are sure to be there; everything else is what CometChat sent, or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message's id.
    pub id: String,
    /// The id that the sending client chose.
    pub muid: Option<String>,
    /// Opaque: never built, never taken apart (cometchat-api.md, section 5).
    pub conversation_id: Option<String>,
    /// Who wrote it.
    pub sender: Person,
    /// Whether it was written in a 1:1 chat or in a group.
    pub receiver_type: ReceiverType,
    /// A UID or a GUID.
    pub receiver: String,
    /// The receiver's name; empty where CometChat sent none.
    pub receiver_name: String,
    /// The message that this one answers in a thread.
    pub parent_id: Option<String>,
    /// What it holds.
    pub content: Content,
    /// The people it mentions.
    pub mentions: Vec<Person>,
    /// Its tags.
    pub tags: Vec<String>,
    /// `data.metadata`, or null.
    pub metadata: Value,
    /// `data.entities`, or null.
    pub entities: Value,
    /// When it was sent, in UNIX seconds.
    pub sent_at: Option<i64>,
    /// When it was last changed, in UNIX seconds.
    pub updated_at: Option<i64>,
}

impl Message {
    /// Reads a message. Fails only where the id, the sender or the receiver is missing.
    pub fn parse(json: &str) -> Option<Self> {
        Self::from_value(&serde_json::from_str(json).ok()?)
    }

    fn from_value(message: &Value) -> Option<Self> {
        let data = &message["data"];
        let sender = uid(message["sender"].as_str()?);
        let receiver_type = ReceiverType::parse(message["receiverType"].as_str()?)?;
        let receiver = message["receiver"].as_str()?;
        Some(Self {
            id: id(&message["id"])?,
            muid: id(&message["muid"]),
            conversation_id: id(&message["conversationId"]),
            sender: person(at(data, "/entities/sender/entity"), sender),
            receiver_type,
            receiver: match receiver_type {
                ReceiverType::User => uid(receiver),
                ReceiverType::Group => receiver.to_owned(),
            },
            receiver_name: string(at(data, "/entities/receiver/entity/name")),
            parent_id: id(&message["parentId"]),
            content: Content::new(string(&message["category"]), string(&message["type"]), data),
            mentions: mentions(&data["mentions"]),
            tags: strings(&message["tags"]),
            metadata: data["metadata"].clone(),
            entities: data["entities"].clone(),
            sent_at: message["sentAt"].as_i64(),
            updated_at: message["updatedAt"].as_i64(),
        })
    }

    /// What was written: the text, or the caption of a file, or nothing.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) | Content::Custom { text, .. } => text,
            Content::Image(media) | Content::Video(media) | Content::Audio(media) | Content::File(media) => {
                &media.caption
            }
            Content::Unknown { data, .. } => data["text"].as_str().unwrap_or_default(),
        }
    }

    /// Whether the message mentions this UID, in its list of mentions or as `<@uid:…>` in its text.
    pub fn mentions(&self, who: &str) -> bool {
        self.mentions.iter().any(|person| person.uid == who) || has_mention(self.text(), who)
    }
}

impl Content {
    fn new(category: String, kind: String, data: &Value) -> Self {
        match (category.as_str(), kind.as_str()) {
            ("message", "text") => Self::Text(string(&data["text"])),
            ("message", "image") => Self::Image(media(data)),
            ("message", "video") => Self::Video(media(data)),
            ("message", "audio") => Self::Audio(media(data)),
            ("message", "file") => Self::File(media(data)),
            ("custom", _) => Self::Custom { kind, data: data["customData"].clone(), text: string(&data["text"]) },
            _ => Self::Unknown { category, kind, data: data.clone() },
        }
    }
}

/// Whether `text` holds CometChat's markup for a mention of `who`: `<@uid:UID>` (docs, SDK mentions).
pub(super) fn has_mention(text: &str, who: &str) -> bool {
    text.match_indices("<@uid:").any(|(start, open)| {
        text.get(start.saturating_add(open.len())..)
            .and_then(|rest| rest.split_once('>'))
            .is_some_and(|(named, _)| named.eq_ignore_ascii_case(who))
    })
}

/// The value at a JSON pointer, or null.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    static NULL: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NULL)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Ids are strings in every payload and integers in one page of the docs (cometchat-api.md, section 10).
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn person(entity: &Value, uid: String) -> Person {
    Person { uid, name: string(&entity["name"]), raw: entity.as_object().cloned().unwrap_or_default() }
}

/// `data.mentions` is a map from UID to user (docs, `user_mentioned`).
fn mentions(value: &Value) -> Vec<Person> {
    value.as_object().into_iter().flatten().map(|(key, entity)| person(entity, uid(key))).collect()
}

/// Newer payloads carry `attachments`, older ones only `url` (cometchat-api.md, section 2.4).
fn media(data: &Value) -> Media {
    let mut attachments: Vec<Attachment> =
        data["attachments"].as_array().into_iter().flatten().map(attachment).collect();
    if attachments.is_empty() && data["url"].is_string() {
        attachments.push(attachment(data));
    }
    Media { caption: string(&data["text"]), attachments }
}

fn attachment(value: &Value) -> Attachment {
    Attachment {
        url: string(&value["url"]),
        name: string(&value["name"]),
        mime_type: string(&value["mimeType"]),
        extension: string(&value["extension"]),
        size: value["size"].as_u64().or_else(|| value["size"].as_str()?.parse().ok()),
    }
}
