// Regular expressions of JavaScript in the syntax of the engine, which is that of Rust's crate `regex`. Both look alike, but
// mean different characters by `\d`, `\w`, `\s` and `.`, and differ in what has to be escaped.
//
// Without the flag "u" JavaScript counts a character beyond U+FFFF as two. Here it is always one.

/** @param {string} message */
const unsupported = (message) => new DOMException(message, "NotSupportedError");

/** @param {number} code */
const character = (code) => {
  const text = String.fromCodePoint(code);
  return /[0-9A-Za-z]/.test(text) ? text : `\\u{${code.toString(16)}}`;
};

/** What the escapes of several characters stand for, within brackets; the capital letters stand for all others. */
const SETS = {
  d: "0-9",
  w: "0-9A-Za-z_",
  s: "\\t-\\r\\u{20}\\u{a0}\\u{1680}\\u{2000}-\\u{200a}\\u{2028}\\u{2029}\\u{202f}\\u{205f}\\u{3000}\\u{feff}",
};
const NO_LINE_END = "[^\\n\\r\\u{2028}\\u{2029}]";
const ANY = "[\\u{0}-\\u{10ffff}]";

const CONTROLS = new Map([..."tnvfr"].map((letter, index) => [letter, 9 + index]));

/** An escape that stands for one character by its number. */
const NUMBERED =
  /\\(?:c([A-Za-z])|x([\dA-Fa-f]{2})|u([Dd][89ABab][\dA-Fa-f]{2})\\u([Dd][C-Fc-f][\dA-Fa-f]{2})|u([\dA-Fa-f]{4})|u\{([\dA-Fa-f]+)\}|0(?!\d))/y;
const PROPERTY = /\\[pP]\{[^}]*\}/y;
const QUANTIFIER = /\{\d+(?:,\d*)?\}/y;

/**
 * @typedef {object} Piece of a regular expression
 * @property {string} text as the engine has it
 * @property {number} end where it ends in the source
 * @property {number} [code] the character that it is, where it is one
 */

/**
 * @param {RegExp} expression sticky
 * @param {string} source
 * @param {number} at
 */
function matchAt(expression, source, at) {
  expression.lastIndex = at;
  return expression.exec(source);
}

/**
 * An escape that both syntaxes have, but write or understand differently.
 *
 * @param {string} source
 * @param {number} at
 * @param {boolean} unicode
 * @param {boolean} inClass
 * @returns {Piece}
 */
function readEscape(source, at, unicode, inClass) {
  const numbered = matchAt(NUMBERED, source, at);
  if (numbered && (unicode || numbered[6] === undefined)) {
    const [whole, control, byte, high, low, unit, point] = numbered;
    const pair = high ? String.fromCharCode(parseInt(high, 16), parseInt(low, 16)).codePointAt(0) : undefined;
    const code = control ? control.charCodeAt(0) % 32 : (pair ?? parseInt(byte ?? unit ?? point ?? "0", 16));
    return { text: character(code), end: at + whole.length, code };
  }
  const property = unicode && matchAt(PROPERTY, source, at);
  if (property) return { text: property[0], end: at + property[0].length };
  const letter = source[at + 1];
  // `\c` before anything but a letter, and numbers in base 8.
  if (letter === "c" || letter === "0")
    throw unsupported(`a regular expression with \\${letter} is not supported here`);
  const set = SETS[/** @type {keyof typeof SETS} */ (letter.toLowerCase())];
  if (set) return { text: letter in SETS ? `[${set}]` : `[^${set}]`, end: at + 2 };
  const code = letter === "b" && inClass ? 8 : (CONTROLS.get(letter) ?? source.codePointAt(at + 1) ?? 0);
  // Of these the engine says that it does not have them: boundaries, and references to groups.
  if (/[bBk1-9]/.test(letter) && code !== 8) return { text: `\\${letter}`, end: at + 2 };
  return { text: character(code), end: at + 1 + String.fromCodePoint(code).length, code };
}

/**
 * @param {string} source
 * @param {number} at
 * @returns {Piece}
 */
function readLiteral(source, at) {
  const code = /** @type {number} */ (source.codePointAt(at));
  return { text: character(code), end: at + String.fromCodePoint(code).length, code };
}

/**
 * What is in brackets.
 *
 * @param {string} source
 * @param {number} at
 * @param {boolean} unicode
 * @returns {Piece}
 */
function readClass(source, at, unicode) {
  const negated = source[at + 1] === "^";
  const read = (/** @type {number} */ at) =>
    source[at] === "\\" ? readEscape(source, at, unicode, true) : readLiteral(source, at);
  let text = "";
  let end = at + (negated ? 2 : 1);
  while (source[end] !== "]") {
    const first = read(end);
    text += first.text;
    end = first.end;
    if (source[end] !== "-" || source[end + 1] === "]") continue;
    const last = read(end + 1);
    // A set is no end of a range: the hyphen is itself then.
    const isRange = first.code !== undefined && last.code !== undefined;
    text += `${isRange ? "-" : character(45)}${last.text}`;
    end = last.end;
  }
  if (text === "") return { text: negated ? ANY : `[^${ANY}]`, end: end + 1 };
  return { text: `[${negated ? "^" : ""}${text}]`, end: end + 1 };
}

/**
 * The beginning of a group. What it is called does not matter.
 *
 * @param {string} source
 * @param {number} at
 * @returns {Piece}
 */
function readGroup(source, at) {
  const [opening] = /** @type {string[]} */ (/^\((?:\?(?:<[^=!][^>]*>|:|<?[=!]|.))?/.exec(source.slice(at)));
  if (/^\(\?(?:<?[=!])/.test(opening)) return { text: opening, end: at + opening.length };
  if (/^\(\?[^:<]/.test(opening)) throw unsupported("modifiers in a group are not supported");
  return { text: "(?:", end: at + opening.length };
}

/**
 * The piece that begins at a place.
 *
 * @param {string} source
 * @param {number} at
 * @param {{ unicode: boolean, dotAll: boolean }} flags
 * @returns {Piece}
 */
function readPiece(source, at, { unicode, dotAll }) {
  const first = source[at];
  if (first === "\\") return readEscape(source, at, unicode, false);
  if (first === "[") return readClass(source, at, unicode);
  if (first === "(") return readGroup(source, at);
  if (first === ".") return { text: dotAll ? ANY : NO_LINE_END, end: at + 1 };
  const quantifier = matchAt(QUANTIFIER, source, at);
  if (quantifier) return { text: quantifier[0], end: at + quantifier[0].length };
  if (/[\^$|)*+?]/.test(first)) return { text: first, end: at + 1 };
  return readLiteral(source, at);
}

/**
 * A regular expression that the whole answer is to match, as the engine writes it.
 *
 * @param {RegExp} expression
 */
export function regexOf({ source, flags, unicode, dotAll }) {
  if (/[vy]/.test(flags)) throw unsupported(`the flags "${flags}" are not supported`);
  // The anchors at the ends say nothing then.
  const body = source.replace(/^\^/, "").replace(/(?<!\\)((?:\\\\)*)\$$/, "$1");
  const kept = flags.replace(/[^im]/g, "");
  let text = kept ? `(?${kept})` : "";
  for (let at = 0; at < body.length;) {
    const piece = readPiece(body, at, { unicode, dotAll });
    text += piece.text;
    at = piece.end;
  }
  return text;
}
