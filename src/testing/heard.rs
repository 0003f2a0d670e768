//! What came of a message, and what a test expects of it.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::Value;

use super::cometchat::Said;
use super::world::World;
use crate::address::Address;
use crate::conversation::DeadLetter;

/// What the bot has said and done about a message. Expectations go through its messages one after the other.
pub struct Heard {
    world: Rc<World>,
    address: Address,
    id: String,
    /// Where the bot's messages begin in the history.
    from: usize,
    next: Cell<usize>,
}

impl Heard {
    pub(super) fn after(world: &Rc<World>, address: Address, id: &str, before: usize, callback: &str) -> Self {
        if let Err(line) = world.post(callback) {
            panic!("The door refuses the message: {line}");
        }
        let heard = Self { world: world.clone(), address, id: id.to_owned(), from: before + 1, next: Cell::new(0) };
        world.until(|| heard.end().is_some());
        heard
    }

    /// The bot's messages about it so far, as they stand now.
    pub fn replies(&self) -> Vec<Said> {
        let history = self.world.history.borrow();
        let answers = format!("-{}-", self.id);
        history.all().iter().skip(self.from).filter(|said| said.muid.contains(&answers)).cloned().collect()
    }

    /// The next message is this text.
    pub fn expect(&self, text: &str) -> &Self {
        let said = self.next("a text");
        if said.kind != "text" || said.text() != text {
            self.fail(&format!("text: {text}"), &said.line());
        }
        self
    }

    /// The next message is a text with this in it.
    pub fn expect_contains(&self, part: &str) -> &Self {
        let said = self.next("a text");
        if !said.text().contains(part) {
            self.fail(&format!("a text with: {part}"), &said.line());
        }
        self
    }

    /// The next message is of this kind, such as `image`, or the type of a custom message.
    pub fn expect_kind(&self, kind: &str) -> &Self {
        let said = self.next(kind);
        if said.kind != kind {
            self.fail(kind, &said.line());
        }
        self
    }

    /// The bot has reacted to the message in this way.
    pub fn expect_reaction(&self, reaction: &str) -> &Self {
        let history = self.world.history.borrow();
        let said = history.all().iter().find(|said| said.id == self.id);
        if !said.is_some_and(|said| said.reactions.iter().any(|known| known == reaction)) {
            self.fail(&format!("the reaction {reaction}"), "none");
        }
        self
    }

    /// Nothing more was said.
    pub fn expect_no_more(&self) -> &Self {
        if let Some(said) = self.replies().get(self.next.get()) {
            self.fail("nothing more", &said.line());
        }
        self
    }

    /// Nothing was said, for this reason: a bot's own, or one of Halley's fixed rules.
    pub fn expect_silence(&self, reason: &str) -> &Self {
        self.expect_no_more().expect_outcome("ignored", reason)
    }

    /// How the message has ended: `answered`, `ignored`, `handed_over` or `dead`, and why.
    pub fn expect_outcome(&self, outcome: &str, reason: &str) -> &Self {
        let end = self.end();
        let text = |name: &str| end.as_ref().and_then(|end| end[name].as_str()).unwrap_or("nothing yet").to_owned();
        if (text("outcome").as_str(), text("reason").as_str()) != (outcome, reason) {
            self.fail(&format!("{outcome}, {reason:?}"), &format!("{}, {:?}", text("outcome"), text("reason")));
        }
        self
    }

    /// The dead letter about it.
    pub fn letter(&self) -> Option<DeadLetter> {
        self.world.letter(&self.address, &self.id)
    }

    /// The line that the log has about its end.
    fn end(&self) -> Option<Value> {
        let lines = self.world.lines.borrow();
        let is_it = |line: &&Value| line["event"] == "message" && line["messageId"] == self.id.as_str();
        lines.iter().rev().find(is_it).cloned()
    }

    fn next(&self, wanted: &str) -> Said {
        let replies = self.replies();
        let Some(said) = replies.get(self.next.get()) else {
            let end = self
                .end()
                .map_or("it has not ended".to_owned(), |end| format!("it is {}, {}", end["outcome"], end["reason"]));
            self.fail(wanted, &format!("no more messages: {end}"));
        };
        self.next.set(self.next.get() + 1);
        said.clone()
    }

    fn fail(&self, wanted: &str, got: &str) -> ! {
        let transcript = self.world.transcript();
        let notes: Vec<String> = self
            .world
            .lines
            .borrow()
            .iter()
            .filter(|line| line["event"] != "message")
            .map(|line| format!("  {line}\n"))
            .collect();
        let log = if notes.is_empty() { String::new() } else { format!("\nThe log has\n{}", notes.concat()) };
        panic!(
            "\nexpected  {wanted}\ngot       {got}\n\nThe conversation so far\n  {}\n{log}",
            transcript.replace('\n', "\n  ")
        );
    }
}
