//! A bot for tests: it does what the message says, the bad things too. It is there with the feature `rehearsal` only, and so not
//! in what is deployed.

use std::collections::BTreeMap;
use std::future::pending;

use crate::bot::{Bot, BotError, Reply, Result, Turn};

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
        Ok(match word {
            "panic" => panic!("rehearsed"),
            "fail" => return Err(BotError::new("rehearsed")),
            "hang" => pending().await,
            "silent" => turn.ignore("rehearsed"),
            "person" => turn.hand_over("rehearsed"),
            "fill" => {
                turn.state.1 = "x".repeat(number);
                turn.reply("filled")
            }
            "picture" => turn.reply(Reply::image("https://files.example/picture.png").caption(text)),
            "custom" => turn.reply(Reply::custom("rehearsed", &BTreeMap::from([("turns", turn.state.0)]))),
            "thread" => turn.reply(Reply::text(text).in_thread()),
            "edit" => {
                turn.reply(Reply::text("first").label("edited"));
                turn.edit("edited", text)
            }
            "delete" => {
                turn.reply(Reply::text(text).label("deleted"));
                turn.delete("deleted")
            }
            "react" => turn.react("👍"),
            "read" => {
                turn.mark_read();
                turn.reply(text)
            }
            "say" => (1..=number)
                .map(|n| turn.reply(format!("{n} of {number}")))
                .last()
                .unwrap_or_else(|| turn.ignore("rehearsed")),
            _ => {
                let turns = turn.state.0;
                turn.reply(format!("{turns}: {text}"))
            }
        })
    }
}
