// What the worker asks of the platform in one call: each one from WebAssembly has its price, and what `deliver` waits for
// may outlive the instance that has called it.

/**
 * Hands a message over to its object, which may go down with it: then once more, and the object is told so.
 *
 * @param {{ CONVERSATION: DurableObjectNamespace }} env
 * @param {string} name
 * @param {object | undefined} options of an object that is made by this
 * @param {string} url
 * @param {string} body
 * @param {ResponseInit} refusal how the answer begins if that fails too
 * @param {string} sorry and what it says
 */
export async function deliver(env, name, options, url, body, refusal, sorry) {
  /** @param {string} url */
  const ask = (url) => env.CONVERSATION.getByName(name, options).fetch(url, { method: "POST", body });
  let problem;
  try {
    return await ask(url);
  } catch (error) {
    problem = error;
  }
  try {
    if (!problem.overloaded) return await ask(`${url}?again`);
  } catch (error) {
    problem = error;
  }
  console.error(JSON.stringify({ event: "not_stored", conversation: name, detail: String(problem) }));
  return new Response(sorry, refusal);
}

/**
 * Answers a request to an object. A panic in `answer` is what the object has failed with, and so is known to whoever has
 * asked; in an event of WebAssembly's own nobody would hear of it.
 *
 * @param {Request} request
 * @param {(url: string, body: string) => Response | Promise<Response>} answer
 */
export async function answer(request, answer) {
  const body = await request.text();
  try {
    return await answer(request.url, body);
  } catch (error) {
    // The instance starts anew.
    reportError(error);
    throw error;
  }
}

/**
 * Runs statements, all of them or none: each a text, and its values with a NUL between them. A single one is so by itself.
 *
 * @param {DurableObjectStorage} storage
 * @param {[string, string][]} statements
 */
export function run(storage, statements) {
  const run = () => {
    for (const [text, values] of statements) storage.sql.exec(text, ...(values === "" ? [] : values.split("\0")));
  };
  if (statements.length === 1) run();
  else storage.transactionSync(run);
}

/**
 * Sends a request, and reads the answer: its status, its text, and what it says about when to come back.
 *
 * @param {string} url
 * @param {RequestInit} init
 * @param {string | undefined} body
 * @param {AbortSignal} signal
 */
export async function call(url, init, body, signal) {
  const response = await fetch(url, { ...init, body, signal });
  const text = await response.text();
  if (response.ok) return [response.status, text];
  const header = (/** @type {string} */ name) => response.headers.get(name);
  return [response.status, text, header("Retry-After"), header("X-Rate-Limit-Reset") ?? header("X-RateLimit-Reset")];
}
