// The chat view: a conversation with the model, by its own chat template.

const $ = (id) => document.getElementById(id);

const messages = [];

/** The messages so far, as the engine takes them. */
export function conversation() {
  const system = $("system").value.trim();
  return system ? [{ role: "system", content: system }, ...messages] : [...messages];
}

/**
 * Sends the text in the box as the user's message.
 *
 * @param {(into: HTMLElement, seen: (token: object) => void) => Promise<boolean>} answer runs the model, shows its
 *   tokens in `into` and calls `seen` with each; resolves to whether that succeeded
 */
export async function send(answer) {
  const said = $("say").value.trim();
  if (!said) return;
  $("say").value = "";
  messages.push({ role: "user", content: said });
  const asked = add("user", said);
  const answered = add("assistant", "");
  let text = "";
  let last;
  const well = await answer(answered, (token) => {
    text += token.text;
    last = token;
    if (isNearEnd()) toEnd();
  });
  answered.classList.remove("waiting");
  if (!well || text === "") return takeBack(said, asked, answered);
  messages.push({ role: "assistant", content: text });
  if (last.finish_reason === "length") answered.classList.add("cut");
}

/** Forgets the conversation. */
export function newChat() {
  messages.length = 0;
  $("messages").replaceChildren();
}

/** Removes a message that got no answer, and puts its text back into the box. */
function takeBack(said, ...items) {
  messages.pop();
  for (const item of items) item.remove();
  if (!$("say").value) $("say").value = said;
}

function add(role, text) {
  const item = document.createElement("li");
  item.className = role;
  item.classList.toggle("waiting", role === "assistant");
  item.setAttribute("aria-label", role === "user" ? "You" : "The model");
  item.textContent = text; // never as HTML: a model may write anything
  $("messages").append(item);
  toEnd();
  return item;
}

/** Whether the view is scrolled to the end, so that it should follow new text. */
const isNearEnd = () => $("messages").scrollTop + $("messages").clientHeight >= $("messages").scrollHeight - 80;
const toEnd = () => ($("messages").scrollTop = $("messages").scrollHeight);
