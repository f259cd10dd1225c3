// A page of the extension, whose buttons have the side panel or the service worker take the steps.

const from = new URLSearchParams(location.search).get("from");
const here = (name) => new URL(name, location.href).href;
// The store takes addresses of http alone.
const files = {
  model: here("stories.gguf"),
  encoder: here("encoder.gguf"),
  stored: new URL("stories.gguf", from).href,
};

chrome.runtime.onMessage.addListener(({ wanted, outcome }, _, answer) => {
  if (wanted) answer(files);
  if (outcome) globalThis.outcome = outcome;
});

const { id: windowId } = await chrome.windows.getCurrent();
document.querySelector("#panel").onclick = () => chrome.sidePanel.open({ windowId });
document.querySelector("#background").onclick = async () => {
  globalThis.outcome = await chrome.runtime.sendMessage({ take: files });
};
document.body.dataset.ready = "";
