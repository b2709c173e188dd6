"use strict";
// What the scripts say, in the page's language: the page brings the messages, unless it is in English.
const messages = JSON.parse(document.getElementById("messages")?.textContent ?? "{}");

/** A text by what it is in English, with the values of its `{names}`. */
function say(text, values = {}) {
  return (messages[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
