//! What a bot says and does: replies of every kind that CometChat takes from a bot, and what may be done to messages that
//! are there already.

use serde::Serialize;

use super::BotError;
use crate::callback::Attachment;
use crate::json::Raw;

/// Something to say: a text, a file, or data of the app's own. A text is a reply by itself (`turn.reply("Hello")`).
///
/// ```
/// use halley::bot::Reply;
///
/// let menu = Reply::image("https://example.com/menu.png").caption("Today").tag("menu").in_thread();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub(crate) content: Content,
    pub(crate) place: Place,
    pub(crate) metadata: Option<Raw>,
    pub(crate) tags: Vec<String>,
    pub(crate) label: String,
    /// Why it cannot be said at all.
    pub(crate) problem: Option<BotError>,
}

/// What a reply holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// A text, of any length.
    Text(String),
    /// Files, by their addresses.
    Media { kind: &'static str, files: Vec<Attachment>, caption: String },
    /// A type of the app's own and its data.
    Custom { kind: String, data: Raw },
    /// A card, a form, or another interactive message.
    Interactive { kind: String, data: Raw },
}

/// Where a reply goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the conversation.
    Conversation,
    /// Into the thread of the message that is dealt with, which begins with that message if it is in none.
    Thread,
    /// Into the thread under the message with this id.
    ThreadOf(String),
}

impl Reply {
    fn new(content: Content) -> Self {
        Self {
            content,
            place: Place::Conversation,
            metadata: None,
            tags: Vec::new(),
            label: String::new(),
            problem: None,
        }
    }

    /// A text. One that is longer than CometChat allows becomes several messages.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    /// A picture, by its address.
    pub fn image(url: impl Into<String>) -> Self {
        Self::media("image", url)
    }

    /// A video, by its address.
    pub fn video(url: impl Into<String>) -> Self {
        Self::media("video", url)
    }

    /// A recording, by its address.
    pub fn audio(url: impl Into<String>) -> Self {
        Self::media("audio", url)
    }

    /// A file, by its address.
    pub fn file(url: impl Into<String>) -> Self {
        Self::media("file", url)
    }

    fn media(kind: &'static str, url: impl Into<String>) -> Self {
        let files = vec![Attachment::at(url)];
        Self::new(Content::Media { kind, files, caption: String::new() })
    }

    /// Data of the app's own: a type that the app knows, and an object.
    pub fn custom(kind: impl Into<String>, data: &impl Serialize) -> Self {
        let (data, problem) = object(data);
        Self { problem, ..Self::new(Content::Custom { kind: kind.into(), data }) }
    }

    /// An interactive message: `card`, `form`, `customInteractive` or `scheduler`, and its `interactiveData`. CometChat
    /// documents them in older pages only (docs/cometchat.md, section 9), so they are sent where the setting
    /// `INTERACTIVE_MESSAGES` allows it, and fail the turn elsewhere.
    pub fn interactive(kind: impl Into<String>, data: &impl Serialize) -> Self {
        let (data, problem) = object(data);
        Self { problem, ..Self::new(Content::Interactive { kind: kind.into(), data }) }
    }

    /// The text beside files.
    #[must_use]
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        if let Content::Media { caption, .. } = &mut self.content {
            *caption = text.into();
        }
        self
    }

    /// One more file.
    #[must_use]
    pub fn and(mut self, file: Attachment) -> Self {
        if let Content::Media { files, .. } = &mut self.content {
            files.push(file);
        }
        self
    }

    /// Into the thread of the message that is dealt with; it begins one if that is in none.
    #[must_use]
    pub fn in_thread(self) -> Self {
        Self { place: Place::Thread, ..self }
    }

    /// Into the thread under the message with this id.
    #[must_use]
    pub fn in_thread_of(self, id: impl Into<String>) -> Self {
        Self { place: Place::ThreadOf(id.into()), ..self }
    }

    /// Data beside the message: an object, for the app and not for the reader. The key `halley` is Halley's.
    #[must_use]
    pub fn metadata(mut self, metadata: &impl Serialize) -> Self {
        let (metadata, problem) = object(metadata);
        self.metadata = Some(metadata);
        self.problem = self.problem.or(problem);
        self
    }

    /// A tag: 25 at most, each of 100 characters at most (CometChat, properties-and-constraints).
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// A name by which the bot edits or deletes the message later. The newest 20 of a conversation are known; a second
    /// message with the same label takes it over. Of a text that becomes several messages it is the first.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A value as an object of JSON.
fn object(value: &impl Serialize) -> (Raw, Option<BotError>) {
    match serde_json::value::to_raw_value(value) {
        Ok(json) if json.get().starts_with('{') => (Raw::from(&*json), None),
        Ok(_) => (Raw::default(), Some(BotError::new("reply: data and metadata have to be objects"))),
        Err(error) => (Raw::default(), Some(error.into())),
    }
}

/// What a turn does, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Says something.
    Say(Reply),
    /// Gives a message of the bot's own another text.
    Edit(Target, String),
    /// Deletes a message of the bot's own.
    Delete(Target),
    /// Adds a reaction.
    React(Target, String),
    /// Takes a reaction of the bot's own away.
    Unreact(Target, String),
    /// Tells that the conversation has been read.
    MarkRead,
}

/// Which message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By CometChat's id.
    Id(String),
    /// One of the bot's own, by its label.
    Label(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_object_goes_along() {
        assert_eq!(Reply::custom("seats", &json!({ "row": 4 })).problem, None);
        for no_object in [json!(4), json!([4]), json!(null)] {
            assert!(Reply::custom("seats", &no_object).problem.is_some(), "{no_object}");
            assert!(Reply::text("hi").metadata(&no_object).problem.is_some(), "{no_object}");
        }
    }

    #[test]
    fn a_caption_belongs_to_files() {
        let reply =
            Reply::image("https://a.example/1.png").caption("two").and(Attachment::at("https://a.example/2.png"));
        let Content::Media { files, caption, .. } = reply.content else { panic!("no files") };
        assert_eq!((files.len(), caption.as_str()), (2, "two"));
        assert_eq!(Reply::text("hi").caption("not here"), Reply::text("hi"));
    }
}
