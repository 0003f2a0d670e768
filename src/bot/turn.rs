//! One turn: the message, the state, and what the bot makes of them.

use super::BotError;
use super::reason::one_line;
use super::reply::{Content, Effect, Place, Reply, Target};
use super::state::Members;
use crate::callback::{Message, Person, ReceiverType};

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

/// That a turn has come to something: it has said or done something, or has said why it does not. Only a turn can make
/// one, so that no handler ends in silence by accident.
#[derive(Debug, PartialEq, Eq)]
pub struct Done(());

/// One message and what the bot makes of it. `S` is the bot's state.
#[derive(Debug)]
pub struct Turn<S> {
    /// What the bot remembers of this conversation. What it is when the turn ends is stored.
    pub state: S,
    message: Message,
    bot: String,
    answers_own_reply: bool,
    effects: Vec<Effect>,
    verdict: Verdict,
    problem: Option<BotError>,
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
            effects: Vec::new(),
            verdict: Verdict::default(),
            problem: None,
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

    /// What the bot remembers of the sender, in a group: a part of what it remembers of the group.
    pub fn member<T: Default>(&mut self, of: impl FnOnce(&mut S) -> &mut Members<T>) -> &mut T {
        of(&mut self.state).entry(&self.message.sender.uid)
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

    /// Who wrote the message.
    pub fn sender(&self) -> &Person {
        &self.message.sender
    }

    /// Answers in this conversation: to the sender in a 1:1 chat, to the group in a group. Replies leave in the order
    /// in which they are made. A text longer than CometChat allows becomes several; an empty one is no reply.
    pub fn reply(&mut self, reply: impl Into<Reply>) -> Done {
        let mut reply = reply.into();
        if let Some(problem) = reply.problem.take() {
            self.problem.get_or_insert(problem);
        }
        if reply.place == Place::Thread {
            let root = self.message.parent_id.as_ref().unwrap_or(&self.message.id);
            reply.place = Place::ThreadOf(root.clone());
        }
        if !matches!(&reply.content, Content::Text(text) if text.trim().is_empty()) {
            self.effects.push(Effect::Say(reply));
        }
        Done(())
    }

    /// Gives the message with this label another text, which must not be blank.
    pub fn edit(&mut self, label: impl Into<String>, text: impl Into<String>) -> Done {
        let text = text.into();
        if text.trim().is_empty() {
            self.problem.get_or_insert_with(|| BotError::new("edit: the text is blank"));
        }
        self.act(Effect::Edit(Target::Label(label.into()), text))
    }

    /// Deletes the message with this label.
    pub fn delete(&mut self, label: impl Into<String>) -> Done {
        self.act(Effect::Delete(Target::Label(label.into())))
    }

    /// Reacts to the message, with an emoji.
    pub fn react(&mut self, reaction: impl Into<String>) -> Done {
        let target = Target::Id(self.message.id.clone());
        self.act(Effect::React(target, reaction.into()))
    }

    /// Takes the bot's reaction to the message away.
    pub fn unreact(&mut self, reaction: impl Into<String>) -> Done {
        let target = Target::Id(self.message.id.clone());
        self.act(Effect::Unreact(target, reaction.into()))
    }

    /// Tells CometChat that the bot has read the conversation. By itself that is no answer.
    pub fn mark_read(&mut self) {
        self.effects.push(Effect::MarkRead);
    }

    fn act(&mut self, effect: Effect) -> Done {
        self.effects.push(effect);
        Done(())
    }

    /// Says that silence is meant, and why: one or two words for the log and the counts, cut at 100 characters.
    pub fn ignore(&mut self, reason: impl Into<String>) -> Done {
        self.verdict = Verdict::Ignored(one_line(&reason.into(), MAX_REASON));
        Done(())
    }

    /// Says that a person takes this message from here, and why, as [`ignore`](Self::ignore) does. Replies made in this
    /// turn are still sent.
    pub fn hand_over(&mut self, reason: impl Into<String>) -> Done {
        self.verdict = Verdict::HandedOver(one_line(&reason.into(), MAX_REASON));
        Done(())
    }

    pub(super) fn into_parts(self) -> Result<(S, Vec<Effect>, Verdict), BotError> {
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok((self.state, self.effects, self.verdict)),
        }
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
