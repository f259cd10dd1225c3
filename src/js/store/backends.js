// Where a model store keeps its files: small folders of files that are written whole. A backend knows nothing of models.
//
// A model is kept in segments and not in one file, because what is written to a file of the browser's own file system
// is lost if the tab closes before the file does.

/**
 * @typedef {object} Backend
 * @property {string} name
 * @property {(folder: string, file: string) => Promise<Blob | undefined>} read undefined where there is no such file
 * @property {(folder: string, file: string, content: Uint8Array<ArrayBuffer> | string) => Promise<void>} write writes
 *   the whole file or nothing
 * @property {(folder: string, file?: string) => Promise<void>} remove one file, or the folder with all its files
 * @property {() => Promise<string[]>} folders
 */

/** The name of the folder, or the cache, with all models. */
const NAME = "nexttoken-models-3";

/** @param {any} error */
const isMissing = (error) => error?.name === "NotFoundError" || error?.code === "ENOENT";

/**
 * @template Value
 * @param {Promise<Value>} promise
 * @returns {Promise<Value | undefined>} undefined where a file or folder does not exist
 */
const unlessMissing = (promise) =>
  promise.catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });

/**
 * The origin private file system. It is used where a file can be written on any thread (`createWritable`), so that all
 * threads see the same models.
 *
 * @returns {Promise<Backend>}
 */
async function opfs() {
  if (typeof FileSystemFileHandle === "undefined" || !("createWritable" in FileSystemFileHandle.prototype)) {
    throw new Error("this browser cannot write to a file system of its own");
  }
  const origin = await navigator.storage.getDirectory();
  // Looked up each time: the data of the site may be cleared while a page lives.
  const root = () => origin.getDirectoryHandle(NAME, { create: true });
  await root();
  const folderOf = async (/** @type {string} */ name, create = false) =>
    (await root()).getDirectoryHandle(name, { create });
  return {
    name: "opfs",
    async read(folder, file) {
      const found = folderOf(folder).then((handle) => handle.getFileHandle(file));
      return unlessMissing(found.then((handle) => handle.getFile()));
    },
    async write(folder, file, content) {
      const handle = await (await folderOf(folder, true)).getFileHandle(file, { create: true });
      const stream = await handle.createWritable();
      try {
        await stream.write(content);
        await stream.close();
      } catch (error) {
        await stream.abort().catch(() => {});
        throw error;
      }
    },
    async remove(folder, file) {
      const parent = file === undefined ? root() : folderOf(folder);
      await unlessMissing(parent.then((handle) => handle.removeEntry(file ?? folder, { recursive: true })));
    },
    async folders() {
      const names = [];
      for await (const name of (await root()).keys()) names.push(name);
      return names;
    },
  };
}

/**
 * Cache Storage, with an address of its own for each file.
 *
 * @returns {Promise<Backend>}
 */
async function cacheStorage() {
  await caches.open(NAME);
  // Opened each time: the data of the site may be cleared while a page lives.
  const cache = () => caches.open(NAME);
  const address = (/** @type {string} */ folder, file = "") => `https://nexttoken.invalid/${folder}/${file}`;
  return {
    name: "cache",
    read: async (folder, file) => (await (await cache()).match(address(folder, file)))?.blob(),
    async write(folder, file, content) {
      await (await cache()).put(address(folder, file), new Response(content));
    },
    async remove(folder, file) {
      const opened = await cache();
      if (file !== undefined) return void (await opened.delete(address(folder, file)));
      const inside = (await opened.keys()).filter(({ url }) => url.startsWith(address(folder)));
      await Promise.all(inside.map((request) => opened.delete(request)));
    },
    async folders() {
      const requests = await (await cache()).keys();
      return [...new Set(requests.map(({ url }) => new URL(url).pathname.split("/")[1]))];
    },
  };
}

/**
 * A folder on the disk, in Node and what is compatible with it. Without an import, which bundlers would look for.
 *
 * @param {string} [root]
 * @returns {Backend}
 */
export function folderBackend(root) {
  /** @type {any} */
  const { getBuiltinModule, env } = /** @type {any} */ (globalThis).process;
  const [fs, os, path] = ["node:fs/promises", "node:os", "node:path"].map((name) => getBuiltinModule(name));
  const cacheFolder = env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  const top = root ?? path.join(cacheFolder, NAME);
  return {
    name: "folder",
    async read(folder, file) {
      const bytes = await unlessMissing(fs.readFile(path.join(top, folder, file)));
      return bytes && new Blob([bytes]);
    },
    async write(folder, file, content) {
      await fs.mkdir(path.join(top, folder), { recursive: true });
      const draft = path.join(top, folder, `${file}.${crypto.randomUUID()}`);
      try {
        await fs.writeFile(draft, content);
        await fs.rename(draft, path.join(top, folder, file));
      } catch (error) {
        await fs.rm(draft, { force: true });
        throw error;
      }
    },
    remove: (folder, file = "") => fs.rm(path.join(top, folder, file), { recursive: true, force: true }),
    folders: async () => (await unlessMissing(fs.readdir(top))) ?? [],
  };
}

/**
 * The memory of this thread: nothing outlives the page.
 *
 * @returns {Backend}
 */
export function memoryBackend() {
  /** @type {Map<string, Map<string, Blob>>} */
  const folders = new Map();
  return {
    name: "memory",
    read: async (folder, file) => folders.get(folder)?.get(file),
    async write(folder, file, content) {
      const files = folders.get(folder) ?? new Map();
      folders.set(folder, files.set(file, new Blob([content])));
    },
    async remove(folder, file) {
      if (file === undefined) folders.delete(folder);
      else folders.get(folder)?.delete(file);
    },
    folders: async () => [...folders.keys()],
  };
}

/**
 * The best backend there is here; undefined where nothing can be kept, as in some private windows.
 *
 * @returns {Promise<Backend | undefined>}
 */
export async function defaultBackend() {
  if (/** @type {any} */ (globalThis).process?.getBuiltinModule) return folderBackend();
  return opfs()
    .catch(cacheStorage)
    .catch(() => undefined);
}
