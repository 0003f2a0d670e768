//! A conversation with a bot as a test: native, without a network, in virtual time. With the feature `testing`.
//!
//! What is tested is the bot on the engine that runs it when it is deployed: the door, the inbox, the turn, the outbox. Only what
//! is outside is played: storage, KV, CometChat, the clock.
//!
//! ```
//! use halley::bot::{Bot, Result, Turn};
//! use halley::testing::Chat;
//!
//! struct Counter;
//!
//! impl Bot for Counter {
//!     type State = u32;
//!
//!     async fn on_message(&self, turn: &mut Turn<u32>) -> Result {
//!         turn.state = turn.state.saturating_add(1);
//!         Ok(turn.reply(format!("That was message {}.", turn.state)))
//!     }
//! }
//!
//! let chat = Chat::with(Counter);
//! chat.says("hi").expect("That was message 1.").expect_no_more();
//! chat.evict();
//! chat.says("hi again").expect("That was message 2.");
//! chat.person("bob").says("hi").expect("That was message 1.");
//! ```

mod cometchat;
mod heard;
mod person;
mod world;

pub use cometchat::{Fault, Said};
pub use heard::Heard;
pub use person::{Group, Person};

use std::rc::Rc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::address::Address;
use crate::bot::Bot;
use crate::bot::state::versioned;
use crate::callback::ReceiverType;
use crate::conversation::{Conversation, DeadLetter};
use crate::json::Field as _;
use world::{Ports, World};

/// The bot's UID in a test.
pub const BOT: &str = "bot";

/// Who talks with the bot where nobody is named.
pub const ANN: &str = "ann";

/// A bot, and the people and groups that talk with it.
pub struct Chat {
    world: Rc<World>,
}

impl Chat {
    /// A bot that nobody has talked with yet.
    pub fn with(bot: impl Bot) -> Self {
        Self { world: World::new(Box::leak(Box::new(bot))) }
    }

    /// Somebody who talks with the bot in a 1:1 chat.
    pub fn person(&self, uid: &str) -> Person<'_> {
        Person::new(&self.world, uid, None)
    }

    /// A group that the bot is in.
    pub fn group(&self, guid: &str) -> Group<'_> {
        Group::new(&self.world, guid)
    }

    /// Ann writes to the bot in a 1:1 chat.
    pub fn says(&self, text: &str) -> Heard {
        self.person(ANN).says(text)
    }

    /// What the bot remembers of its chat with Ann.
    pub fn state<T: DeserializeOwned + Default>(&self) -> T {
        self.person(ANN).state()
    }

    /// Lets time pass, and everything happen that is due by then.
    pub fn advance(&self, time: Duration) {
        self.world.advance(time);
    }

    /// Takes every conversation out of memory, as the platform does with objects that are idle, and as a crash does: what is not
    /// stored is gone.
    pub fn evict(&self) {
        self.world.evict();
    }

    /// The same, and another version of the bot goes on.
    pub fn redeploy(&self, bot: impl Bot) {
        self.world.redeploy(Box::leak(Box::new(bot)));
    }

    /// What becomes of the next request to CometChat.
    pub fn next_request(&self, fault: Fault) {
        self.world.faults.borrow_mut().push_back(fault);
    }

    /// All that has been said so far, by everybody, a line each.
    pub fn transcript(&self) -> String {
        self.world.transcript()
    }
}

/// Fails where a state that an older version of the bot has stored has no way up to the present one. `recorded` has one
/// of each version, as JSON; that of the present one too, so that it is there before it is an older one.
///
/// ```
/// # use halley::bot::{Router, States};
/// fn bot() -> Router<u32> {
///     Router::new().states(|| States::version(2).from(1, |text: String| text.len() as u32))
/// }
///
/// halley::testing::assert_states(&bot(), &[(1, r#""seven""#), (2, "7")]);
/// ```
pub fn assert_states(bot: &impl Bot, recorded: &[(u32, &str)]) {
    let states = Bot::states(bot);
    if let Some((version, _)) = recorded.iter().find(|(version, _)| states.versions().all(|known| known != *version)) {
        panic!("There is no version {version} of the state.");
    }
    for version in states.versions() {
        let Some((_, state)) = recorded.iter().find(|(known, _)| *known == version) else {
            panic!("No state of version {version} is recorded.");
        };
        assert!(states.read_version(version, state).is_some(), "A state of version {version} has no way up: {state}");
    }
}

/// What is stored of a conversation.
impl World {
    fn state<T: DeserializeOwned + Default>(&self, address: &Address) -> T {
        let Some(state) = self.stored_state(address).filter(|state| state != "null") else { return T::default() };
        let bare = versioned(&state).map_or(state.as_str(), |(_, bare)| bare);
        match serde_json::from_str(bare) {
            Ok(state) => state,
            Err(error) => panic!("The state of {address} is no {}: {error}\n{state}", std::any::type_name::<T>()),
        }
    }

    /// The dead letter about a message.
    fn letter(&self, address: &Address, message: &str) -> Option<DeadLetter> {
        DeadLetter::read(self.kv.borrow().get(&DeadLetter::key(address, message)).map(String::as_str))
    }
}

type Engine = Conversation<Ports>;

