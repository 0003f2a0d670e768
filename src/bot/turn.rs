//! One turn: the message, the state, and what the bot makes of them.

use super::reason::one_line;
use crate::callback::{Message, ReceiverType};

/// The longest reason of a verdict, in characters.
const MAX_REASON: usize = 100;

/// How a message ends, as far as the bot decides it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verdict {
    /// With the replies it made, or in silence if it made none.
    #[default]
    Replies,
    /// In silence, for this reason.
    Ignored(String),
    /// With a person.
    HandedOver(String),
}

/// One message and what the bot makes of it. `S` is the bot's state.
#[derive(Debug)]
pub struct Turn<S> {
    /// What the bot remembers of this conversation. What it is when the turn ends is stored.
    pub state: S,
    message: Message,
    bot: String,
    answers_own_reply: bool,
    replies: Vec<String>,
    verdict: Verdict,
}

impl<S> Turn<S> {
    /// A turn of `bot` about `message`. `sent` are the ids of the replies it sent last.
    pub(super) fn new<'a>(bot: &str, message: Message, state: S, mut sent: impl Iterator<Item = &'a String>) -> Self {
        let answers_own_reply = message.parent_id.as_ref().is_some_and(|parent| sent.any(|id| id == parent));
        Self {
            state,
            message,
            bot: bot.to_owned(),
            answers_own_reply,
            replies: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The bot's own UID.
    pub fn bot(&self) -> &str {
        &self.bot
    }

    /// Whether the message was written in a group.
    pub fn is_group(&self) -> bool {
        self.message.receiver_type == ReceiverType::Group
    }

    /// Whether the message is meant for the bot: in a 1:1 chat always; in a group if it mentions the bot, starts
    /// with `/`, or is written in a thread under one of the bot's last 100 replies.
    pub fn is_addressed(&self) -> bool {
        !self.is_group()
            || self.answers_own_reply
            || self.message.text().starts_with('/')
            || self.message.mentions(&self.bot)
    }

    /// What was written, without the mention of the bot and without the space around it.
    pub fn text(&self) -> String {
        without_mention(self.message.text(), &self.bot)
    }

    /// The command and what follows it, if the text starts with `/`: `/remember the milk` is `("remember", "the milk")`.
    ///
    /// The command is in lower case.
    pub fn command(&self) -> Option<(String, String)> {
        let text = self.text();
        let (command, rest) =
            text.strip_prefix('/').map(|text| text.split_once(char::is_whitespace).unwrap_or((text, "")))?;
        (!command.is_empty()).then(|| (command.to_ascii_lowercase(), rest.trim().to_owned()))
    }

    /// Answers in this conversation: to the sender in a 1:1 chat, to the group in a group. Replies leave in the order
    /// in which they are made. A text longer than CometChat allows becomes several; an empty one is no reply.
    pub fn reply(&mut self, text: impl Into<String>) {
        self.replies.push(text.into());
    }

    /// Says that silence is meant, and why: one or two words for the log and the counts, cut at 100 characters.
    pub fn ignore(&mut self, reason: impl Into<String>) {
        self.verdict = Verdict::Ignored(one_line(&reason.into(), MAX_REASON));
    }

    /// Says that a person takes this message from here, and why, as [`ignore`](Self::ignore) does. Replies made in this
    /// turn are still sent.
    pub fn hand_over(&mut self, reason: impl Into<String>) {
        self.verdict = Verdict::HandedOver(one_line(&reason.into(), MAX_REASON));
    }

    pub(super) fn into_parts(self) -> (S, Vec<String>, Verdict) {
        (self.state, self.replies, self.verdict)
    }
}

/// Takes CometChat's markup for a mention of the bot, `<@uid:UID>`, out of a text.
fn without_mention(text: &str, bot: &str) -> String {
    let mention = format!("<@uid:{bot}>");
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mention.as_str()) {
        left.push_str(before.trim_end());
        if !left.is_empty() {
            left.push(' ');
        }
        rest = after.trim_start();
    }
    left.push_str(rest);
    left.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn turn(receiver_type: &str, text: &str, parent: Option<&str>) -> Turn<()> {
        let message = json!({
            "id": "7", "sender": "ann", "receiver": "peer", "receiverType": receiver_type,
            "category": "message", "type": "text", "parentId": parent, "data": { "text": text },
        });
        let message = Message::parse(&message.to_string()).unwrap();
        Turn::new("demo_bot", message, (), ["41".to_owned()].iter())
    }

    #[test]
    fn in_a_group_only_some_messages_are_meant_for_the_bot() {
        for (receiver_type, text, parent, addressed) in [
            ("user", "hi", None, true),
            ("group", "hi", None, false),
            ("group", "/help", None, true),
            ("group", "hi <@uid:demo_bot>", None, true),
            ("group", "hi <@uid:other_bot>", None, false),
            ("group", "hi", Some("41"), true),
            ("group", "hi", Some("42"), false),
        ] {
            assert_eq!(
                turn(receiver_type, text, parent).is_addressed(),
                addressed,
                "{receiver_type} {text} {parent:?}"
            );
        }
    }

    #[test]
    fn the_mention_of_the_bot_is_not_part_of_the_text() {
        for (text, left) in [
            ("<@uid:demo_bot> status?", "status?"),
            ("status, <@uid:demo_bot>", "status,"),
            ("hey <@uid:demo_bot> how are you", "hey how are you"),
            ("<@uid:demo_bot>", ""),
            ("<@uid:ann> and <@uid:demo_bot>", "<@uid:ann> and"),
            ("  plain  ", "plain"),
        ] {
            assert_eq!(turn("group", text, None).text(), left, "{text}");
        }
    }

    #[test]
    fn the_reason_of_a_verdict_is_one_line_with_an_end() {
        let mut turn = turn("user", "hi", None);
        turn.ignore(format!("a\n{}", "b".repeat(100)));
        assert_eq!(turn.verdict, Verdict::Ignored(format!("a {}", "b".repeat(98))));
        turn.hand_over("c\u{1b}d".repeat(50));
        assert_eq!(turn.verdict, Verdict::HandedOver("c d".repeat(33) + "c"));
    }

    #[test]
    fn a_command_is_the_first_word_after_a_slash() {
        let command = |text| turn("group", text, None).command();
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(command("/help"), pair("help", ""));
        assert_eq!(command("/Remember  the milk "), pair("remember", "the milk"));
        assert_eq!(command("<@uid:demo_bot> /help"), pair("help", ""));
        assert_eq!(command("/"), None);
        assert_eq!(command("help"), None);
    }
}
