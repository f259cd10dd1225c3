/** The addresses of the model and of the text encoder: beside the page, or where the check says. */
export function addresses() {
  const from = new URL(new URLSearchParams(location.search).get("from") ?? ".", document.baseURI);
  const model = new URL("stories.gguf", from).href;
  return { model, stored: model, encoder: new URL("encoder.gguf", from).href };
}
