/** Conversations as files: saved, and said again. */

import type { Fixture, ReplayRequest } from "../api.ts";
import { api } from "./api.ts";
import { openForm } from "./dialog.ts";
import { el } from "./dom.ts";
import { note } from "./live.ts";
import { store } from "./store.ts";
import { count } from "./words.ts";

export async function saveFixture(conversationId: string, name: string): Promise<void> {
  try {
    const fixture = await api.fixture({ conversationId, name });
    const file = new Blob([`${JSON.stringify(fixture, undefined, 2)}\n`], { type: "application/json" });
    const url = URL.createObjectURL(file);
    el("a", { href: url, download: `${fileName(name)}.json` }).click();
    URL.revokeObjectURL(url);
    note(`Saved ${count(fixture.messages.length, "message")} and ${count(fixture.callbacks.length, "callback")}.`);
  } catch (error) {
    note((error as Error).message, "bad");
  }
}

export function openReplay(): void {
  const bots = store.state?.bots ?? [];
  const options = bots.map(({ user }) => ({ value: user.uid, label: user.name, hint: user.uid }));
  openForm({
    title: "Replay a fixture",
    fields: [
      {
        name: "file",
        label: "Fixture",
        kind: "file",
        accept: ".json,application/json",
        hint: "A conversation that was saved from this page.",
      },
      {
        name: "mode",
        label: "How",
        kind: "radio",
        options: [
          {
            value: "messages",
            label: "Say it again",
            hint: "What people said is sent as new messages, one after the other.",
            checked: true,
          },
          {
            value: "callbacks",
            label: "Post the recorded callbacks",
            hint: "The bodies as they were, ids included: a bot may know them already.",
          },
        ],
      },
      ...(bots.length > 1
        ? [
            {
              name: "bot",
              label: "To",
              kind: "radio" as const,
              options: [{ value: "", label: "The bot of the fixture", checked: true }, ...options],
            },
          ]
        : []),
    ],
    action: "Replay",
    submit: async (values) => {
      const fixture = await read(values.get("file"));
      const bot = String(values.get("bot") ?? "");
      const mode = String(values.get("mode")) as NonNullable<ReplayRequest["mode"]>;
      const { messageIds } = await api.replay({ fixture, mode, ...(bot !== "" && { bot }) });
      note(`Replayed ${count(messageIds.length, mode === "messages" ? "message" : "callback")}.`);
    },
  });
}

async function read(file: FormDataEntryValue | null): Promise<Fixture> {
  if (!(file instanceof File)) throw new Error("Choose a file.");
  try {
    return JSON.parse(await file.text()) as Fixture;
  } catch {
    throw new Error(`${file.name} is no JSON file.`);
  }
}

function fileName(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "") || "conversation"
  );
}
