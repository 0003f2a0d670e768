// Ways to break the engine, each of which the simulation has to notice. A `search` stands in its file exactly once.

/** @typedef {{ file: string, search: string, replacement: string }} Edit */
/** @typedef {{ name: string, what: string, edits: Edit[] }} Mutation */

const answer = "src/cometchat/answer.rs";
const commit = "src/conversation/commit.rs";
const effects = "src/conversation/effects.rs";
const inbox = "src/conversation/inbox.rs";
const letters = "src/conversation/letters.rs";
const look = "src/cometchat/look.rs";
const outbox = "src/conversation/outbox.rs";
const record = "src/conversation/record.rs";
const rest = "src/conversation/rest.rs";
const seen = "src/conversation/seen.rs";
const stored = "src/conversation/stored.rs";
const turn = "src/conversation/turn.rs";
const unreadable = "src/conversation/unreadable.rs";

/**
 * @param {string} name
 * @param {string} what
 * @param {string} file
 * @param {string} search
 * @param {string} replacement
 * @returns {Mutation}
 */
const mutation = (name, what, file, search, replacement) => ({ name, what, edits: [{ file, search, replacement }] });

/** @type {Mutation[]} */
export const mutations = [
  // The inbox
  mutation(
    "seen-first",
    "mark a message as seen before it is stored",
    inbox,
    "        commit.see(key, String::new());\n",
    `        let mut first = self.begin();
        first.put(key, String::new());
        self.finish(first).await?;
`,
  ),
  mutation(
    "acknowledge-anyway",
    "acknowledge a message that could not be stored",
    inbox,
    "            self.forget_arrival(entry.seq, &entry.sender);\n            Err(error)\n",
    "            self.forget_arrival(entry.seq, &entry.sender);\n            drop(error);\n            Ok(())\n",
  ),
  mutation(
    "arrival-in-the-air",
    "acknowledge a message before it is stored, where its bot waits for something",
    inbox,
    "            self.store_arrival().await?;\n",
    "",
  ),
  mutation(
    "believe-it-new",
    "take a message that comes again for one at which no attempt was made",
    inbox,
    "entry.attempts = entry.attempts.min(1).saturating_add(u32::from(begins));",
    "entry.attempts = u32::from(begins);",
  ),
  mutation(
    "take-duplicates",
    "do not look whether a message was received before",
    inbox,
    "if !is_heeded && (known.is_some() || self.stored(|stored| stored.has_in_flight(&entry.id))?) {",
    "if entry.id.is_empty() {",
  ),
  mutation(
    "hide-other-wire",
    "let a message that one wire has put aside be a duplicate on the other",
    inbox,
    "let is_heeded = ignored.is_none() &&",
    "let is_heeded = entry.id.is_empty() &&",
  ),
  mutation(
    "keep-budget",
    "do not give back the budget of what was answered with silence",
    turn,
    "                memory.budget.give_back(&entry.sender);\n",
    "",
  ),
  mutation(
    "forget-too-much",
    "forget the ids of the last stretch of time too",
    seen,
    "let kept = self.stretch_of(now).saturating_sub(self.stretch());",
    "let kept = self.stretch_of(now);",
  ),
  mutation(
    "keep-ids",
    "never forget an id while the conversation goes on",
    seen,
    "Ok(new.into_iter().chain(old).min())",
    "Ok(new.into_iter().chain(old).min().filter(|_| self.address.bot.is_empty()))",
  ),

  // The turn
  mutation(
    "old-epoch",
    "commit a turn whose attempt is not the current one",
    turn,
    "Ok(first.is_some_and(|first| first.seq == entry.seq && first.attempts == entry.attempts))",
    "Ok(first.is_none_or(|first| first.seq >= entry.seq))",
  ),
  mutation(
    "unrecorded-attempt",
    "begin an attempt without recording it",
    turn,
    "            commit.put_entry(entry.clone());\n            self.finish(commit).await?;\n",
    "            drop(commit.put_entry(entry.clone()));\n",
  ),
  mutation(
    "retry-at-once",
    "try a failed turn again at once",
    turn,
    "        entry.due_at = after(self.ports.now(), wait(entry.attempts));\n        let mut commit = self.begin();\n        commit.put_entry(entry);\n",
    "        entry.due_at = self.ports.now();\n        let mut commit = self.begin();\n        commit.put_entry(entry);\n",
  ),
  mutation(
    "empty-state",
    "start with an empty state where KV cannot be read",
    turn,
    "Err(error) => return self.delay_turn(entry, &error, LONGEST_DELAY),",
    "Err(_) => Loaded::default(),",
  ),
  mutation(
    "no-bot-kills",
    "let messages die for which the deployment has no bot",
    turn,
    'return self.delay_turn(entry, &NO_BOT, UNTIL_THERE_IS_A_BOT);',
    "return self.bury_turn(entry, &Reason::Crashed);",
  ),
  mutation(
    "shared-id",
    "give all the replies to a message one id",
    effects,
    "purpose: row.purpose, n: row.n }",
    "purpose: row.purpose, n: row.n.min(0) }",
  ),
  mutation(
    "send-first",
    "send the replies of a turn before it is committed",
    turn,
    "            Ok(output) => self.commit_turn(entry, &loaded, output),\n",
    `            Ok(output) => {
                for (n, text) in output.replies.iter().enumerate() {
                    let id = ReplyId { bot: &self.address.bot, message: &entry.id, purpose: "answer", n }.to_string();
                    let body = Body::split(text).first().map(|body| body.to_json(&self.address, &id)).unwrap_or_default();
                    let _ = self.ports.call(&crate::cometchat::reply::send(&self.address.bot, body)).await;
                }
                self.commit_turn(entry, &loaded, output)
            }
`,
  ),

  // The outbox
  mutation(
    "blind-resend",
    "send again without a look at the history",
    outbox,
    "if !surely_unsent {",
    "if !surely_unsent && next.key.is_empty() {",
  ),
  mutation(
    "hasty-look",
    "look for a reply while its request may still be under way",
    turn,
    "const UNDER_WAY: Duration = Duration::from_secs(2);",
    "const UNDER_WAY: Duration = Duration::ZERO;",
  ),
  mutation(
    "overtake",
    "let a later reply overtake one that waits",
    outbox,
    "if !confirmed.contains_key(&key) {",
    "if !confirmed.contains_key(&key) && (reply.tries == 0 || reply.due_at <= self.ports.now()) {",
  ),
  mutation(
    "hold-up-for-ever",
    "let a reply in doubt hold up others for ever",
    outbox,
    "if holds_up && !self.instance.breaker.is_open() {",
    "if holds_up && self.address.bot.is_empty() {",
  ),
  mutation(
    "uncounted",
    "do not count a message whose last reply is confirmed",
    outbox,
    "if reply.last {",
    "if reply.last && key.is_empty() {",
  ),
  mutation(
    "forget-sent",
    "forget the ids of replies that were sent",
    outbox,
    "        self.remember_confirmed(self.record_of(commit)?);\n",
    "        self.record_of(commit)?;\n",
  ),
  mutation(
    "dead-at-once",
    "let a reply die at its first failure",
    outbox,
    "            reply.doubtful_since = now;\n        }\n        if self.is_too_old(&reply, now) {",
    "            reply.doubtful_since = now;\n        }\n        if reply.tries > 0 {",
  ),
  mutation(
    "never-give-up",
    "never give a reply up",
    outbox,
    "now >= after(reply.waits_since(), self.settings.give_up_after)",
    "now == Millis::MAX",
  ),
  mutation(
    "ignore-retry-after",
    "ignore how long CometChat asks to wait",
    outbox,
    "reply.due_at = after(now, wait.max(told));",
    "reply.due_at = after(now, wait.min(told.max(wait)));",
  ),
  mutation(
    "no-wait",
    "do not wait after a 429",
    outbox,
    "reply.due_at = after(now, wait.max(told));",
    "reply.due_at = after(now, wait.saturating_sub(wait));",
  ),
  mutation(
    "count-429",
    "count it as a try when CometChat asks to wait",
    outbox,
    "        reply.waits = reply.waits.saturating_add(1);\n",
    "        reply.waits = reply.waits.saturating_add(1);\n        reply.tries = reply.tries.saturating_add(1);\n",
  ),
  mutation(
    "sure-of-the-rest",
    "be sure that the rest of a dead answer was never sent",
    outbox,
    "let doubtful = !self.take_unsent(&key) || reply.doubtful;",
    "let doubtful = (!self.take_unsent(&key) && key.is_empty()) || reply.doubtful;",
  ),

  // What CometChat says
  mutation(
    "believe-any-200",
    "take any 2xx for an acceptance",
    answer,
    "sent.map_or_else(|| Self::Unknown(error_code(&response)), Self::Sent)",
    "Self::Sent(sent.unwrap_or_default())",
  ),
  mutation(
    "refused-is-done",
    "take what is refused for what has been done, where it was to be added",
    "src/cometchat/action.rs",
    "matches!(self, Self::Delete | Self::Unreact)",
    "matches!(self, Self::Delete | Self::React | Self::Unreact)",
  ),
  mutation(
    "key-kills",
    "let messages die when CometChat refuses the key",
    answer,
    "of_everyone.then_some(Later::Denied { code })",
    "of_everyone.then_some(Later::Denied { code }).filter(|_| response.status == 0)",
  ),
  mutation(
    "keep-any-id",
    "keep ids of any length",
    answer,
    "if id.len() > MAX_ID_BYTES { String::new() } else { id }",
    "if id.len() > usize::MAX { String::new() } else { id }",
  ),
  mutation(
    "believe-anyone",
    "take anybody's message for the reply",
    look,
    'message.text("sender").eq_ignore_ascii_case(&self.address.bot)',
    "!self.address.bot.is_empty()",
  ),
  mutation(
    "short-page",
    "take a short page for the end of the history",
    look,
    "if messages.len() == page.len() && messages.iter().all(|message| self.is_older(message)) {",
    "if page.len() < PAGE || messages.iter().all(|message| self.is_older(message)) {",
  ),
  mutation(
    "one-old-date",
    "take one old date for the end of the history",
    look,
    "if messages.len() == page.len() && messages.iter().all(|message| self.is_older(message)) {",
    'if messages.iter().any(|message| message.read::<u64>("sentAt").is_some_and(|at| at < self.since)) {',
  ),
  mutation(
    "believe-dates",
    "take a page for the end of the history because of its dates alone",
    look,
    'is_before && message.read::<u64>("sentAt")',
    'is_before | true && message.read::<u64>("sentAt")',
  ),

  mutation(
    "attempt-in-the-air",
    "run the bot before its attempt is on disk",
    turn,
    "        self.ports.sync().await?;\n",
    "",
  ),

  // Dead letters
  mutation(
    "drop-letter",
    "drop a dead letter that KV refuses",
    letters,
    '            Err(error) => {\n                self.note("letter_refused", &error);',
    '            Err(_) if letter.tries == 0 => commit.drop_letter(key),\n            Err(error) => {\n                self.note("letter_refused", &error);',
  ),
  mutation(
    "letter-at-once",
    "try a letter again at once that KV has refused",
    letters,
    "let due_at = after(commit.now, backoff::archive(tries, &letter.key));",
    "let due_at = commit.now;",
  ),
  mutation(
    "replay-ended",
    "replay what has ended",
    letters,
    "if goes || self.seen(&death, now)?.is_some() {",
    "if goes && death.is_empty() {",
  ),
  {
    name: "replay-blindly",
    what: "replay without a look what was given up in doubt",
    edits: [
      { file: letters, search: "if !reply.doubtful {", replacement: "if !key.is_empty() {" },
      { file: letters, search: "doubtful_since: 0, last: n == last", replacement: "doubtful_since: 0, doubtful: false, last: n == last" },
    ],
  },
  mutation(
    "letter-too-soon",
    "write a letter while an older one of the same name may still be deleted",
    letters,
    "const UNDER_WAY_TO_KV: Duration = Duration::from_secs(30);",
    "const UNDER_WAY_TO_KV: Duration = Duration::ZERO;",
  ),

  // Rows
  mutation(
    "forget-alarm",
    "store without calling for the alarm",
    commit,
    "        stored.and(self.arm().await)\n",
    "        stored\n",
  ),
  mutation(
    "trust-memory",
    "trust what is in memory when a write has failed",
    commit,
    "            self.memory.borrow_mut().stored = None;\n",
    "",
  ),
  mutation(
    "forget-numbers",
    "number rows from the beginning again after a crash",
    stored,
    "for prefix in [rows::INBOX, rows::OUTBOX, rows::DOUBT, rows::LETTERS] {\n                self.last_seq = self.last_seq.max(rows::seq_of(prefix, &key));\n",
    "for prefix in [rows::LETTERS] {\n                self.last_seq = self.last_seq.max(rows::seq_of(prefix, &key));\n",
  ),
  mutation(
    "lose-version-1",
    "do not look for the rows of version 1",
    stored,
    "if page.first().is_some_and(|(key, _)| upgrade::is_old(key)) {",
    "if page.first().is_some_and(|(key, _)| upgrade::is_old(key) && key.is_empty()) {",
  ),
  mutation(
    "drop-unreadable",
    "drop rows that cannot be read",
    unreadable,
    "            commit.set_aside(&key, text);\n        }\n",
    "            commit.set_aside(&key, String::new());\n        }\n",
  ),

  // Rest
  mutation(
    "never-rest",
    "do not rest while messages come, though only rules put them aside",
    rest,
    "Ok(Some(quiet.min(at_the_latest).max(bookkeeping.due_at)))",
    "Ok(Some(quiet.max(bookkeeping.due_at)))",
  ),
  mutation(
    "forget-sent-at-waking",
    "forget at waking up the ids of replies that were sent",
    record,
    "        self.sent.clone_from(&archived.sent);\n",
    "",
  ),
  mutation(
    "drop-newer-value",
    "drop a value of a newer version",
    rest,
    "                self.set_value_aside(&aside_key(version, &self.address), &text).await?;\n",
    "",
  ),
  mutation(
    "empty-unread",
    "empty the object without reading back what KV has",
    rest,
    "        if self.stored(|stored| stored.record.bookkeeping().loaded)? {\n            let shown",
    "        counts = if counts == record()?.2 { counts } else { record()?.2 };\n        if self.address.bot.is_empty() {\n            let shown",
  ),
  mutation(
    "empty-unasked",
    "empty the object though a message came while KV was read",
    rest,
    "Ok(newest == generation && last == updated_at && self.is_quiet()?)",
    "Ok(newest == generation && last == updated_at)",
  ),
  mutation(
    "wipe-aside",
    "empty the object with the rows that were set aside",
    rest,
    "if self.stored(|stored| stored.foreign.any())? {",
    "if self.address.bot.is_empty() {",
  ),
];
