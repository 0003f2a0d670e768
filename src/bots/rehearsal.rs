//! A bot for tests: it does what the message says, the bad things too. Nobody meets it unless `BOTS` names it.

use std::future::pending;

use serde::{Deserialize, Serialize};

use crate::bot::{Bot, BotError, Result, Turn};

/// What it remembers: how many messages it has dealt with, and whatever `fill` put there.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    turns: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    filling: String,
}

pub struct Rehearsal;

impl Bot for Rehearsal {
    type State = Memory;

    #[expect(clippy::panic, reason = "a panic is what is rehearsed")]
    async fn on_message(&self, turn: &mut Turn<Memory>) -> Result {
        let text = turn.text();
        let (word, number) = text.split_once(' ').unwrap_or((&text, ""));
        let number = number.parse().unwrap_or(1_usize);
        turn.state.turns = turn.state.turns.saturating_add(1);
        match word {
            "panic" => panic!("rehearsed"),
            "fail" => return Err(BotError::new("rehearsed")),
            "hang" => pending().await,
            "silent" => turn.ignore("rehearsed"),
            "person" => turn.hand_over("rehearsed"),
            "fill" => {
                turn.state.filling = "x".repeat(number);
                turn.reply("filled");
            }
            "say" => (1..=number).for_each(|n| turn.reply(format!("{n} of {number}"))),
            _ => {
                let turns = turn.state.turns;
                turn.reply(format!("{turns}: {text}"));
            }
        }
        Ok(())
    }
}
