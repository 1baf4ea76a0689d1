// pusher.js as an ES module. MIT OR Apache-2.0.
//
//   import Pusher from 'https://push.example/pusher.mjs';
//   const pusher = new Pusher('https://push.example/');
//
// In a page, pusher.js defines a global; in Node and bundlers, it is a CommonJS module.
import * as script from './pusher.js';

export default script.default || globalThis.Pusher;
