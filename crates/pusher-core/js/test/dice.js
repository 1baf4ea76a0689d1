'use strict';
// Random choices that are the same in every run. Not a test itself.

/** Returns a function that returns pseudo-random integers from 0 to below n. */
function dice(seed) {
  return (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % n;
  };
}

module.exports = { dice };
