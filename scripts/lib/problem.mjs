/**
 * Something that the person at the keyboard can cure. The message says what is wrong and what to do about it, and is
 * shown without a stack.
 */
export class Problem extends Error {}
