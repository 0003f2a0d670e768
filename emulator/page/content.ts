/** What a message holds, drawn: text, pictures, files, custom data, and everything that is not known. */

import type { Message } from "../api.ts";
import type { Attachment } from "../cometchat.ts";
import { el, put } from "./dom.ts";
import { icon } from "./icons.ts";
import { interactive } from "./interactive.ts";
import { jsonView } from "./json.ts";
import { isHttp, outwardLink, textContent } from "./text.ts";

export function contentOf(message: Message): HTMLElement {
  const { category, type, data } = message;
  if (message.deletedAt !== undefined) return el("p", { class: "gone" }, "This message was deleted.");
  if (category === "message" && type === "text") return textContent(data.text ?? "");
  if (category === "message") return mediaContent(message);
  if (category === "interactive" && (type === "card" || type === "form")) return interactive(message);
  const body = (category === "custom" ? data.customData : undefined) ?? withoutEntities(data);
  return el(
    "div",
    { class: "custom" },
    el("p", { class: "kind" }, icon("braces"), `${category === "custom" ? "Custom" : category} · ${type}`),
    typeof data.text === "string" && data.text !== "" && textContent(data.text),
    jsonView(body, 1),
  );
}

function withoutEntities({ entities: _entities, ...data }: Message["data"]): object {
  return data;
}

function mediaContent({ type, data }: Message): HTMLElement {
  const attachments = data.attachments ?? (typeof data["url"] === "string" ? [{ url: data["url"] }] : []);
  return el(
    "div",
    { class: "media" },
    ...attachments.map((attachment) => (type === "image" ? picture(attachment) : file(attachment, type))),
    typeof data.text === "string" && data.text !== "" && textContent(data.text),
  );
}

function picture(attachment: Attachment): HTMLElement {
  if (!isHttp(attachment.url)) return file(attachment, "image");
  const frame = outwardLink(attachment.url);
  frame.className = "picture";
  const image = el("img", { alt: attachment.name ?? "Picture", src: attachment.url, loading: "lazy" });
  // The frame has its size already, so what cannot be shown does not move what is below it.
  image.addEventListener("error", () => {
    put(
      frame,
      el("span", { class: "broken" }, icon("image"), "This picture cannot be loaded.", el("small", {}, attachment.url)),
    );
  });
  frame.append(image);
  return frame;
}

function file(attachment: Attachment, type: string): HTMLElement {
  const { url, name, mimeType, size } = attachment;
  const label = el(
    "span",
    {},
    el("strong", {}, name ?? url.split(/[/?#]/).findLast((part) => part !== "") ?? url),
    el("small", {}, [mimeType ?? type, size === undefined ? "" : bytes(Number(size))].filter(Boolean).join(" · ")),
  );
  if (!isHttp(url)) return el("span", { class: "file" }, icon("file"), label);
  const link = outwardLink(url, icon("file"), label);
  link.className = "file";
  return link;
}

function bytes(size: number): string {
  if (!(size >= 0)) return "";
  return size < 1024
    ? `${size} bytes`
    : size < 1024 ** 2
      ? `${Math.round(size / 1024)} KB`
      : `${(size / 1024 ** 2).toFixed(1)} MB`;
}
