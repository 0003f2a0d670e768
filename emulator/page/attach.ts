/** Messages that are more than text: their dialogs. */

import type { JsonObject, SendAsPerson } from "../api.ts";
import { openForm } from "./dialog.ts";
import { openMenu } from "./menu.ts";

type Send = (message: Partial<SendAsPerson>) => Promise<void>;

/** The kinds of message that CometChat has for files, by what their MIME type begins with. */
const KINDS = ["image", "audio", "video"];

/** What a file's name says about its contents, as far as pictures, sound and films go. */
const MIME_TYPES: Record<string, string> = {
  gif: "image/gif",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  svg: "image/svg+xml",
  webp: "image/webp",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  mp4: "video/mp4",
  webm: "video/webm",
  pdf: "application/pdf",
  txt: "text/plain",
  zip: "application/zip",
};

export function attachMenu(anchor: HTMLElement, send: Send): void {
  openMenu(anchor, "Attach", [
    { label: "Picture", icon: "image", run: () => openPicture(send) },
    { label: "File", icon: "file", run: () => openFile(send) },
    { label: "Custom message", icon: "braces", run: () => openCustom(send) },
  ]);
}

function openPicture(send: Send): void {
  openForm({
    title: "Send a picture",
    fields: [
      { name: "url", label: "Address of the picture", kind: "url", placeholder: "https://example.com/picture.png" },
      { name: "text", label: "Caption", optional: true },
    ],
    action: "Send",
    submit: (values) => send(media("image", text(values, "url"), text(values, "text"))),
  });
}

function openFile(send: Send): void {
  openForm({
    title: "Send a file",
    intro: "The address decides the kind of message: sound and films become audio and video messages.",
    fields: [
      { name: "url", label: "Address of the file", kind: "url", placeholder: "https://example.com/report.pdf" },
      { name: "text", label: "Caption", optional: true },
    ],
    action: "Send",
    submit: (values) => {
      const url = text(values, "url");
      const kind = mimeType(url).split("/")[0] ?? "";
      return send(media(KINDS.includes(kind) ? kind : "file", url, text(values, "text")));
    },
  });
}

function openCustom(send: Send): void {
  openForm({
    title: "Send a custom message",
    fields: [
      { name: "type", label: "Type", value: "location" },
      {
        name: "customData",
        label: "customData, as JSON",
        kind: "textarea",
        value: JSON.stringify({ latitude: 50.6, longitude: 3.06 }, undefined, 2),
      },
    ],
    action: "Send",
    submit: async (values) => {
      const customData = parse(text(values, "customData"));
      await send({ category: "custom", type: text(values, "type"), data: { customData } });
    },
  });
}

function media(type: string, url: string, caption: string): Partial<SendAsPerson> {
  const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "") || new URL(url).host;
  const attachment = { name, extension: extension(url), mimeType: mimeType(url), url };
  return { type, data: { url, ...(caption !== "" && { text: caption }), attachments: [attachment] } };
}

function extension(url: string): string {
  return /\.([a-z0-9]{1,8})$/i.exec(new URL(url).pathname)?.[1]?.toLowerCase() ?? "";
}

function mimeType(url: string): string {
  return MIME_TYPES[extension(url)] ?? "application/octet-stream";
}

function parse(json: string): JsonObject {
  try {
    return JSON.parse(json) as JsonObject;
  } catch (error) {
    throw new Error(`This is no JSON: ${(error as Error).message}`);
  }
}

function text(values: FormData, name: string): string {
  return String(values.get(name) ?? "").trim();
}
