import type { NextTokenError } from "./index.js";
import type { ModelSource } from "./nexttoken.js";

/** Where the bytes come from: another tab that downloads the model, this device, or the server. */
export type StoreState = "waiting" | "stored" | "downloading" | "reconnecting";

/** The progress of a load through the store. */
export interface StoreProgress {
  /** Bytes read so far. */
  loaded: number;
  /** Bytes of the whole file, once they are known. */
  total: number | undefined;
  state: StoreState;
  /** Bytes that were here from an earlier download, which broke off; 0 for none. */
  resumed: number;
  /** Bytes per second, once it is known. */
  speed?: number;
  /** Seconds until the model is loaded, once they are known. */
  remaining?: number;
  /**
   * The notice that the model will not be kept, with the code "storage_full", "storage_unavailable" or
   * "hash_mismatch". It is loaded all the same, and may be held in memory until the page is left.
   */
  not_kept?: NextTokenError;
}

export interface StoreOpenOptions {
  signal?: AbortSignal;
  /** Milliseconds in which the server must answer; 60000 unless set, 0 for no limit. */
  timeout?: number;
  /** The SHA-256 of the file in hexadecimal digits; of a model in parts, that of each part. */
  sha256?: string | string[];
  /** With false, a file with another hash is given all the same, and only not kept. */
  strict?: boolean;
  /** Called while there is nothing to read: while another tab downloads the model, or the line has dropped. */
  onProgress?: (progress: StoreProgress) => void;
}

/** A model that was opened. */
export interface OpenedModel {
  /** What `Generator.load` takes. It is stored while it is read. */
  readonly source: ModelSource;
  /** What is known besides the progress that the engine reports. */
  progress(progress: { loaded: number; total: number | undefined }): StoreProgress;
  /** The notice that it will not be kept, as far as is known. */
  readonly not_kept: NextTokenError | undefined;
  /** The error that ended the reading, if one did. */
  readonly failure: unknown;
  /**
   * Call it once, when the model has been loaded or has not. Without an error the model is kept, if it was read whole.
   * With one that is not the model's fault (an abort, a line that dropped), what came of it is kept for the next time;
   * otherwise the model is removed. One that was kept before is removed only if the error tells of damage, and not for
   * one of another kind than was wanted. It never throws.
   */
  settle(error?: unknown): Promise<void>;
}

/** A model in the store, or a part of one. */
export interface StoredModel {
  url: string;
  /** Whether it is there whole, and has been loaded. Otherwise the next load goes on with the download. */
  kept: boolean;
  /** Bytes that are there. */
  size: number;
  /** Bytes of the whole file, if they are known. */
  total?: number;
  /** Its SHA-256, if that has been checked. */
  sha256?: string;
  /** When it was last loaded. */
  used: Date;
}

export interface StoreEstimate {
  /** Where models are kept: "opfs", "cache", "folder", "memory", or a backend of your own. */
  backend: string | undefined;
  /** Bytes of all models. */
  models: number;
  /** Bytes that the site has stored in all, and may store, as far as the browser says. */
  usage: number | undefined;
  quota: number | undefined;
  /** Whether the browser may not remove them by itself. */
  persisted: boolean;
}

/** Where a store keeps its files: folders of files that are written whole. */
export interface StoreBackend {
  name: string;
  read(folder: string, file: string): Promise<Blob | undefined>;
  /** Writes the whole file, or nothing. */
  write(folder: string, file: string, content: Uint8Array<ArrayBuffer> | string): Promise<void>;
  /** Removes one file, or without a name the folder with all of its files. */
  remove(folder: string, file?: string): Promise<void>;
  folders(): Promise<string[]>;
}

/**
 * Models by their address, kept on this device: in the browser's file system for the site (OPFS), else in Cache Storage;
 * in Node in a folder of the user's cache. What has no room there is held in memory until the page is left, up to 256 MiB.
 * `Generator.load(url, { store: true })` uses it; in a service worker this file has to be imported for that.
 */
export class ModelStore {
  constructor(options?: { backend?: StoreBackend });
  /** Opens a model: what is here is read, what is missing is downloaded and stored meanwhile. */
  open(source: string | URL | Request | (string | URL | Request)[], options?: StoreOpenOptions): Promise<OpenedModel>;
  /** What is stored, each part of a model in parts by itself. */
  list(): Promise<StoredModel[]>;
  /** Whether the file at an address is kept whole. */
  has(url: string | URL): Promise<boolean>;
  /** Removes what is stored of the file at an address. */
  delete(url: string | URL): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
  /** How much room there is. */
  estimate(): Promise<StoreEstimate>;
  /** Asks the browser not to remove the models by itself when room gets scarce. Some browsers ask the user. */
  persist(): Promise<boolean>;
}

/** The store of this device. */
export const store: ModelStore;

/** Keeps models in a folder on the disk, in Node and what is compatible with it. */
export function folderBackend(path?: string): StoreBackend;
/** Keeps models in memory, until the page is left. */
export function memoryBackend(): StoreBackend;
