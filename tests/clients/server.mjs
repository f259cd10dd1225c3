// A small server with OpenAI's interface, to stand for llama-server and the like. It writes a text that is known, and
// remembers what it was asked.

import { createServer } from "node:http";

const WORDS = ["From", " the", " server", ".", " ✓"];

/** A call of a tool, in pieces. */
const CALL = [
  { index: 0, id: "call-1", type: "function", function: { name: "weather", arguments: "" } },
  { index: 0, function: { arguments: '{"place": ' } },
  { index: 0, function: { arguments: '"Rome"}' } },
];

/** The chunks of a streamed answer. */
function chunksOf(chat, usage, calls) {
  if (calls) {
    return [
      // Servers have two names for what the model thinks, and may send the other one empty.
      { choices: [{ index: 0, delta: { reasoning_content: "Hm." }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { reasoning: " So.", reasoning_content: null }, finish_reason: null }] },
      ...CALL.map((call) => ({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] })),
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      { choices: [], usage },
    ];
  }
  const choice = (text) => (chat ? { delta: { content: text } } : { text });
  return [
    ...WORDS.map((word) => ({ choices: [{ index: 0, ...choice(word), finish_reason: null }] })),
    { choices: [{ index: 0, ...choice(""), finish_reason: "stop" }] },
    { choices: [], usage },
  ];
}

const USAGE = { prompt_tokens: 7, completion_tokens: WORDS.length, total_tokens: 7 + WORDS.length };

/** Sends bytes in small pieces: characters, lines and events come apart. */
async function sendInPieces(response, text, broken) {
  const bytes = Buffer.from(text);
  const end = broken ? bytes.length / 2 : bytes.length;
  for (let at = 0; at < end && !response.destroyed; at += 37) {
    response.write(bytes.subarray(at, Math.min(at + 37, end)));
    await new Promise(setImmediate);
  }
  if (broken) response.destroy();
  else response.end();
}

async function answer(request, response, asked) {
  let text = "";
  for await (const piece of request) text += piece;
  const body = text && JSON.parse(text);
  const { url, method, headers } = request;
  asked.push({ url, method, headers, body });
  const json = (status, value) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (url === "/v1/models") return json(200, { object: "list", data: [{ id: "big", object: "model" }] });
  if (headers.authorization !== "Bearer secret")
    return json(401, { error: { message: "who are you?", code: "no_key" } });
  const chat = url === "/v1/chat/completions";
  if (!chat && url !== "/v1/completions") return json(404, { error: { message: "nothing here" } });
  if (!body.stream) {
    const written = chat ? { message: { role: "assistant", content: WORDS.join("") } } : { text: WORDS.join("") };
    return json(200, {
      object: "chat.completion",
      choices: [{ index: 0, ...written, finish_reason: "stop" }],
      usage: USAGE,
    });
  }
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const events = chunksOf(chat, USAGE, body.tool_choice === "required").map(
    (chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`,
  );
  await sendInPieces(response, `: a comment\n\n${events.join("")}data: [DONE]\n\n`, body.seed === 666);
}

/** Starts the server: its address, what it was asked so far, and how to close it. */
export async function serve() {
  const asked = [];
  const server = createServer((request, response) => answer(request, response, asked));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { baseURL: `http://127.0.0.1:${server.address().port}/v1`, asked, close, text: WORDS.join("") };
}
