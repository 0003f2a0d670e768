//! What a bot is written against.
//!
//! ```
//! use halley::bot::{Bot, Result, Turn};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Memory {
//!     messages: u32,
//! }
//!
//! struct Counter;
//!
//! impl Bot for Counter {
//!     type State = Memory;
//!
//!     async fn on_message(&self, turn: &mut Turn<Memory>) -> Result {
//!         turn.state.messages = turn.state.messages.saturating_add(1);
//!         Ok(turn.reply(format!("That was message {}.", turn.state.messages)))
//!     }
//! }
//! ```

pub mod behaviour;
pub mod error;
mod reason;
pub mod registry;
pub mod reply;
pub mod router;
pub mod state;
pub mod turn;

pub use crate::callback::{Attachment, Content, Message, Person};
pub use behaviour::{Behaviour, Failure, Input, Output};
pub use error::BotError;
pub use reply::Reply;
pub use router::Router;
pub use state::{Members, States};
pub use turn::{Done, Turn, Verdict};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A bot: what it remembers of a conversation, and what it does with a message.
pub trait Bot: 'static {
    /// What it remembers of one conversation, at most 1 MiB of JSON. A conversation starts with the default.
    type State: Default + Serialize + DeserializeOwned;

    /// The versions that the state has had. Where it has changed in a way that serde does not read, an older one gets a
    /// way up here. What cannot be read at all is set aside, and the conversation starts afresh.
    fn states(&self) -> States<Self::State> {
        States::default()
    }

    /// What is said to whoever wrote, where every attempt at a message has failed. Nothing, unless the bot says so; in a
    /// group only to messages that are meant for it.
    fn apology(&self) -> Option<&str> {
        None
    }

    /// Deals with one message. There is one turn at a time in a conversation, in order of arrival.
    ///
    /// Nothing of a turn is visible outside before it returns `Ok`: then state and replies are stored together, and
    /// the replies are sent. A turn may run again with the same message and the same state, after a crash, a panic
    /// or an error; so side effects of its own have to bear being repeated.
    ///
    /// # Errors
    ///
    /// An error discards the state and the replies of this attempt. The turn is tried three times in all.
    fn on_message(&self, turn: &mut Turn<Self::State>) -> impl Future<Output = Result>;
}

/// How a turn ends: what it has come to, or why it failed.
pub type Result<T = Done> = std::result::Result<T, BotError>;
