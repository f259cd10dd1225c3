// The chat view: a conversation with the model, by the template in its file.

const $ = (id) => document.getElementById(id);

const messages = [];

/** What is said so far, as the engine takes it. */
export function conversation() {
  const system = $("system").value.trim();
  return system ? [{ role: "system", content: system }, ...messages] : [...messages];
}

/**
 * Says what is in the box.
 *
 * @param {(into: HTMLElement, seen: (token: object) => void) => Promise<boolean>} answer runs the model,
 *   shows its tokens in `into` and calls `seen` with each; resolves to whether that went well
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

/** Nothing came of it: as if it had not been said. */
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

/** Whether the reader follows, rather than looking at what was said before. */
const isNearEnd = () => $("messages").scrollTop + $("messages").clientHeight >= $("messages").scrollHeight - 80;
const toEnd = () => ($("messages").scrollTop = $("messages").scrollHeight);
