// A book that is served with the page.

export const ALICE = {
  path: "alice.txt",
  name: "Alice's Adventures in Wonderland (Lewis Carroll, 1865, public domain)",
};

/** Its text. */
export async function fetchAlice() {
  const response = await fetch(new URL(ALICE.path, location.href));
  if (!response.ok) throw new Error(`the text could not be loaded: the server answered ${response.status}`);
  return response.text();
}
