//! Which messages a route is for, where neither a command nor a text says it.

use std::ops::{BitAnd, BitOr, Not};

use crate::bot::Turn;
use crate::callback::{Content, Message, ReceiverType, uid};
use crate::json::{Fields, Raw};

/// Which messages a route is for. Filters are put together with `&`, `|` and `!`.
///
/// ```
/// use halley::bot::router::{Filter, from_role, image, in_group, mentioned};
///
/// let filter: Filter<()> = mentioned() & (from_role("admin") | !in_group()) & !image();
/// ```
pub struct Filter<S>(Test<S>);

type Own<S> = Box<dyn Fn(&Turn<S>) -> bool>;

enum Test<S> {
    /// One of those below.
    Known(Known),
    /// The author's own.
    Own(Own<S>),
    Both(Box<[Filter<S>; 2]>),
    Either(Box<[Filter<S>; 2]>),
    Not(Box<Filter<S>>),
}

/// What is asked of a message, whatever the bot remembers.
enum Known {
    Mentioned,
    Thread,
    Group,
    Direct,
    Role(String),
    From(String),
    Metadata(String),
    Tag(String),
    Text,
    Image,
    Video,
    Audio,
    File,
    Custom(String),
}

impl<S> Filter<S> {
    /// The messages of which this is true. Where a route takes a filter, it takes such a closure as it is; this is for
    /// one that is put together with others.
    ///
    /// ```
    /// use halley::bot::Turn;
    /// use halley::bot::router::{Filter, in_group};
    ///
    /// let filter = in_group() & Filter::new(|turn: &Turn<u32>| turn.state > 3);
    /// ```
    pub fn new(test: impl Fn(&Turn<S>) -> bool + 'static) -> Self {
        Self(Test::Own(Box::new(test)))
    }

    pub(super) fn holds(&self, turn: &Turn<S>) -> bool {
        match &self.0 {
            Test::Known(known) => known.holds(turn.message(), turn.bot()),
            Test::Own(test) => test(turn),
            Test::Both(filters) => filters.iter().all(|filter| filter.holds(turn)),
            Test::Either(filters) => filters.iter().any(|filter| filter.holds(turn)),
            Test::Not(filter) => !filter.holds(turn),
        }
    }
}

impl<S> BitAnd for Filter<S> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(Test::Both(Box::new([self, other])))
    }
}

impl<S> BitOr for Filter<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(Test::Either(Box::new([self, other])))
    }
}

impl<S> Not for Filter<S> {
    type Output = Self;

    fn not(self) -> Self {
        Self(Test::Not(Box::new(self)))
    }
}

/// A filter, or a closure or function that is one: `|turn: &Turn<Memory>| turn.state.asked`.
pub trait IntoFilter<S> {
    /// As a filter.
    #[doc(hidden)]
    fn into_filter(self) -> Filter<S>;
}

impl<S> IntoFilter<S> for Filter<S> {
    fn into_filter(self) -> Self {
        self
    }
}

impl<S, F: Fn(&Turn<S>) -> bool + 'static> IntoFilter<S> for F {
    fn into_filter(self) -> Filter<S> {
        Filter::new(self)
    }
}

impl Known {
    fn holds(&self, message: &Message, bot: &str) -> bool {
        match self {
            Self::Mentioned => message.mentions(bot),
            Self::Thread => message.parent_id.is_some(),
            Self::Group => message.receiver_type == ReceiverType::Group,
            Self::Direct => message.receiver_type == ReceiverType::User,
            Self::Role(role) => with(&message.sender.raw, |sender| sender.text("role") == *role),
            Self::From(uid) => message.sender.uid == *uid,
            Self::Metadata(key) => with(&message.metadata, |metadata| metadata.raw(key).is_some()),
            Self::Tag(tag) => message.tags.contains(tag),
            Self::Text => matches!(message.content, Content::Text(_)),
            Self::Image => matches!(message.content, Content::Image(_)),
            Self::Video => matches!(message.content, Content::Video(_)),
            Self::Audio => matches!(message.content, Content::Audio(_)),
            Self::File => matches!(message.content, Content::File(_)),
            Self::Custom(wanted) => matches!(&message.content, Content::Custom { kind, .. } if kind == wanted),
        }
    }
}

