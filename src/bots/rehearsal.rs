//! A bot for tests: it does what the message says, the bad things too. It is there with the feature `rehearsal` only, and so not
//! in what is deployed.

use std::collections::BTreeMap;
use std::future::pending;

use halley::bot::{Bot, BotError, Reply, Result, Router, Turn};

/// How many messages it has dealt with, and whatever `fill` put there. A tuple: derived structs are dear in WebAssembly,
/// and nobody has to read this one.
type Memory = (u32, String);

pub struct Rehearsal;

impl Bot for Rehearsal {
    type State = Memory;

    async fn on_message(&self, turn: &mut Turn<Memory>) -> Result {
        rehearse(turn).await
    }
}

/// The same behind so many routes, none of which is for what is said.
pub fn behind(routes: usize) -> Router<Memory> {
    let routes = (0..routes).fold(Router::<Memory>::new(), |router, n| match n % 10 {
        0 => router.contains(format!("needle {n}"), rehearse),
        1..=4 => router.command(format!("command{n}"), rehearse),
        _ => router.text(format!("text {n}"), rehearse),
    });
    routes.otherwise(rehearse)
}

#[expect(clippy::panic, reason = "a panic is what is rehearsed")]
async fn rehearse(turn: &mut Turn<Memory>) -> Result {
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
