//! What a message says, in the forms in which routes look at it: made once a turn.

use std::cell::OnceCell;

use super::text::folded;
use crate::bot::Turn;

pub(super) struct Heard {
    /// Without the mention of the bot.
    pub text: String,
    pub command: Option<Command>,
    folded: OnceCell<String>,
}

pub(super) struct Command {
    /// In lower case.
    pub name: String,
    /// What follows it.
    pub rest: String,
}

impl Heard {
    pub fn new<S>(turn: &Turn<S>) -> Self {
        let command = turn.command().map(|(name, rest)| Command { name: folded(&name), rest });
        Self { text: turn.text(), command, folded: OnceCell::new() }
    }

    /// The text as texts are compared.
    pub fn folded(&self) -> &str {
        self.folded.get_or_init(|| folded(&self.text))
    }
}
