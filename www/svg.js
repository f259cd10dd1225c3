// A text as a picture (SVG): every token in the colour of its surprisal, and the distribution that the token looked at was
// drawn from. It stands alone: it needs no font, style or script of the page.

import { percent, visible } from "./format.js";
import { surprise } from "./tokens.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {{ text: string, column: number, row: number, columns: number, fill?: string, shown?: boolean }} Piece */

/** The width of the text in characters, and what the characters of a typewriter font take, in units of the picture. */
const COLUMNS = 64;
const WIDTH = 9;
const LINE = 26;
const MARGIN = 24;
/** The width of the bars. */
const BARS = 300;
/** The colours of a token that the model was sure of, and of one that surprised it. */
const SURE = [0xd9, 0xec, 0xef];
const SURPRISED = [0xf7, 0xb2, 0x7a];

/**
 * The picture of a text whose token `look` is looked at.
 *
 * @param {{ model?: import("./pkg/index.js").ModelInfo, prompt: string, seed: number | bigint, tokens: DrawnToken[],
 *   look: number }} text
 */
export function toSvg({ model, prompt, seed, tokens, look }) {
  const pieces = layOut([
    { text: prompt },
    ...tokens.map(({ text, logprob }, index) => ({ text, fill: colour(Math.exp(logprob)), shown: index === look })),
  ]);
  const token = tokens[look] ?? tokens[tokens.length - 1];
  const right = 2 * MARGIN + COLUMNS * WIDTH;
  const bars = drawBars(token, right);
  const lines = 1 + Math.max(0, ...pieces.map(({ row }) => row));
  const height = 2 * MARGIN + LINE * (1 + Math.max(lines, bars.rows));
  const { temperature, top_k, top_p, min_p } = token.options;
  const told = `${model?.name ?? "a model"}, seed ${seed}, temperature ${temperature}, top-k ${top_k}, top-p ${top_p}, min-p ${min_p}`;
  const width = right + BARS + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, monospace" font-size="15">`,
    `<title>A text by ${escape(model?.name ?? "a model")}, each token in the colour of its surprisal</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...pieces.map(drawPiece),
    ...bars.drawn,
    `<text x="${MARGIN}" y="${height - MARGIN}" fill="#66686f" font-size="12">${escape(told)}</text>`,
    "</svg>",
    "",
  ].join("\n");
}

/**
 * The colour of a token, in light mode.
 *
 * @param {number} probability
 */
function colour(probability) {
  const share = surprise(probability);
  return `rgb(${SURE.map((sure, index) => Math.round(sure + share * (SURPRISED[index] - sure)))})`;
}

/**
 * Breaks texts into lines: before a word that does not fit, and within one that is longer than a line.
 *
 * @param {{ text: string, fill?: string, shown?: boolean }[]} texts
 */
function layOut(texts) {
  const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  /** @type {Piece[]} */
  const pieces = [];
  let [column, row] = [0, 0];
  for (const { text, ...look } of texts) {
    /** @type {Piece | undefined} */
    let piece;
    const breakLine = () => ([column, row, piece] = [0, row + 1, undefined]);
    for (const word of text.match(/\r?\n|[^\S\r\n]*[^\s]+|[^\S\r\n]+|\r/g) ?? []) {
      if (/[\r\n]/.test(word)) {
        breakLine();
        continue;
      }
      const parts = [...characters.segment(word)].map(({ segment }) => ({ segment, wide: columnsOf(segment) }));
      const width = parts.reduce((sum, { wide }) => sum + wide, 0);
      if (column + width > COLUMNS && width <= COLUMNS) breakLine();
      for (const { segment, wide } of parts) {
        if (column + wide > COLUMNS) breakLine();
        if (!piece) pieces.push((piece = { text: "", column, row, columns: 0, ...look }));
        piece.text += segment;
        piece.columns += wide;
        column += wide;
      }
    }
  }
  return pieces;
}

/**
 * How many columns a character takes: two for those of East Asia and for pictures.
 *
 * @param {string} character
 */
const columnsOf = (character) =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}\uff00-\uff60]/u.test(
    character,
  )
    ? 2
    : 1;

/** @param {Piece} piece */
function drawPiece({ text, column, row, columns, fill, shown }) {
  const [x, y, width] = [MARGIN + column * WIDTH, MARGIN + row * LINE, columns * WIDTH];
  const frame = shown ? ' stroke="#b4481e" stroke-width="2"' : ' stroke="#fff"';
  const box = fill
    ? `<rect x="${x}" y="${y}" width="${width}" height="${LINE - 4}" rx="3" fill="${fill}"${frame}/>`
    : "";
  return box + drawText(text, x, y + 16, fill ? "#22242a" : "#66686f", width);
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} fill
 * @param {number} [width] what it is stretched to, so that every font of the viewer fits
 */
function drawText(text, x, y, fill, width) {
  const fit = width ? ` textLength="${width}" lengthAdjust="spacingAndGlyphs"` : "";
  return `<text x="${x}" y="${y}" fill="${fill}" xml:space="preserve"${fit}>${escape(text)}</text>`;
}

/**
 * The candidates of a token with the probabilities that the model gave them; those that the sampler cut are pale.
 *
 * @param {DrawnToken} token
 * @param {number} left
 */
function drawBars({ id, record }, left) {
  const candidates = record?.candidates ?? [];
  const most = Math.max(...candidates.map(({ logprob }) => Math.exp(logprob)), 0);
  const drawn = candidates.map((candidate, index) => {
    const [y, probability] = [MARGIN + index * LINE, Math.exp(candidate.logprob)];
    const width = most > 0 ? Math.round((BARS * probability) / most) : 0;
    const frame = candidate.id === id ? ' stroke="#b4481e" stroke-width="2"' : "";
    const ink = candidate.probability > 0 ? "#22242a" : "#9b9ca3";
    return [
      `<rect x="${left}" y="${y}" width="${width}" height="${LINE - 4}" fill="#ead9cd"/>`,
      `<rect x="${left}" y="${y}" width="${BARS}" height="${LINE - 4}" fill="none" rx="3"${frame}/>`,
      drawText(visible(candidate.text), left + 6, y + 16, ink),
      `<text x="${left + BARS - 6}" y="${y + 16}" fill="${ink}" text-anchor="end">${escape(percent(probability))}</text>`,
    ].join("");
  });
  return { drawn, rows: candidates.length };
}

/**
 * A text as XML can have it: of the control characters, it has only white space.
 *
 * @param {string} text
 */
const escape = (text) =>
  text
    // eslint-disable-next-line no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
