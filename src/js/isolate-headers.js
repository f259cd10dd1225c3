// The two headers that make a page cross-origin isolated, put on a response in a service worker.

/**
 * Whether this browser knows the value `credentialless` of Cross-Origin-Embedder-Policy, which lets a page embed what
 * other origins serve without headers. No feature tells, so that its version must.
 */
export function knowsCredentialless() {
  const { userAgent } = navigator;
  if (/Android.*(Firefox|OPR)\//.test(userAgent)) return false;
  const [, name, version] = /(Chrome|Firefox)\/(\d+)/.exec(userAgent) ?? [];
  return Number(version) >= (name === "Firefox" ? 119 : 96);
}

/**
 * Whether the response to a request needs the headers: a document's does, and so does a worker's, which a page that is
 * isolated cannot start otherwise.
 *
 * @param {Request} request
 */
export const needsHeaders = ({ mode, destination }) => mode === "navigate" || /^(shared)?worker$/.test(destination);

/**
 * For the documentation see the types.
 *
 * @param {Response} response
 * @param {Request} [request]
 */
export function isolated(response, request) {
  // The headers of a redirect, of an error, and of another origin's response cannot be changed.
  if (response.status === 0 || (request && !needsHeaders(request))) return response;
  const { body, status, statusText } = response;
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", knowsCredentialless() ? "credentialless" : "require-corp");
  return new Response(body, { status, statusText, headers });
}