/// Whether it is an object of which this is true.
fn with(json: &Raw, test: impl Fn(&Fields<'_>) -> bool) -> bool {
    Fields::parse(json.get()).is_ok_and(|fields| test(&fields))
}

/// Messages that mention the bot.
pub fn mentioned<S>() -> Filter<S> {
    Filter(Test::Known(Known::Mentioned))
}

/// Messages in a thread.
pub fn in_thread<S>() -> Filter<S> {
    Filter(Test::Known(Known::Thread))
}

/// Messages in a group.
pub fn in_group<S>() -> Filter<S> {
    Filter(Test::Known(Known::Group))
}

/// Messages in a 1:1 chat.
pub fn in_direct<S>() -> Filter<S> {
    Filter(Test::Known(Known::Direct))
}

/// Messages from somebody with this role, which is the one of the user in CometChat and not the one in a group.
pub fn from_role<S>(role: impl Into<String>) -> Filter<S> {
    Filter(Test::Known(Known::Role(role.into())))
}

/// Messages from this UID.
pub fn from<S>(who: impl AsRef<str>) -> Filter<S> {
    Filter(Test::Known(Known::From(uid(who.as_ref()))))
}

/// Messages with something under this key in their metadata.
pub fn has_metadata<S>(key: impl Into<String>) -> Filter<S> {
    Filter(Test::Known(Known::Metadata(key.into())))
}

/// Messages with this tag.
pub fn tagged<S>(tag: impl Into<String>) -> Filter<S> {
    Filter(Test::Known(Known::Tag(tag.into())))
}

/// Texts.
pub fn text<S>() -> Filter<S> {
    Filter(Test::Known(Known::Text))
}

/// Pictures.
pub fn image<S>() -> Filter<S> {
    Filter(Test::Known(Known::Image))
}

/// Videos.
pub fn video<S>() -> Filter<S> {
    Filter(Test::Known(Known::Video))
}

/// Recordings.
pub fn audio<S>() -> Filter<S> {
    Filter(Test::Known(Known::Audio))
}

/// Files of other kinds.
pub fn file<S>() -> Filter<S> {
    Filter(Test::Known(Known::File))
}

/// Messages of this type of the app's own.
pub fn custom<S>(kind: impl Into<String>) -> Filter<S> {
    Filter(Test::Known(Known::Custom(kind.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn turn(changes: Value) -> Turn<u32> {
        let mut message = json!({
            "id": "7", "sender": "ann", "receiver": "demo_bot", "receiverType": "user",
            "category": "message", "type": "text", "data": { "text": "hi" },
        });
        for (key, value) in changes.as_object().unwrap() {
            message[key] = value.clone();
        }
        Turn::new("demo_bot", Message::parse(&message.to_string()).unwrap(), 0, [].iter())
    }

    #[test]
    fn a_filter_holds_for_some_messages() {
        let sender = |user: Value| json!({ "data": { "entities": { "sender": { "entity": user } } } });
        let of_type = |kind: &str| json!({ "type": kind, "data": { "url": "https://a.example/1" } });
        let custom_type = json!({ "category": "custom", "type": "location", "data": { "customData": {} } });
        let table: [(&str, Filter<u32>, Value, bool); 29] = [
            ("mentioned", mentioned(), json!({ "data": { "text": "hi <@uid:demo_bot>" } }), true),
            ("mentioned", mentioned(), json!({ "data": { "text": "hi <@uid:ann>" } }), false),
            ("in_thread", in_thread(), json!({ "parentId": "5" }), true),
            ("in_thread", in_thread(), json!({}), false),
            ("in_group", in_group(), json!({ "receiverType": "group" }), true),
            ("in_group", in_group(), json!({}), false),
            ("in_direct", in_direct(), json!({}), true),
            ("in_direct", in_direct(), json!({ "receiverType": "group" }), false),
            ("from_role", from_role("admin"), sender(json!({ "uid": "ann", "role": "admin" })), true),
            ("from_role", from_role("admin"), sender(json!({ "uid": "ann", "role": "default" })), false),
            ("from_role", from_role("admin"), json!({}), false),
            ("from", from("Ann"), json!({}), true),
            ("from", from("bob"), json!({}), false),
            ("has_metadata", has_metadata("order"), json!({ "data": { "metadata": { "order": 4 } } }), true),
            ("has_metadata", has_metadata("order"), json!({ "data": { "metadata": { "order": null } } }), false),
            ("has_metadata", has_metadata("order"), json!({}), false),
            ("tagged", tagged("urgent"), json!({ "tags": ["urgent"] }), true),
            ("tagged", tagged("urgent"), json!({ "tags": ["later"] }), false),
            ("text", text(), json!({}), true),
            ("text", text(), of_type("image"), false),
            ("image", image(), of_type("image"), true),
            ("image", image(), of_type("video"), false),
            ("video", video(), of_type("video"), true),
            ("audio", audio(), of_type("audio"), true),
            ("file", file(), of_type("file"), true),
            ("file", file(), json!({}), false),
            ("custom", custom("location"), custom_type.clone(), true),
            ("custom", custom("seat"), custom_type.clone(), false),
            ("text", text(), custom_type, false),
        ];
        for (name, filter, message, holds) in table {
            assert_eq!(filter.holds(&turn(message.clone())), holds, "{name} {message}");
        }
    }

    #[test]
    fn filters_are_put_together() {
        let (yes, no) = (text::<u32>, image::<u32>);
        for (name, filter, holds) in [
            ("yes & yes", yes() & yes(), true),
            ("yes & no", yes() & no(), false),
            ("no & yes", no() & yes(), false),
            ("no | yes", no() | yes(), true),
            ("no | no", no() | no(), false),
            ("!yes", !yes(), false),
            ("!no & yes", !no() & yes(), true),
            ("no & no | yes", no() & no() | yes(), true),
        ] {
            assert_eq!(filter.holds(&turn(json!({}))), holds, "{name}");
        }
    }

    #[test]
    fn a_closure_and_a_function_are_filters() {
        fn is_new(turn: &Turn<u32>) -> bool {
            turn.state == 0
        }
        let filter = (|turn: &Turn<u32>| turn.state == 1).into_filter() | is_new.into_filter();
        let mut turn = turn(json!({}));
        for (state, holds) in [(0, true), (1, true), (2, false)] {
            turn.state = state;
            assert_eq!(filter.holds(&turn), holds, "{state}");
        }
        assert!(!(text() & Filter::new(|turn: &Turn<u32>| turn.state == 0)).holds(&turn));
    }
}
