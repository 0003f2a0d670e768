//! The message inside a callback, as typed values. What is unknown is kept, never refused.

use serde_json::value::RawValue;

use super::uid;
use crate::json::{Fields, Raw};

/// How many of the people that a message mentions are kept. CometChat allows 10 (docs, send-message).
const MAX_MENTIONS: usize = 100;

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

    /// Reads CometChat's spelling. Public code also sends upper case (docs/cometchat.md, section 1.2).
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
    pub raw: Raw,
}

impl Person {
    /// CometChat's markup for a mention of this person.
    pub fn mention(&self) -> String {
        format!("<@uid:{}>", self.uid)
    }
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

impl Attachment {
    /// The file at this address, named as the address ends.
    pub fn at(url: impl Into<String>) -> Self {
        let url = url.into();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = path.split_once("://").map_or(path, |(_, rest)| rest).rsplit_once('/').map_or("", |(_, name)| name);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let mime_type = mime_type(extension).to_owned();
        Self { name: name.to_owned(), extension: extension.to_owned(), mime_type, size: None, url }
    }

    /// Under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Of this media type.
    #[must_use]
    pub fn of_type(self, mime_type: impl Into<String>) -> Self {
        Self { mime_type: mime_type.into(), ..self }
    }

    /// Of so many bytes.
    #[must_use]
    pub fn of_size(self, bytes: u64) -> Self {
        Self { size: Some(bytes), ..self }
    }
}

/// The media type of files with this extension, where it is a usual one.
fn mime_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "zip" => "application/zip",
        _ => "",
    }
}

/// How often a message has been reacted to in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub reaction: String,
    /// By how many.
    pub count: u64,
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
        /// `data.customData` as it came, or null.
        data: Raw,
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
        data: Raw,
        /// `data.text`; empty where there is none.
        text: String,
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
    /// Opaque: never built, never taken apart (docs/cometchat.md, section 5).
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
    /// The people it mentions, 100 at most.
    pub mentions: Vec<Person>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The message that this one quotes, as it came, or null ([`quotes`](Self::quotes)).
    pub quoted: Raw,
    /// Reactions that were there when CometChat told of it.
    pub reactions: Vec<Reaction>,
    /// What CometChat's moderation says of it: `approved`, `disapproved`, or nothing.
    pub moderation: String,
    /// `data.metadata` as it came, or null.
    pub metadata: Raw,
    /// `data.entities` as it came, or null.
    pub entities: Raw,
    /// When it was sent, in UNIX seconds.
    pub sent_at: Option<u64>,
    /// When it was last changed, in UNIX seconds.
    pub updated_at: Option<u64>,
}

impl Message {
    /// Reads a message. Fails only where the id, the sender or the receiver is missing.
    pub fn parse(json: &str) -> Option<Self> {
        let message = Fields::parse(json).ok()?;
        let data = message.object("data");
        let entities = data.object("entities");
        let receiver_type = ReceiverType::parse(&message.text("receiverType"))?;
        let receiver = message.read::<String>("receiver")?;
        Some(Self {
            id: message.id("id")?,
            muid: message.id("muid"),
            conversation_id: message.id("conversationId"),
            sender: person(uid(&message.read::<String>("sender")?), entities.object("sender").raw("entity")),
            receiver_type,
            receiver: match receiver_type {
                ReceiverType::User => uid(&receiver),
                ReceiverType::Group => receiver,
            },
            receiver_name: entities.object("receiver").object("entity").text("name"),
            parent_id: message.id("parentId"),
            content: Content::new(&message, &data),
            mentions: mentions(&data.object("mentions")),
            tags: message.read("tags").unwrap_or_default(),
            quoted: message.keep("quotedMessage"),
            reactions: reactions(&data),
            moderation: data.object("moderation").text("status"),
            metadata: data.keep("metadata"),
            entities: data.keep("entities"),
            sent_at: message.read("sentAt"),
            updated_at: message.read("updatedAt"),
        })
    }

