/** Where the page finds the model: beside it, or where the check says. */
export function modelAddress() {
  const given = new URLSearchParams(location.search).get("model") ?? "stories.gguf";
  return new URL(given, document.baseURI).href;
}
