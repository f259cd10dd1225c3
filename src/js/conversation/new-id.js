// The ids of calls.

/** The id of a call: some templates want nine letters and digits. */
export function newId() {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const drawn = crypto.getRandomValues(new Uint8Array(9));
  return [...drawn].map((byte) => letters[byte % letters.length]).join("");
}
