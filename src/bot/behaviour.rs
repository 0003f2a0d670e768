//! A bot as the engine sees it: JSON in, JSON out, whatever its state is made of.

use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::turn::{Turn, Verdict};
use super::{Bot, BotError};
use crate::callback::Message;

/// What a turn starts from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The bot's UID.
    pub bot: &'a str,
    /// The message as it came.
    pub message: &'a RawValue,
    /// The stored state; `None` for a conversation that has none.
    pub state: Option<&'a RawValue>,
    /// The ids that CometChat gave to the newest replies.
    pub sent: &'a [String],
}

/// What a turn came to.
#[derive(Debug)]
pub struct Output {
    /// The state to store.
    pub state: Box<RawValue>,
    /// What to say, in this order.
    pub replies: Vec<String>,
    /// How the message ends.
    pub verdict: Verdict,
}

/// Why a turn came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The bot said so; it may go better another time.
    Bot(BotError),
    /// It took longer than it may.
    Deadline,
    /// The stored state is not one of this bot's. It may be one of a newer or an older version of it.
    UnreadableState,
    /// The message cannot be read, now or ever.
    UnreadableMessage,
}

/// Any bot, whatever its state.
pub trait Behaviour {
    /// Runs one turn.
    fn run<'a>(&'a self, input: Input<'a>) -> LocalBoxFuture<'a, Result<Output, Failure>>;
}

impl<B: Bot> Behaviour for B {
    fn run<'a>(&'a self, input: Input<'a>) -> LocalBoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let state = match input.state {
                Some(state) => serde_json::from_str(state.get()).map_err(|_| Failure::UnreadableState)?,
                None => B::State::default(),
            };
            let message = Message::parse(input.message.get()).ok_or(Failure::UnreadableMessage)?;
            let mut turn = Turn::new(input.bot, message, state, input.sent.iter());
            self.on_message(&mut turn).await.map_err(Failure::Bot)?;
            let (state, replies, verdict) = turn.into_parts();
            let state = serde_json::value::to_raw_value(&state).map_err(|error| Failure::Bot(error.into()))?;
            Ok(Output { state, replies, verdict })
        })
    }
}
