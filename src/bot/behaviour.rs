//! A bot as the engine sees it: JSON in, JSON out, whatever its state is made of.

use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::reply::Effect;
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
    /// What to say and do, in this order.
    pub effects: Vec<Effect>,
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

    /// What the sender of this message is told where the bot, with this UID, has failed for good.
    fn apology(&self, bot: &str, message: &RawValue) -> Option<String>;
}

impl<B: Bot> Behaviour for B {
    fn run<'a>(&'a self, input: Input<'a>) -> LocalBoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let states = self.states();
            let state = match input.state {
                Some(state) => states.read_str(state.get()).ok_or(Failure::UnreadableState)?,
                None => B::State::default(),
            };
            let message = Message::parse(input.message.get()).ok_or(Failure::UnreadableMessage)?;
            let mut turn = Turn::new(input.bot, message, state, input.sent.iter());
            if let Err(error) = self.on_message(&mut turn).await {
                let Some(text) = error.told() else { return Err(Failure::Bot(error)) };
                // An error for the person is an answer, and leaves the state as it was.
                let state = match input.state {
                    Some(state) => state.to_owned(),
                    None => states.write(&B::State::default()).map_err(Failure::Bot)?,
                };
                return Ok(Output { state, effects: vec![Effect::Say(text.into())], verdict: Verdict::Replies });
            }
            let (state, effects, verdict) = turn.into_parts().map_err(Failure::Bot)?;
            let state = states.write(&state).map_err(Failure::Bot)?;
            Ok(Output { state, effects, verdict })
        })
    }

    fn apology(&self, bot: &str, message: &RawValue) -> Option<String> {
        let text = Bot::apology(self)?.to_owned();
        let message = Message::parse(message.get())?;
        Turn::new(bot, message, (), std::iter::empty()).is_addressed().then_some(text)
    }
}