    /// The message that this one quotes. Seen in CometChat's own client, and not known to be in callbacks
    /// (docs/cometchat.md, section 2.4).
    pub fn quotes(&self) -> Option<Self> {
        Self::parse(self.quoted.get())
    }

    /// Latitude and longitude, where it is a custom message of the type `location` that has them.
    pub fn location(&self) -> Option<(f64, f64)> {
        let Content::Custom { kind, data, .. } = &self.content else { return None };
        let fields = Fields::parse(data.get()).ok().filter(|_| kind == "location")?;
        let number = |names: [&str; 2]| names.iter().find_map(|name| fields.raw(name)?.get().parse::<f64>().ok());
        Some((number(["latitude", "lat"])?, number(["longitude", "lon"])?))
    }

    /// What was written: the text, or the caption of a file, or nothing.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) | Content::Custom { text, .. } | Content::Unknown { text, .. } => text,
            Content::Image(media) | Content::Video(media) | Content::Audio(media) | Content::File(media) => {
                &media.caption
            }
        }
    }

    /// Whether the message mentions this UID, in its list of mentions or as `<@uid:…>` in its text.
    pub fn mentions(&self, who: &str) -> bool {
        self.mentions.iter().any(|person| person.uid == who) || has_mention(self.text(), who)
    }
}

impl Content {
    fn new(message: &Fields<'_>, data: &Fields<'_>) -> Self {
        let (category, kind) = (message.text("category"), message.text("type"));
        let text = data.text("text");
        match (category.as_str(), kind.as_str()) {
            ("message", "text") => Self::Text(text),
            ("message", "image") => Self::Image(media(data, text)),
            ("message", "video") => Self::Video(media(data, text)),
            ("message", "audio") => Self::Audio(media(data, text)),
            ("message", "file") => Self::File(media(data, text)),
            ("custom", _) => Self::Custom { kind, data: data.keep("customData"), text },
            _ => Self::Unknown { category, kind, data: message.keep("data"), text },
        }
    }
}

/// Whether `text` holds CometChat's markup for a mention of `who`: `<@uid:UID>` (docs, SDK mentions).
pub(super) fn has_mention(text: &str, who: &str) -> bool {
    text.split('<')
        .filter_map(|part| part.strip_prefix("@uid:")?.split_once('>'))
        .any(|(named, _)| named.eq_ignore_ascii_case(who))
}

fn reactions(data: &Fields<'_>) -> Vec<Reaction> {
    let reaction = |fields: &Fields<'_>| Reaction {
        reaction: fields.text("reaction"),
        count: fields.read("count").unwrap_or_default(),
    };
    data.objects("reactions").iter().map(reaction).collect()
}

fn person(uid: String, user: Option<&RawValue>) -> Person {
    let fields = user.and_then(|user| Fields::parse(user.get()).ok()).unwrap_or_default();
    Person { uid, name: fields.text("name"), raw: user.map(Raw::from).unwrap_or_default() }
}

/// `data.mentions` is a map from UID to user (docs, `user_mentioned`).
fn mentions(map: &Fields<'_>) -> Vec<Person> {
    map.iter().take(MAX_MENTIONS).map(|(key, user)| person(uid(key), Some(user))).collect()
}

/// Newer payloads carry `attachments`, older ones only `url` (docs/cometchat.md, section 2.4).
fn media(data: &Fields<'_>, caption: String) -> Media {
    let mut attachments: Vec<Attachment> = data.objects("attachments").iter().map(attachment).collect();
    if attachments.is_empty() && !data.text("url").is_empty() {
        attachments.push(attachment(data));
    }
    Media { caption, attachments }
}

fn attachment(file: &Fields<'_>) -> Attachment {
    Attachment {
        url: file.text("url"),
        name: file.text("name"),
        mime_type: file.text("mimeType"),
        extension: file.text("extension"),
        size: file.id("size").and_then(|size| size.parse().ok()),
    }
}
