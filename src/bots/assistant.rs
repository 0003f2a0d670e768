//! The bot that Halley comes with: it greets, remembers, and keeps quiet in a group unless it is meant.

use serde::{Deserialize, Serialize};

use halley::bot::router::{Flow, Rest, audio, file, text, video};
use halley::bot::{Done, Router, Turn};

/// What it remembers of a conversation.
#[derive(Default, Serialize, Deserialize)]
pub struct Memory {
    greeted: bool,
    messages: u32,
    notes: Vec<String>,
}

/// How many notes it keeps in a conversation.
const MAX_NOTES: usize = 20;

pub fn assistant() -> Router<Memory> {
    Router::<Memory>::new()
        .before(note_message)
        .intro("Here is what I can do. In a group I answer when you mention me, start with a slash, or reply in a thread under one of my messages.")
        .command("start", async |turn| say(turn, "Say /help to see what I can do."))
        .command_with("remember", remember)
        .about("I keep a note in this conversation")
        .command("notes", async |turn| say(turn, notes(&turn.state)))
        .about("what I have kept")
        .command("forget", forget)
        .about("I drop all of it")
        .on(|turn: &Turn<Memory>| turn.command().is_some(), unknown)
        .image(async |turn| say(turn, "Thank you for the picture. I cannot look at pictures yet, but I keep it in good memory."))
        .on(video() | audio() | file(), async |turn| {
            say(turn, "Thank you for the file. I cannot open files yet; tell me in words what you need.")
        })
        .on(!text(), async |turn| say(turn, "I got that, but I only understand text so far. Say /help to see what I can do."))
        .otherwise(chat)
}

async fn note_message(turn: &mut Turn<Memory>) -> Flow {
    turn.state.messages = turn.state.messages.saturating_add(1);
    Flow::Go
}

/// Says something, and hello before it the first time.
fn say(turn: &mut Turn<Memory>, text: impl Into<String>) -> Done {
    let text = text.into();
    if turn.state.greeted {
        return turn.reply(text);
    }
    turn.state.greeted = true;
    let sender = turn.sender();
    let name = if sender.name.is_empty() { &sender.uid } else { &sender.name };
    let greeting = format!("Hello {name}! {text}");
    turn.reply(greeting)
}

async fn remember(turn: &mut Turn<Memory>, Rest(note): Rest) -> Done {
    if turn.state.notes.len() >= MAX_NOTES {
        return say(turn, format!("I already keep {MAX_NOTES} notes here. Say /forget to make room."));
    }
    turn.state.notes.push(note);
    say(turn, format!("Kept. I have {} here now: say /notes to see.", count(&turn.state)))
}

async fn forget(turn: &mut Turn<Memory>) -> Done {
    turn.state.notes.clear();
    say(turn, "Forgotten.")
}

async fn unknown(turn: &mut Turn<Memory>) -> Done {
    let (command, _) = turn.command().unwrap_or_default();
    say(turn, format!("I do not know /{command}. Say /help to see what I can do."))
}

async fn chat(turn: &mut Turn<Memory>) -> Done {
    let text = turn.text();
    say(
        turn,
        match turn.state.messages {
            _ if text.is_empty() => "You called? Say /help to see what I can do.".to_owned(),
            1 => "I am a bot that runs on Halley. Say /help to see what I can do.".to_owned(),
            messages => {
                format!("You said: {text}\nThat was message {messages} here, and I keep {}.", count(&turn.state))
            }
        },
    )
}

fn notes(Memory { notes, .. }: &Memory) -> String {
    match notes.as_slice() {
        [] => "I have kept nothing here yet. Try /remember something.".to_owned(),
        notes => notes.iter().fold("What I have kept:".to_owned(), |list, note| list + "\n- " + note),
    }
}

fn count(Memory { notes, .. }: &Memory) -> String {
    match notes.len() {
        0 => "no notes".to_owned(),
        1 => "1 note".to_owned(),
        count => format!("{count} notes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halley::testing::Chat;

    #[test]
    fn it_greets_once_and_keeps_notes() {
        let chat = Chat::with(assistant());
        let ann = chat.person("ann").named("Ann");
        ann.says("/notes").expect("Hello Ann! I have kept nothing here yet. Try /remember something.");
        ann.says("/remember the milk").expect("Kept. I have 1 note here now: say /notes to see.").expect_no_more();
        ann.says("/Notes").expect("What I have kept:\n- the milk");
        ann.says("thanks").expect("You said: thanks\nThat was message 4 here, and I keep 1 note.");
        ann.says("/forget").expect("Forgotten.");
        ann.says("/remember").expect_contains("Usage: /remember");
        ann.says("/fly").expect("I do not know /fly. Say /help to see what I can do.");
        ann.says("/help").expect_contains("/notes");
        ann.shows("image", "https://a.example/1.png", "").expect_contains("Thank you for the picture.");
        ann.shows("file", "https://a.example/1.pdf", "").expect_contains("Thank you for the file.");
        ann.sends_custom("seats", &serde_json::json!({ "row": 4 })).expect_contains("I only understand text");
    }

    #[test]
    fn it_keeps_no_more_than_there_is_room_for() {
        let chat = Chat::with(assistant());
        for n in 0..MAX_NOTES {
            chat.says(&format!("/remember {n}"));
        }
        chat.says("/remember one more").expect("I already keep 20 notes here. Say /forget to make room.");
    }

    #[test]
    fn in_a_group_it_keeps_quiet_unless_it_is_meant() {
        let chat = Chat::with(assistant());
        chat.group("team").person("ann").says("hi").expect_silence("not_for_me");
        chat.group("team").person("ann").mentions("").expect("Hello ann! You called? Say /help to see what I can do.");
    }
}
