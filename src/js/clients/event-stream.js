// Server-sent events, as OpenAI's interface uses them: one JSON value in each, and "[DONE]" at the end.

/**
 * The values of a stream of bytes, up to the end that the server marks. Fails where the stream ends without.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      text += done ? decoder.decode() : decoder.decode(value, { stream: true });
      // A line break of two characters may have come in two pieces.
      const blocks = text.split(/\r\n\r\n|\n\n|\r\r(?!\n)/);
      text = done ? "" : (blocks.pop() ?? "");
      for (const data of blocks.map(dataOf).filter(Boolean)) {
        if (data === "[DONE]") return;
        yield JSON.parse(data);
      }
      if (done) throw new TypeError("the server closed the stream before its end");
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * The data of an event; empty for a comment.
 *
 * @param {string} block
 */
function dataOf(block) {
  const lines = block.split(/\r\n|\n|\r/);
  const data = lines.filter((line) => line.startsWith("data:"));
  return data.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

/**
 * The bytes of a stream of values. An error of the stream becomes its last value.
 *
 * @param {ReadableStream<unknown>} values
 * @param {(thrown: unknown) => unknown} describe what is told of an error
 * @returns {ReadableStream<Uint8Array>}
 */
export function writeEvents(values, describe) {
  const reader = values.getReader();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const event = (/** @type {string} */ data) => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        const { done, value } = await reader.read();
        event(done ? "[DONE]" : JSON.stringify(value));
        if (done) controller.close();
      } catch (thrown) {
        event(JSON.stringify(describe(thrown)));
        controller.close();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
