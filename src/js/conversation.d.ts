import type { WorkerGenerator } from "./index.js";
import type { ChatOptions, FinishReason, Generator, Token } from "./nexttoken.js";

/** A tool that the model may call. */
export interface Tool {
  type: "function";
  function: {
    /** Up to 64 letters, digits, dots, dashes and underscores. It begins with a letter or an underscore. */
    name: string;
    description?: string;
    /** The JSON schema of the arguments, of an object. Calls keep to it as far as `converse` says. */
    parameters?: object;
  };
}

/** A call of a tool. */
export interface ToolCall {
  /** Drawn at random, to tell the results of several calls apart. */
  id: string;
  type: "function";
  function: { name: string; arguments: Record<string, unknown> };
}

/** A message of a conversation with tools. */
export interface ConversationMessage {
  /** "system", "user", "assistant", "tool", or whatever else the template knows. */
  role: string;
  content?: string | null;
  /** What the model thought: of an answer. */
  reasoning_content?: string | null;
  /** Of an answer. The arguments may be JSON in a string, too. */
  tool_calls?: { id?: string; type?: string; function: { name: string; arguments: object | string } }[] | null;
  /** Of a result: the call that it belongs to. */
  tool_call_id?: string | null;
  /** Of a result: the tool. */
  name?: string | null;
}

/** In a conversation `stop` ends the text alone, and is not looked for in calls and thinking. */
export interface ConversationOptions extends ChatOptions {
  tools?: Tool[];
  /**
   * Whether the model calls a tool: as it likes, never, in any case, or the one of a name. With "none" it is not told of
   * the tools.
   *
   * @default "auto"
   */
  tool_choice?: "auto" | "none" | "required" | { name: string } | { type: "function"; function: { name: string } };
  /**
   * Whether an answer may have several calls; where it may not, the first one ends it. gpt-oss writes one at most.
   *
   * @default true
   */
  parallel_tool_calls?: boolean;
  thinking?: {
    /** The most tokens that the model thinks: after them the marker at the end of its thinking is forced. */
    limit?: number;
  };
}

/** A piece of an answer: a token, or what of it belongs to another channel. What may become a marker comes with a later one. */
export interface ConversationToken extends Partial<Omit<Token, "text">> {
  /** The text of the piece, without markers; of a call its source. */
  text: string;
  channel: "thinking" | "text" | "call";
  /** The calls that end here. */
  tool_calls?: ToolCall[];
  /** Why what looked like a call is part of the text. */
  warning?: string;
}

/** The finished answer, to be pushed to the messages. */
export interface AnswerMessage {
  role: "assistant";
  content: string;
  reasoning_content?: string;
  tool_calls?: ToolCall[];
}

/** An answer that is being written. Leaving the loop ends it. */
export interface Answer extends AsyncIterable<ConversationToken> {
  /** The message, as far as it has been written. */
  readonly message: AnswerMessage;
  /** Why it ended: "abort" where the loop was left. Undefined while it goes on. */
  readonly finish_reason: FinishReason | "tool_calls" | undefined;
  /** What looked like calls and could not be read. */
  readonly warnings: string[];
  /** Writes all that is left, and gives the message. After a loop only where that came to its end. */
  complete(): Promise<AnswerMessage>;
}

/**
 * Begins the model's answer to `messages`, with tools and with its thinking told apart from its text. How the model writes
 * its calls is found in its chat template. Once a call begins it keeps to the schema of its tool, so that it can always be
 * read, unless `max_tokens` or the context ends within it. An object that lists its properties has no others, unless its
 * schema says otherwise, by `additionalProperties` for one. Where calls are written in Python, XML or Gemma 4's form,
 * each argument keeps to its own schema alone: what the whole says of several arguments together is not looked at.
 * Models of Llama may write calls without a marker; such a call is held to the schema where it begins with its name or
 * `"type": "function"`, and is else taken as the model wrote it.
 */
export function converse(
  generator: Generator | WorkerGenerator,
  messages: ConversationMessage[],
  options?: ConversationOptions,
): Promise<Answer>;
