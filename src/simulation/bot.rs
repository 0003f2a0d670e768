//! The bot: it does what the plan of each message says, and sometimes fails, hangs or panics on the way.
//!
//! Its state is the list of the messages that it has dealt with, so a turn that is lost, doubled or run out of order
//! shows in the state.

use std::cell::RefCell;
use std::future::pending;

use serde::{Deserialize, Serialize};

use super::callbacks::{End, Poison, Size};
use super::world::{State, World};
use crate::address::Address;
use crate::bot::{Bot, BotError, Reply, Result, Turn};

/// The only bot there is.
pub static BOT: Simulated = Simulated;

pub struct Simulated;

/// What the bot remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub turns: usize,
    pub messages: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filling: String,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// The bot is a `static`, so its world is found by thread.
pub fn enter(world: &World) {
    WORLD.with(|current| *current.borrow_mut() = Some(world.clone()));
}

pub fn leave() {
    WORLD.with(|current| current.borrow_mut().take());
}

/// Counts a turn for as long as it runs, however it ends.
struct Running(World, usize, u64);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.with(|state| {
            if let Some(object) = state.objects.get_mut(self.1).filter(|object| object.instance == self.2) {
                object.turns = object.turns.saturating_sub(1);
            }
        });
    }
}

enum Course {
    Goes(u64),
    Fails,
    Hangs,
    Panics,
}

impl Bot for Simulated {
    type State = Memory;

    async fn on_message(&self, turn: &mut Turn<Memory>) -> Result {
        let world = WORLD.with(|current| current.borrow().clone()).expect("a world");
        let peer = if turn.is_group() { turn.message().receiver.clone() } else { turn.message().sender.uid.clone() };
        let address = Address::new(turn.bot(), turn.message().receiver_type, peer);
        let id = turn.message().id.clone();
        if !world.with(|state| state.polled_is_last) {
            // What it says is of no consequence.
            pending::<()>().await;
        }
        let (object, instance, plan, course) = world.with(|state| {
            let object = state.objects.iter().position(|object| object.address == address).expect("an object");
            let message = state.messages.iter().find(|message| message.object == object && message.id == id);
            let plan = message.expect("a message").plan.clone();
            let course = course(state, plan.poison);
            state.check_turn(object, &id, &turn.state);
            (object, state.objects[object].instance, plan, course)
        });
        let _running = Running(world.clone(), object, instance);
        match course {
            Course::Goes(wait) => world.pause(wait).await,
            Course::Fails => return Err(BotError::new("simulated")),
            Course::Hangs => pending().await,
            Course::Panics => {
                world.with(|state| state.objects[object].doomed = true);
                pending().await
            }
        }
        turn.state.turns += 1;
        turn.state.messages.push(id.clone());
        if plan.fills {
            turn.state.filling = "x".repeat(1024 * 1024);
        }
        let mut done = None;
        for n in 0..plan.replies {
            let text = format!("{n} to {id}");
            let text = match plan.size {
                Size::Short => text,
                Size::Long if n == 0 => text.repeat(12_000 / text.len()),
                Size::Long => text,
                Size::Full => text.repeat(9_000 / text.len()),
            };
            done = Some(turn.reply(if n == 0 { Reply::text(text).label(&id) } else { Reply::text(text) }));
        }
        if plan.acts && plan.replies > 0 {
            let n = plan.messages();
            turn.edit(&id, format!("{n} to {id}"));
            done = Some(turn.react((n + 1).to_string()));
        }
        Ok(match plan.end {
            End::Replies => done.unwrap_or_else(|| turn.reply("")),
            End::Ignores => turn.ignore("simulated"),
            End::HandsOver => turn.hand_over("simulated"),
        })
    }
}

fn course(state: &mut State, poison: Option<Poison>) -> Course {
    state.count("turns");
    let (fails, hangs, panics, slow) =
        (state.faults.bot_fails, state.faults.bot_hangs, state.faults.bot_panics, state.faults.bot_is_slow);
    if poison == Some(Poison::Fails) || state.fault("turns failed", fails) {
        Course::Fails
    } else if poison == Some(Poison::Hangs) || state.fault("turns hung", hangs) {
        Course::Hangs
    } else if poison == Some(Poison::Panics) || state.fault("turns panicked", panics) {
        Course::Panics
    } else if state.fault("turns slow", slow) {
        Course::Goes(state.random.pick(&[2_000, 20_000, 30_000]))
    } else {
        Course::Goes(state.random.pick(&[0, 3, 100]))
    }
}
