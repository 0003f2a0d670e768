// Ways to break the engine, each of which the simulation has to notice. A `search` stands in its file exactly once.

/** @typedef {{ file: string, search: string, replacement: string }} Edit */
/** @typedef {{ name: string, what: string, edits: Edit[] }} Mutation */

const inbox = "src/conversation/inbox.rs";
const letters = "src/conversation/letters.rs";
const engine = "src/conversation/mod.rs";
const outbox = "src/conversation/outbox.rs";
const rest = "src/conversation/rest.rs";
const turn = "src/conversation/turn.rs";

/** @type {Mutation[]} */
export const mutations = [
  {
    name: "seen-first",
    what: "mark a message as seen before it is stored",
    edits: [
      {
        file: inbox,
        search: "let stored = self.commit(&[seen, rows::put(rows::message(seq), &entry)]).await;",
        replacement:
          "self.commit(&[seen]).await?; let stored = self.commit(&[rows::put(rows::message(seq), &entry)]).await;",
      },
    ],
  },
  {
    name: "acknowledge-anyway",
    what: "acknowledge a message that could not be stored",
    edits: [{ file: inbox, search: "stored.map(|()| Receipt::Accepted)", replacement: "Ok(Receipt::Accepted)" }],
  },
  {
    name: "take-duplicates",
    what: "do not look whether a message was received before",
    edits: [
      { file: inbox, search: "if self.ports.read(&seen)?.is_some() {", replacement: "if seen.is_empty() {" },
    ],
  },
  {
    name: "send-first",
    what: "send the replies of a turn before it is committed",
    edits: [
      {
        file: turn,
        search: "        self.ports.write(&changes)?;\n        {\n",
        replacement: `        for (_, reply) in &replies {
            let request = crate::cometchat::reply::send(&self.address.bot, reply.body.get().to_owned());
            let _ = self.ports.call(&request).await;
        }
        self.ports.write(&changes)?;
        {
`,
      },
    ],
  },
  {
    name: "old-epoch",
    what: "commit a turn whose attempt is not the current one",
    edits: [
      {
        file: turn,
        search: "Ok(head.is_some_and(|(_, head)| head.seq == entry.seq && head.attempts == entry.attempts))",
        replacement: "Ok(head.is_none_or(|(_, head)| head.seq >= entry.seq))",
      },
    ],
  },
  {
    name: "unrecorded-attempt",
    what: "begin an attempt without recording it",
    edits: [
      {
        file: turn,
        search: "            self.commit(&[rows::put(key, &entry)]).await?;\n",
        replacement: "            drop(key);\n",
      },
    ],
  },
  {
    name: "empty-state",
    what: "start with an empty state where KV cannot be read",
    edits: [
      {
        file: turn,
        search: "Err(error) => return self.delay_turn(pass, entry, &error).await,",
        replacement: "Err(_) => Loaded::default(),",
      },
    ],
  },
  {
    name: "shared-id",
    what: "give all the replies to a message one id",
    edits: [{ file: turn, search: 'purpose: "answer", n }', replacement: 'purpose: "answer", n: n.min(0) }' }],
  },
  {
    name: "blind-resend",
    what: "send again without a look at the history",
    edits: [{ file: outbox, search: "if !surely_unsent {", replacement: "if !surely_unsent && key.is_empty() {" }],
  },
  {
    name: "hasty-look",
    what: "look for a reply while its request may still be under way",
    edits: [
      {
        file: turn,
        search: "const UNDER_WAY: Duration = Duration::from_secs(2);",
        replacement: "const UNDER_WAY: Duration = Duration::ZERO;",
      },
    ],
  },
  {
    name: "overtake",
    what: "let a later reply overtake one that waits",
    edits: [
      {
        file: outbox,
        search: "        rows::first(&self.ports, &rows::outbox(), confirmed.as_deref().unwrap_or_default())\n",
        replacement: `        let mut cursor = confirmed.clone().unwrap_or_default();
        while let Some((key, reply)) = rows::first::<Reply>(&self.ports, &rows::outbox(), &cursor)? {
            if reply.tries == 0 {
                return Ok(Some((key, reply)));
            }
            cursor = key;
        }
        rows::first(&self.ports, &rows::outbox(), confirmed.as_deref().unwrap_or_default())
`,
      },
    ],
  },
  {
    name: "uncounted",
    what: "do not count a message whose last reply is confirmed",
    edits: [{ file: outbox, search: "if confirmed.reply.last {", replacement: "if confirmed.key.is_empty() {" }],
  },
  {
    name: "drop-letter",
    what: "drop a dead letter that KV refuses",
    edits: [
      {
        file: letters,
        search: "            Ok(()) => self.conclude(pass, &[Change::Delete(key)]).await,\n",
        replacement: `            Ok(()) => self.conclude(pass, &[Change::Delete(key)]).await,
            Err(_) if letter.tries == 0 => self.conclude(pass, &[Change::Delete(key)]).await,
`,
      },
    ],
  },
  {
    name: "forget-alarm",
    what: "store without calling for the alarm",
    edits: [
      {
        file: engine,
        search: "        self.ports.write(changes)?;\n        self.arm().await\n",
        replacement: "        self.ports.write(changes)\n",
      },
    ],
  },
  {
    name: "forget-numbers",
    what: "number rows from the beginning again after a crash",
    edits: [
      {
        file: engine,
        search: "for prefix in [rows::inbox(), rows::outbox(), rows::letters()] {",
        replacement: "for prefix in [rows::letters()] {",
      },
    ],
  },
  {
    name: "empty-unread",
    what: "empty the object without reading back what KV has",
    edits: [
      {
        file: rest,
        search: "        if before.flight().loaded {\n            let shown",
        replacement: "        counts = if counts == before.counts { counts } else { before.counts };\n        if self.address.bot.is_empty() {\n            let shown",
      },
    ],
  },
  {
    name: "empty-unasked",
    what: "empty the object though a message came while KV was read",
    edits: [
      {
        file: rest,
        search: "now.updated_at != before.updated_at || !self.is_quiet()? {",
        replacement: "now.updated_at != before.updated_at {",
      },
    ],
  },
];
