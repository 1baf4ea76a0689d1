// Requests to the server, with the publish token if there is one.
const ANSWER_MS = 5000;
const TOKEN = 'pushd-token';

let token = sessionStorage.getItem(TOKEN) || '';
let onLocked = () => {};

export const hasToken = () => token !== '';

export function setToken(value) {
  token = value;
  sessionStorage.setItem(TOKEN, value);
}

// Calls `locked` whenever the server requires another token.
export function whenLocked(locked) {
  onLocked = locked;
}

// The kernel accepts connections for a server that hangs, so a request needs a timeout, or a signal of its own.
export async function request(path, options = {}) {
  const headers = {...options.headers};
  if (token) headers.Authorization = `Bearer ${token}`;
  const signal = options.signal || AbortSignal.timeout(ANSWER_MS);
  const answer = await fetch(path, {...options, headers, signal, cache: 'no-store'});
  if (answer.status === 401) onLocked();
  return answer;
}

// Returns the JSON of a successful answer. Throws an error with the server's reason.
export async function json(path, options) {
  const answer = await request(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}
