//! The bot that Halley comes with: it greets, remembers, and keeps quiet in a group unless it is meant.

use serde::{Deserialize, Serialize};

use crate::bot::{Bot, Result, Turn};
use crate::callback::{Content, Person};

/// What it remembers of a conversation.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    greeted: bool,
    messages: u32,
    notes: Vec<String>,
}

/// How many notes it keeps in a conversation.
const MAX_NOTES: usize = 20;

const HELP: &str = "Here is what I can do:\n\
    /remember something: I keep a note in this conversation\n\
    /notes: what I have kept\n\
    /forget: I drop all of it\n\
    /help: this list\n\
    In a group I answer when you mention me, start with a slash, or reply in a thread under one of my messages.";

pub struct Assistant;

impl Bot for Assistant {
    type State = Memory;

    async fn on_message(&self, turn: &mut Turn<Memory>) -> Result {
        if !turn.is_addressed() {
            return Ok(turn.ignore("not_for_me"));
        }
        turn.state.messages = turn.state.messages.saturating_add(1);
        let answer = answer(turn);
        let name = name(&turn.message().sender).to_owned();
        if turn.state.greeted {
            return Ok(turn.reply(answer));
        }
        turn.state.greeted = true;
        Ok(turn.reply(format!("Hello {name}! {answer}")))
    }
}

fn answer(turn: &mut Turn<Memory>) -> String {
    if let Some((command, rest)) = turn.command() {
        return obey(&mut turn.state, &command, rest);
    }
    match &turn.message().content {
        Content::Image(_) => {
            "Thank you for the picture. I cannot look at pictures yet, but I keep it in good memory.".to_owned()
        }
        Content::Video(_) | Content::Audio(_) | Content::File(_) => {
            "Thank you for the file. I cannot open files yet; tell me in words what you need.".to_owned()
        }
        Content::Text(_) => chat(turn),
        Content::Custom { .. } | Content::Unknown { .. } => {
            "I got that, but I only understand text so far. Say /help to see what I can do.".to_owned()
        }
    }
}

fn obey(memory: &mut Memory, command: &str, rest: String) -> String {
    match command {
        "help" | "start" => HELP.to_owned(),
        "remember" if rest.is_empty() => {
            "Tell me what to keep, for example: /remember the meeting is at ten".to_owned()
        }
        "remember" if memory.notes.len() >= MAX_NOTES => {
            format!("I already keep {MAX_NOTES} notes here. Say /forget to make room.")
        }
        "remember" => {
            memory.notes.push(rest);
            format!("Kept. I have {} here now: say /notes to see.", notes(memory.notes.len()))
        }
        "notes" if memory.notes.is_empty() => "I have kept nothing here yet. Try /remember something.".to_owned(),
        "notes" => memory.notes.iter().fold("What I have kept:".to_owned(), |list, note| list + "\n- " + note),
        "forget" => {
            *memory = Memory { greeted: memory.greeted, ..Memory::default() };
            "Forgotten.".to_owned()
        }
        _ => format!("I do not know /{command}. Say /help to see what I can do."),
    }
}

fn chat(turn: &Turn<Memory>) -> String {
    let text = turn.text();
    if text.is_empty() {
        return "You called? Say /help to see what I can do.".to_owned();
    }
    let memory = &turn.state;
    match memory.messages {
        1 => "I am a bot that runs on Halley. Say /help to see what I can do.".to_owned(),
        messages => {
            format!("You said: {text}\nThat was message {messages} here, and I keep {}.", notes(memory.notes.len()))
        }
    }
}

fn notes(count: usize) -> String {
    match count {
        0 => "no notes".to_owned(),
        1 => "1 note".to_owned(),
        count => format!("{count} notes"),
    }
}

fn name(person: &Person) -> &str {
    if person.name.is_empty() { &person.uid } else { &person.name }
}
