/**
 * `target` with some of its members replaced. The others are its own, and are called on it: the platform's objects do
 * not work through a stand-in.
 *
 * For wrappers (tests/worker.ts), which run in workerd and import this as `./stand-in.js`.
 *
 * @template {object} T
 * @param {T} target
 * @param {Record<string, unknown>} members
 * @returns {T}
 */
export function standIn(target, members) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(members, name)) return members[/** @type {string} */ (name)];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}