fn address(peer: &str, group: bool) -> Address {
    Address::new(BOT, if group { ReceiverType::Group } else { ReceiverType::User }, peer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bot::{BotError, Reply, Result, Turn};
    use crate::callback::Content;

    /// Does what it is told.
    struct Sample;

    impl Bot for Sample {
        type State = Vec<String>;

        async fn on_message(&self, turn: &mut Turn<Vec<String>>) -> Result {
            if !turn.is_addressed() {
                return Ok(turn.ignore("not_for_me"));
            }
            let text = turn.text();
            turn.state.push(text.clone());
            if let Content::Image(_) = turn.message().content {
                return Ok(turn.reply(Reply::text("A picture.").in_thread()));
            }
            Ok(match text.as_str() {
                "two" => {
                    turn.reply("one");
                    turn.reply("two")
                }
                "picture" => turn.reply(Reply::image("https://a.example/1.png").caption("here")),
                "react" => turn.react("👍"),
                "status" => turn.reply(Reply::text("Working …").label("status")),
                "done" => turn.edit("status", "Done."),
                "person" => turn.hand_over("asked"),
                "tell" => return Err(BotError::tell("We are closed.")),
                "fail" => return Err(BotError::new("broken")),
                _ => turn.reply(format!("{} of {}", turn.state.len(), turn.sender().name)),
            })
        }
    }

    #[test]
    fn a_conversation_is_remembered_and_kept_apart_from_others() {
        let chat = Chat::with(Sample);
        chat.says("hi").expect("1 of ann").expect_no_more().expect_outcome("answered", "");
        chat.says("hi").expect("2 of ann");
        chat.person("bob").named("Bob").says("hi").expect("1 of Bob");
        assert_eq!(chat.state::<Vec<String>>(), ["hi", "hi"]);
    }

    #[test]
    fn in_a_group_only_what_is_meant_for_the_bot_is_answered() {
        let chat = Chat::with(Sample);
        let team = chat.group("team");
        team.person("ann").says("hi").expect_silence("not_for_me");
        team.person("ann").mentions("hi").expect("1 of ann");
        team.person("bob").says("/hi").expect("2 of bob");
        assert_eq!(team.state::<Vec<String>>().len(), 2);
    }

    #[test]
    fn every_kind_is_there() {
        let chat = Chat::with(Sample);
        chat.says("two").expect("one").expect("two").expect_no_more();
        chat.says("picture").expect_kind("image");
        chat.says("react").expect_reaction("👍").expect_no_more();
        let thread = chat.person(ANN).shows("image", "https://a.example/1.png", "look");
        assert!(thread.expect("A picture.").replies()[0].parent_id.is_some());
        let status = chat.says("status");
        chat.says("done").expect_no_more().expect_outcome("answered", "");
        assert_eq!((status.replies()[0].text(), status.replies()[0].edited), ("Done.", true));
        chat.person(ANN).sends_custom("seats", &json!({ "row": 4 })).expect_contains("of ann");
        chat.says("person").expect_outcome("handed_over", "asked");
        assert!(chat.transcript().contains("bot: [message image] here"));
    }

    #[test]
    fn errors_for_people_are_said_and_others_end_the_message() {
        let chat = Chat::with(Sample);
        chat.says("tell").expect("We are closed.").expect_no_more();
        assert_eq!(chat.state::<Vec<String>>(), [""; 0]);
        let failed = chat.says("fail");
        failed.expect_outcome("dead", "bot:broken");
        chat.advance(Duration::from_secs(1));
        assert_eq!(failed.letter().map(|letter| letter.attempts), Some(3));
    }

    #[test]
    fn nothing_that_is_stored_goes_with_an_eviction_or_a_deploy() {
        let chat = Chat::with(Sample);
        for days in [0, 0, 2] {
            chat.says("hi");
            chat.evict();
            chat.advance(Duration::from_secs(days * 24 * 60 * 60));
        }
        chat.redeploy(Sample);
        chat.says("hi").expect("4 of ann");
    }

    #[test]
    fn cometchat_may_fail_and_the_answer_comes_once() {
        for (fault, seconds) in
            [(Fault::Fails, 10), (Fault::FailsAfterwards, 10), (Fault::Busy(30), 40), (Fault::Silent, 30)]
        {
            let chat = Chat::with(Sample);
            chat.next_request(fault.clone());
            let heard = chat.says("hi");
            chat.advance(Duration::from_secs(seconds));
            heard.expect("1 of ann").expect_no_more().expect_outcome("answered", "");
            assert_eq!(heard.replies().len(), 1, "{fault:?}");
        }
        let chat = Chat::with(Sample);
        chat.next_request(Fault::Refuses("ERR_UID_NOT_FOUND".to_owned()));
        chat.says("hi").expect_outcome("dead", "ERR_UID_NOT_FOUND");
    }

    #[test]
    fn what_is_not_as_expected_is_shown_with_the_conversation() {
        let chat = Chat::with(Sample);
        let heard = chat.says("hi");
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            heard.expect("2 of ann");
        }));
        let said = *failed.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("expected  text: 2 of ann\ngot       bot: 1 of ann"), "{said}");
        assert!(said.contains("  ann: hi\n  bot: 1 of ann\n"), "{said}");
    }
}
