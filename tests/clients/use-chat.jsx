// A page with React and the AI SDK's `useChat`, written as a user would: the model answers in the tab, without a server.

import { useChat } from "@ai-sdk/react";
import { DirectChatTransport, ToolLoopAgent } from "ai";
import { useState } from "react";
import { createRoot } from "react-dom/client";

function Chat({ transport, onFinish }) {
  const { messages, sendMessage, status, stop, regenerate, error } = useChat({ transport, onFinish });
  const [input, setInput] = useState("");
  const submit = (event) => {
    event.preventDefault();
    sendMessage({ text: input });
    setInput("");
  };
  return (
    <form onSubmit={submit}>
      <ol>
        {messages.map(({ id, role, parts }) => (
          <li key={id} className={role}>
            {parts.map((part, index) => part.type === "text" && <span key={index}>{part.text}</span>)}
          </li>
        ))}
      </ol>
      <input value={input} onChange={(event) => setInput(event.target.value)} />
      <output>{status}</output>
      <button id="stop" type="button" onClick={stop}>
        Stop
      </button>
      <button id="again" type="button" onClick={() => regenerate()}>
        Again
      </button>
      {error && <p role="alert">{error.message}</p>}
    </form>
  );
}

/** Shows the chat in place of what the page showed. `model` is one of the SDK's. */
globalThis.showChat = (model, settings, onFinish) => {
  // Errors are shown in the page; the agent would print them as well.
  const agent = new ToolLoopAgent({ model, onError: () => {}, ...settings });
  const transport = new DirectChatTransport({ agent, onError: (error) => error.message });
  document.body.replaceChildren(document.createElement("div"));
  createRoot(document.body.firstChild).render(<Chat transport={transport} onFinish={onFinish} />);
};
