export interface IsolateOptions {
  /**
   * The address of the service worker's script; where it is relative, then to the page. It is a copy of the package's
   * `isolate-worker.js`, or a service worker of the site's own that uses `isolated`. It must lie in a folder that holds
   * the page and the package's workers, or in one above. "isolate-worker.js" unless set.
   */
  worker?: string | URL;
  /**
   * Whether the page may be loaded again, or a function that is asked when all is ready for it. Unless set, the page is
   * loaded again if the visitor has not yet clicked or typed.
   */
  reload?: boolean | (() => boolean | Promise<boolean>);
  /**
   * With false, browsers that know no `credentialless` (Safari) are left as they are. In them an isolated page shows
   * images, scripts and frames of other origins only where those send `Cross-Origin-Resource-Policy` or are requested
   * by CORS.
   */
  require_corp?: boolean;
  /** Milliseconds to wait for the service worker; 5000 unless set. After that the page begins as it is. */
  timeout?: number;
}

/**
 * - `isolated`: the page is cross-origin isolated, and its threads may share memory.
 * - `reloading`: the page is being loaded again and will be isolated then, so that nothing should be begun.
 * - `needs_reload`: it will be isolated once it is loaded again, which `reload` did not allow.
 * - `unavailable`: it cannot be isolated here, and works with one thread.
 */
export type IsolationState = "isolated" | "reloading" | "needs_reload" | "unavailable";

export interface Isolation {
  state: IsolationState;
  /** Why the page cannot be isolated, in a sentence for a person. */
  reason?: string;
}

/**
 * Makes the page cross-origin isolated where its server does not send the headers for that: a service worker adds them,
 * and the page is loaded again, once. Whatever keeps it from that is told by the state and is no error; only options
 * that are not usable are.
 */
export function isolate(options?: IsolateOptions): Promise<Isolation>;

/**
 * In a service worker: a copy of a response with the headers. If its request is given, only a document's or a worker's
 * is copied, which alone need them; any other is returned as it is.
 */
export function isolated(response: Response, request?: Request): Response;
