/** Choosing and adding people, chats and groups. */

import { restApi } from "./api.ts";
import { avatar, botBadge, chatAvatar } from "./avatar.ts";
import type { Field } from "./dialog.ts";
import { openForm } from "./dialog.ts";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";
import { note } from "./live.ts";
import type { Option } from "./picker.ts";
import { pick } from "./picker.ts";
import { go } from "./route.ts";
import { store } from "./store.ts";
import { count } from "./words.ts";

/** People that a new group offers; others are added later. CometChat takes 25 in one call. */
const MAX_OFFERED = 24;

export function choosePerson(): void {
  const options = (store.state?.people ?? []).map(({ uid, name }): Option => ({
    label: name,
    detail: uid,
    avatar: () => avatar(uid),
    selected: uid === store.me,
    run: () => {
      const former = store.me;
      store.speakAs(uid);
      note(`You speak as ${name} now.`);
      // Whoever becomes the other side of a chat sees it from there.
      if (store.chat?.receiverType === "user" && store.chat.receiver === uid)
        go({ receiverType: "user", receiver: former });
    },
  }));
  const add = el("button", { class: "button", type: "button", onclick: addPerson }, icon("personAdd"), "Add a person");
  pick("Speak as", options, add);
}

export function chooseChat(): void {
  const { state, me } = store;
  if (!state) return;
  const users = [...state.bots.map(({ user }) => user), ...state.people.filter(({ uid }) => uid !== me)];
  const options: Option[] = [
    ...users.map(({ uid, name }) => ({
      label: name,
      detail: uid,
      avatar: () => avatar(uid),
      badge: store.isBot(uid) ? botBadge : undefined,
      run: () => go({ receiverType: "user", receiver: uid }),
    })),
    ...state.groups.map(({ group, members }) => {
      const chat = { receiverType: "group" as const, receiver: group.guid };
      const detail = `${group.guid} · ${count(members.length, "member")}`;
      return { label: group.name, detail, avatar: () => chatAvatar(chat), run: () => go(chat) };
    }),
  ];
  const group = el("button", { class: "button", type: "button", onclick: addGroup }, icon("group"), "Add a group");
  const person = el(
    "button",
    { class: "button", type: "button", onclick: addPerson },
    icon("personAdd"),
    "Add a person",
  );
  pick("New chat", options, group, person);
}

export function addPerson(): void {
  openForm({
    title: "Add a person",
    intro: "You will speak as this person.",
    fields: [{ name: "name", label: "Name", placeholder: "Ada Lovelace" }, idField("uid", "UID")],
    action: "Add",
    changed: (form, event) => suggestId(form, event, "uid"),
    submit: async (values) => {
      const user = await rest().createUser(text(values, "uid"), text(values, "name"));
      await store.load();
      store.speakAs(user.uid);
    },
  });
}

export function addGroup(): void {
  const { state, me } = store;
  if (!state) return;
  const others = [...state.bots.map(({ user }) => user), ...state.people.filter(({ uid }) => uid !== me)];
  const options = others.slice(0, MAX_OFFERED).map(({ uid, name }) => ({
    value: uid,
    label: name,
    hint: store.isBot(uid) ? `${uid} · bot` : uid,
    checked: store.isBot(uid),
  }));
  openForm({
    title: "Add a group",
    fields: [
      { name: "name", label: "Name", placeholder: "Book club" },
      idField("guid", "GUID"),
      { name: "members", label: "Members besides you", kind: "choices", options },
    ],
    action: "Add",
    changed: (form, event) => suggestId(form, event, "guid"),
    submit: async (values) => {
      const guid = text(values, "guid");
      const group = await rest().createGroup(guid, text(values, "name"), me, values.getAll("members").map(String));
      await store.load();
      go({ receiverType: "group", receiver: group.guid });
    },
  });
}

/** @throws ApiError */
export async function joinGroup(guid: string): Promise<void> {
  await rest().join(guid, store.me);
}

function rest() {
  return restApi(store.state?.apiKey ?? "");
}

function idField(name: string, label: string): Field {
  return { name, label, hint: "Lower-case letters, digits, - and _. It cannot be changed later." };
}

/** The id follows the name until it is typed by hand. */
function suggestId(form: HTMLFormElement, event: Event, field: string): void {
  const id = form.elements.namedItem(field) as HTMLInputElement;
  const changed = event.target as HTMLInputElement;
  if (changed === id) id.dataset["own"] = "true";
  if (changed.name !== "name" || id.dataset["own"]) return;
  const plain = changed.value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  id.value = plain.replace(/[^a-z0-9_]+/g, "-").replace(/^-+|-+$/g, "");
}

function text(values: FormData, name: string): string {
  return String(values.get(name) ?? "").trim();
}
