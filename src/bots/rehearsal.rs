//! A bot for tests: it does what the message says, the bad things too. It is there with the feature `rehearsal` only, and so not
//! in what is deployed.

use std::future::pending;

use crate::bot::{Bot, BotError, Result, Turn};

pub struct Rehearsal;

impl Bot for Rehearsal {
    /// How many messages it has dealt with, and whatever `fill` put there. A tuple: derived structs are dear in
    /// WebAssembly, and nobody has to read this one.
    type State = (u32, String);

    #[expect(clippy::panic, reason = "a panic is what is rehearsed")]
    async fn on_message(&self, turn: &mut Turn<(u32, String)>) -> Result {
        let text = turn.text();
        let (word, number) = text.split_once(' ').unwrap_or((&text, ""));
        let number = number.parse().unwrap_or(1_usize);
        turn.state.0 = turn.state.0.saturating_add(1);
        match word {
            "panic" => panic!("rehearsed"),
            "fail" => return Err(BotError::new("rehearsed")),
            "hang" => pending().await,
            "silent" => turn.ignore("rehearsed"),
            "person" => turn.hand_over("rehearsed"),
            "fill" => {
                turn.state.1 = "x".repeat(number);
                turn.reply("filled");
            }
            "say" => (1..=number).for_each(|n| turn.reply(format!("{n} of {number}"))),
            _ => {
                let turns = turn.state.0;
                turn.reply(format!("{turns}: {text}"));
            }
        }
        Ok(())
    }
}
